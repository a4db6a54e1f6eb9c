package identity

import (
	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// Erased tells whether what concerns a node at a moment, and arrived at another,
// was erased.
type Erased func(node schema.Node, at, arrived schema.Millis) bool

// Anchor is the node that a claim, or a hit, is about: of those it names the one
// that names a person best, or "" when it names none. What is anchored in one
// person may name another's phone, too, and is still the first one's.
func Anchor(nodes []schema.Node) schema.Node {
	var best schema.Node
	for _, n := range nodes {
		if n.Kind() == schema.NodeVisitor || AcceptID(n.Value()) != nil {
			continue
		}
		if best == "" || byRank(n, best) < 0 {
			best = n
		}
	}
	return best
}

// Forget takes out of evidence what was erased, and gives nil when nothing is
// left. What it is given is not changed.
func Forget(e *schema.Evidence, erased Erased) *schema.Evidence {
	claims := ForgetClaims(e.GetClaims(), erased)
	fact := ForgetFact(e.GetConversion(), erased)
	if len(claims) == len(e.GetClaims()) && fact == e.GetConversion() {
		return e
	}
	if len(claims) == 0 && fact == nil {
		return nil
	}
	return &schema.Evidence{Claims: claims, Conversion: fact}
}

// ForgetClaims leaves out the claims about somebody erased, and those about an
// erased browser.
func ForgetClaims(claims []*schema.Claim, erased Erased) []*schema.Claim {
	var kept []*schema.Claim
	for _, c := range claims {
		if !claimErased(c, erased) {
			kept = append(kept, c)
		}
	}
	return kept
}

func claimErased(c *schema.Claim, erased Erased) bool {
	at, arrived := schema.Millis(c.GetAt()), schema.Millis(c.GetReceived())
	nodes := make([]schema.Node, len(c.GetNodes()))
	for i, n := range c.GetNodes() {
		nodes[i] = schema.Node(n)
		if nodes[i].Kind() == schema.NodeVisitor && erased(nodes[i], at, arrived) {
			return true
		}
		if c.GetBond() != schema.Bond_BOND_TOGETHER && erased(nodes[i], at, arrived) {
			return true
		}
	}
	return NamesErased(nodes, func(n schema.Node) bool { return erased(n, at, arrived) })
}

// NamesErased tells whether nodes that were seen together are somebody's who
// was erased: an email or a provider's contact is one person's in every claim,
// a phone or a user id only where the claim is anchored in it.
func NamesErased(nodes []schema.Node, erased func(schema.Node) bool) bool {
	for _, n := range nodes {
		if (n.Kind() == schema.NodeEmail || n.IsProvider()) && erased(n) {
			return true
		}
	}
	anchor := Anchor(nodes)
	return anchor != "" && erased(anchor)
}

// ForgetFact gives nil for a conversion of somebody erased. One of somebody
// else that happened in an erased browser stays, without the browser.
func ForgetFact(f *schema.ConversionFact, erased Erased) *schema.ConversionFact {
	at, arrived := schema.Millis(f.GetAt()), schema.Millis(f.GetReceived())
	if f == nil || erased(schema.Node(f.GetNode()), at, arrived) {
		return nil
	}
	if f.GetVisitor() == "" || !erased(schema.NewNode(schema.NodeVisitor, f.GetVisitor()), at, arrived) {
		return f
	}
	f = proto.CloneOf(f)
	f.Visitor, f.VisitorSince = "", 0
	return f
}
