package journeys

import (
	"slices"

	"sourceloop/schema"
)

// Normalizer gives traits the form in which they are nodes.
type Normalizer interface {
	Email(text string) (string, error)
	Phone(text, country string) (string, error)
	UserID(text string) (string, error)
}

// Reference says what must come out of a journey: it takes everything that
// happened at once, sorts it, and starts over. Refusals are left out.
func Reference(j *Journey, c Classifier, n Normalizer) Outcome {
	byVisitor := map[string][]*schema.Hit{}
	for _, h := range j.Hits {
		byVisitor[h.GetVisitor()] = append(byVisitor[h.GetVisitor()], h)
	}
	out := Outcome{Sessions: map[string][]schema.Session{}}
	claims := slices.Clone(j.Claims)
	var sessions []schema.Session
	for visitor, hits := range byVisitor {
		of := Sessions(j.Workspace, visitor, hits, c)
		out.Sessions[visitor] = of
		sessions = append(sessions, of...)
		claims = append(claims, Identifications(j.Workspace.ID, hits, of, n)...)
	}
	out.Contacts, out.Identities = Contacts(j.Workspace.ID, claims)
	for _, fact := range j.Chats {
		credited := Credit(fact, j.Days, out.Contacts, out.Identities, sessions)
		credited.ModelsToPrint = j.Models
		out.Chats = append(out.Chats, credited)
	}
	out.Reports = out.Answers(j)
	return out
}

// Identifications gives the claims of a visitor's identify hits: one wherever
// the identity within a session changes.
func Identifications(workspace uint32, hits []*schema.Hit, sessions []schema.Session, n Normalizer) []*schema.Claim {
	var claims []*schema.Claim
	for _, s := range sessions {
		var last *schema.Claim
		for _, h := range InOrder(hits) {
			inside := slices.ContainsFunc(s.Items, func(i schema.Item) bool { return i.Hit == schema.ID(h.GetId()) })
			if t := h.GetTraits(); inside && h.GetType() == schema.HitType_HIT_TYPE_IDENTIFY {
				nodes := []schema.Node{schema.NewNode(schema.NodeVisitor, s.Visitor)}
				if email, err := n.Email(t.GetEmail()); err == nil {
					nodes = append(nodes, schema.NewNode(schema.NodeEmail, email))
				}
				if phone, err := n.Phone(t.GetPhone(), s.Country); err == nil {
					nodes = append(nodes, schema.NewNode(schema.NodePhone, phone))
				}
				if user, err := n.UserID(t.GetUserId()); err == nil {
					nodes = append(nodes, schema.NewNode(schema.NodeUser, user))
				}
				claim := schema.NewClaim(workspace, nodes, false, schema.Millis(h.GetAt()), "hit "+schema.ID(h.GetId()).String(), "identify", t.GetName())
				if len(nodes) > 1 && (last == nil || !slices.Equal(last.GetNodes(), claim.GetNodes()) || last.GetName() != claim.GetName()) {
					claims = append(claims, claim)
					last = claim
				}
			}
		}
	}
	return claims
}
