package upkeep_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/pipeline/stream"
	"sourceloop/pipeline/upkeep"
	"sourceloop/schema"
)

// owners obey every order at once, unless they are away.
type owners struct {
	t     *testing.T
	away  bool
	late  []int32
	hits  map[int32][]*schema.Rebuild
	leads []*schema.Rebuild
	steps []schema.TaskStep

	covered [][]byte        // what was put behind the last webhooks and dead letters
	erased  []*schema.Erase // from hits and then from leads
	applied int
}

func (o *owners) Append(_ context.Context, topic string, keys, values [][]byte) error {
	if topic == schema.TopicWebhooks || topic == schema.TopicDead {
		o.covered = append(o.covered, values...)
		return nil
	}
	for i, value := range values {
		if topic == schema.TopicLeads {
			var lead schema.LeadRecord
			if err := proto.Unmarshal(value, &lead); err != nil {
				o.t.Fatal(err)
			}
			if e := lead.GetErase(); e != nil {
				o.erased = append(o.erased, e)
				o.steps = append(o.steps, schema.TaskStep{Part: e.GetPart(), Done: true, Counts: map[string]uint64{"claims": 3}})
				continue
			}
			o.leads = append(o.leads, lead.GetRebuild())
			o.note(lead.GetRebuild())
			continue
		}
		var hit schema.HitRecord
		if err := proto.Unmarshal(value, &hit); err != nil {
			o.t.Fatal(err)
		}
		if e := hit.GetErase(); e != nil {
			if got, want := string(keys[i]), string(schema.HitKey(e.GetWorkspace(), e.GetBrowsers()[0].GetVisitor())); got != want {
				o.t.Errorf("the order of a browser has the key %s, want %s", got, want)
			}
			o.erased = append(o.erased, e)
			o.steps = append(o.steps, schema.TaskStep{Part: e.GetPart(), Done: true, Counts: map[string]uint64{"hits": 5}})
			continue
		}
		p := stream.Partition(keys[i], schema.HitsPartitions)
		o.hits[p] = append(o.hits[p], hit.GetRebuild())
		o.note(hit.GetRebuild())
	}
	return nil
}

func (o *owners) note(r *schema.Rebuild) {
	if !o.away {
		o.steps = append(o.steps, schema.TaskStep{Part: r.GetPart(), Done: true, Counts: map[string]uint64{"visitors": 2}})
	}
}

func (o *owners) Steps(context.Context, schema.ID) ([]schema.TaskStep, error) { return o.steps, nil }

func (o *owners) Partitions(_ context.Context, _ uint32, late bool, partitions int32) ([]int32, error) {
	if late {
		return o.late, nil
	}
	all := make([]int32, partitions)
	for p := range all {
		all[p] = int32(p)
	}
	return all, nil
}

// What ClickHouse knows: eve with two browsers, one of them shared, and a third
// that only names her.
func (o *owners) Owner(_ context.Context, _ uint32, node schema.Node) (schema.ID, error) {
	if node == "email:eve@example.com" {
		return schema.Derive("eve"), nil
	}
	return schema.ID{}, nil
}

func (o *owners) Contact(_ context.Context, _ uint32, id schema.ID) (*schema.Contact, []schema.ID, error) {
	nodes := []schema.Node{"email:eve@example.com", "intercom:1", "visitor:own", "visitor:shared"}
	return &schema.Contact{ID: id, Nodes: nodes}, []schema.ID{id, schema.Derive("former")}, nil
}

func (o *owners) Browsers(_ context.Context, _ uint32, contact schema.ID) ([]schema.Identity, error) {
	other := schema.Derive("other")
	return []schema.Identity{
		{Node: "visitor:own", Since: []schema.Millis{50}, Contacts: []schema.ID{contact}},
		{Node: "visitor:shared", Since: []schema.Millis{10, 20, 30}, Contacts: []schema.ID{contact, other, contact}},
	}, nil
}

func (o *owners) Conversions(_ context.Context, _ uint32, contacts []schema.ID) ([]schema.ID, error) {
	if len(contacts) == 0 {
		return nil, errors.New("nobody was asked for")
	}
	return []schema.ID{schema.Derive("conversion")}, nil
}

func (o *owners) Traits(_ context.Context, _ uint32, yield func(*schema.Hit)) error {
	yield(&schema.Hit{Visitor: "own", Traits: &schema.Traits{Email: "eve@example.com"}})
	yield(&schema.Hit{Visitor: "third", Traits: &schema.Traits{Email: " Eve@Example.com ", UserId: "7"}})
	yield(&schema.Hit{Visitor: "fourth", Traits: &schema.Traits{Email: "ann@example.com"}})
	return nil
}

func (o *owners) ApplyDeletions(context.Context) error {
	o.applied++
	return nil
}

// copies are asked for by a test, and made when it lets them.
type copies struct {
	begun chan bool  // whether all that was copied before is copied again
	end   chan error // unbuffered
}

func (c *copies) CopyJourneys(ctx context.Context, since schema.Millis) error {
	select {
	case c.begun <- since > 0:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

type rig struct {
	*testing.T
	copies *copies
	clock  *controltest.Clock
	store  *control.Store
	owners *owners
	keeper *upkeep.Keeper
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, clock: controltest.NewClock(), owners: &owners{t: t, hits: map[int32][]*schema.Rebuild{}},
		copies: &copies{begun: make(chan bool), end: make(chan error)}}
	r.store = controltest.Open(t, controltest.SQLite(t), control.Options{Now: r.clock.Now})
	r.keeper = upkeep.New(upkeep.Config{
		Store: r.store, Log: r.owners, Steps: r.owners, People: r.owners, Journeys: r.copies, Workspaces: r.store.Directory(), Nightly: 3 * time.Hour, Now: r.clock.Now,
	})
	return r
}

// work lets some seconds pass.
func (r *rig) work() {
	r.Helper()
	for range 30 {
		r.clock.Advance(2 * time.Second)
		if err := r.keeper.Work(r.Context()); err != nil {
			r.Fatal(err)
		}
	}
}

func TestARebuildGoesThroughHitsAndThenLeads(t *testing.T) {
	r := newRig(t)
	ann := controltest.NewOwner(t, r.store, "ann@example.com")
	task, err := r.store.RequestRebuild(t.Context(), ann.Workspace, control.TaskBody{From: 5})
	if err != nil {
		t.Fatal(err)
	}
	r.owners.away = true
	r.work()
	if len(r.owners.hits) != 4 || len(r.owners.leads) != 0 {
		t.Errorf("%d partitions are at work at once, and %d workspaces", len(r.owners.hits), len(r.owners.leads))
	}
	r.owners.away = false
	for _, orders := range r.owners.hits {
		r.owners.note(orders[0])
	}
	r.work()
	for p := range int32(schema.HitsPartitions) {
		if got := r.owners.hits[p]; len(got) != 1 || got[0].GetFrom() != 5 || got[0].GetWorkspace() != ann.Workspace || schema.ID(got[0].GetTask()) != task.Run {
			t.Errorf("partition %d was asked %v", p, got)
		}
	}
	if len(r.owners.leads) != 1 || r.owners.leads[0].GetWorkspace() != ann.Workspace {
		t.Errorf("leads were asked %v", r.owners.leads)
	}
	done, err := r.store.Task(t.Context(), task.ID)
	if err != nil || !done.Finished || done.Progress.Counts["visitors"] != 2*(schema.HitsPartitions+1) {
		t.Errorf("it ended as %+v, %v", done, err)
	}
}

// A night in which something waits has one task, however many processes look,
// and also when none ran at that time.
func TestEveryNightFoldsInWhatCameLate(t *testing.T) {
	r := newRig(t)
	r.work()
	if len(r.owners.hits) != 0 {
		t.Error("partitions were asked although nothing waits")
	}
	r.owners.late = []int32{0, 63}
	r.clock.Advance(40 * time.Hour)
	r.work()
	another := upkeep.New(upkeep.Config{
		Store: r.store, Log: r.owners, Steps: r.owners, People: r.owners, Journeys: r.copies, Workspaces: r.store.Directory(), Nightly: 3 * time.Hour, Now: r.clock.Now,
	})
	if err := another.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.work()
	orders := slices.Concat(r.owners.hits[0], r.owners.hits[63])
	if len(orders) != 2 || len(r.owners.hits) != 2 || !orders[0].GetLate() || orders[0].GetWorkspace() != 0 || len(r.owners.leads) != 0 {
		t.Errorf("asked were %v and leads %v", orders, r.owners.leads)
	}
}

// TestDeliveriesAreForgotten: raw webhooks and what was noted of their coming
// are there for thirty days, and then gone; the connection's number stays.
func TestDeliveriesAreForgotten(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	open := func(email, app string) (control.Principal, control.Connection) {
		who := controltest.NewOwner(t, r.store, email)
		state := must(t)(r.store.BeginConnection(ctx, who, "intercom", "browser"))
		c, err := r.store.UseState(ctx, "intercom", state, "browser")
		if err = errors.Join(err, r.store.SaveGrant(ctx, c.ID, control.Grant{Access: "t"}), r.store.MarkConnected(ctx, c.ID, control.Setup{App: app, Name: "Tea"}),
			r.store.NoteEvent(ctx, c.ID, schema.MillisOf(r.clock.Now()))); err != nil {
			t.Fatal(err)
		}
		return who, c
	}
	ann, closed := open("ann@example.com", "tea1")
	_, kept := open("bob@example.com", "tea2")
	waiting := &schema.WebhookRecord{Provider: "intercom", App: "tea2", Connection: kept.ID, Received: r.clock.Now().UnixMilli(), Body: []byte(`{"secret":1}`)}
	if err := r.store.PutInbox(ctx, waiting, 0, "429"); err != nil {
		t.Fatal(err)
	}
	r.work() // The chore begins to be known.
	if _, err := r.store.CloseRoute(ctx, ann, closed.ID); err != nil {
		t.Fatal(err)
	}
	look := func() (waits int, c control.Connection) {
		waits, err := r.store.InboxSize(ctx)
		c, failure := r.store.Connection(ctx, closed.ID)
		if err = errors.Join(err, failure); err != nil {
			t.Fatal(err)
		}
		return waits, c
	}
	r.clock.Advance(29 * 24 * time.Hour)
	r.work()
	if waits, c := look(); waits != 1 || c.LastEventAt == 0 || c.Name != "Tea" {
		t.Fatalf("after 29 days: %d wait, %+v", waits, c)
	}
	covered := len(r.owners.covered)
	r.clock.Advance(25 * time.Hour)
	r.work()
	if waits, c := look(); waits != 0 || c.LastEventAt != 0 || c.Name != "" || c.App != "" || c.State != control.Disconnected {
		t.Fatalf("after 30 days: %d wait, %+v", waits, c)
	}
	if c, err := r.store.Connection(ctx, kept.ID); err != nil || c.LastEventAt == 0 || c.App != "tea2" {
		t.Fatalf("what is connected was touched: %+v, %v", c, err)
	}
	if n := len(r.owners.covered) - covered; n != schema.WebhooksPartitions+schema.DeadPartitions {
		t.Fatalf("%d records were put behind the last ones in a day", n)
	}
	if schema.Kept > control.KeepDeliveries {
		t.Fatal("the topics keep webhooks longer than they may")
	}
}

func must(t *testing.T) func(string, error) string {
	return func(v string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// pushes plans two conversions for Google: one waits, and the other was sent
// while it was another contact's. It gives the id of that.
func (r *rig) pushes(who control.Principal) schema.ID {
	r.Helper()
	ctx, ok := r.Context(), func(err error) {
		r.Helper()
		if err != nil {
			r.Fatal(err)
		}
	}
	c, err := r.store.UseState(ctx, "google", must(r.T)(r.store.BeginConnection(ctx, who, "google", "browser")), "browser")
	ok(err)
	ok(r.store.SaveGrant(ctx, c.ID, control.Grant{Access: "token"}))
	ok(r.store.MarkConnected(ctx, c.ID, control.Setup{App: "ads", Name: "Tea"}))
	d, err := r.store.CreateDestination(ctx, who, control.Destination{Platform: "google", Account: "123-456-7890", Action: "7"})
	ok(err)
	push := func(conversion, contact schema.ID) control.Push {
		return control.Push{ID: d.PushID(conversion), Workspace: d.Workspace, Destination: d.ID, Conversion: conversion, Contact: contact, ConversionName: "intercom_conversation"}
	}
	sent := push(schema.Derive("conversion"), schema.Derive("somebody else"))
	ok(r.store.PlanPushes(ctx, []control.Push{sent}))
	taken, err := r.store.TakePushes(ctx, 1, 1, time.Minute)
	ok(err)
	begun, err := r.store.BeginPushes(ctx, taken)
	ok(err)
	ok(r.store.EndPushes(ctx, []control.PushResult{{Push: begun[0], State: schema.PushSent, Outcome: schema.OutcomeSent}}))
	owner, err := r.owners.Owner(ctx, who.Workspace, "email:eve@example.com")
	ok(err)
	ok(r.store.PlanPushes(ctx, []control.Push{push(schema.Derive("another conversion"), owner)}))
	return sent.ID
}

// TestAnErasureFirstRefusesAndThenDeletes, hits before what was made from
// them, and once more at night.
func TestAnErasureFirstRefusesAndThenDeletes(t *testing.T) {
	r := newRig(t)
	ann := controltest.NewOwner(t, r.store, "ann@example.com")
	sent := r.pushes(ann)
	task, err := r.store.RequestErasure(t.Context(), ann, "email:eve@example.com")
	if err != nil {
		t.Fatal(err)
	}
	step := func() {
		t.Helper()
		r.clock.Advance(time.Second)
		if err := r.keeper.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for r.store.Directory().ErasedUntil(ann.Workspace) == 0 {
		step()
	}
	if len(r.owners.erased) != 0 {
		t.Error("something is deleted that may come in behind")
	}
	for range 20 {
		step()
	}
	var parts []string
	for _, e := range r.owners.erased {
		parts = append(parts, e.GetPart())
	}
	if want := []string{"browser 0", "browser 1", "browser 2", "leads"}; !slices.Equal(parts, want) {
		t.Fatalf("ordered were %v, want %v", parts, want)
	}
	shared, third, leads := r.owners.erased[1], r.owners.erased[2], r.owners.erased[3]
	if s := shared.GetBrowsers()[0].GetStretches(); len(s) != 2 || s[0].GetTo() != 20 || s[1].GetFrom() != 30 || shared.GetBrowsers()[0].Whole() {
		t.Errorf("of the shared browser go %v", s)
	}
	if b := third.GetBrowsers()[0]; b.GetVisitor() != "third" || len(b.GetStretches()) != 0 || !r.owners.erased[0].GetBrowsers()[0].Whole() {
		t.Errorf("of the browser that names her goes %v", b)
	}
	if len(leads.GetContacts()) != 2 || !slices.Equal(leads.GetNodes(), []string{"email:eve@example.com", "intercom:1"}) || len(leads.GetBrowsers()) != 3 {
		t.Errorf("of leads goes %v", leads)
	}
	got, err := r.store.Task(t.Context(), task.ID)
	if err != nil || !got.Progress.Hidden || got.Finished || !strings.Contains(strings.Join(got.Progress.Receipt, "\n"), "15 hits") || r.owners.applied != 0 {
		t.Errorf("by now it is %+v, %v", got, err)
	}
	receipt := strings.Join(got.Progress.Receipt, "\n")
	if !strings.Contains(receipt, "Google Ads: 1 conversions that waited were removed") || !strings.Contains(receipt, "by the transaction id: "+sent.String()+".") {
		t.Errorf("of what goes to platforms the receipt says %q", receipt)
	}
	if left, _, err := r.store.Pushes(t.Context(), ann, control.PushQuery{}); err != nil || len(left) != 1 || left[0].ID != sent || !left[0].Contact.IsZero() {
		t.Errorf("of the pushes stay %+v, %v", left, err)
	}
	r.clock.Advance(24 * time.Hour)
	for range 20 {
		step()
	}
	if got, err = r.store.Task(t.Context(), task.ID); err != nil || !got.Finished || len(r.owners.erased) != 8 || r.owners.applied != 1 {
		t.Errorf("after the night it is %+v with %d orders, %v", got, len(r.owners.erased), err)
	}
	if _, err := r.store.ErasureWork(t.Context(), &got); schema.KindOf(err) != schema.KindUnknown {
		t.Errorf("what it was about is still there, %v", err)
	}
	if !r.store.Directory().Erased(ann.Workspace, "visitor:shared", 15, task.CreatedAt) || r.store.Directory().Erased(ann.Workspace, "visitor:shared", 25, task.CreatedAt) {
		t.Error("of the shared browser something else is refused than what was erased")
	}
}
