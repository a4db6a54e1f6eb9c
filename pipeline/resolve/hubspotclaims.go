package resolve

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"sourceloop/schema"
)

// What claims rest on, in words that are part of their ids.
func hubspotContactEvidence(id string) string { return "hubspot contact " + id }
func hubspotThreadEvidence(id string) string  { return "hubspot conversation " + id }

func hubspotNode(id string) schema.Node { return schema.NewNode(schema.NodeHubSpot, id) }

// mergeClaims: HubSpot itself says that two contacts are one.
func (q *inquiry) mergeClaims(m merge, at schema.Millis) []*schema.Claim {
	if m.from == "" || m.from == m.into {
		return nil
	}
	nodes := []schema.Node{hubspotNode(m.from), hubspotNode(m.into)}
	evidence := "hubspot merge of " + m.from + " into " + m.into
	return []*schema.Claim{schema.NewClaim(q.rec.GetWorkspace(), nodes, true, at, evidence, hubspotProvider, "")}
}

// threadClaims tie a conversation to its contact, and to nobody yet while there
// is none: the browser that began it says which conversation it was.
func (q *inquiry) threadClaims(t *thread, p *person, at schema.Millis) []*schema.Claim {
	node, evidence := schema.HubSpotThread(string(t.ID)), hubspotThreadEvidence(string(t.ID))
	if p == nil {
		return []*schema.Claim{schema.NewClaim(q.rec.GetWorkspace(), []schema.Node{node}, true, at, evidence, hubspotProvider, "")}
	}
	return append(q.mergeClaims(merge{from: string(t.Contact), into: string(p.ID)}, at), q.claims(p, node, evidence, at)...)
}

// claims are what a contact's record says: verified for what HubSpot keeps,
// asserted for the browser. with is a further node of theirs, or "".
func (q *inquiry) claims(p *person, with schema.Node, evidence string, at schema.Millis) []*schema.Claim {
	self := hubspotNode(string(p.ID))
	nodes := []schema.Node{self}
	if with != "" {
		nodes = append(nodes, with)
	}
	if email, ok := q.accept("email", p, q.config.Identity.Email); ok {
		nodes = append(nodes, schema.NewNode(schema.NodeEmail, email))
	}
	phone := func(text string) (string, error) { return q.config.Identity.Phone(text, "") }
	if number, ok := q.accept("phone", p, phone); ok {
		nodes = append(nodes, schema.NewNode(schema.NodePhone, number))
	}
	ws := q.rec.GetWorkspace()
	name := plain(string(p.Properties["firstname"])+" "+string(p.Properties["lastname"]), 200)
	claims := []*schema.Claim{schema.NewClaim(ws, nodes, true, at, evidence, hubspotProvider, name)}
	if visitor := q.visitor(p); visitor != "" {
		pair := []schema.Node{self, schema.NewNode(schema.NodeVisitor, visitor)}
		claims = append(claims, schema.NewClaim(ws, pair, false, at, evidence, attributeName, ""))
	}
	return claims
}

// accept normalises a property. A missing one is nothing; one that is refused
// is counted once.
func (q *inquiry) accept(property string, p *person, normalize func(string) (string, error)) (string, bool) {
	value := string(p.Properties[property])
	if value == "" {
		return "", false
	}
	normal, err := normalize(value)
	if err == nil {
		return normal, true
	}
	q.refuse(property)
	return "", false
}

func (q *inquiry) refuse(field string) {
	for _, r := range q.result.Refused {
		if r.Field == field {
			return
		}
	}
	q.result.Refused = append(q.result.Refused, Refusal{Field: field})
}

// visitor is the contact's sourceloop_id, or "" when it has none that can be
// believed at all.
func (q *inquiry) visitor(p *person) string {
	written := string(p.Properties[attributeName])
	if written == "" {
		return ""
	}
	visitor, err := q.config.Identity.UserID(written)
	if err != nil || len(visitor) > maxVisitor || !utf8.ValidString(visitor) || strings.ContainsFunc(written, isControl) {
		q.refuse(attributeName)
		return ""
	}
	return visitor
}

// conversion is the conversation as something that happened. It is of the
// thread, so that it need not be told anew when its visitor becomes a contact.
func (q *inquiry) conversion(t *thread, first *message, p *person, at schema.Millis) *schema.ConversionFact {
	ws, id := q.rec.GetWorkspace(), string(t.ID)
	key := schema.ConversationID(ws, hubspotProvider, id)
	fact := &schema.ConversionFact{
		Id: key[:], Workspace: ws, Name: hubspotConversion, Provider: hubspotProvider, ExternalId: id,
		Node: string(schema.HubSpotThread(id)), At: int64(at),
		Url:     q.config.InboxURL + "/live-messages/" + url.PathEscape(q.rec.GetApp()) + "/inbox/" + url.PathEscape(id),
		Message: plain(spoken(first), maxMessage), State: strings.ToLower(string(t.Status)),
		Updated: int64(t.Latest.moment(at)),
	}
	if p != nil {
		fact.Visitor = q.visitor(p)
	}
	return fact
}

func spoken(m *message) string {
	if m.Text != "" {
		return string(m.Text)
	}
	return withoutTags(string(m.RichText))
}
