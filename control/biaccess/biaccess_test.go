package biaccess_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/biaccess"
	"sourceloop/control/controltest"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
)

func owners(t *testing.T) (s *control.Store, ann, ben control.Principal) {
	t.Helper()
	s = controltest.Open(t, controltest.SQLite(t), control.Options{})
	return s, controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "ben@example.com")
}

func states(t *testing.T, users []biaccess.User, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, u := range users {
		all = append(all, u.Login+" "+string(u.State))
	}
	return strings.Join(all, ", ")
}

func wantKind(t *testing.T, err error, kind schema.Kind) {
	t.Helper()
	if schema.KindOf(err) != kind || err == nil {
		t.Errorf("the error is %v, want the kind %v", err, kind)
	}
}

// TestFolder: what is changed holds from the next start of the embedded engine, and each workspace has users of its own.
func TestFolder(t *testing.T) {
	ctx := t.Context()
	store, ann, ben := owners(t)
	f := &biaccess.Folder{File: biaccess.File{Dir: t.TempDir()}, Store: store, Now: time.Now}
	again := func() {
		began, err := f.File.Users()
		if err != nil {
			t.Fatal(err)
		}
		f.Began = began
	}
	users := func(who control.Principal) string {
		t.Helper()
		all, err := f.Users(ctx, who)
		return states(t, all, err)
	}
	user, password, err := f.Add(ctx, ann, "looker", false)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256([]byte(password)); user.Login != "w1_looker" || !slices.ContainsFunc(must(f.File.Users()), func(u migrations.BIUser) bool {
		return u.Name == user.Login && u.PasswordHash == hex.EncodeToString(sum[:]) && u.Workspace == ann.Workspace
	}) {
		t.Errorf("added was %+v", user)
	}
	if _, _, err := f.Add(ctx, ben, "looker", true); err != nil {
		t.Error(err)
	}
	if got := users(ann) + "; " + users(ben); got != "w1_looker from_next_start; w2_looker from_next_start" {
		t.Errorf("the users are %s", got)
	}
	again()
	if got := users(ann); got != "w1_looker reads" {
		t.Errorf("after a start the users are %s", got)
	}
	_, _, err = f.Add(ctx, ann, "looker", false)
	wantKind(t, err, schema.KindConflict)
	_, _, err = f.Remove(ctx, ben, user.Login)
	wantKind(t, err, schema.KindUnknown)
	editor := ann
	editor.Role = control.Editor
	_, _, err = f.Add(ctx, editor, "mine", false)
	wantKind(t, err, schema.KindDenied)
	_, _, err = f.Remove(ctx, editor, user.Login)
	wantKind(t, err, schema.KindDenied)
	_, err = f.Users(ctx, editor)
	wantKind(t, err, schema.KindDenied)
	for _, name := range []string{"", "1st", "a b", "a'b", "x; DROP USER y", strings.Repeat("x", 41)} {
		_, _, err = f.Add(ctx, ann, name, false)
		wantKind(t, err, schema.KindInvalid)
	}
	if state, _, err := f.Remove(ctx, ann, user.Login); err != nil || state != biaccess.UntilNextStart {
		t.Errorf("removed, the user is %s, %v", state, err)
	}
	if got := users(ann); got != "w1_looker until_next_start" {
		t.Errorf("until the next start the users are %s", got)
	}
	if _, _, err := f.Add(ctx, ann, "looker", false); err != nil { // with another password
		t.Error(err)
	}
	if got := users(ann); got != "w1_looker from_next_start" {
		t.Errorf("added again, the users are %s", got)
	}
	again()
	if got := users(ann) + "; " + users(ben); got != "w1_looker reads; w2_looker reads" {
		t.Errorf("after another start the users are %s", got)
	}
}

// TestServer: statements are run where the product's user may, and are handed out where not.
func TestServer(t *testing.T) {
	ctx := t.Context()
	store, ann, ben := owners(t)
	var ran []string
	var refuse error
	s := &biaccess.Server{Database: "sourceloop", Store: store, Log: slog.New(slog.DiscardHandler), Run: func(_ context.Context, all []string) error {
		ran = append(ran, all...)
		return refuse
	}}
	user, _, err := s.Add(ctx, ann, "looker", false)
	if err != nil || user.State != biaccess.Reads || len(user.Statements) > 0 {
		t.Errorf("added was %+v, %v", user, err)
	}
	all := strings.Join(ran, "\n")
	if !strings.Contains(all, "CREATE USER OR REPLACE w1_looker ") || strings.Count(all, "USING workspace = 1 TO w1_looker") != 7 || strings.Contains(all, "contact_details") {
		t.Errorf("these were run: %s", all)
	}
	refuse = errors.New("not enough privileges")
	user, password, err := s.Add(ctx, ben, "looker", true)
	text := strings.Join(user.Statements, "\n")
	if err != nil || user.State != biaccess.ByStatements || strings.Count(text, "USING workspace = 2 TO w2_looker") != 8 || strings.Contains(text, password) {
		t.Errorf("refused, added was %+v, %v", user, err)
	}
	got, err := s.Users(ctx, ben)
	if states(t, got, err) != "w2_looker by_statements" || !slices.Equal(got[0].Statements, user.Statements) {
		t.Errorf("the list has %+v", got)
	}
	_, _, err = s.Remove(ctx, ann, "w2_looker")
	wantKind(t, err, schema.KindUnknown)
	state, statements, err := s.Remove(ctx, ann, "w1_looker")
	if err != nil || state != biaccess.ByStatements || !slices.Contains(statements, "DROP USER IF EXISTS w1_looker") {
		t.Errorf("removed, the user is %s by %q, %v", state, statements, err)
	}
	refuse = nil
	if state, statements, err := s.Remove(ctx, ben, "w2_looker"); err != nil || state != biaccess.Gone || len(statements) > 0 {
		t.Errorf("removed, the user is %s by %q, %v", state, statements, err)
	}
	if got, err := s.Users(ctx, ben); states(t, got, err) != "" {
		t.Errorf("the list has %+v", got)
	}
	editor := ann
	editor.Role, ran = control.Editor, nil
	_, _, err = s.Add(ctx, editor, "mine", false)
	wantKind(t, err, schema.KindDenied)
	_, _, err = s.Remove(ctx, editor, "w1_looker")
	wantKind(t, err, schema.KindDenied)
	if len(ran) > 0 {
		t.Errorf("an Editor had %q run", ran)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
