package sinkstest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/schema"
)

// Run runs the suite; subject is called for every test.
func Run(t *testing.T, subject func(t *testing.T) *Subject) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *Subject)
	}{
		{"AcceptedOnce", acceptedOnce}, {"Alone", alone}, {"VerdictForEach", verdictForEach}, {"ManyBatches", manyBatches},
		{"SamePushTwice", samePushTwice}, {"SentAgain", sentAgain}, {"Faults", faults}, {"Slow", slow}, {"MissingPermission", missingPermission},
		{"TakenAndSilent", takenAndSilent}, {"DryRun", dryRun}, {"SideBySide", sideBySide},
		{"Unreachable", unreachable}, {"CancelledBefore", cancelledBefore}, {"CancelledBeforeAnyByte", cancelledBeforeAnyByte},
		{"CancelledUnderWay", cancelledUnderWay}, {"StrangeAnswers", strangeAnswers}, {"NothingSecret", nothingSecret}, {"AnyAnswer", anyAnswer},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, subject(t)) })
	}
}

func acceptedOnce(t *testing.T, s *Subject) {
	events := s.Events(3)
	want(t, Settle(t.Context(), t, s.New(s.URL), s.Target, events), schema.OutcomeSent)
	s.once(t, events...)
	if got := s.New(s.URL).Send(t.Context(), s.Target, nil); len(got) != 0 {
		t.Errorf("nothing has %d verdicts", len(got))
	}
}

func alone(t *testing.T, s *Subject) {
	events := s.Events(1)
	want(t, Settle(t.Context(), t, s.New(s.URL), s.Target, events), schema.OutcomeSent)
	s.once(t, events...)
}

// verdictForEach: what is wrong with some does not touch the others, and what can
// be known is not sent.
func verdictForEach(t *testing.T, s *Subject) {
	p := s.New(s.URL)
	events := s.Events(9)
	now := schema.MillisOf(s.Now())
	events[1].At = now.Add(-p.Limits().Oldest - time.Hour)
	events[2].Clicks, events[2].Email, events[2].Phone, events[2].FBC, events[2].FBP = nil, "", "", "", ""
	events[3].Consent = schema.ConsentDenied
	events[4].Value = -1
	events[5].Currency = "dollars"
	events[6].At = now.Add(time.Hour)
	events[7].HasValue, events[7].Value, events[7].Currency = false, 0, ""
	events[8].Value = 0
	refused := schema.OutcomeRefused
	wanted := []schema.Outcome{
		schema.OutcomeSent, refused, schema.OutcomeNoIdentity, schema.OutcomeNoConsent, refused, refused, schema.OutcomeLater, schema.OutcomeSent, schema.OutcomeSent,
	}
	for i := range events {
		verdict, known := p.Check(&events[i], now)
		if known != (wanted[i] != schema.OutcomeSent) || known && verdict.Outcome != wanted[i] {
			t.Errorf("event %d: %v %+v", i, known, verdict)
		}
	}
	if got := outcomes(Settle(t.Context(), t, p, s.Target, events)); !slices.Equal(got, wanted) {
		t.Errorf("%v, not %v", got, wanted)
	}
	s.once(t, events[0], events[7], events[8])
}

func manyBatches(t *testing.T, s *Subject) {
	p := s.New(s.URL)
	events := s.Events(2*p.Limits().Batch + 1)
	want(t, Settle(t.Context(), t, p, s.Target, events), schema.OutcomeSent)
	s.once(t, events...)
}

func samePushTwice(t *testing.T, s *Subject) {
	events := s.Events(3)
	events = append(events, events[0], events[2])
	want(t, Settle(t.Context(), t, s.New(s.URL), s.Target, events), schema.OutcomeSent)
	s.once(t, events[:3]...)
}

// sentAgain is for those that tell ids apart.
func sentAgain(t *testing.T, s *Subject) {
	p, events := s.New(s.URL), s.Events(4)
	if p.Limits().Remembers == 0 {
		return // Nobody may rely on it.
	}
	want(t, Settle(t.Context(), t, p, s.Target, events[:2]), schema.OutcomeSent)
	for _, v := range Settle(t.Context(), t, p, s.Target, events[:2]) {
		if v.Outcome != schema.OutcomeSent && v.Outcome != schema.OutcomeDuplicate {
			t.Errorf("again: %+v", v)
		}
	}
	s.once(t, events[:2]...)
	// Together with new ones: whoever is to be sent alone, is.
	for i, v := range Settle(t.Context(), t, p, s.Target, events) {
		if v.Outcome == schema.OutcomeAlone {
			v = Settle(t.Context(), t, p, s.Target, events[i:i+1])[0]
		}
		if v.Outcome != schema.OutcomeSent && v.Outcome != schema.OutcomeDuplicate {
			t.Errorf("event %d: %+v", i, v)
		}
	}
	s.once(t, events...)
}

func faults(t *testing.T, s *Subject) {
	p, events := s.New(s.URL), s.Events(3)
	for _, fault := range []struct {
		kind    string
		outcome schema.Outcome
	}{{"429", schema.OutcomeLater}, {"500", schema.OutcomeLater}, {"bad_token", schema.OutcomeDenied}} {
		s.Fault(fault.kind, 1)
		want(t, Settle(t.Context(), t, p, s.Target, events), fault.outcome)
		s.once(t)
	}
	dead := s.Target
	dead.Token = "no token at all"
	want(t, Settle(t.Context(), t, p, dead, events), schema.OutcomeDenied)
	want(t, Settle(t.Context(), t, p, s.Target, events), schema.OutcomeSent)
	s.once(t, events...)
}

func slow(t *testing.T, s *Subject) {
	events := s.Events(2)
	s.Fault("slow", 1)
	want(t, Settle(t.Context(), t, s.New(s.URL), s.Target, events), schema.OutcomeSent)
	s.once(t, events...)
}

func missingPermission(t *testing.T, s *Subject) {
	weak := s.Target
	weak.Token = s.Weak
	want(t, Settle(t.Context(), t, s.New(s.URL), weak, s.Events(2)), schema.OutcomeDenied)
	s.once(t)
}

// takenAndSilent: the answer never comes, though everything was taken.
func takenAndSilent(t *testing.T, s *Subject) {
	p, events := s.New(s.URL), s.Events(2)
	s.Fault("timeout", 1)
	want(t, p.Send(t.Context(), s.Target, events), schema.OutcomeUnclear)
	s.once(t, events...)
	if p.Limits().Remembers == 0 {
		return
	}
	for _, v := range Settle(t.Context(), t, p, s.Target, events) {
		if v.Outcome != schema.OutcomeSent && v.Outcome != schema.OutcomeDuplicate {
			t.Errorf("again: %+v", v)
		}
	}
	s.once(t, events...)
}

func dryRun(t *testing.T, s *Subject) {
	target := s.Target
	target.DryRun = true
	p, events := s.New(s.URL), s.Events(4)
	events[3].Currency = "dollars"
	verdicts := Settle(t.Context(), t, p, target, events)
	want(t, verdicts[:3], schema.OutcomeSent)
	want(t, verdicts[3:], schema.OutcomeRefused)
	if !strings.HasPrefix(verdicts[0].Words, "Dry run: ") {
		t.Errorf("%q", verdicts[0].Words)
	}
	s.once(t)
}

// sideBySide: platforms are shared.
func sideBySide(t *testing.T, s *Subject) {
	p, events := s.New(s.URL), s.Events(8)
	var all sync.WaitGroup
	for i := range events {
		all.Go(func() {
			if v := p.Send(context.WithoutCancel(t.Context()), s.Target, events[i:i+1]); len(v) != 1 || v[0].Outcome != schema.OutcomeSent && v[0].Outcome != schema.OutcomeTaken {
				t.Errorf("%+v", v)
			}
		})
	}
	all.Wait()
	s.once(t, events...)
}
