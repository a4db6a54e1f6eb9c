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
	if user, _, err := f.Add(ctx, ann, "looker", false); err != nil || user.State != biaccess.Renewed { // with another password
		t.Errorf("added again, the user is %s, %v", user.State, err)
	}
	if got := users(ann); got != "w1_looker renewed_from_next_start" {
		t.Errorf("added again, the users are %s", got)
	}
	again()
	if got := users(ann) + "; " + users(ben); got != "w1_looker reads; w2_looker reads" {
		t.Errorf("after another start the users are %s", got)
	}
	wantKind(t, f.Confirm(ctx, ann, "w1_looker"), schema.KindConflict)
	wantKind(t, f.Confirm(ctx, editor, "w1_looker"), schema.KindDenied)
	// The command line gives the login to another workspace: until the next start it reads this one.
	f.Began[0].Workspace, f.Began[0].Name = ann.Workspace, "tool"
	moved := f.Began[0]
	moved.Workspace, moved.PasswordHash = ben.Workspace, strings.Repeat("0f", 32)
	if err := f.File.Change(func([]migrations.BIUser) ([]migrations.BIUser, error) { return []migrations.BIUser{moved}, nil }); err != nil {
		t.Fatal(err)
	}
	if got := users(ann) + "; " + users(ben); got != "tool until_next_start, w1_looker until_next_start; tool from_next_start" {
		t.Errorf("a login moved, the users are %s", got)
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
	_, err = s.Users(ctx, editor)
	wantKind(t, err, schema.KindDenied)
	wantKind(t, s.Confirm(ctx, editor, "w1_looker"), schema.KindDenied)
	if len(ran) > 0 {
		t.Errorf("an Editor had %q run", ran)
	}
}

// TestServerKeepsWhoMayStillSignIn: a user whom the server did not drop is leaving, with what is to be run as often as it is
// asked for, until the server takes the statements or an Admin says that an administrator ran them.
func TestServerKeepsWhoMayStillSignIn(t *testing.T) {
	ctx := t.Context()
	store, ann, ben := owners(t)
	var refuse error
	var ran []string
	s := &biaccess.Server{Database: "sourceloop", Store: store, Log: slog.New(slog.DiscardHandler), Run: func(_ context.Context, all []string) error {
		ran = append(ran, all[0])
		return refuse
	}}
	add := func() {
		t.Helper()
		if user, _, err := s.Add(ctx, ann, "looker", false); err != nil || user.State != biaccess.Reads {
			t.Fatalf("added was %+v, %v", user, err)
		}
	}
	leaves := func(again bool) {
		t.Helper()
		state, statements, err := s.Remove(ctx, ann, "w1_looker")
		if err != nil || state != biaccess.Leaving || statements[0] != "DROP USER IF EXISTS w1_looker" {
			t.Errorf("removed, the user is %s by %q, %v", state, statements, err)
		}
		for range 2 {
			got, err := s.Users(ctx, ann)
			if states(t, got, err) != "w1_looker leaving" || !slices.Equal(got[0].Statements, statements) {
				t.Errorf("refused, the list has %+v", got)
			}
		}
		if again {
			return
		}
		_, _, err = s.Add(ctx, ann, "looker", false)
		wantKind(t, err, schema.KindConflict)
	}
	add()
	wantKind(t, s.Confirm(ctx, ann, "w1_looker"), schema.KindConflict)
	refuse = errors.New("ClickHouse is away")
	leaves(false)
	leaves(true)
	refuse, ran = nil, nil
	if got, err := s.Users(ctx, ben); states(t, got, err) != "" || len(ran) > 0 {
		t.Errorf("another workspace's list has %+v and had %q run", got, ran)
	}
	if got, err := s.Users(ctx, ann); states(t, got, err) != "" || !slices.Equal(ran, []string{"DROP USER IF EXISTS w1_looker"}) {
		t.Errorf("the server there again, the list has %+v, and %q were run", got, ran)
	}
	add()
	refuse = errors.New("not enough privileges")
	leaves(false)
	wantKind(t, s.Confirm(ctx, ben, "w1_looker"), schema.KindUnknown)
	ran = nil
	if err := s.Confirm(ctx, ann, "w1_looker"); err != nil || len(ran) > 0 {
		t.Errorf("confirmed: %v, with %q run", err, ran)
	}
	if got, err := s.Users(ctx, ann); states(t, got, err) != "" {
		t.Errorf("confirmed, the list has %+v", got)
	}
	refuse = nil
	add()
	refuse = errors.New("not enough privileges")
	leaves(false)
	refuse = nil
	if state, statements, err := s.Remove(ctx, ann, "w1_looker"); err != nil || state != biaccess.Gone || len(statements) > 0 {
		t.Errorf("removed again, the user is %s by %q, %v", state, statements, err)
	}
}

// TestUnplaced: where ClickHouse's port is not known every answer is why.
func TestUnplaced(t *testing.T) {
	why := errors.New("no port")
	u := biaccess.Unplaced{Why: why}
	_, list := u.Users(t.Context(), control.Principal{})
	_, _, add := u.Add(t.Context(), control.Principal{}, "looker", false)
	_, _, remove := u.Remove(t.Context(), control.Principal{}, "w1_looker")
	for _, err := range []error{list, add, remove, u.Confirm(t.Context(), control.Principal{}, "w1_looker")} {
		if !errors.Is(err, why) {
			t.Errorf("the error is %v", err)
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
