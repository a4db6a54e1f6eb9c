package control_test

import (
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

// TestStore holds what is promised on both databases.
func TestStore(t *testing.T) {
	controltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		for name, test := range map[string]func(*testing.T, string){
			"accounts":             testAccounts,
			"throttle":             testThrottle,
			"members":              testMembers,
			"directory":            testDirectory,
			"settings":             testSettings,
			"goals":                testGoals,
			"segments":             testSegments,
			"BI users":             testBIUsers,
			"goal stages":          testGoalStages,
			"tasks":                testTasks,
			"erasures":             testErasures,
			"told to erase":        testToldToErase,
			"dated back":           testDatedBack,
			"api keys":             testAPIKeys,
			"connections":          testConnections,
			"states are used once": testStates,
			"tokens":               testTokens,
			"inbox":                testInbox,
			"looks":                testLooks,
			"renewed tokens":       testRenewed,
			"signals":              testSignals,
			"webhooks":             testEndpoints,
			"incoming webhooks":    testIncoming,
			"planned deliveries":   testPlannedDeliveries,
			"sent deliveries":      testSentDeliveries,
			"erased deliveries":    testErasedDeliveries,
			"funnels and stages":   testFunnels,
			"opened twice":         testOpenedTwice,
		} {
			t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
		}
	})
}

// wantKind checks an error's kind and that it has words.
func wantKind(t *testing.T, err error, kind schema.Kind) {
	t.Helper()
	if err == nil || schema.KindOf(err) != kind {
		t.Fatalf("got error %v of kind %d, want kind %d", err, schema.KindOf(err), kind)
	}
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func shop(email string) control.NewAccount {
	return control.NewAccount{
		Email: email, Password: "correct horse battery",
		Workspace: control.NewWorkspace{Name: "Shop", Zone: "Europe/Berlin", Currency: "eur"},
	}
}

func testAccounts(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	if !must[bool](t)(s.Empty(ctx)) {
		t.Fatal("a new database is not empty")
	}
	stale := must[string](t)(s.NewSignUpLink(ctx))
	link := must[string](t)(s.NewSignUpLink(ctx))
	_, err := s.SignUp(ctx, stale, shop("ann@example.com"))
	wantKind(t, err, schema.KindDenied)
	short := shop("ann@example.com")
	short.Password = "short"
	_, err = s.SignUp(ctx, link, short)
	wantKind(t, err, schema.KindInvalid)
	who := must[control.Principal](t)(s.SignUp(ctx, link, shop(" Ann@Example.com ")))
	if who.Role != control.Owner || who.Workspace == 0 || who.Email != "ann@example.com" {
		t.Fatalf("signed up as %+v", who)
	}
	_, err = s.SignUp(ctx, link, shop("eve@example.com"))
	wantKind(t, err, schema.KindDenied)

	token, in, err := s.SignIn(ctx, control.SignIn{Email: "ANN@example.com", Password: "correct horse battery", Address: "192.0.2.1"})
	ok(t, err)
	if in != who || must[control.Principal](t)(s.Session(ctx, token)) != who {
		t.Fatalf("signed in as %+v, want %+v", in, who)
	}
	next, _, err := s.SignIn(ctx, control.SignIn{Email: "ann@example.com", Password: "correct horse battery", Previous: token})
	ok(t, err)
	_, err = s.Session(ctx, token)
	wantKind(t, err, schema.KindDenied)

	// The same person's second workspace needs their password.
	other := shop("ann@example.com")
	other.Password = "another password"
	_, err = s.CreateOwner(ctx, other)
	wantKind(t, err, schema.KindConflict)
	second := must[control.Principal](t)(s.CreateOwner(ctx, shop("ann@example.com")))
	if second.User != who.User || second.Workspace == who.Workspace {
		t.Fatalf("second workspace %+v of %+v", second, who)
	}
	if got := must[control.Principal](t)(s.SwitchWorkspace(ctx, next, second.Workspace)); got != second {
		t.Fatalf("switched to %+v, want %+v", got, second)
	}
	_, err = s.SwitchWorkspace(ctx, next, 4711)
	wantKind(t, err, schema.KindUnknown)

	ok(t, s.SignOut(ctx, next))
	_, err = s.Session(ctx, next)
	wantKind(t, err, schema.KindDenied)

	last, _, err := s.SignIn(ctx, control.SignIn{Email: "ann@example.com", Password: "correct horse battery"})
	ok(t, err)
	wantKind(t, s.ChangePassword(ctx, who, "wrong", "correct horse battery 2"), schema.KindDenied)
	ok(t, s.ChangePassword(ctx, who, "correct horse battery", "correct horse battery 2"))
	_, err = s.Session(ctx, last)
	wantKind(t, err, schema.KindDenied)
	last, _, err = s.SignIn(ctx, control.SignIn{Email: "ann@example.com", Password: "correct horse battery 2"})
	ok(t, err)
	clock.Advance(15 * 24 * time.Hour)
	_, err = s.Session(ctx, last)
	wantKind(t, err, schema.KindDenied)
	_, err = s.Session(ctx, "")
	wantKind(t, err, schema.KindDenied)
}

func testThrottle(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	controltest.NewOwner(t, s, "ann@example.com")
	try := func(email, password, address string) error {
		_, _, err := s.SignIn(ctx, control.SignIn{Email: email, Password: password, Address: address})
		return err
	}
	for range 5 {
		wantKind(t, try("ann@example.com", "wrong", "2001:db8::1"), schema.KindDenied)
	}
	// The right password is not heard either, from anywhere in the /64.
	wantKind(t, try("ann@example.com", "correct horse battery", "2001:db8::2"), schema.KindLimited)
	// Ann herself, elsewhere, is not locked out; nor is somebody else there.
	ok(t, try("ann@example.com", "correct horse battery", "192.0.2.1"))
	wantKind(t, try("bob@example.com", "correct horse battery", "2001:db8::1"), schema.KindDenied)
	clock.Advance(2 * time.Second)
	ok(t, try("ann@example.com", "correct horse battery", "2001:db8::1"))
	// Success forgets the account's failures.
	wantKind(t, try("ann@example.com", "wrong", "2001:db8::1"), schema.KindDenied)
}

func testMembers(t *testing.T, dsn string) {
	ctx := t.Context()
	s := controltest.Open(t, dsn, control.Options{})
	ann := controltest.NewOwner(t, s, "ann@example.com")
	bob := controltest.NewOwner(t, s, "bob@example.com")
	wantKind(t, s.AddMember(ctx, ann, "nobody@example.com", control.Viewer), schema.KindUnknown)
	wantKind(t, s.AddMember(ctx, ann, "bob@example.com", "king"), schema.KindInvalid)
	ok(t, s.AddMember(ctx, ann, "bob@example.com", control.Viewer))
	wantKind(t, s.AddMember(ctx, ann, "bob@example.com", control.Viewer), schema.KindConflict)

	token, _, err := s.SignIn(ctx, control.SignIn{Email: "bob@example.com", Password: "correct horse battery"})
	ok(t, err)
	viewer := must[control.Principal](t)(s.SwitchWorkspace(ctx, token, ann.Workspace))
	wantKind(t, s.AddMember(ctx, viewer, "ann@example.com", control.Viewer), schema.KindDenied)
	ok(t, s.SetRole(ctx, ann, bob.User, control.Admin))
	admin := must[control.Principal](t)(s.Session(ctx, token))
	if admin.Role != control.Admin {
		t.Fatalf("the session still says %+v", admin)
	}
	wantKind(t, s.SetRole(ctx, admin, bob.User, control.Owner), schema.KindDenied)
	wantKind(t, s.SetRole(ctx, admin, ann.User, control.Viewer), schema.KindDenied)
	wantKind(t, s.RemoveMember(ctx, admin, ann.User), schema.KindDenied)
	wantKind(t, s.RemoveMember(ctx, ann, ann.User), schema.KindConflict)
	wantKind(t, s.SetRole(ctx, ann, ann.User, control.Admin), schema.KindConflict)
	if got := must[[]control.Member](t)(s.Members(ctx, ann)); len(got) != 2 || got[1].Role != control.Admin {
		t.Fatalf("members are %+v", got)
	}
	ok(t, s.RemoveMember(ctx, ann, bob.User))
	_, err = s.Session(ctx, token)
	wantKind(t, err, schema.KindDenied)
	if got := must[[]control.Membership](t)(s.Memberships(ctx, bob.User)); len(got) != 1 || got[0].Workspace != bob.Workspace {
		t.Fatalf("bob is in %+v", got)
	}
	entries := must[[]control.AuditEntry](t)(s.Audit(ctx, ann, 0, 10))
	if len(entries) != 4 || entries[0].Action != "member removed" || entries[3].Action != "workspace created" {
		t.Fatalf("the audit log is %+v", entries)
	}
	_, err = s.Audit(ctx, viewer, 0, 10)
	wantKind(t, err, schema.KindDenied)
}
