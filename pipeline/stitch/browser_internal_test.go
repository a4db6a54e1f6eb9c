package stitch

import (
	"testing"

	"sourceloop/pipeline/identity"
	"sourceloop/schema"
)

// TestAConversationIsOfTheBrowserThatBeganIt: whatever comes first, and
// whichever browser the provider names.
func TestAConversationIsOfTheBrowserThatBeganIt(t *testing.T) {
	thread := schema.HubSpotThread("9")
	visitor := func(v string) schema.Node { return schema.NewNode(schema.NodeVisitor, v) }
	began := schema.NewClaim(7, []schema.Node{visitor("laptop"), thread}, false, 1000, "hubspot conversation 9", "chat", "")
	later := schema.NewClaim(7, []schema.Node{visitor("phone"), thread}, false, 2000, "hubspot conversation 9", "chat", "")
	property := schema.NewClaim(7, []schema.Node{visitor("tablet"), "hubspot:123"}, false, 1, "hubspot contact 123", "sourceloop_id", "")
	record := schema.NewClaim(7, []schema.Node{"hubspot:123", thread, "email:joe@example.com"}, true, 900, "hubspot conversation 9", "hubspot", "")
	fact := func(told string, updated int64) *schema.ConversionFact {
		return &schema.ConversionFact{Id: []byte("id"), Node: string(thread), ExternalId: "9", Visitor: told, Updated: updated}
	}
	for name, steps := range map[string][]any{
		"the browser first":         {began, later, property, record, fact("", 500)},
		"the record first":          {record, fact("", 500), property, later, began},
		"with another browser told": {fact("tablet", 500), record, property, began, later, fact("tablet", 600)},
		"told again at the end":     {fact("", 500), began, record, later, property, fact("tablet", 400)},
	} {
		t.Run(name, func(t *testing.T) {
			c := &component{workspace: 7, stored: &schema.Component{}}
			for _, step := range steps {
				switch step := step.(type) {
				case *schema.Claim:
					c.stored.Claims, _ = identity.UnionClaims(c.stored.Claims, step)
				case *schema.ConversionFact:
					c.stored.Conversions = unionFacts(c.stored.Conversions, step)
				}
				c.tie()
			}
			if f := c.stored.Conversions; len(f) != 1 || f[0].GetVisitor() != "laptop" || f[0].GetVisitorSince() != 1000 {
				t.Errorf("%v", f)
			}
		})
	}
	c := &component{stored: &schema.Component{Claims: []*schema.Claim{property}, Conversions: []*schema.ConversionFact{fact("tablet", 1), {Node: "intercom:5", ExternalId: "9"}}}}
	if c.tie(); c.stored.Conversions[0].GetVisitor() != "tablet" || c.stored.Conversions[1].GetVisitor() != "" {
		t.Errorf("without a browser that says so: %v", c.stored.Conversions)
	}
}
