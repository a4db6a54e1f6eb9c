package control_test

import (
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

// TestFreedLeases: what a killed process held is due at once for the next one,
// an attempt of which nothing is known stays open, and the dead one's word about
// it counts no more.
func TestFreedLeases(t *testing.T) {
	controltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		w := newOutboxWorld(t, fresh(t))
		d := w.destination(t, 1)
		ok(t, w.store.PlanPushes(t.Context(), []control.Push{w.push(d, 1), w.push(d, 2)}))
		taken := w.take(t, 10, 10)
		if len(taken) != 2 {
			t.Fatalf("took %d", len(taken))
		}
		begun := w.begin(t, taken[0])
		if len(w.take(t, 10, 10)) != 0 {
			t.Fatal("taken twice")
		}
		ok(t, w.store.FreeLeases(t.Context()))
		w.clock.Advance(time.Millisecond)
		again := map[schema.ID]control.Push{}
		for _, p := range w.take(t, 10, 10) {
			again[p.ID] = p
		}
		if len(again) != 2 || !again[taken[0].ID].Open || again[taken[1].ID].Open {
			t.Fatalf("after the restart: %+v", again)
		}
		w.end(t, begun[0], schema.PushSent, schema.OutcomeSent)
		if p, _, err := w.store.Push(t.Context(), w.ann, taken[0].ID); err != nil || p.State != schema.PushPending {
			t.Errorf("the word of the dead process counts: %+v, %v", p, err)
		}
		if done := w.begin(t, again[taken[0].ID]); len(done) != 1 {
			t.Errorf("the next one cannot begin it")
		}
	})
}
