// Package controltest gives tests the real databases that package control runs
// on: SQLite in a temporary folder, and a PostgreSQL server of their own.
package controltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	// PostgreSQL is spoken to directly to make databases.
	_ "github.com/jackc/pgx/v5/stdlib"

	"sourceloop/control"
	"sourceloop/control/seal"
)

// Each runs a test on SQLite and on PostgreSQL. fresh gives the address of a
// new, empty database at every call. Without PostgreSQL on the machine that
// half is skipped with words, unless the environment's REQUIRE names postgres.
func Each(t *testing.T, run func(t *testing.T, fresh func(t testing.TB) string)) {
	t.Run("sqlite", func(t *testing.T) { run(t, SQLite) })
	t.Run("postgres", func(t *testing.T) { run(t, startPostgres(t)) })
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
	deadline, tick := time.NewTimer(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("in 20 seconds it did not come true that %s", what)
		}
	}
}

func startPostgres(t *testing.T) func(t testing.TB) string {
	t.Helper()
	bin, err := findPostgres()
	if err != nil {
		if strings.Contains(os.Getenv("REQUIRE"), "postgres") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "sourceloop-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	run := runAs(t, dir)
	data := filepath.Join(dir, "data")
	if out, err := run(filepath.Join(bin, "initdb"), "-D", data, "-U", "sourceloop", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("cannot make a PostgreSQL data folder: %v\n%s", err, out)
	}
	port := freePort(t)
	server := run(filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", port, "-c", "unix_socket_directories=", "-c", "fsync=off")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := errors.Join(server.Process.Signal(os.Interrupt), server.Wait())
		if err != nil {
			t.Error(err)
		}
	})
	return databases(t, port)
}

// databases waits for the server and returns what makes a database.
func databases(t *testing.T, port string) func(t testing.TB) string {
	t.Helper()
	address := func(name string) string {
		return "postgres://sourceloop@127.0.0.1:" + port + "/" + name + "?sslmode=disable"
	}
	admin, err := sql.Open("pgx", address("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	Within(t, "PostgreSQL answers", func() bool { return admin.PingContext(t.Context()) == nil })
	var count atomic.Int64
	return func(t testing.TB) string {
		name := fmt.Sprintf("test%d", count.Add(1))
		if _, err := admin.ExecContext(context.Background(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		return address(name)
	}
}

func findPostgres() (string, error) {
	candidates, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		candidates = append(candidates, path)
	}
	if len(candidates) == 0 {
		return "", errors.New("PostgreSQL is not on this machine, so nothing was tried on it; install Debian's package postgresql")
	}
	return filepath.Dir(candidates[len(candidates)-1]), nil
}

// runAs makes commands that run as the user postgres when this is root, which
// PostgreSQL refuses to be, in a folder that is theirs.
func runAs(t *testing.T, dir string) func(name string, args ...string) *exec.Cmd {
	t.Helper()
	var attributes *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, err1 := strconv.ParseUint(account.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(err1, err2, os.Chown(dir, int(uid), int(gid))); err != nil {
			t.Fatal(err)
		}
		attributes = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	return func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.SysProcAttr = dir, attributes
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir}
		return cmd
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err = errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	return port
}
