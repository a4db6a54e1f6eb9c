package stitch

import (
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
	if err := w.deps.Sink.Attribute(ctx, order.GetWorkspace(), nil, w.owner.NextVersion()); err != nil {
		return err
	}
	return w.deps.Sink.NoteStep(ctx, &schema.TaskStep{
		Task: schema.ID(order.GetTask()), Part: order.GetPart(), Done: true, At: schema.MillisOf(w.deps.Now()),
	})
}

// unerased leaves out of a lead what was erased, so that nothing brings it
// back; nil when nothing is left.
func (w *Worker) unerased(lead *schema.LeadRecord) *schema.LeadRecord {
	ws, arrived := lead.GetWorkspace(), schema.Millis(lead.GetReceived())
	if w.deps.Erasures == nil || lead.GetEvidence() == nil || arrived > w.deps.Erasures.ErasedUntil(ws) {
		return lead
	}
	left := identity.Forget(lead.GetEvidence(), func(node schema.Node, at schema.Millis) bool {
		return w.deps.Erasures.Erased(ws, node, at, arrived)
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

// erase takes a person out of the identity graph and deletes their rows. Redis
// is changed last: a crash before that repeats all of it from the graph as it
// was, and one that loses Redis, too, from the claims, which go last in
// ClickHouse.
func (w *Worker) erase(ctx context.Context, order *schema.Erase, offset int64) error {
	if err := w.owner.Save(ctx, w.owner.Applied(), w.owner.Progress(), nil, nil); err != nil {
		return err
	}
	f, err := w.forget(ctx, order)
	if err != nil {
		return err
	}
	f.rows.Version = w.owner.NextVersion()
	rows := f.left.resolve(f.rows.Version)
	pairs, _, err := f.left.stored()
	if err != nil {
		return err
	}
	if err := w.write(ctx, f.left, rows, f.rows.Version); err != nil {
		return err
	}
	if err := w.deps.Sink.EraseLeads(ctx, &f.rows); err != nil {
		return err
	}
	if err := w.deps.Sink.NoteStep(ctx, &schema.TaskStep{
		Task: schema.ID(order.GetTask()), Part: order.GetPart(), Done: true, At: schema.MillisOf(w.deps.Now()),
		Counts: map[string]uint64{
			"claims": uint64(len(f.rows.Claims)), "conversions": uint64(len(f.rows.Facts)), "contacts": uint64(len(order.GetContacts())),
		},
	}); err != nil {
		return err
	}
	return w.owner.Save(ctx, offset+1, w.owner.Progress(), pairs, f.deletions(pairs))
}

// forgetting is a part of the graph from which a person is taken out.
type forgetting struct {
	left  *stretch // what stays, in components
	rows  schema.ErasedLeads
	roots []place // of the components as they were
}

// forget finds the components that a person is in, and what stays of them.
func (w *Worker) forget(ctx context.Context, order *schema.Erase) (*forgetting, error) {
	ws := order.GetWorkspace()
	was := newStretch()
	f := &forgetting{left: newStretch(), rows: schema.ErasedLeads{Workspace: ws}}
	for _, n := range order.GetNodes() {
		was.nodes[place{ws, schema.Node(n)}] = nil
		f.rows.Owned = append(f.rows.Owned, schema.Node(n))
		if node := schema.Node(n); node.IsProvider() || node.Kind() == schema.NodeEmail {
			f.rows.Known = append(f.rows.Known, node)
		}
	}
	for _, b := range order.GetBrowsers() {
		was.nodes[place{ws, schema.NewNode(schema.NodeVisitor, b.GetVisitor())}] = nil
		if b.Whole() {
			f.rows.Browsers = append(f.rows.Browsers, b.GetVisitor())
		}
	}
	if err := was.load(ctx, w.owner); err != nil {
		return nil, err
	}
	for p := range was.nodes {
		f.rows.Nodes = append(f.rows.Nodes, p.node)
	}
	slices.Sort(f.rows.Nodes)
	for _, id := range order.GetContacts() {
		f.rows.Contacts = append(f.rows.Contacts, schema.ID(id))
	}
	var contacts []schema.ID
	for _, c := range was.touched() {
		f.roots = append(f.roots, c.roots...)
		f.take(c.stored, order.Names)
		for _, id := range c.stored.GetContacts() {
			if id := schema.ID(id); !slices.Contains(f.rows.Contacts, id) {
				contacts = append(contacts, id)
			}
		}
	}
	f.left.join()
	f.left.remember(ws, bytesOf(contacts))
	f.lose(contacts)
	return f, nil
}

// lose notes the contacts that nothing names any more.
func (f *forgetting) lose(contacts []schema.ID) {
	left := make(map[schema.ID]bool)
	for _, c := range f.left.touched() {
		for _, id := range c.stored.GetContacts() {
			left[schema.ID(id)] = true
		}
	}
	for _, id := range contacts {
		if !left[id] {
			f.rows.Contacts = append(f.rows.Contacts, id)
		}
	}
}

// take keeps of a component what is not erased, and notes what is.
func (f *forgetting) take(c *schema.Component, erased identity.Erased) {
	ws := f.rows.Workspace
	keep := func(e *schema.Evidence) {
		f.left.add(&schema.LeadRecord{Workspace: ws, Body: &schema.LeadRecord_Evidence{Evidence: e}})
	}
	for _, claim := range c.GetClaims() {
		if len(identity.ForgetClaims([]*schema.Claim{claim}, erased)) == 0 {
			f.rows.Claims = append(f.rows.Claims, schema.ID(claim.GetId()))
			continue
		}
		keep(&schema.Evidence{Claims: []*schema.Claim{claim}})
	}
	for _, fact := range c.GetConversions() {
		left := identity.ForgetFact(fact, erased)
		if left == nil {
			f.rows.Facts = append(f.rows.Facts, schema.ID(fact.GetId()))
			continue
		}
		if left != fact {
			f.rows.Changed = append(f.rows.Changed, schema.ID(fact.GetId()))
		}
		keep(&schema.Evidence{Conversion: left})
	}
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
