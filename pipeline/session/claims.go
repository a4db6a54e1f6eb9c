package session

import (
	"encoding/json"
	"slices"

	"sourceloop/schema"
)

// The methods of claims: the site's own identify made it, or a chat that told
// the page which conversation it began.
const (
	MethodIdentify = "identify"
	MethodChat     = "chat"
)

// chatOpened is the tracker's event of a chat that was opened.
const chatOpened = "chat_opened"

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

// Claims gives the asserted claims that a visitor's hits make: one wherever the
// identity within a session changes, since sites call identify on every page,
// and one for every conversation that a chat began. Hits of sessions that are
// not given make none.
func Claims(w *schema.Workspace, hits []*schema.Hit, sessions []schema.Session, norm Normalizer) []*schema.Claim {
	place := places(sessions)
	last := make(map[int]*schema.Claim, len(sessions))
	var claims []*schema.Claim
	for _, h := range canonical(hits) {
		i, known := place[hitID(h)]
		if !known {
			continue
		}
		if claim := chatClaim(w.ID, h, &sessions[i]); claim != nil {
			claims = append(claims, claim)
		}
		if h.GetType() != schema.HitType_HIT_TYPE_IDENTIFY || h.GetTraits() == nil {
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

// MayClaim tells whether a hit can say who somebody is. Where none of a visitor's
// new hits does, Claims has nothing new.
func MayClaim(h *schema.Hit) bool {
	return h.GetTraits() != nil || h.GetType() == schema.HitType_HIT_TYPE_EVENT && h.GetName() == chatOpened
}

// places finds the session of every hit that may say who somebody is.
func places(sessions []schema.Session) map[schema.ID]int {
	place := make(map[schema.ID]int)
	for i := range sessions {
		for _, item := range sessions[i].Items {
			if item.Type == schema.HitType_HIT_TYPE_IDENTIFY || item.Name == chatOpened {
				place[item.Hit] = i
			}
		}
	}
	return place
}

// chatClaim ties the browser to the conversation that a HubSpot chat began in
// it, or is nil. Two hits about one conversation make one claim.
func chatClaim(workspace uint32, h *schema.Hit, s *schema.Session) *schema.Claim {
	if h.GetType() != schema.HitType_HIT_TYPE_EVENT || h.GetName() != chatOpened {
		return nil
	}
	var told struct{ Provider, Conversation string }
	if err := json.Unmarshal(h.GetProperties(), &told); err != nil || told.Provider != "hubspot" || !isNumber(told.Conversation) {
		return nil
	}
	nodes := []schema.Node{schema.NewNode(schema.NodeVisitor, s.Visitor), schema.HubSpotThread(told.Conversation)}
	evidence := "hubspot conversation " + told.Conversation
	return schema.NewClaim(workspace, nodes, false, schema.Millis(h.GetAt()), evidence, MethodChat, "")
}

// isNumber tells whether text is a HubSpot id: up to 20 digits.
func isNumber(text string) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != "" && len(text) <= 20
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
