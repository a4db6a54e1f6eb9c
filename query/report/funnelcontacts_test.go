package report_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// byContact is a funnel that everybody of a world enters who has a contact.
func byContact(begin schema.Millis) report.Funnel {
	anything := report.Step{Type: "pageview", Operator: "starts_with", Value: "/"}
	return report.Funnel{
		Steps: []report.Step{anything, anything}, Window: time.Hour, Scope: report.ByContact,
		Period: report.Period{Begin: begin.Add(-time.Hour), End: begin.Add(24 * time.Hour)},
	}
}

// TestFunnelsByContactHaveTheirTime: those that take longer are refused, with words that say what to do; by visitor they are answered.
func TestFunnelsByContactHaveTheirTime(t *testing.T) {
	s, begin := open(t), at(t, "3T10:00")
	w := s.fill(7, 1, begin)[0]
	in, f := s.in(w.workspace), byContact(begin)
	ask := map[string]func(report.Funnel) error{
		"funnel": func(f report.Funnel) error { _, err := in.Funnel(t.Context(), f); return err },
		"best paths": func(f report.Funnel) error {
			_, err := in.BestPaths(t.Context(), report.BestPaths{Funnel: f, Depth: 2, Limit: 3})
			return err
		},
		"between": func(f report.Funnel) error {
			_, err := in.FunnelBetween(t.Context(), report.FunnelBetween{Funnel: f, Step: 1, Depth: 2, Limit: 3})
			return err
		},
	}
	for name, ask := range ask {
		s.reader.ReadContactsWithin(time.Hour)
		if err := ask(f); err != nil {
			t.Errorf("%s in time: %v", name, err)
		}
		s.reader.ReadContactsWithin(time.Nanosecond)
		err := ask(f)
		if schema.KindOf(err) != schema.KindLimited || !strings.Contains(err.Error(), "fewer days") || !strings.Contains(err.Error(), "by visitor") {
			t.Errorf("%s that takes too long: %v", name, err)
		}
		visitors := f
		if visitors.Scope = report.ByVisitor; ask(visitors) != nil {
			t.Errorf("%s by visitor is refused as well", name)
		}
	}
}

// TestWhoGoesAwayEndsTheReadingOfContacts: when there are many ranges of them, between two.
func TestWhoGoesAwayEndsTheReadingOfContacts(t *testing.T) {
	s, begin := open(t), at(t, "3T10:00")
	w := s.fill(7, 5, begin)[4] // with six contacts
	s.reader.HoldAtMost(1)
	f := byContact(begin)
	for _, copied := range []bool{false, true} {
		if copied {
			s.copies()
		}
		for name, whole := range map[string]bool{"what a funnel looks at": false, "everything": true} {
			var all, seen atomic.Int64
			if err := s.in(w.workspace).Show(t.Context(), f, whole, func() { all.Add(1) }); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			err := s.in(w.workspace).Show(ctx, f, whole, func() { seen.Add(1); cancel() })
			cancel()
			if !errors.Is(err, context.Canceled) || seen.Load() >= all.Load() {
				t.Errorf("%s (copied %t): who went away was told %v, after %d of %d contacts", name, copied, err, seen.Load(), all.Load())
			}
		}
	}
}
