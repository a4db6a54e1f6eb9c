package stitch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	miniserver "github.com/alicebob/miniredis/v2/server"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stitch"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

const workspace = 7

// truth is ClickHouse as far as a worker needs it.
type truth struct {
	claims   map[schema.ID]*schema.Claim
	contacts map[schema.ID]bool
	credited [][]schema.ID // nil for everybody
	why      [][]schema.Recredit
	steps    []schema.TaskStep
	rows     map[schema.ID]schema.ContactRow // the newest
	appended [][]byte                        // to leads
	told     []*schema.CreditedRecord
	onWrite  func()
	erased   []*schema.ErasedLeads
	gone     map[schema.Node]schema.Millis // who was erased: what arrived by then is refused
}

func (c *truth) Erased(_ uint32, node schema.Node, _, arrived schema.Millis) bool {
	until, erased := c.gone[node]
	return erased && arrived <= until
}

func (c *truth) Append(_ context.Context, topic string, _, values [][]byte) error {
	if topic == schema.TopicLeads {
		c.appended = append(c.appended, values...)
		return nil
	}
	for _, value := range values {
		told := &schema.CreditedRecord{}
		if err := proto.Unmarshal(value, told); err != nil {
			return err
		}
		c.told = append(c.told, told)
	}
	return nil
}

func (c *truth) WriteLeads(_ context.Context, rows *stitch.Rows) error {
	if c.onWrite != nil {
		on := c.onWrite
		c.onWrite = nil
		on()
	}
	for _, r := range rows.Claims {
		c.claims[schema.ID(r.Claim.GetId())] = r.Claim
	}
	for _, r := range rows.Contacts {
		c.contacts[r.Contact.ID] = true
		if r.Version > c.rows[r.Contact.ID].Version {
			c.rows[r.Contact.ID] = r
		}
	}
	return nil
}

func (c *truth) Attribute(_ context.Context, _ uint32, contacts []schema.Recredit, _ uint64) error {
	var ids []schema.ID
	for _, r := range contacts {
		ids = append(ids, r.Contact)
	}
	c.credited, c.why = append(c.credited, ids), append(c.why, contacts)
	return nil
}

func (c *truth) AttributeAnew(ctx context.Context, workspace uint32, contacts []schema.ID, version uint64) error {
	c.credited = append(c.credited, contacts)
	return nil
}

func (c *truth) EraseOwners(context.Context, *schema.ErasedLeads) ([]schema.ID, error) {
	return nil, nil
}

func (c *truth) EraseLeads(_ context.Context, e *schema.ErasedLeads) error {
	c.erased = append(c.erased, e)
	return nil
}

func (c *truth) NoteStep(_ context.Context, step *schema.TaskStep) error {
	c.steps = append(c.steps, *step)
	return nil
}

func (c *truth) WorkspacesWithClaims(context.Context) ([]uint32, error) {
	if len(c.claims) == 0 {
		return nil, nil
	}
	return []uint32{workspace}, nil
}

func (c *truth) Leads(context.Context, uint32) (stitch.Past, error) {
	var past stitch.Past
	for _, claim := range c.claims {
		past.Claims = append(past.Claims, claim)
	}
	for id := range c.contacts {
		past.Contacts = append(past.Contacts, id)
	}
	return past, nil
}

func (c *truth) HighestEpoch(context.Context) (uint32, error) { return 5000, nil }

func (c *truth) AppendDead(_ context.Context, letters []*schema.DeadRecord) error {
	if len(letters) > 0 {
		return errors.New("a dead letter")
	}
	return nil
}

// rig is a stitcher on a Redis in memory.
type rig struct {
	t         *testing.T
	redis     *miniredis.Miniredis
	store     *state.Store
	truth     *truth
	stager    *stitch.Stager
	worker    stream.Worker
	offset    int64
	committed int64
}

func newRig(t *testing.T) *rig {
	t.Helper()
	server := miniredis.RunT(t)
	store, err := state.Open(t.Context(), state.Config{
		Addrs: []string{server.Addr()}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c := &truth{claims: make(map[schema.ID]*schema.Claim), contacts: make(map[schema.ID]bool), rows: make(map[schema.ID]schema.ContactRow)}
	return &rig{t: t, redis: server, store: store, truth: c, stager: stitch.NewStager(stitch.Deps{
		State: store, Sink: c, History: c, Erasures: c, Dead: c, Log: c, Slog: slog.New(slog.DiscardHandler), Now: time.Now,
	}, prometheus.NewRegistry())}
}

func partition() int32 { return stream.Partition(schema.LeadKey(workspace), schema.LeadsPartitions) }

func (r *rig) take() {
	r.t.Helper()
	w, err := r.stager.New(r.t.Context(), stream.Assignment{
		Partition: partition(), Confirm: func(context.Context) (int64, error) { return r.committed, nil },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.worker = w
}

func (r *rig) record(body *schema.LeadRecord) *stream.Record {
	r.t.Helper()
	body.Workspace = workspace
	value, err := proto.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	r.offset++
	return &stream.Record{Value: value, Offset: r.offset - 1}
}

func (r *rig) claims(claims ...*schema.Claim) *stream.Record {
	r.t.Helper()
	return r.record(&schema.LeadRecord{Body: &schema.LeadRecord_Evidence{Evidence: &schema.Evidence{Claims: claims}}})
}

func together(nodes ...schema.Node) *schema.Claim {
	return schema.NewClaim(workspace, nodes, true, 1000, "test", "test", "")
}

func (r *rig) process(records ...*stream.Record) {
	r.t.Helper()
	if err := r.worker.Process(r.t.Context(), records); err != nil {
		r.t.Fatal(err)
	}
	r.committed = r.offset
}

func numbered(kind schema.NodeKind, name string, i int) schema.Node {
	return schema.NewNode(kind, fmt.Sprintf("%s%04d", name, i))
}

// crowd is a contact with many browsers.
func crowd(name string, n int) []*schema.Claim {
	claims := make([]*schema.Claim, n)
	for i := range claims {
		claims[i] = together(schema.NewNode(schema.NodeIntercom, name), numbered(schema.NodeVisitor, name, i))
	}
	return claims
}

// TestAJoinThatIsCutOffIsMadeWhole joins two components in a save of several
// scripts that is cut off after every one of them, and repeats it: every node
// must then point at the one component.
func TestAJoinThatIsCutOffIsMadeWhole(t *testing.T) {
	for cut := range 4 {
		r := newRig(t)
		r.take()
		r.process(r.claims(crowd("a", 10)...), r.claims(crowd("b", 2500)...))
		join := r.claims(together(schema.NewNode(schema.NodeIntercom, "a"), schema.NewNode(schema.NodeIntercom, "b")))
		scripts := 0
		r.redis.Server().SetPreHook(func(p *miniserver.Peer, cmd string, _ ...string) bool {
			if !strings.HasPrefix(cmd, "EVAL") {
				return false
			}
			if scripts++; scripts <= cut {
				return false
			}
			p.WriteError("ERR cut off")
			return true
		})
		err := r.worker.Process(t.Context(), []*stream.Record{join})
		r.redis.Server().SetPreHook(nil)
		if (err != nil) != (scripts > cut) {
			t.Fatal(err)
		}
		r.take()
		r.process(join)
		roots := make(map[string]int)
		for _, k := range r.redis.Keys() {
			if strings.Contains(k, "}:n:") {
				value, err := r.redis.Get(k)
				if err != nil {
					t.Fatal(err)
				}
				roots[value[1:]]++
			}
		}
		if len(roots) != 1 {
			t.Errorf("cut off after %d scripts and repeated, nodes point at %v", cut, roots)
		}
	}
}

func TestALostIdentityMapHidesNoConversion(t *testing.T) {
	r := newRig(t)
	r.take()
	r.process(r.claims(together(schema.NewNode(schema.NodeEmail, "ann@example.com"), schema.NewNode(schema.NodeVisitor, "ann"))))
	ask := func() []string {
		have, err := stitch.Lookup{State: r.store}.HaveConversions(t.Context(), workspace, []string{"ann", "bob"})
		if err != nil {
			t.Fatal(err)
		}
		return have
	}
	if have := ask(); !slices.Equal(have, []string{"ann"}) {
		t.Errorf("got %v, want ann", have)
	}
	r.redis.FlushAll()
	if have := ask(); !slices.Equal(have, []string{"ann", "bob"}) {
		t.Errorf("while the map is lost got %v, want everybody", have)
	}
	r.take()
	if have := ask(); !slices.Equal(have, []string{"ann"}) {
		t.Errorf("after the refill got %v, want ann", have)
	}
}

func TestAnOldIdentityMapCreditsEverybodyAgain(t *testing.T) {
	r := newRig(t)
	r.take()
	r.process(r.claims(together(schema.NewNode(schema.NodeEmail, "ann@example.com"), schema.NewNode(schema.NodeVisitor, "ann"))))
	r.truth.credited = nil
	r.take()
	if len(r.truth.credited) != 0 {
		t.Errorf("a mere restart credited %v", r.truth.credited)
	}
	r.committed += 3 // as if Redis had forgotten the last three records
	r.take()
	if len(r.truth.credited) != 1 || r.truth.credited[0] != nil {
		t.Errorf("credited %v, want everybody once", r.truth.credited)
	}
	if last := r.truth.told[len(r.truth.told)-1]; last.GetWorkspace() != workspace || len(last.GetContacts()) != 0 {
		t.Errorf("told %v, want that everybody was credited", last)
	}
}

func TestATornIdentityMapIsFilledAgain(t *testing.T) {
	r := newRig(t)
	r.take()
	r.process(r.claims(together(schema.NewNode(schema.NodeEmail, "ann@example.com"), schema.NewNode(schema.NodeVisitor, "ann"))))
	for _, k := range r.redis.Keys() {
		if strings.Contains(k, "}:c:") {
			r.redis.Del(k)
		}
	}
	changed := r.record(&schema.LeadRecord{Body: &schema.LeadRecord_Visitors{Visitors: &schema.VisitorsChanged{Visitors: []string{"ann"}}}})
	if err := r.worker.Process(t.Context(), []*stream.Record{changed}); !errors.Is(err, stream.ErrFenced) {
		t.Fatalf("got %v, want that the worker is made anew", err)
	}
	r.take()
	r.truth.credited = nil
	r.process(changed)
	if len(r.truth.credited) != 1 || len(r.truth.credited[0]) != 1 {
		t.Errorf("credited %v, want the one contact", r.truth.credited)
	}
}

func TestASkippedRecordLeavesThePartitionWarm(t *testing.T) {
	r := newRig(t)
	r.take()
	record := r.claims(together(schema.NewNode(schema.NodeEmail, "ann@example.com"), schema.NewNode(schema.NodeVisitor, "ann")))
	if err := r.worker.Skip(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	r.committed = r.offset
	r.truth.credited = nil
	r.take()
	if len(r.truth.credited) != 0 {
		t.Error("a record that was set aside was taken for a loss")
	}
}

func TestARebuildCreditsEverybodyAgain(t *testing.T) {
	r := newRig(t)
	r.take()
	task := schema.Derive("task")
	r.process(r.claims(together(schema.NewNode(schema.NodeEmail, "ann@example.com"), schema.NewNode(schema.NodeVisitor, "ann"))),
		r.record(&schema.LeadRecord{Body: &schema.LeadRecord_Rebuild{Rebuild: &schema.Rebuild{Task: task[:], Part: "leads 7", Workspace: workspace}}}))
	if len(r.truth.credited) != 2 || r.truth.credited[1] != nil {
		t.Errorf("credited %v, want the one who came and then everybody", r.truth.credited)
	}
	if told := r.truth.told; len(told) != 2 || len(told[0].GetContacts()) != 1 || len(told[1].GetContacts()) != 0 {
		t.Errorf("told %v, want the one who came and then everybody", told)
	}
	if len(r.truth.steps) != 1 || r.truth.steps[0].Part != "leads 7" || !r.truth.steps[0].Done {
		t.Errorf("noted %v", r.truth.steps)
	}
}

// TestNothingBringsAnErasedPersonBack: what is in the log of somebody who was
// erased is refused when it is read again, and their part alone; what arrives
// afterwards is taken.
func TestNothingBringsAnErasedPersonBack(t *testing.T) {
	r := newRig(t)
	eve, ann := schema.NewNode(schema.NodeEmail, "eve@example.com"), schema.NewNode(schema.NodeEmail, "ann@example.com")
	r.truth.gone = map[schema.Node]schema.Millis{eve: 500}
	r.take()
	lead := func(received int64, claims ...*schema.Claim) *stream.Record {
		return r.record(&schema.LeadRecord{Received: received, Body: &schema.LeadRecord_Evidence{Evidence: &schema.Evidence{Claims: claims}}})
	}
	of := func(email schema.Node) *schema.Claim {
		return together(email, schema.NewNode(schema.NodeUser, string(email)))
	}
	r.process(lead(500, of(eve)), lead(500, of(eve), of(ann)))
	if len(r.truth.claims) != 1 || len(r.truth.contacts) != 1 {
		t.Fatalf("of one erased and one other person %d claims and %d contacts were written", len(r.truth.claims), len(r.truth.contacts))
	}
	r.process(lead(501, of(eve)))
	if len(r.truth.claims) != 2 || len(r.truth.contacts) != 2 {
		t.Errorf("who came again afterwards has %d claims and %d contacts beside one other's", len(r.truth.claims)-1, len(r.truth.contacts)-1)
	}
}

// TestCreditsAreToldWhyTheyAreLookedAt: every kind of record is a cause of its own,
// and of several in one stretch the gravest is told.
func TestCreditsAreToldWhyTheyAreLookedAt(t *testing.T) {
	r := newRig(t)
	r.take()
	ann, browser := schema.NewNode(schema.NodeEmail, "ann@example.com"), schema.NewNode(schema.NodeVisitor, "ann")
	claim := func() *stream.Record { return r.claims(together(ann, browser)) }
	changed := func(c *schema.VisitorsChanged) *stream.Record {
		return r.record(&schema.LeadRecord{Body: &schema.LeadRecord_Visitors{Visitors: c}})
	}
	hits := func() *stream.Record { return changed(&schema.VisitorsChanged{Visitors: []string{"ann"}}) }
	apart := func() *stream.Record {
		c := together(ann, schema.NewNode(schema.NodeEmail, "bob@example.com"))
		c.Bond = schema.Bond_BOND_APART
		return r.claims(c)
	}
	id := schema.Derive("chat")
	fact := r.record(&schema.LeadRecord{Body: &schema.LeadRecord_Evidence{Evidence: &schema.Evidence{
		Conversion: &schema.ConversionFact{Id: id[:], Workspace: workspace, Name: "intercom_conversation", Node: string(ann), At: 1000},
	}}})
	for _, step := range []struct {
		what    string
		records []*stream.Record
		want    schema.Cause
	}{
		{"a claim", []*stream.Record{claim()}, schema.CauseMerge},
		{"hits", []*stream.Record{hits()}, schema.CauseLateHit},
		{"a rebuild of sessions", []*stream.Record{changed(&schema.VisitorsChanged{Visitors: []string{"ann"}, Cause: string(schema.CauseRules)})}, schema.CauseRules},
		{"a stage", []*stream.Record{changed(&schema.VisitorsChanged{Nodes: []string{string(ann)}})}, schema.CauseConversion},
		{"a chat", []*stream.Record{fact}, schema.CauseConversion},
		{"hits and a claim", []*stream.Record{hits(), claim(), hits()}, schema.CauseMerge},
		{"an undone merge and a claim", []*stream.Record{apart(), claim()}, schema.CauseUndo},
	} {
		r.truth.why = nil
		r.process(step.records...)
		if len(r.truth.why) != 1 || len(r.truth.why[0]) == 0 || r.truth.why[0][0].Why != step.want {
			t.Errorf("%s has credits looked at as %v, want %s", step.what, r.truth.why, step.want)
		}
	}
}
