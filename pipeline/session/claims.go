package session

import (
	"slices"

	"sourceloop/schema"
)

// MethodIdentify is the method of a claim that the site's own identify made.
const MethodIdentify = "identify"

// Normalizer gives traits the form in which they are nodes, or says why they
// can be none. A trait that is refused makes no node; to count refusals, wrap
// it.
type Normalizer interface {
	// Email gives the canonical form of an email address.
	Email(text string) (string, error)
	// Phone gives the E.164 form of a phone number; country is where the
	// browser was (ISO 3166-1 alpha-2), or "".
	Phone(text, country string) (string, error)
	// UserID gives the site's user id, unless it is no real one.
	UserID(text string) (string, error)
}

// Claims gives the asserted claims that a visitor's identify hits make: one
// wherever the identity within a session changes, since sites call identify on
// every page. Hits of sessions that are not given make none.
func Claims(w *schema.Workspace, hits []*schema.Hit, sessions []schema.Session, norm Normalizer) []*schema.Claim {
	place := places(sessions)
	last := make(map[int]*schema.Claim, len(sessions))
	var claims []*schema.Claim
	for _, h := range canonical(hits) {
		i, known := place[hitID(h)]
		if !known || h.GetTraits() == nil {
			continue
		}
		claim := claimOf(w.ID, h, &sessions[i], norm)
		if claim == nil || same(claim, last[i]) {
			continue
		}
		last[i] = claim
		claims = append(claims, claim)
	}
	return claims
}

// places finds the session of every identify hit.
func places(sessions []schema.Session) map[schema.ID]int {
	place := make(map[schema.ID]int)
	for i := range sessions {
		for _, item := range sessions[i].Items {
			if item.Type == schema.HitType_HIT_TYPE_IDENTIFY {
				place[item.Hit] = i
			}
		}
	}
	return place
}

// claimOf is what one identify hit claims, or nil when it names nobody.
func claimOf(workspace uint32, h *schema.Hit, s *schema.Session, norm Normalizer) *schema.Claim {
	nodes := append([]schema.Node{schema.NewNode(schema.NodeVisitor, s.Visitor)}, Named(h, s.Country, norm)...)
	if len(nodes) == 1 {
		return nil
	}
	evidence := "hit " + hitID(h).String()
	claim := schema.NewClaim(workspace, nodes, false, schema.Millis(h.GetAt()), evidence, MethodIdentify, h.GetTraits().GetName())
	claim.Received = h.GetReceived()
	return claim
}

// Named gives the nodes that a hit's traits name. The country says how a phone
// number is read.
func Named(h *schema.Hit, country string, norm Normalizer) []schema.Node {
	var nodes []schema.Node
	traits := h.GetTraits()
	add := func(kind schema.NodeKind, given string, normalise func(string) (string, error)) {
		if given == "" {
			return
		}
		if value, err := normalise(given); err == nil {
			nodes = append(nodes, schema.NewNode(kind, value))
		}
	}
	add(schema.NodeEmail, traits.GetEmail(), norm.Email)
	add(schema.NodePhone, traits.GetPhone(), func(text string) (string, error) { return norm.Phone(text, country) })
	add(schema.NodeUser, traits.GetUserId(), norm.UserID)
	return nodes
}

func same(claim, before *schema.Claim) bool {
	return before != nil && claim.GetName() == before.GetName() && slices.Equal(claim.GetNodes(), before.GetNodes())
}
