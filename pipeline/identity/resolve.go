package identity

import (
	"slices"
	"strings"

	"sourceloop/schema"
)

// MaxEmails is how many verified emails a browser may be seen with before it is
// ambiguous.
const MaxEmails = 5

// The reasons of a Refusal.
const (
	RefusedID        = "refused id"                                 // the node stands for nobody
	RefusedPhone     = "two verified emails through one phone"      // the phone stays with the first
	RefusedAssertion = "an asserted claim between two known people" // nothing is merged
	RefusedBrowser   = "two known people in one browser"            // the browser is split by time
	AmbiguousBrowser = "a browser with too many verified emails"    // the browser is cut from all
	RefusedNobody    = "a claim that names no person"
	KeptApart        = "an Admin keeps the two apart"
)

// Refusal says what was kept apart or cut, and on which claims this rests.
type Refusal struct {
	Node   schema.Node
	Reason string
	Claims []schema.ID
}

// Resolution is what a set of claims says. Everything is sorted: contacts by
// id, identities and refusals by node.
type Resolution struct {
	// Contacts has everybody who was named, those without an email and phone
	// included: a conversation becomes visible when its contact has one.
	Contacts []schema.Contact
	// Identities has every node of every claim. A browser that was cut has no
	// contacts, nor has what an Admin keeps apart from whom alone a claim names.
	Identities []schema.Identity
	Refusals   []Refusal
}

// Resolve folds the claims of one raw-connected component, or any set of claims
// of one workspace, into contacts and the ownership of nodes.
func Resolve(workspace uint32, claims []*schema.Claim) Resolution {
	f := newFold(workspace, claims)
	f.joinVerified()
	f.joinPhones()
	f.joinAsserted()
	f.joinThroughBrowsers()
	return f.resolution()
}

// said is a claim with its nodes sorted out.
type said struct {
	*schema.Claim
	id       schema.ID
	people   []int // email, provider and user nodes, the best name first
	phones   []int
	named    []int // people, then phones
	browsers []int
	anchor   int // the first named: it stands for the claim when it links a browser; -1 when nobody is named
}

// fold is the state of a Resolve: a union-find over the nodes that are no
// browsers, with what each part has. Browsers never join anything by
// themselves, since they can belong to several contacts.
type fold struct {
	workspace uint32
	claims    []*said // in the order of the fold
	nodes     []schema.Node
	index     map[schema.Node]int
	parent    []int
	vouched   []bool          // of an email: a verified claim names it
	email     []bool          // of a root: it has a verified email
	phone     []bool          // of a root: it has a verified phone
	since     []schema.Millis // when a node was first heard of
	links     map[int][]link
	apart     []pair
	refusals  []Refusal
}

// link is one identification of a browser.
type link struct {
	claim *said
	node  int // one of the nodes that the claim names
}

func newFold(workspace uint32, claims []*schema.Claim) *fold {
	f := &fold{workspace: workspace, index: make(map[schema.Node]int), links: make(map[int][]link)}
	seen, bonds := split(inOrder(claims))
	for _, c := range seen {
		f.claims = append(f.claims, f.read(c))
	}
	f.keepApart(bonds)
	for _, c := range f.claims {
		for _, b := range c.browsers {
			if c.anchor < 0 {
				f.refuse(f.nodes[b], RefusedNobody, c)
				continue
			}
			f.links[b] = append(f.links[b], link{c, c.anchor})
		}
	}
	for _, links := range f.links {
		slices.SortFunc(links, func(a, b link) int { return compareTimes(a.claim.Claim, b.claim.Claim) })
	}
	return f
}

func byRank(a, b schema.Node) int {
	if c := a.Rank() - b.Rank(); c != 0 {
		return c
	}
	return strings.Compare(string(a), string(b))
}

func (f *fold) read(claim *schema.Claim) *said {
	c := &said{Claim: claim, id: claimID(claim), anchor: -1}
	nodes := make([]schema.Node, len(claim.GetNodes()))
	for i, n := range claim.GetNodes() {
		nodes[i] = schema.Node(n)
	}
	slices.SortFunc(nodes, byRank)
	for _, n := range slices.Compact(nodes) {
		if AcceptID(n.Value()) != nil {
			f.refuse(n, RefusedID, c)
			continue
		}
		f.file(c, n)
	}
	c.named = slices.Concat(c.people, c.phones)
	if len(c.named) > 0 {
		c.anchor = c.named[0]
	}
	return c
}

// file puts a node of a claim where it belongs.
func (f *fold) file(c *said, n schema.Node) {
	i := f.intern(n, schema.Millis(c.GetAt()))
	switch n.Kind() {
	case schema.NodeVisitor:
		c.browsers = append(c.browsers, i)
		return
	case schema.NodePhone:
		c.phones = append(c.phones, i)
	default:
		c.people = append(c.people, i)
	}
	if c.GetVerified() {
		f.vouched[i] = f.vouched[i] || n.Kind() == schema.NodeEmail
		f.email[i] = f.email[i] || f.vouched[i]
		f.phone[i] = f.phone[i] || n.Kind() == schema.NodePhone
	}
}

func claimID(c *schema.Claim) schema.ID {
	id, err := schema.IDFromBytes(c.GetId())
	if err != nil {
		return schema.Derive("claim", string(c.GetId()))
	}
	return id
}

func (f *fold) intern(n schema.Node, at schema.Millis) int {
	if i, known := f.index[n]; known {
		f.since[i] = min(f.since[i], at)
		return i
	}
	i := len(f.nodes)
	f.index[n] = i
	f.nodes = append(f.nodes, n)
	f.parent = append(f.parent, i)
	f.vouched = append(f.vouched, false)
	f.email = append(f.email, false)
	f.phone = append(f.phone, false)
	f.since = append(f.since, at)
	return i
}

func (f *fold) root(i int) int {
	for f.parent[i] != i {
		f.parent[i] = f.parent[f.parent[i]]
		i = f.parent[i]
	}
	return i
}

func (f *fold) join(a, b int) {
	a, b = f.root(a), f.root(b)
	if a == b {
		return
	}
	f.parent[b] = a
	f.email[a] = f.email[a] || f.email[b]
	f.phone[a] = f.phone[a] || f.phone[b]
}

// known tells whether a node's contact has a verified email or phone.
func (f *fold) known(i int) bool { return f.email[f.root(i)] || f.phone[f.root(i)] }

func (f *fold) hasEmail(i int) bool { return f.email[f.root(i)] }

func (f *fold) refuse(node schema.Node, reason string, claims ...*said) {
	r := Refusal{Node: node, Reason: reason}
	for _, c := range claims {
		r.Claims = append(r.Claims, c.id)
	}
	f.refusals = append(f.refusals, r)
}

func (f *fold) joinVerified() {
	for _, c := range f.claims {
		for _, n := range c.people {
			if c.GetVerified() {
				f.unite(c.people[0], n, c)
			}
		}
	}
}

func (f *fold) joinPhones() {
	for _, c := range f.claims {
		if !c.GetVerified() {
			continue
		}
		for _, p := range c.phones {
			if f.root(p) != f.root(c.anchor) && f.hasEmail(p) && f.hasEmail(c.anchor) {
				f.refuse(f.nodes[p], RefusedPhone, c)
				continue
			}
			f.unite(c.anchor, p, c)
		}
	}
}

func (f *fold) joinAsserted() {
	for _, c := range f.claims {
		if c.GetVerified() {
			continue
		}
		for _, n := range c.named {
			if f.root(n) != f.root(c.anchor) && f.known(n) && f.known(c.anchor) {
				f.refuse(f.nodes[n], RefusedAssertion, c)
				continue
			}
			f.unite(c.anchor, n, c)
		}
	}
}
