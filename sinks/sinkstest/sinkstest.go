package sinkstest

import (
	"context"
	"strings"
	"testing"
	"time"

	"sourceloop/schema"
	"sourceloop/sinks"
)

// Subject is a platform and the other side that it talks to, made anew for each
// test.
type Subject struct {
	New      func(apiBase string) sinks.Platform // with the stand-in's clock
	URL      string                              // of the stand-in
	Target   schema.Target                       // at the stand-in; its token lives
	Weak     string                              // a token that lives and lacks a permission
	Now      func() time.Time                    // of the stand-in
	Fault    func(kind string, times int)        // asks the stand-in for a fault
	Accepted func() (counted []string)           // the Push of every conversion that counts, in order
	Refusal  func(status int, words string) string
}

// Clicks are one click of each platform that is looked at here.
func Clicks(at schema.Millis) []schema.Click {
	return []schema.Click{
		{Name: "gclid", Value: "Cj0KCQjw-made_UP-8XtzBhCNARIsAJ", At: at},
		{Name: "fbclid", Value: "IwAR2made_up-ClickOfMetaWithCase", At: at},
		{Name: "li_fat_id", Value: "0f8b9a4e-7d1c-4c55-9e1b-3a1f0c2d4e5f", At: at},
	}
}

// Event is a complete conversion, another one for each n.
func (s *Subject) Event(n int) schema.Outgoing {
	at := schema.MillisOf(s.Now().Add(-time.Hour)).Add(time.Duration(n) * time.Millisecond)
	return schema.Outgoing{
		Push: schema.Derive("sinkstest", time.Duration(n).String()), Name: "intercom_conversation", At: at,
		HasValue: true, Value: 20.5, Currency: "USD", Email: "Ada.Quill@Example.com", Phone: "+4915199887766", PersonName: "Ada Quillfeather",
		Contact: schema.Derive("contact", "1"), Country: "DE", Page: "https://shop.example/pricing?email=ada.quill%40example.com#top",
		Clicks: Clicks(at.Add(-time.Hour)), FBP: "fb.1.1795590000123.1098115397", Consent: schema.ConsentGranted,
	}
}

// Events are so many, from Event(0) on.
func (s *Subject) Events(n int) []schema.Outgoing {
	list := make([]schema.Outgoing, n)
	for i := range list {
		list[i] = s.Event(i)
	}
	return list
}

// Settle sends, and asks what became of what was only taken.
func Settle(ctx context.Context, t *testing.T, p sinks.Platform, target schema.Target, events []schema.Outgoing) []schema.Verdict {
	t.Helper()
	verdicts := p.Send(ctx, target, events)
	complete(t, events, verdicts)
	holders := map[string]int{}
	for _, v := range verdicts {
		holders[v.Receipt]++
	}
	for i, v := range verdicts {
		if v.Outcome == schema.OutcomeTaken {
			verdicts[i] = p.Confirm(ctx, target, v.Receipt, holders[v.Receipt])
		}
	}
	complete(t, events, verdicts)
	return verdicts
}

// complete wants a verdict for each event, with words, and nothing in them that
// is secret or a person's.
func complete(t *testing.T, events []schema.Outgoing, verdicts []schema.Verdict) {
	t.Helper()
	if len(verdicts) != len(events) {
		t.Fatalf("%d verdicts for %d events", len(verdicts), len(events))
	}
	for i, v := range verdicts {
		if v.Outcome < schema.OutcomeSent || v.Outcome > schema.OutcomeDenied {
			t.Fatalf("event %d has the outcome %d", i, v.Outcome)
		}
		if words := []rune(v.Words); len(words) < 10 || len(words) > 1000 || !strings.Contains(".”…", string(words[len(words)-1])) {
			t.Errorf("event %d: the words are %q", i, v.Words)
		}
		if (v.Outcome == schema.OutcomeTaken) != (v.Receipt != "") {
			t.Errorf("event %d: outcome %d with receipt %q", i, v.Outcome, v.Receipt)
		}
	}
}

func outcomes(verdicts []schema.Verdict) []schema.Outcome {
	list := make([]schema.Outcome, len(verdicts))
	for i, v := range verdicts {
		list[i] = v.Outcome
	}
	return list
}

// want fails unless every verdict has this outcome.
func want(t *testing.T, verdicts []schema.Verdict, outcome schema.Outcome) {
	t.Helper()
	for i, v := range verdicts {
		if v.Outcome != outcome {
			t.Fatalf("event %d of %d: outcome %d, not %d: %s %q", i, len(verdicts), v.Outcome, outcome, v.Code, v.Words)
		}
	}
}

// once fails unless exactly these pushes count, each once.
func (s *Subject) once(t *testing.T, events ...schema.Outgoing) {
	t.Helper()
	times := map[string]int{}
	for _, id := range s.Accepted() {
		times[id]++
	}
	for i := range events {
		if id := events[i].Push.String(); times[id] != 1 {
			t.Errorf("event %d counts %d times", i, times[id])
		}
		delete(times, events[i].Push.String())
	}
	for id, n := range times {
		t.Errorf("%s counts %d times and should not", id, n)
	}
}
