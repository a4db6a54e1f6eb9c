package stitch

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// tie gives every conversation that a browser says it began that browser, the
// first one that says so. The provider knows no browser, or the contact's
// present one, which may be another. It depends on the component's claims
// alone, so that it is the same whatever came first.
func (c *component) tie() {
	facts := c.stored.GetConversions()
	for i, f := range facts {
		visitor, since := begunIn(f, c.stored.GetClaims())
		if visitor == "" || visitor == f.GetVisitor() && since == f.GetVisitorSince() {
			continue
		}
		f = proto.CloneOf(f)
		f.Visitor, f.VisitorSince = visitor, since
		facts[i] = f
	}
}

// begunIn finds the first claim that ties a browser to the conversation itself.
// Claims are sorted, the earliest asserted one first among those.
func begunIn(f *schema.ConversionFact, claims []*schema.Claim) (visitor string, since int64) {
	if f.GetNode() != string(schema.HubSpotThread(f.GetExternalId())) {
		return "", 0
	}
	for _, claim := range claims {
		if claim.GetVerified() || !slices.Contains(claim.GetNodes(), f.GetNode()) {
			continue
		}
		for _, n := range claim.GetNodes() {
			if node := schema.Node(n); node.Kind() == schema.NodeVisitor {
				return node.Value(), claim.GetAt()
			}
		}
	}
	return "", 0
}
