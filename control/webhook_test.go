package control_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/control/seal"
	"sourceloop/schema"
)

func receiver(name string, events ...string) control.Endpoint {
	if len(events) == 0 {
		events = control.LeadEvents()
	}
	return control.Endpoint{Name: name, URL: "https://receiver.example/" + name, Events: events}
}

// makeEndpoint makes a receiver and gives its secret along.
func makeEndpoint(t *testing.T, s *control.Store, who control.Principal, e control.Endpoint) (control.Endpoint, string) {
	t.Helper()
	made, secret, err := s.CreateEndpoint(t.Context(), who, e)
	ok(t, err)
	return made, secret
}

func testEndpoints(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	old := seal.NewKey()
	ring := must[*seal.Ring](t)(seal.Parse(old))
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: ring})
	ann, bob := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "bob@example.com")
	editor := ann
	editor.Role = control.Editor
	_, _, err := s.CreateEndpoint(ctx, editor, receiver("crm"))
	wantKind(t, err, schema.KindDenied)
	_, _, err = s.CreateEndpoint(ctx, ann, receiver("crm", "lead.sold"))
	wantKind(t, err, schema.KindInvalid)
	crm, secret := makeEndpoint(t, s, ann, receiver("crm"))
	if !strings.HasPrefix(secret, "whsec_") || len(secret) < 40 {
		t.Fatalf("the secret %q is none of Standard Webhooks", secret)
	}
	// Only so many, however many ask at once.
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			if _, _, err := s.CreateEndpoint(ctx, ann, receiver(fmt.Sprint(n))); err != nil && schema.KindOf(err) != schema.KindConflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all := must[[]control.Endpoint](t)(s.Endpoints(ctx, ann))
	if len(all) != control.MostEndpoints || all[0].ID != crm.ID || all[0].State != control.EndpointActive {
		t.Fatalf("the webhooks are %+v", all)
	}
	// Another workspace's are not there.
	if theirs := must[[]control.Endpoint](t)(s.Endpoints(ctx, bob)); len(theirs) != 0 {
		t.Fatalf("Bob sees %+v", theirs)
	}
	wantKind(t, s.DeleteEndpoint(ctx, bob, crm.ID), schema.KindUnknown)
	wantKind(t, s.ReplayDelivery(ctx, bob, crm.ID, schema.ID{1}), schema.KindUnknown)

	// A renewed secret signs, and the former one for a day along with it.
	renewed := must[string](t)(s.RotateEndpoint(ctx, ann, crm.ID))
	secrets := func(s *control.Store) []string {
		t.Helper()
		d := must[control.Delivery](t)(s.TestEndpoint(ctx, ann, crm.ID))
		turn := onlyTurn(t, s)
		ok(t, s.EndDelivery(ctx, turn, d, control.DeliveryResult{State: control.DeliverySent, Status: 200}))
		ok(t, s.ReleaseTurn(ctx, turn, 0))
		return turn.Secrets
	}
	if got := secrets(s); !slices.Equal(got, []string{renewed, secret}) {
		t.Fatal("renewed and former secret do not both sign")
	}
	// Keys rotate: both are sealed anew, and open by the new key alone.
	fresh := seal.NewKey()
	both := must[*seal.Ring](t)(seal.Parse(fresh + "," + old))
	if n := must[int](t)(controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: both}).Reseal(ctx)); n < 2 {
		t.Fatalf("%d secrets were sealed anew", n)
	}
	later := controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: must[*seal.Ring](t)(seal.Parse(fresh))})
	if got := secrets(later); !slices.Equal(got, []string{renewed, secret}) {
		t.Fatal("the secrets do not open after the keys were rotated")
	}
	clock.Advance(control.FormerSecret)
	if got := secrets(later); !slices.Equal(got, []string{renewed}) {
		t.Fatal("the former secret signs after a day")
	}
	ok(t, control.Tidy(ctx, later))
	ok(t, later.DeleteEndpoint(ctx, ann, crm.ID))
	_, err = later.Endpoint(ctx, ann, crm.ID)
	wantKind(t, err, schema.KindUnknown)
}

// onlyTurn takes the one receiver for whom something is due.
func onlyTurn(t *testing.T, s *control.Store) control.SendTurn {
	t.Helper()
	turns := must[[]control.SendTurn](t)(s.TakeTurns(t.Context(), 10, time.Minute))
	if len(turns) != 1 {
		t.Fatalf("%d receivers are due, want one", len(turns))
	}
	return turns[0]
}

// courier is a test's way through planning and sending.
type courier struct {
	*testing.T
	s     *control.Store
	clock *controltest.Clock
	who   control.Principal
}

func (c courier) lead(name, looks string) control.LeadSeen {
	now := schema.MillisOf(c.clock.Now())
	return control.LeadSeen{Contact: schema.Derive("contact", name), Fingerprint: schema.Derive("looks", looks), Since: now, Changed: now}
}

func (c courier) plan(leads ...control.LeadSeen) {
	c.Helper()
	for range 2 { // Repeating changes nothing.
		ok(c.T, c.s.PlanDeliveries(c.Context(), c.who.Workspace, leads, time.Second))
	}
}

func (c courier) log(endpoint int64) []control.Delivery {
	c.Helper()
	return must[[]control.Delivery](c.T)(c.s.Deliveries(c.Context(), c.who, endpoint, nil, 100))
}

// events are those of the log, with states, the newest first.
func (c courier) events(endpoint int64) string {
	c.Helper()
	var all []string
	for _, d := range c.log(endpoint) {
		all = append(all, strings.TrimPrefix(d.Event, "lead.")+" "+string(d.State))
	}
	return strings.Join(all, ", ")
}

func (c courier) want(endpoint int64, want string) {
	c.Helper()
	if got := c.events(endpoint); got != want {
		c.Fatalf("the log is %q, want %q", got, want)
	}
}

// send makes one attempt for everything that is due at the only due receiver.
func (c courier) send(r control.DeliveryResult) []control.Delivery {
	c.Helper()
	turn := onlyTurn(c.T, c.s)
	due := must[[]control.Delivery](c.T)(c.s.DueDeliveries(c.Context(), turn, 10))
	for _, d := range due {
		if !must[bool](c.T)(c.s.BeginDelivery(c.Context(), turn, d.ID)) {
			c.Fatalf("the delivery %s was not begun", d.ID)
		}
		ok(c.T, c.s.EndDelivery(c.Context(), turn, d, r))
	}
	ok(c.T, c.s.ReleaseTurn(c.Context(), turn, 0))
	return due
}

func testPlannedDeliveries(t *testing.T, dsn string) {
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	c := courier{t, s, clock, controltest.NewOwner(t, s, "ann@example.com")}
	if must[bool](t)(s.Listening(t.Context(), c.who.Workspace)) {
		t.Fatal("somebody listens in a new workspace")
	}
	c.plan(c.lead("early", "1")) // Nobody listens.
	clock.Advance(time.Hour)
	e, _ := makeEndpoint(t, s, c.who, receiver("crm"))
	only, _ := makeEndpoint(t, s, c.who, receiver("created", control.LeadCreated))
	old := c.lead("old", "1")
	old.Since, old.Changed = old.Since.Add(-2*time.Hour), old.Changed.Add(-2*time.Hour)
	c.plan(old, c.lead("ada", "1"))
	c.want(e.ID, "created pending")
	// While it waits nothing is added; a former id is no new lead.
	c.plan(c.lead("ada", "2"))
	c.want(e.ID, "created pending")
	clock.Advance(2 * time.Second)
	ok(t, s.PauseEndpoint(t.Context(), c.who, only.ID, true))
	sent := c.send(control.DeliveryResult{State: control.DeliverySent, Status: 200, Fingerprint: c.lead("", "2").Fingerprint})
	if len(sent) != 1 {
		t.Fatalf("sent %+v", sent)
	}
	c.plan(c.lead("ada", "2")) // As it was sent.
	c.want(e.ID, "created sent")
	clock.Advance(time.Second)
	c.plan(c.lead("ada", "1"))
	c.want(e.ID, "changed pending, created sent")
	clock.Advance(time.Second)
	c.send(control.DeliveryResult{State: control.DeliverySent, Status: 200, Fingerprint: c.lead("", "1").Fingerprint})
	clock.Advance(time.Second)
	c.plan(c.lead("ada", "2")) // There and back again is three changes.
	c.want(e.ID, "changed pending, changed sent, created sent")
	c.want(only.ID, "created pending")
	clock.Advance(time.Second)
	old.Fingerprint, old.Changed = schema.Derive("looks", "2"), schema.MillisOf(clock.Now())
	merged := c.lead("merged", "1")
	merged.Former = []schema.ID{c.lead("ada", "").Contact}
	c.plan(old, merged)
	c.want(e.ID, "changed pending, changed pending, changed pending, changed sent, created sent")
	c.want(only.ID, "created pending")
	// Going on sends what waited.
	ok(t, s.PauseEndpoint(t.Context(), c.who, e.ID, true))
	ok(t, s.PauseEndpoint(t.Context(), c.who, only.ID, false))
	clock.Advance(time.Minute)
	if due := c.send(control.DeliveryResult{State: control.DeliverySent, Status: 204}); len(due) != 1 || due[0].Endpoint != only.ID {
		t.Fatalf("sent %+v", due)
	}
	// Thirty days later nothing of it is there.
	clock.Advance(control.KeepDeliveries)
	ok(t, s.ForgetDeliveries(t.Context()))
	c.want(e.ID, "")
}

func testSentDeliveries(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	c := courier{t, s, clock, controltest.NewOwner(t, s, "ann@example.com")}
	e, _ := makeEndpoint(t, s, c.who, receiver("crm"))
	c.plan(c.lead("ada", "1"))
	clock.Advance(2 * time.Second)
	turn := onlyTurn(t, s)
	if more := must[[]control.SendTurn](t)(s.TakeTurns(ctx, 10, time.Minute)); len(more) != 0 {
		t.Fatalf("a second process took %+v", more)
	}
	due := must[[]control.Delivery](t)(s.DueDeliveries(ctx, turn, 10))
	// A turn that ended is of no use.
	clock.Advance(2 * time.Minute)
	if must[bool](t)(s.BeginDelivery(ctx, turn, due[0].ID)) {
		t.Fatal("begun without a lease")
	}
	ok(t, s.EndDelivery(ctx, turn, due[0], control.DeliveryResult{State: control.DeliveryFailed}))
	c.want(e.ID, "created pending")
	// It fails for five days, and is paused; a person sends it again.
	failed := control.DeliveryResult{State: control.DeliveryPending, Status: 500, Words: "It answered 500.", After: time.Hour}
	c.send(failed)
	if again := must[[]control.SendTurn](t)(s.TakeTurns(ctx, 10, time.Minute)); len(again) != 0 {
		t.Fatalf("due at once: %+v", again)
	}
	clock.Advance(control.FailingLimit - time.Minute)
	c.send(failed)
	if got := must[control.Endpoint](t)(s.Endpoint(ctx, c.who, e.ID)); got.State != control.EndpointActive || got.FailingSince == 0 {
		t.Fatalf("paused too soon: %+v", got)
	}
	clock.Advance(time.Hour)
	failed.State = control.DeliveryFailed
	c.send(failed)
	got := must[control.Endpoint](t)(s.Endpoint(ctx, c.who, e.ID))
	if got.State != control.EndpointPaused || !strings.Contains(got.Words, "five days") || got.Failed != 1 {
		t.Fatalf("after five days it is %+v", got)
	}
	audit := must[[]control.AuditEntry](t)(s.Audit(ctx, c.who, 0, 1))
	if audit[0].Action != "webhook paused since it failed" {
		t.Fatalf("the audit log says %+v", audit)
	}
	ok(t, s.PauseEndpoint(ctx, c.who, e.ID, false))
	if n := must[int64](t)(s.ReplayFailed(ctx, c.who, e.ID, schema.MillisOf(clock.Now()))); n != 0 {
		t.Fatalf("%d are sent again that are older", n)
	}
	if n := must[int64](t)(s.ReplayFailed(ctx, c.who, e.ID, 0)); n != 1 {
		t.Fatalf("%d are sent again, want one", n)
	}
	c.send(control.DeliveryResult{State: control.DeliverySent, Status: 200})
	if got = must[control.Endpoint](t)(s.Endpoint(ctx, c.who, e.ID)); got.FailingSince != 0 || got.Failed != 0 {
		t.Fatalf("after a success it is %+v", got)
	}
	ok(t, s.ReplayDelivery(ctx, c.who, e.ID, due[0].ID))
	if again := c.send(control.DeliveryResult{State: control.DeliverySent, Status: 200}); len(again) != 1 || again[0].ID != due[0].ID {
		t.Fatalf("sent again %+v", again)
	}
	// 410: nothing more, until it is switched on again.
	clock.Advance(time.Second)
	c.plan(c.lead("ada", "2"), c.lead("bea", "1"))
	clock.Advance(time.Minute)
	turn = onlyTurn(t, s)
	due = must[[]control.Delivery](t)(s.DueDeliveries(ctx, turn, 10))
	ok(t, s.EndDelivery(ctx, turn, due[0], control.DeliveryResult{State: control.DeliveryFailed, Status: 410, Gone: true}))
	ok(t, s.ReleaseTurn(ctx, turn, 0))
	if got = must[control.Endpoint](t)(s.Endpoint(ctx, c.who, e.ID)); got.State != control.EndpointGone || got.Waiting != 0 {
		t.Fatalf("after 410 it is %+v", got)
	}
	c.plan(c.lead("cleo", "1"))
	if len(c.log(e.ID)) != 3 {
		t.Fatalf("planned for one that is gone: %s", c.events(e.ID))
	}
}

// testErasedDeliveries erases somebody of whom something waits.
func testErasedDeliveries(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	c := courier{t, s, clock, controltest.NewOwner(t, s, "ann@example.com")}
	e, _ := makeEndpoint(t, s, c.who, receiver("crm"))
	ada := c.lead("ada", "1")
	c.plan(ada, c.lead("bea", "1"))
	task := must[control.Task](t)(s.RequestErasure(ctx, c.who, control.ContactTarget+ada.Contact.String()))
	work := must[*schema.Erase](t)(s.ErasureWork(ctx, &task))
	work.Contacts = [][]byte{ada.Contact[:]}
	ok(t, s.NameErased(ctx, &task, work))
	for _, d := range c.log(e.ID) {
		if d.Contact == ada.Contact {
			t.Fatal("something about an erased contact waits")
		}
	}
	c.plan(ada) // Before ClickHouse hides it.
	ok(t, s.FinishErasure(ctx, &task, work))
	if all := c.log(e.ID); len(all) != 1 || all[0].Contact == ada.Contact {
		t.Fatalf("after the erasure the log is %+v", all)
	}
}
