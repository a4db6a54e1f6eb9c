package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/pipeline/resolve"
	"sourceloop/schema"
)

// TestLooks: what the webhooks did not tell is found by looking.
func TestLooks(t *testing.T) {
	controltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		for name, test := range map[string]func(*testing.T, *slice){
			"backfill": testBackfill, "backfill by two, one of which dies": testBackfillResumed, "missed webhooks": testMissed,
			"a merge that was missed": testMissedMerge, "plan restricted": testLookRestricted, "busy": testLookBusy,
			"error and back": testLookAfterError, "disconnected": testLookDisconnected,
		} {
			t.Run(name, func(t *testing.T) { test(t, newSlice(t, fresh(t))) })
		}
	})
}

func (s *slice) sweeper(deliver func(context.Context, *schema.WebhookRecord, *resolve.Result) error) *resolve.Sweeper {
	return resolve.NewSweeper(resolve.SweepConfig{
		Looks: s.store, Listers: map[string]resolve.Lister{s.provider: s.resolver}, Deliver: deliver, Now: s.clock.Now,
	})
}

// sweep works until nothing is due.
func (s *slice) sweep(sweeper *resolve.Sweeper) {
	s.t.Helper()
	for range 50 {
		if err := sweeper.Work(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *slice) look(c control.Connection, kind control.LookKind) control.Look {
	s.t.Helper()
	all, err := s.store.Looks(s.t.Context(), c.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, look := range all {
		if look.Kind == kind {
			return look
		}
	}
	return control.Look{}
}

// ids are those of everything that was told, each once.
func (s *slice) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := map[string]bool{}
	for _, e := range s.evidence {
		for _, c := range e.Claims {
			set[fmt.Sprintf("claim %x at %d", c.Id, c.At)] = true
		}
		if e.Conversion != nil {
			set[fmt.Sprintf("conversion %x at %d: %s, %s, %s", e.Conversion.Id, e.Conversion.At, e.Conversion.Message, e.Conversion.State, e.Conversion.Visitor)] = true
		}
	}
	var all []string
	for id := range set {
		all = append(all, id)
	}
	sort.Strings(all)
	return all
}

// forget drops what arrived and what was told.
func (s *slice) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived, s.evidence = nil, nil
}

// chatted lets people chat before anybody listens.
func (s *slice) chatted(n int) {
	s.t.Helper()
	for i := range n {
		s.post("/standin/chat", map[string]any{"message": fmt.Sprintf("Hello %d", i), "email": fmt.Sprintf("p%d@example.com", i)})
	}
}

func testBackfill(t *testing.T, s *slice) {
	s.chatted(45)
	c := s.connect()
	s.forget()
	if err := s.store.RequestBackfill(t.Context(), control.Principal{User: 1, Workspace: s.who.Workspace, Role: control.Editor}, "intercom"); schema.KindOf(err) != schema.KindDenied {
		t.Fatalf("an Editor imports: %v", err)
	}
	if err := s.store.RequestBackfill(t.Context(), s.who, "intercom"); err != nil {
		t.Fatal(err)
	}
	sweeper := s.sweeper(s.deliver)
	if err := sweeper.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := s.look(c, control.Backfill); l.Found == 0 || l.Found >= 45 || l.Total != 45 || l.Done || l.Position == "" {
		t.Fatalf("under way it stands at %+v", l)
	}
	s.sweep(sweeper)
	if l := s.look(c, control.Backfill); l.Found != 45 || !l.Done || l.FinishedAt == 0 {
		t.Fatalf("it ended as %+v", l)
	}
	told := s.told()
	for i := range 45 {
		if !strings.Contains(told, fmt.Sprintf("email:p%d@example.com", i)) || !strings.Contains(told, fmt.Sprintf("%q", fmt.Sprintf("Hello %d", i))) {
			t.Fatalf("conversation %d is missing", i)
		}
	}
	if card, err := s.store.Connection(t.Context(), c.ID); err != nil || card.LastEventAt != 0 {
		t.Errorf("the card takes it for webhooks: %+v, %v", card, err)
	}
	// Asked for once more, it tells the same.
	before := s.ids()
	s.forget()
	if err := s.store.RequestBackfill(t.Context(), s.who, "intercom"); err != nil {
		t.Fatal(err)
	}
	s.sweep(sweeper)
	if after := s.ids(); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("the second time it told\n%s\nnot\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
}

// testBackfillResumed: one process dies in the middle of a page; another goes on
// where the last whole one ended.
func testBackfillResumed(t *testing.T, s *slice) {
	s.chatted(45)
	c := s.connect()
	s.forget()
	if err := s.store.RequestBackfill(t.Context(), s.who, "intercom"); err != nil {
		t.Fatal(err)
	}
	left := 27
	dying := s.sweeper(func(ctx context.Context, rec *schema.WebhookRecord, r *resolve.Result) error {
		if left--; left < 0 {
			return errors.New("the log is away")
		}
		return s.deliver(ctx, rec, r)
	})
	for range 2 {
		_ = dying.Work(t.Context()) // The second page fails.
	}
	if l := s.look(c, control.Backfill); l.Found != 20 || l.Done {
		t.Fatalf("after a failure it stands at %+v", l)
	}
	living := s.sweeper(s.deliver)
	s.sweep(living)
	if l := s.look(c, control.Backfill); l.Found != 20 {
		t.Fatalf("somebody took it from its lease: %+v", l)
	}
	s.clock.Advance(6 * time.Minute)
	s.sweep(living)
	if l := s.look(c, control.Backfill); l.Found != 45 || !l.Done {
		t.Fatalf("it ended as %+v", l)
	}
	if n := strings.Count(strings.Join(s.ids(), "\n"), "conversion"); n != 45 {
		t.Errorf("%d conversations were told of, each once", n)
	}
}

// testMissed: an hour later the same facts are there under the same ids.
func testMissed(t *testing.T, s *slice) {
	c := s.connect()
	reply := s.post("/standin/chat", map[string]any{"at": s.clock.Now().UnixMilli(), "message": "Hello", "sourceloop_id": "visitor-1"})
	s.clock.Advance(2 * time.Minute)
	s.post("/standin/contact", map[string]any{"contact_id": reply["contact_id"], "email": "late@example.com"})
	s.work()
	want := s.ids()
	s.forget() // As if none had come.
	sweeper := s.sweeper(s.deliver)
	s.sweep(sweeper)
	if len(s.ids()) > 0 || s.look(c, control.Reconcile).FinishedAt != 0 {
		t.Fatalf("before the hour is over it looked: %+v", s.look(c, control.Reconcile))
	}
	s.clock.Advance(time.Hour)
	s.sweep(sweeper)
	got := strings.Join(s.ids(), "\n")
	for _, id := range want {
		if !strings.Contains(got, id) {
			t.Errorf("not found: %s in\n%s", id, got)
		}
	}
	l := s.look(c, control.Reconcile)
	if l.FinishedAt != schema.MillisOf(s.clock.Now()) || l.Position != "" {
		t.Fatalf("the look is %+v", l)
	}
	// What did not change is not told again, once it is older than searches lag.
	s.forget()
	s.clock.Advance(time.Hour)
	s.sweep(sweeper)
	if again := s.ids(); len(again) > 0 {
		t.Errorf("an hour later it told\n%s", strings.Join(again, "\n"))
	}
	s.post("/standin/chat", map[string]any{"at": s.clock.Now().UnixMilli(), "contact_id": reply["contact_id"], "message": "Once more"})
	s.forget()
	s.clock.Advance(time.Hour)
	s.sweep(sweeper)
	if !strings.Contains(s.told(), `email:late@example.com`) {
		t.Errorf("the reply was not found:\n%s", s.told())
	}
}

func testMissedMerge(t *testing.T, s *slice) {
	s.connect()
	from := s.post("/standin/chat", map[string]any{"message": "Hello", "email": "one@example.com"})
	into := s.post("/standin/merge", map[string]any{"from": from["contact_id"]})
	s.work()
	s.forget()
	s.clock.Advance(time.Hour)
	s.sweep(s.sweeper(s.deliver))
	want := fmt.Sprintf("verified intercom:%s = intercom:%s", min(fmt.Sprint(from["contact_id"]), fmt.Sprint(into["contact_id"])), max(fmt.Sprint(from["contact_id"]), fmt.Sprint(into["contact_id"])))
	if !strings.Contains(s.told(), want) {
		t.Errorf("not told %q in\n%s", want, s.told())
	}
}

func testLookRestricted(t *testing.T, s *slice) {
	c := s.connect()
	s.post("/standin/chat", map[string]any{"message": "Hello", "email": "plan@example.com"})
	s.forget()
	s.post("/standin/fault", map[string]any{"kind": "plan_restricted", "times": 1000})
	if err := s.store.RequestBackfill(t.Context(), s.who, "intercom"); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Hour)
	s.sweep(s.sweeper(s.deliver))
	if l := s.look(c, control.Backfill); !l.Done || !strings.Contains(l.Note, "plan refuses conversations") {
		t.Errorf("the backfill ended as %+v", l)
	}
	if !strings.Contains(s.told(), "email:plan@example.com") {
		t.Errorf("the contact was not found:\n%s", s.told())
	}
	if card, err := s.store.Connection(t.Context(), c.ID); err != nil || card.State != control.Connected {
		t.Errorf("the card says %+v, %v", card, err)
	}
}

// testLookBusy: it waits as long as Intercom asks, and then goes on.
func testLookBusy(t *testing.T, s *slice) {
	s.chatted(3)
	c := s.connect()
	s.forget()
	if err := s.store.RequestBackfill(t.Context(), s.who, "intercom"); err != nil {
		t.Fatal(err)
	}
	s.post("/standin/fault", map[string]any{"kind": "429", "times": 1})
	sweeper := s.sweeper(s.deliver)
	s.sweep(sweeper)
	if l := s.look(c, control.Backfill); l.Done || !strings.Contains(l.Note, "fewer requests") {
		t.Fatalf("while Intercom is busy it is %+v", l)
	}
	s.clock.Advance(10 * time.Minute)
	s.sweep(sweeper)
	if l := s.look(c, control.Backfill); !l.Done || l.Found != 3 || l.Note != "" {
		t.Fatalf("it ended as %+v", l)
	}
}

// testLookAfterError: what came while the card said Error is found at once when
// it says Connected again.
func testLookAfterError(t *testing.T, s *slice) {
	c := s.connect()
	sweeper := s.sweeper(s.deliver)
	s.clock.Advance(3 * time.Hour)
	s.sweep(sweeper)
	if err := s.store.MarkFailed(t.Context(), c.ID, "The attribute is gone."); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(20 * time.Hour)
	s.post("/standin/chat", map[string]any{"at": s.clock.Now().UnixMilli(), "message": "Anybody?", "email": "meanwhile@example.com"})
	if s.unrouted == 0 {
		t.Fatal("a webhook of a connection in Error was routed, so that nothing is tried")
	}
	s.clock.Advance(4 * time.Hour)
	s.sweep(sweeper)
	if len(s.ids()) > 0 {
		t.Fatalf("in Error it looked:\n%s", s.told())
	}
	if back, err := s.service.Test(t.Context(), s.who, "intercom"); err != nil || back.State != control.Connected {
		t.Fatalf("%+v, %v", back, err)
	}
	s.sweep(sweeper)
	for _, want := range []string{"email:meanwhile@example.com", `"Anybody?"`} {
		if !strings.Contains(s.told(), want) {
			t.Errorf("not told %q in\n%s", want, s.told())
		}
	}
}

func testLookDisconnected(t *testing.T, s *slice) {
	s.chatted(3)
	c := s.connect()
	s.forget()
	if err := s.store.RequestBackfill(t.Context(), s.who, "intercom"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.service.Disconnect(t.Context(), s.who, "intercom"); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(2 * time.Hour)
	sweeper := s.sweeper(s.deliver)
	s.sweep(sweeper)
	if looks, err := s.store.Looks(t.Context(), c.ID); err != nil || len(looks) > 0 || len(s.ids()) > 0 {
		t.Fatalf("after disconnecting there are %+v, and it was told\n%s", looks, s.told())
	}
	if err := s.store.RequestBackfill(t.Context(), s.who, "intercom"); schema.KindOf(err) != schema.KindUnknown {
		t.Fatalf("importing without a connection: %v", err)
	}
	// Connected anew, the old time is not looked at unless asked for.
	s.connect()
	s.clock.Advance(time.Hour)
	s.sweep(sweeper)
	if strings.Contains(s.told(), "Hello") {
		t.Fatalf("it was told\n%s", s.told())
	}
}
