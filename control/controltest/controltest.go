// Package controltest gives tests the real databases that package control runs
// on: SQLite in a temporary folder, and a real PostgreSQL.
package controltest

import (
	"path/filepath"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/seal"
	"sourceloop/deploy/servers/serverstest"
)

// Each runs a test on SQLite and on PostgreSQL. fresh gives the address of a
// new, empty database at every call. Without PostgreSQL on the machine that
// half is skipped with words, unless the environment's REQUIRE names postgres.
func Each(t *testing.T, run func(t *testing.T, fresh func(t testing.TB) string)) {
	t.Run("sqlite", func(t *testing.T) { run(t, SQLite) })
	t.Run("postgres", func(t *testing.T) {
		serverstest.Postgres(t)
		run(t, serverstest.Database)
	})
}

// SQLite gives the address of a new SQLite database.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "control.db")
}

// Keys make a ring with one new key.
func Keys(t testing.TB) *seal.Ring {
	t.Helper()
	ring, err := seal.Parse(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// Open opens a store and closes it when the test ends. Options may lack Keys.
func Open(t testing.TB, dsn string, opts control.Options) *control.Store {
	t.Helper()
	if opts.Keys == nil {
		opts.Keys = Keys(t)
	}
	s, err := control.Open(t.Context(), dsn, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// NewOwner makes an owner with a workspace in UTC and EUR.
func NewOwner(t testing.TB, s *control.Store, email string) control.Principal {
	t.Helper()
	who, err := s.CreateOwner(t.Context(), control.NewAccount{
		Email: email, Password: "correct horse battery",
		Workspace: control.NewWorkspace{Name: "Shop of " + email, Zone: "UTC", Currency: "EUR"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// Within waits until a condition holds, or fails after a generous while.
func Within(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(2*time.Minute), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("in two minutes it did not come true that %s", what)
		}
	}
}
