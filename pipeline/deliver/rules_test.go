package deliver_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/pipeline/deliver"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// quiet is a platform that keeps what it is sent, and may hang.
type quiet struct {
	*moody
	mu   sync.Mutex
	got  []schema.Outgoing
	as   []schema.Target
	hang chan struct{} // nil: it answers
	come chan struct{}
}

func (q *quiet) Send(ctx context.Context, target schema.Target, events []schema.Outgoing) []schema.Verdict {
	if q.hang != nil {
		q.come <- struct{}{}
		<-q.hang
	}
	q.mu.Lock()
	q.got, q.as = append(q.got, events...), append(q.as, target)
	q.mu.Unlock()
	return q.moody.Send(ctx, target, events)
}

func (w *world) quiet(name string) *quiet {
	q := &quiet{moody: newMoody(name, time.Hour, false, w.now)}
	w.channels[name] = deliver.Channel{Platform: q, Batch: 10, Oldest: 90 * 24 * time.Hour, Remembers: time.Hour}
	w.start()
	return q
}

// TestWhatGoesOut looks at consent, value, clicks and stages of what is sent.
func TestWhatGoesOut(t *testing.T) {
	w := newWorld(t)
	q := w.quiet("google")
	euros := func(kind string) func(*control.Destination) {
		return func(d *control.Destination) {
			d.Value = control.ValueRule{Kind: kind, Fixed: 7, Currency: "EUR", ByStage: map[string]float64{"Converted": 90}}
			if kind != control.StageValue {
				d.Value.ByStage = nil
			}
			if kind != control.FixedValue {
				d.Value.Fixed = 0
			}
		}
	}
	fixed := w.destination(t, "google", 1, euros(control.FixedValue))
	own := w.destination(t, "google", 2, euros(control.ConversionValue))
	staged := w.destination(t, "google", 3, func(d *control.Destination) {
		euros(control.StageValue)(d)
		d.Trigger, d.Stage = control.OnStage, "Converted"
	})
	strict := w.destination(t, "google", 4, func(d *control.Destination) { d.Consent = control.OnlyGranted })
	w.clock.Advance(time.Minute)
	at := w.now()
	plain := w.truth.put("plain", "ann", at, func(s *schema.Sendable) {
		s.Value, s.Currency = 12.5, "USD"
		s.Visits = []schema.Visit{
			{At: at + 5, ClickIDs: []string{"gclid=later"}},
			{At: at - 1, ClickIDs: []string{"gclid=Newest", "fbclid=F"}, FBP: "fb.1.1.1"},
			{At: at - 9, ClickIDs: []string{"gclid=oldest"}, FBP: "fb.1.1.0", FBC: "fb.1.1.F"},
		}
	})
	granted := w.truth.put("granted", "bob", at, func(s *schema.Sendable) { s.Visits[0].Consent = schema.ConsentGranted })
	denied := w.truth.put("denied", "cem", at, func(s *schema.Sendable) {
		s.Visits = append([]schema.Visit{{At: at + 10, Consent: schema.ConsentDenied}}, s.Visits...)
	})
	ok(t, w.credit(t.Context()))
	w.clock.Advance(time.Hour)
	reached := w.now()
	ok(t, w.store.SetStage(t.Context(), w.who, nodeOf("ann"), "Converted"))
	ok(t, w.stages.Work(t.Context()))
	w.round(t)
	got := map[schema.ID]schema.Outgoing{}
	for _, o := range q.got {
		got[o.Push] = o
	}
	if o := got[fixed.PushID(plain)]; o.Value != 7 || o.Currency != "EUR" || !o.HasValue || o.At != at || o.Email != "ann@example.com" || len(o.Clicks) != 3 ||
		o.Clicks[0].Value != "Newest" || o.Clicks[2].At != at-9 || o.FBP != "fb.1.1.1" || o.FBC != "fb.1.1.F" || o.Country != "DE" {
		t.Errorf("a fixed value goes as %+v", o)
	}
	if o := got[own.PushID(plain)]; o.Value != 12.5 || o.Currency != "USD" || !o.HasValue {
		t.Errorf("its own value goes as %+v", o)
	}
	if o := got[own.PushID(granted)]; o.HasValue || o.Currency != "" || o.Consent != schema.ConsentGranted {
		t.Errorf("no value goes as %+v", o)
	}
	if o := got[staged.PushID(plain)]; o.Value != 90 || o.At != reached {
		t.Errorf("a stage goes as %+v, reached at %d", o, reached)
	}
	for _, d := range []control.Destination{fixed, own, strict} {
		if p := w.pushes(t, d)[denied]; p.State != schema.PushSkippedConsent || p.Attempts != 0 || !strings.Contains(p.Words, "refused") {
			t.Errorf("who refused is %s: %q after %d attempts", p.State, p.Words, p.Attempts)
		}
	}
	if _, sent := got[strict.PushID(plain)]; sent || w.pushes(t, strict)[plain].State != schema.PushSkippedConsent || w.pushes(t, strict)[granted].State != schema.PushSent {
		t.Errorf("only who consented: %+v", w.pushes(t, strict))
	}
	if len(w.pushes(t, staged)) != 1 {
		t.Errorf("by the stage go %+v", w.pushes(t, staged))
	}
	// Who agrees later is looked at again when they are credited again.
	w.truth.change(denied, func(s *schema.Sendable) { s.Visits[0].Consent = schema.ConsentGranted })
	ok(t, w.credit(t.Context(), contactNamed("cem")))
	w.round(t)
	if p := w.pushes(t, strict)[denied]; p.State != schema.PushSent {
		t.Errorf("who agreed at last is %s: %q", p.State, p.Words)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestAPushWaitsForItsJourney: until its hits were processed, and what these
// said of people; ten minutes at most.
func TestAPushWaitsForItsJourney(t *testing.T) {
	w := newWorld(t)
	q := w.quiet("meta")
	w.destination(t, "meta", 1, nil)
	sent := func() int {
		t.Helper()
		w.round(t)
		w.clock.Advance(2 * time.Second)
		w.round(t)
		return len(q.got)
	}
	w.log.write(schema.TopicHits)
	w.truth.put("one", "ann", w.now(), nil)
	ok(t, w.credit(t.Context()))
	if n := sent(); n != 0 {
		t.Fatalf("%d were sent before their hits were processed", n)
	}
	w.log.write(schema.TopicLeads)
	w.log.process(schema.TopicHits)
	if n := sent(); n != 0 {
		t.Fatalf("%d were sent before it was known whose hits these are", n)
	}
	w.log.write(schema.TopicLeads) // Of somebody else, and later.
	w.log.mu.Lock()
	w.log.done[schema.TopicLeads] = 1
	w.log.mu.Unlock()
	if n := sent(); n != 1 {
		t.Fatalf("%d were sent when all was processed", n)
	}
	w.log.write(schema.TopicHits)
	w.truth.put("two", "bob", w.now(), nil)
	ok(t, w.credit(t.Context()))
	w.clock.Advance(9 * time.Minute)
	if n := sent(); n != 1 {
		t.Fatalf("%d were sent before ten minutes were over", n)
	}
	w.clock.Advance(time.Minute)
	if n := sent(); n != 2 {
		t.Fatalf("%d were sent after ten minutes", n)
	}
}

// TestOneThatHangsHoldsUpNobody, and is sent nothing more meanwhile.
func TestOneThatHangsHoldsUpNobody(t *testing.T) {
	w := newWorld(t)
	slow, quick := w.quiet("google"), w.quiet("linkedin")
	slow.hang, slow.come = make(chan struct{}), make(chan struct{}, 10)
	w.start()
	w.destination(t, "google", 1, nil)
	fast := w.destination(t, "linkedin", 1, nil)
	for i := range 3 {
		w.truth.put(strings.Repeat("x", i+1), "ann", w.now(), nil)
		ok(t, w.credit(t.Context()))
		ok(t, w.sender.Round(t.Context()))
		if i == 0 {
			<-slow.come
		}
		for id := range w.truth.conversions {
			controltest.Within(t, "the quick one has it", func() bool { return w.pushes(t, fast)[id].State == schema.PushSent })
		}
	}
	if len(slow.come) != 0 || len(quick.got) != 3 {
		t.Errorf("the slow one was asked %d times more; the quick one got %d", len(slow.come), len(quick.got))
	}
	close(slow.hang)
	w.sender.Wait()
	if len(slow.got) != 1 {
		t.Errorf("the slow one got %d", len(slow.got))
	}
}

// TestWhatChangedAfterwardsIsNoted: a merge is undone, a conversation deleted. A
// contact that became part of another is no news.
func TestWhatChangedAfterwardsIsNoted(t *testing.T) {
	w := newWorld(t)
	w.quiet("meta")
	d := w.destination(t, "meta", 1, nil)
	undone, merged, deleted := w.truth.put("undone", "ann", w.now(), nil), w.truth.put("merged", "bob", w.now(), nil), w.truth.put("deleted", "cem", w.now(), nil)
	ok(t, w.credit(t.Context()))
	w.round(t)
	waits := w.truth.put("waits", "cem", w.now(), nil)
	ok(t, w.credit(t.Context()))
	for _, id := range []schema.ID{deleted, waits} {
		w.truth.change(id, func(s *schema.Sendable) { s.Deleted = true })
	}
	w.truth.give(undone, contactNamed("dot"))
	w.truth.give(merged, contactNamed("dot"))
	w.truth.heirs[contactNamed("bob")] = contactNamed("dot")
	for range 2 {
		ok(t, w.credit(t.Context()))
	}
	pushes := w.pushes(t, d)
	if !strings.Contains(pushes[undone].Note, "merge was undone") || !strings.Contains(pushes[deleted].Note, "deleted") || pushes[merged].Note != "" {
		t.Errorf("noted are %q, %q and %q", pushes[undone].Note, pushes[deleted].Note, pushes[merged].Note)
	}
	if p := pushes[undone]; p.State != schema.PushSent || p.Contact != contactNamed("dot") {
		t.Errorf("what was sent is %+v", p)
	}
	if p, there := pushes[waits]; there {
		t.Errorf("what waited for a deleted conversation is %+v", p)
	}
}

// TestWhatCannotBeReadIsSetAside, and the rest of its stretch is planned.
func TestWhatCannotBeReadIsSetAside(t *testing.T) {
	w := newWorld(t)
	letters := &aside{}
	w.planner.Dead = letters
	records := []*stream.Record{{Value: []byte("\xff\xff")}, {Value: nil}, {Value: []byte{8, 1, 26, 1, 7}}}
	if err := w.planner.Process(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if len(letters.all) != 2 || letters.all[0].GetReason() != schema.DeadMalformed || letters.all[0].GetStage() != deliver.Stage {
		t.Errorf("set aside were %v", letters.all)
	}
	w.fail = func(string) error { return errors.New("here") }
	if err := w.planner.Process(t.Context(), nil); err == nil {
		t.Error("the failpoint after planning is not reached")
	}
}

type aside struct{ all []*schema.DeadRecord }

func (a *aside) AppendDead(_ context.Context, letters []*schema.DeadRecord) error {
	a.all = append(a.all, letters...)
	return nil
}
