package control_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

// testSignals: notes are written together, added up, kept apart by app, and
// forgotten after 30 days.
func testSignals(t *testing.T, dsn string) {
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	now := schema.MillisOf(clock.Now())
	for range 2 { // Two processes after each other.
		signals := control.NewSignals(s)
		signals.Note("intercom", "acme", "contact.lead.created", now)
		signals.Note("intercom", "acme", "contact.lead.created", now-5)
		signals.Note("intercom", "acme", control.SignalUnsigned, now-9)
		signals.Note("intercom", "other", "ping", now)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ok(t, signals.Run(ctx)) // What was noted is written at the end.
	}
	got := must[[]control.Signal](t)(s.SignalsOf(t.Context(), "intercom", "acme"))
	slices.SortFunc(got, func(a, b control.Signal) int { return strings.Compare(a.What, b.What) }) // Databases order signs in ways of their own.
	want := []control.Signal{{What: control.SignalUnsigned, Times: 2, Last: now - 9}, {What: "contact.lead.created", Times: 4, Last: now}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, not %+v", got, want)
	}
	clock.Advance(31 * 24 * time.Hour)
	ok(t, control.Tidy(t.Context(), s))
	if got := must[[]control.Signal](t)(s.SignalsOf(t.Context(), "intercom", "acme")); len(got) != 0 {
		t.Errorf("after 31 days: %+v", got)
	}
}
