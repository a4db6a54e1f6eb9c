package control_test

import (
	"slices"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/control/seal"
	"sourceloop/schema"
)

// testLooks: a look is taken by one, stands where it was left, and begins anew
// with another workspace of the provider.
func testLooks(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	ann := controltest.NewOwner(t, s, "ann@example.com")
	c := connect(t, s, ann, "tea1", "secret")
	connectedAt := schema.MillisOf(clock.Now())
	take := func() *control.Look {
		t.Helper()
		return must[*control.Look](t)(s.TakeLook(ctx, time.Minute))
	}
	if look := take(); look != nil {
		t.Fatalf("a moment after connecting %+v is due", look)
	}
	clock.Advance(time.Hour)
	look := take()
	if look == nil || look.Kind != control.Reconcile || look.Since != connectedAt || look.BegunAt != schema.MillisOf(clock.Now()) {
		t.Fatalf("after an hour %+v is due", look)
	}
	if other := take(); other != nil {
		t.Fatalf("%+v was taken twice", other)
	}
	look.Position, look.Found = "page 2", 20
	ok(t, s.PauseLook(ctx, look, time.Minute))
	clock.Advance(time.Minute)
	begun := look.BegunAt
	if look = take(); look == nil || look.Position != "page 2" || look.Found != 20 || look.BegunAt != begun {
		t.Fatalf("it goes on as %+v", look)
	}
	lost := *look
	clock.Advance(2 * time.Minute) // Its process is stopped past the lease, and another one ends the look.
	look = take()
	ok(t, s.EndLook(ctx, look))
	ok(t, s.PauseLook(ctx, &lost, 0))
	all := must[[]control.Look](t)(s.Looks(ctx, c.ID))
	if len(all) != 1 || all[0].FinishedAt != schema.MillisOf(clock.Now()) || all[0].Position != "" || all[0].Since != begun.Add(-15*time.Minute) {
		t.Fatalf("it ended as %+v", all)
	}

	ok(t, s.RequestBackfill(ctx, ann, "intercom"))
	look = take()
	look.Position = "page 3 of tea1"
	ok(t, s.PauseLook(ctx, look, 0))
	ok(t, s.MarkConnected(ctx, c.ID, control.Setup{App: "tea2", Name: "Other tea"}))
	for range 2 {
		if look = take(); look == nil || look.Position != "" || look.Kind == control.Reconcile && look.Since != schema.MillisOf(clock.Now()) {
			t.Fatalf("in another workspace it goes on as %+v", look)
		}
	}
	ok(t, s.MarkFailed(ctx, c.ID, "words"))
	must[control.Connection](t)(s.CloseRoute(ctx, ann, c.ID))
	var actions []string
	for _, e := range must[[]control.AuditEntry](t)(s.Audit(ctx, ann, 0, 50)) {
		actions = append(actions, e.Action)
	}
	for _, want := range []string{"connection begun", "connection connected", "connection failed", "conversations import begun", "connection disconnected"} {
		if !slices.Contains(actions, want) {
			t.Errorf("the audit log lacks %q: %q", want, actions)
		}
	}
}

// testRenewed: what was renewed opens after a change of keys, with all its parts.
func testRenewed(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	old, next := newKey(), newKey()
	s := must[*control.Store](t)(control.Open(ctx, dsn, control.Options{Keys: ring(t, old), Now: clock.Now}))
	c := connect(t, s, controltest.NewOwner(t, s, "ann@example.com"), "tea", "first")
	grant := control.Grant{Access: "second", Refresh: "again", Expires: schema.MillisOf(clock.Now().Add(time.Hour))}
	turn := must[control.Turn](t)(s.TakeTurn(ctx, c.ID, control.Grant{}, time.Minute))
	if !turn.Mine || !must[bool](t)(s.EndTurn(ctx, turn, grant)) {
		t.Fatalf("the turn is %+v", turn)
	}
	ok(t, s.Close())
	s = must[*control.Store](t)(control.Open(ctx, dsn, control.Options{Keys: ring(t, next+","+old), Now: clock.Now}))
	if n := must[int](t)(s.Reseal(ctx)); n != 1 {
		t.Fatalf("%d were sealed anew", n)
	}
	ok(t, s.Close())
	s = controltest.Open(t, dsn, control.Options{Keys: ring(t, next), Now: clock.Now})
	if got := must[control.Grant](t)(s.Grant(ctx, c.ID)); got != grant {
		t.Fatalf("after the rotation it is %+v", got)
	}
	// Sealing anew leaves its end in force: it is still known when to renew it.
	if turn = must[control.Turn](t)(s.TakeTurn(ctx, c.ID, control.Grant{}, time.Minute)); turn.Mine || !turn.Gone {
		t.Fatalf("the turn for another grant: %+v", turn)
	}
}

func newKey() string { return seal.NewKey() }

func ring(t *testing.T, keys string) *seal.Ring {
	t.Helper()
	return must[*seal.Ring](t)(seal.Parse(keys))
}
