package stitch

import (
	"cmp"
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/state"
	"sourceloop/schema"
)

// obey does what an order asks for.
func (w *Worker) obey(ctx context.Context, lead *schema.LeadRecord, offset int64) error {
	if order := lead.GetErase(); order != nil {
		return w.distrust(ctx, w.erase(ctx, order, offset))
	}
	return w.rebuild(ctx, lead.GetRebuild(), offset)
}

// rebuild credits everybody of a workspace again.
func (w *Worker) rebuild(ctx context.Context, order *schema.Rebuild, offset int64) error {
	if err := w.owner.Save(ctx, offset+1, w.owner.Progress(), nil, nil); err != nil {
		return err
	}
	if err := w.creditEverybody(ctx, order.GetWorkspace()); err != nil {
		return err
	}
	return w.deps.Sink.NoteStep(ctx, &schema.TaskStep{
		Task: schema.ID(order.GetTask()), Part: order.GetPart(), Done: true, At: schema.MillisOf(w.deps.Now()),
	})
}

func (w *Worker) creditEverybody(ctx context.Context, workspace uint32) error {
	if err := w.deps.Sink.Attribute(ctx, workspace, nil, w.owner.NextVersion()); err != nil {
		return err
	}
	return w.tellEverybody(ctx, workspace)
}

// unerased leaves out of a lead what was erased, so that nothing brings it
// back; nil when nothing is left.
func (w *Worker) unerased(lead *schema.LeadRecord) *schema.LeadRecord {
	if w.deps.Erasures == nil || lead.GetEvidence() == nil {
		return lead
	}
	left := identity.Forget(lead.GetEvidence(), func(node schema.Node, at, arrived schema.Millis) bool {
		return w.deps.Erasures.Erased(lead.GetWorkspace(), node, at, arrived)
	})
	switch left {
	case nil:
		return nil
	case lead.GetEvidence():
		return lead
	}
	lead = proto.CloneOf(lead)
	lead.Body = &schema.LeadRecord_Evidence{Evidence: left}
	return lead
}

// arrived tells the evidence of a lead when it arrived, unless it knows better,
// as what one owner sends to the next does.
func arrived(lead *schema.LeadRecord) {
	for _, c := range lead.GetEvidence().GetClaims() {
		c.Received = cmp.Or(c.GetReceived(), lead.GetReceived())
	}
	if f := lead.GetEvidence().GetConversion(); f != nil {
		f.Received = cmp.Or(f.GetReceived(), lead.GetReceived())
	}
}

// erase takes a person out of the identity graph and deletes their rows. It is
// what every stretch is, a union into the graph and an upsert of what follows
// from it, and then all that it replaced goes: what stays is written under a new
// version, credited when nobody is an owner any more by what is gone, and
// everything of these nodes below the version is deleted. Redis is changed last:
// a crash before that repeats all of it from the graph as it was, and one that
// loses Redis, too, from the claims, which go last in ClickHouse.
func (w *Worker) erase(ctx context.Context, order *schema.Erase, offset int64) error {
	if err := w.owner.Save(ctx, w.owner.Applied(), w.owner.Progress(), nil, nil); err != nil {
		return err
	}
	f, err := w.forget(ctx, order)
	if err != nil {
		return err
	}
	rows := f.resolve(w.owner.NextVersion())
	pairs, _, err := f.left.stored()
	if err != nil {
		return err
	}
	f.left.own(w.unconfirmed)
	if err := w.replace(ctx, f, rows); err != nil {
		return err
	}
	if err := w.deps.Sink.NoteStep(ctx, &schema.TaskStep{
		Task: schema.ID(order.GetTask()), Part: order.GetPart(), Done: true, At: schema.MillisOf(w.deps.Now()),
		Counts: map[string]uint64{"claims": f.claims, "conversions": uint64(len(f.rows.Facts)), "contacts": uint64(len(f.rows.Gone))},
	}); err != nil {
		return err
	}
	return w.owner.Save(ctx, offset+1, w.owner.Progress(), pairs, f.deletions(pairs))
}

// replace writes what stays and deletes what it replaces.
func (w *Worker) replace(ctx context.Context, f *forgetting, rows *Rows) error {
	if err := w.deps.Sink.WriteLeads(ctx, rows); err != nil {
		return err
	}
	credited, err := w.deps.Sink.EraseOwners(ctx, &f.rows)
	if err != nil {
		return err
	}
	for _, id := range credited {
		if !slices.Contains(f.rows.Gone, id) {
			f.rows.Credited = append(f.rows.Credited, id)
		}
	}
	if len(f.rows.Credited) > 0 {
		if err := w.deps.Sink.AttributeAnew(ctx, f.rows.Workspace, f.rows.Credited, f.rows.Version); err != nil {
			return err
		}
	}
	if err := w.deps.Sink.EraseLeads(ctx, &f.rows); err != nil {
		return err
	}
	if err := w.tell(ctx, f.rows.Workspace, slices.Concat(f.rows.Credited, f.rows.Gone)); err != nil {
		return err
	}
	return w.confirm(ctx)
}

// forgetting is a part of the graph from which a person is taken out.
type forgetting struct {
	left   *stretch // what stays, in components
	rows   schema.ErasedLeads
	roots  []place // of the components as they were
	claims uint64  // that go
}

// forget finds the components that a person is in, and what stays of them.
func (w *Worker) forget(ctx context.Context, order *schema.Erase) (*forgetting, error) {
	ws := order.GetWorkspace()
	was := newStretch()
	f := &forgetting{left: newStretch(), rows: schema.ErasedLeads{Workspace: ws}}
	for _, n := range order.GetNodes() {
		was.nodes[place{ws, schema.Node(n)}] = nil
	}
	for _, b := range order.GetBrowsers() {
		was.nodes[place{ws, schema.NewNode(schema.NodeVisitor, b.GetVisitor())}] = nil
		f.rows.Browsers = append(f.rows.Browsers, b.GetVisitor())
	}
	if err := was.load(ctx, w.owner); err != nil {
		return nil, err
	}
	for p := range was.nodes {
		f.rows.Nodes = append(f.rows.Nodes, p.node)
	}
	slices.Sort(f.rows.Nodes)
	contacts := slices.Clone(order.GetContacts())
	for _, c := range was.touched() {
		f.roots = append(f.roots, c.roots...)
		f.take(c.stored, func(node schema.Node, at, arrived schema.Millis) bool {
			return int64(arrived) <= order.GetUntil() && order.Names(node, at)
		})
		contacts = append(contacts, c.stored.GetContacts()...)
	}
	f.left.join()
	f.left.remember(ws, contacts)
	for _, id := range contacts {
		f.rows.Contacts = append(f.rows.Contacts, schema.ID(id))
	}
	slices.SortFunc(f.rows.Contacts, schema.ID.Compare)
	f.rows.Contacts = slices.Compact(f.rows.Contacts)
	return f, nil
}

// take keeps of a component what is not erased, and notes what is.
func (f *forgetting) take(c *schema.Component, erased identity.Erased) {
	keep := func(e *schema.Evidence) {
		f.left.add(&schema.LeadRecord{Workspace: f.rows.Workspace, Body: &schema.LeadRecord_Evidence{Evidence: e}})
	}
	for _, claim := range c.GetClaims() {
		if len(identity.ForgetClaims([]*schema.Claim{claim}, erased)) == 0 {
			f.claims++
			continue
		}
		keep(&schema.Evidence{Claims: []*schema.Claim{claim}})
	}
	for _, fact := range c.GetConversions() {
		id := schema.ID(fact.GetId())
		left := identity.ForgetFact(fact, erased)
		if left == nil {
			f.rows.Facts = append(f.rows.Facts, id)
			continue
		}
		f.rows.Kept = append(f.rows.Kept, id)
		keep(&schema.Evidence{Conversion: left})
	}
}

// resolve gives the rows of what stays, and finds out who is nobody any more.
func (f *forgetting) resolve(version uint64) *Rows {
	f.rows.Version = version
	rows := f.left.resolve(version)
	f.rows.Credited = f.left.contacts()[f.rows.Workspace]
	for _, id := range f.rows.Contacts {
		if !slices.Contains(f.rows.Credited, id) {
			f.rows.Gone = append(f.rows.Gone, id)
		}
	}
	return rows
}

// deletions are the keys of nodes and components that are no more.
func (f *forgetting) deletions(pairs []state.Pair) []string {
	kept := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		kept[p.Key] = true
	}
	var gone []string
	add := func(key string) {
		if !kept[key] {
			gone = append(gone, key)
		}
	}
	for _, n := range f.rows.Nodes {
		add(place{f.rows.Workspace, n}.key("n"))
	}
	for _, root := range f.roots {
		add(root.key("c"))
	}
	return gone
}
