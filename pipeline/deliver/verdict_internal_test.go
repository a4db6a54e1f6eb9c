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
