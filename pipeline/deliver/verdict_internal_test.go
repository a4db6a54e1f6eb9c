package deliver

import (
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

// TestNotCountedIsSentAgain: what a platform took and then did not count, for a
// reason that passes, is sent again when it says, and not only asked about again;
// after seven days it is given up.
func TestNotCountedIsSentAgain(t *testing.T) {
	now := schema.MillisOf(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	v := schema.Verdict{Outcome: schema.OutcomeAlone, After: 6 * time.Hour, Words: "The click is too recent.", Code: "TOO_RECENT"}
	p := &control.Push{Attempts: 1, Tries: 1, FirstAt: now.Add(-time.Minute), Receipt: "1 abc"}
	r := confirmed(p, &v, now)
	if r.State != schema.PushPending || r.Receipt != "" || !r.Alone || r.Due != now.Add(6*time.Hour) || r.Words != v.Words {
		t.Errorf("too recent: %+v", r)
	}
	p.FirstAt = now.Add(-8 * 24 * time.Hour)
	if r = confirmed(p, &v, now); r.State != schema.PushError || !strings.Contains(r.Words, "given up") {
		t.Errorf("after eight days: %+v", r)
	}
	asked := schema.Verdict{Outcome: schema.OutcomeLater, Words: "Not told just now."}
	p.FirstAt = now.Add(-time.Minute)
	if r = confirmed(p, &asked, now); r.Receipt != p.Receipt || r.State != schema.PushPending {
		t.Errorf("asked in vain: %+v", r)
	}
}

// TestRefusedAfterNoAnswer: what a platform took to look at and refused may have
// counted by an attempt before, of which no answer came. Nobody is told then that
// it is not there.
func TestRefusedAfterNoAnswer(t *testing.T) {
	now := schema.MillisOf(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	for _, outcome := range []schema.Outcome{schema.OutcomeRefused, schema.OutcomeNoConsent, schema.OutcomeNoIdentity} {
		v := schema.Verdict{Outcome: outcome, Words: "It does not count."}
		for _, open := range []bool{true, false} {
			p := &control.Push{Attempts: 2, Tries: 2, Open: open, FirstAt: now.Add(-time.Minute), Receipt: "1 abc"}
			r := confirmed(p, &v, now)
			if unsure := r.State == schema.PushError && strings.Contains(r.Words, "may have it"); unsure != open {
				t.Errorf("%s with an attempt open (%t): %+v", outcome, open, r)
			}
		}
	}
	p := &control.Push{Attempts: 2, Tries: 2, Open: true, FirstAt: now.Add(-time.Minute), Receipt: "1 abc"}
	sent := schema.Verdict{Outcome: schema.OutcomeSent, Words: "It counts."}
	if r := confirmed(p, &sent, now); r.State != schema.PushSent || r.Words != sent.Words {
		t.Errorf("counted: %+v", r)
	}
}
