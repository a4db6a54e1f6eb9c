package stitch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/state"
	"sourceloop/schema"
)

// place is a node of one workspace.
type place struct {
	workspace uint32
	node      schema.Node
}

func (p place) key(kind string) string {
	return kind + ":" + strconv.FormatUint(uint64(p.workspace), 10) + "/" + string(p.node)
}

// component is a connected part of a workspace's graph while it is worked on.
type component struct {
	workspace  uint32
	stored     *schema.Component
	resolution identity.Resolution
	roots      []place // under which it was found in Redis
	nodes      []place // that point at it in the stretch
	added      bool    // by this stretch: a claim or a conversion
}

// stretch is the part of the graph that some records touch.
type stretch struct {
	evidence map[uint32][]*schema.Evidence
	nodes    map[place]*component // every node touched; nil until it is in a component
	why      map[place]schema.Cause
	arrivals []schema.Millis
	received int64
	claims   int
	facts    int
	refusals []string
}

func newStretch() *stretch {
	return &stretch{
		evidence: make(map[uint32][]*schema.Evidence),
		nodes:    make(map[place]*component),
		why:      make(map[place]schema.Cause),
	}
}

func (st *stretch) add(lead *schema.LeadRecord) {
	ws := lead.GetWorkspace()
	st.received = max(st.received, lead.GetReceived())
	why := schema.Cause(lead.GetVisitors().GetCause())
	for _, v := range lead.GetVisitors().GetVisitors() {
		st.touch(place{ws, schema.NewNode(schema.NodeVisitor, v)}, cmp.Or(why, schema.CauseLateHit))
	}
	for _, n := range lead.GetVisitors().GetNodes() {
		st.touch(place{ws, schema.Node(n)}, cmp.Or(why, schema.CauseConversion))
	}
	e := lead.GetEvidence()
	if e == nil {
		return
	}
	st.evidence[ws] = append(st.evidence[ws], e)
	st.arrivals = append(st.arrivals, schema.Millis(lead.GetReceived()))
	for _, c := range e.GetClaims() {
		st.claims++
		why := schema.CauseMerge
		if c.GetBond() != schema.Bond_BOND_TOGETHER {
			why = schema.CauseUndo
		}
		for _, n := range c.GetNodes() {
			st.touch(place{ws, schema.Node(n)}, why)
		}
	}
	if f := e.GetConversion(); f != nil {
		st.facts++
		st.touch(place{ws, schema.Node(f.GetNode())}, schema.CauseConversion)
	}
}

// touch has a node's component looked at, and remembers why.
func (st *stretch) touch(p place, why schema.Cause) {
	st.nodes[p] = nil
	st.why[p] = graver(why, st.why[p])
}

// graver is the one of two causes that is named; any is before none.
func graver(a, b schema.Cause) schema.Cause {
	order := schema.Causes()
	switch i, j := slices.Index(order, a), slices.Index(order, b); {
	case i < 0, j >= 0 && j < i:
		return b
	default:
		return a
	}
}

// cause is why a component is looked at.
func (st *stretch) cause(c *component) schema.Cause {
	var why schema.Cause
	for _, p := range c.nodes {
		why = graver(why, st.why[p])
	}
	return why
}

// errTorn is what a loss of single keys, which Redis must never be allowed to
// evict, looks like.
var errTorn = errors.New("the identity map names a component that is not there")

// getter reads values of the partition.
type getter interface {
	Get(ctx context.Context, keys []string) ([][]byte, error)
}

// load reads the components of all nodes touched.
func (st *stretch) load(ctx context.Context, from getter) error {
	places := make([]place, 0, len(st.nodes))
	keys := make([]string, 0, len(st.nodes))
	for p := range st.nodes {
		places, keys = append(places, p), append(keys, p.key("n"))
	}
	values, err := from.Get(ctx, keys)
	if err != nil {
		return err
	}
	roots := make(map[place][]place)
	for i, p := range places {
		if len(values[i]) < 2 {
			continue
		}
		root := place{p.workspace, schema.Node(values[i][1:])}
		roots[root] = append(roots[root], p)
	}
	return st.loadComponents(ctx, from, roots)
}

func (st *stretch) loadComponents(ctx context.Context, from getter, roots map[place][]place) error {
	order := make([]place, 0, len(roots))
	keys := make([]string, 0, len(roots))
	for root := range roots {
		order, keys = append(order, root), append(keys, root.key("c"))
	}
	values, err := from.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, root := range order {
		c := &component{workspace: root.workspace, stored: &schema.Component{}, roots: []place{root}}
		if values[i] == nil {
			return errTorn
		}
		if err := proto.Unmarshal(values[i], c.stored); err != nil {
			return fmt.Errorf("cannot read a component: %w", err)
		}
		for _, n := range nodesOf(c.stored) {
			st.put(place{root.workspace, n}, c)
		}
	}
	return nil
}

// nodesOf lists the nodes of a component, with repetitions.
func nodesOf(c *schema.Component) []schema.Node {
	var nodes []schema.Node
	for _, claim := range c.GetClaims() {
		for _, n := range claim.GetNodes() {
			nodes = append(nodes, schema.Node(n))
		}
	}
	for _, f := range c.GetConversions() {
		nodes = append(nodes, schema.Node(f.GetNode()))
	}
	return nodes
}

// join adds the evidence, and unites the components it connects. It returns
// how many were absorbed.
func (st *stretch) join() int {
	absorbed := 0
	for ws, list := range st.evidence {
		for _, e := range list {
			for _, claim := range e.GetClaims() {
				c, n := st.connect(ws, claim.GetNodes())
				absorbed += n
				c.stored.Claims, _ = identity.UnionClaims(c.stored.GetClaims(), claim)
			}
			if f := e.GetConversion(); f != nil {
				c, _ := st.connect(ws, []string{f.GetNode()})
				c.stored.Conversions = unionFacts(c.stored.GetConversions(), f)
			}
		}
		for _, e := range list {
			st.remember(ws, e.GetContacts())
		}
	}
	return absorbed
}

func (st *stretch) connect(ws uint32, nodes []string) (*component, int) {
	var into *component
	absorbed := 0
	for _, n := range nodes {
		c := st.nodes[place{ws, schema.Node(n)}]
		switch {
		case c == nil || c == into:
		case into == nil:
			into = c
		default:
			into = st.absorb(into, c)
			absorbed++
		}
	}
	if into == nil {
		into = &component{workspace: ws, stored: &schema.Component{}}
	}
	into.added = true
	for _, n := range nodes {
		st.put(place{ws, schema.Node(n)}, into)
	}
	return into, absorbed
}

// put makes a node point at a component.
func (st *stretch) put(p place, c *component) {
	if st.nodes[p] != c {
		st.nodes[p] = c
		c.nodes = append(c.nodes, p)
	}
}

// absorb unites two components into the larger one and returns it.
func (st *stretch) absorb(a, b *component) *component {
	into, gone := a, b
	if len(gone.nodes) > len(into.nodes) {
		into, gone = b, a
	}
	for _, claim := range gone.stored.GetClaims() {
		into.stored.Claims, _ = identity.UnionClaims(into.stored.GetClaims(), claim)
	}
	for _, f := range gone.stored.GetConversions() {
		into.stored.Conversions = unionFacts(into.stored.GetConversions(), f)
	}
	into.stored.Contacts = append(into.stored.Contacts, gone.stored.GetContacts()...)
	into.roots = append(into.roots, gone.roots...)
	for _, p := range gone.nodes {
		st.put(p, into)
	}
	return into
}

// unionFacts adds a conversion. Of two with one id the provider's newer record
// stands, except that a conversion stays with the browser it was first known to
// have happened in: a provider only tells the contact's present browser. What
// stands does not depend on the order of arrival.
func unionFacts(set []*schema.ConversionFact, add *schema.ConversionFact) []*schema.ConversionFact {
	add = dated(add)
	for i, f := range set {
		if string(f.GetId()) == string(add.GetId()) {
			set[i] = united(dated(f), add)
			return set
		}
	}
	return append(set, add)
}

// dated says since when the conversion's visitor is known.
func dated(f *schema.ConversionFact) *schema.ConversionFact {
	if f.GetVisitor() == "" || f.GetVisitorSince() != 0 {
		return f
	}
	f = proto.CloneOf(f)
	f.VisitorSince = max(f.GetUpdated(), 1)
	return f
}

func united(a, b *schema.ConversionFact) *schema.ConversionFact {
	stands, other := a, b
	if newer(b, a) {
		stands, other = b, a
	}
	knew := knewFirst(other, stands)
	if !knew && other.GetReceived() <= stands.GetReceived() {
		return stands
	}
	stands = proto.CloneOf(stands)
	stands.Received = max(stands.GetReceived(), other.GetReceived())
	if knew {
		stands.Visitor, stands.VisitorSince = other.GetVisitor(), other.GetVisitorSince()
	}
	return stands
}

// newer orders two records of one conversion, whatever their visitors.
func newer(a, b *schema.ConversionFact) bool {
	if a.GetUpdated() != b.GetUpdated() {
		return a.GetUpdated() > b.GetUpdated()
	}
	return strings.Compare(factText(a), factText(b)) < 0
}

// knewFirst tells whether a knew a visitor before b did.
func knewFirst(a, b *schema.ConversionFact) bool {
	if a.GetVisitor() == "" || b.GetVisitor() == "" {
		return a.GetVisitor() != ""
	}
	if a.GetVisitorSince() != b.GetVisitorSince() {
		return a.GetVisitorSince() < b.GetVisitorSince()
	}
	return a.GetVisitor() < b.GetVisitor()
}

func factText(f *schema.ConversionFact) string {
	f = proto.CloneOf(f)
	f.Visitor, f.VisitorSince, f.Received = "", 0, 0
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(f)
	if err != nil {
		return ""
	}
	return string(text)
}

// touched lists the components of the stretch, each once.
func (st *stretch) touched() []*component {
	seen := make(map[*component]bool)
	var list []*component
	for _, c := range st.nodes {
		if c != nil && !seen[c] {
			seen[c] = true
			list = append(list, c)
		}
	}
	return list
}

// stored gives what Redis must have after the stretch: the components under
// their roots, and all of their nodes. A node's former value tells nothing,
// since a save of several scripts may have been cut off between a component and
// some of its nodes.
func (st *stretch) stored() (pairs []state.Pair, deletions []string, err error) {
	for _, c := range st.touched() {
		if !c.added {
			continue
		}
		nodes := nodesOf(c.stored)
		root := place{c.workspace, smallest(nodes)}
		value, err := proto.Marshal(c.stored)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot encode a component: %w", err)
		}
		pairs = append(pairs, state.Pair{Key: root.key("c"), Value: value})
		pairs = append(pairs, c.nodePairs(root, nodes)...)
		for _, old := range c.roots {
			if old != root {
				deletions = append(deletions, old.key("c"))
			}
		}
	}
	return pairs, deletions, nil
}

func (c *component) nodePairs(root place, nodes []schema.Node) []state.Pair {
	flag := "0"
	if len(c.stored.GetContacts()) > 0 {
		flag = "1"
	}
	value := []byte(flag + string(root.node))
	var pairs []state.Pair
	seen := make(map[schema.Node]bool, len(nodes))
	for _, n := range nodes {
		if !seen[n] {
			seen[n] = true
			pairs = append(pairs, state.Pair{Key: place{c.workspace, n}.key("n"), Value: value})
		}
	}
	return pairs
}

func smallest(nodes []schema.Node) schema.Node {
	least := nodes[0]
	for _, n := range nodes {
		least = min(least, n)
	}
	return least
}
