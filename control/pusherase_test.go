package control_test

import (
	"slices"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

func testPushesForgotten(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	d := w.destination(t, 1)
	w.plan(t, d, 2)
	begun := w.begin(t, w.take(t, 1, 1)...)
	w.end(t, begun[0], schema.PushSent, schema.OutcomeSent)
	w.clock.Advance(91 * 24 * time.Hour)
	ok(t, control.Tidy(ctx, w.store))
	if attempts := must[[]control.PushAttempt](t)(w.store.PushAttempts(ctx, w.ann, begun[0].ID)); len(attempts) != 0 {
		t.Fatalf("after 91 days there are the attempts %+v", attempts)
	}
	begun = w.begin(t, w.take(t, 1, 1)...)
	w.end(t, begun[0], schema.PushSent, schema.OutcomeSent)
	must[control.Connection](t)(w.store.CloseRoute(ctx, w.ann, w.google.ID))
	closed := w.now()
	left := func() int {
		page, _, err := w.store.Pushes(ctx, w.ann, control.PushQuery{})
		ok(t, err)
		return len(page)
	}
	w.clock.Advance(29 * 24 * time.Hour)
	ok(t, w.store.ForgetDeliveries(ctx))
	if left() != 2 {
		t.Fatalf("after 29 days %d pushes are left", left())
	}
	w.clock.Advance(25 * time.Hour)
	ok(t, w.store.ForgetDeliveries(ctx))
	if left() != 0 {
		t.Fatalf("after 30 days %d pushes are left", left())
	}
	if _, _, err := w.store.Push(ctx, w.ann, begun[0].ID); schema.KindOf(err) != schema.KindUnknown {
		t.Fatal(err)
	}
	// Nothing from before may be sent again, since it is not known what was sent.
	w.connect(t, w.ann, "google", "acc1")
	active := must[[]control.Destination](t)(w.store.ActiveDestinations(ctx, w.ann.Workspace))
	if len(active) != 1 || active[0].From != closed {
		t.Fatalf("connected again it has %+v", active)
	}
}

func testPushesErased(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	d := w.destination(t, 1)
	w.plan(t, d, 6)
	held := w.begin(t, w.take(t, 3, 3)...)
	w.end(t, held[0], schema.PushSent, schema.OutcomeSent)
	w.end(t, held[1], schema.PushPending, schema.OutcomeUnclear)
	page, _, err := w.store.Pushes(ctx, w.ann, control.PushQuery{})
	ok(t, err)
	var contacts, conversions []schema.ID
	for _, p := range page {
		if len(contacts) < 3 {
			contacts = append(contacts, p.Contact)
		} else {
			conversions = append(conversions, p.Conversion)
		}
	}
	for range 2 { // Repeated, it names what was sent again.
		done := must[map[string]control.ErasedPushes](t)(w.store.ErasePushes(ctx, d.Workspace, contacts, conversions))
		if len(done["google"].Sent) == 0 {
			t.Fatalf("erased %+v", done)
		}
		for _, p := range page {
			conversions = append(conversions, p.Conversion)
		}
	}
	w.end(t, held[2], schema.PushPending, schema.OutcomeLater)
	page, _, err = w.store.Pushes(ctx, w.ann, control.PushQuery{})
	ok(t, err)
	if len(page) != 3 {
		t.Fatalf("%d pushes are left, want the 3 that were attempted", len(page))
	}
	for _, p := range page {
		want := schema.PushError
		if p.ID == held[0].ID {
			want = schema.PushSent
		}
		if !p.Contact.IsZero() || p.State != want || p.Words == "unclear" {
			t.Errorf("left is %+v", p)
		}
		ok(t, w.store.PlanPushes(ctx, []control.Push{w.push(d, 0), w.push(d, 1)}))
	}
	// Planning brings nobody back to what is left.
	for _, h := range held {
		if p := w.get(t, h.ID); !p.Contact.IsZero() {
			t.Errorf("planning brought back %+v", p)
		}
	}
	wantKind(t, w.store.RetryPush(ctx, w.ann, held[1].ID), schema.KindConflict)
	w.clock.Advance(time.Hour)
	for _, p := range w.take(t, 10, 10) {
		if slices.ContainsFunc(held, func(h control.Push) bool { return h.ID == p.ID }) {
			t.Errorf("taken although its person was erased: %+v", p)
		}
	}
}
