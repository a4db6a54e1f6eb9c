package attribution

import (
	"cmp"
	"slices"
	"time"

	"sourceloop/schema"
)

// MaxTouches is how many touches of one conversion are credited: the first,
// and the last ones.
const MaxTouches = 100

// Touch is a session as a conversion sees it.
type Touch struct {
	schema.Touch
	Session schema.ID
	Visitor string
	Reason  schema.Reason // why the session began
	Device  string
	Country string
	Browser string
}

// Touches gives the touches of a conversion of a contact, by time, the
// converting session last. identities and sessions may hold those of other
// people too. A lookback of 0 takes all.
func Touches(fact *schema.ConversionFact, contact schema.ID, identities []schema.Identity, sessions []schema.Session, lookback time.Duration) []Touch {
	var touches []Touch
	for _, s := range begun(fact, contact, identities, sessions) {
		if lookback == 0 || s.StartedAt >= schema.Millis(fact.GetAt()).Add(-lookback) {
			touches = append(touches, touchOf(s))
		}
	}
	if over := len(touches) - MaxTouches; over > 0 {
		touches = slices.Delete(touches, 1, 1+over)
	}
	return touches
}

func touchOf(s *schema.Session) Touch {
	return Touch{
		Touch: s.Touch, Session: s.ID, Visitor: s.Visitor, Reason: s.Reason,
		Device: s.Device, Country: s.Country, Browser: s.Browser,
	}
}

// begun gives the sessions that are touches of a conversion at any lookback, in
// their order.
func begun(fact *schema.ConversionFact, contact schema.ID, identities []schema.Identity, sessions []schema.Session) []*schema.Session {
	owners := browsers(identities)
	var mine []*schema.Session
	var own, last *schema.Session
	for i := range sessions {
		s := &sessions[i]
		if s.StartedAt > schema.Millis(fact.GetAt()) {
			continue
		}
		if owners.has(s.Visitor, s.StartedAt, contact) {
			mine = append(mine, s)
			last = later(last, s)
		}
		if fact.GetVisitor() != "" && s.Visitor == fact.GetVisitor() && !owners.cut(s.Visitor) {
			own = later(own, s)
		}
	}
	converting := cmp.Or(own, last)
	if converting == nil {
		return nil
	}
	mine = slices.DeleteFunc(mine, func(s *schema.Session) bool { return s.ID == converting.ID })
	slices.SortFunc(mine, compareSessions)
	return append(mine, converting)
}

func compareSessions(a, b *schema.Session) int {
	return cmp.Or(cmp.Compare(a.StartedAt, b.StartedAt), a.ID.Compare(b.ID))
}

func later(a, b *schema.Session) *schema.Session {
	if a == nil || compareSessions(a, b) < 0 {
		return b
	}
	return a
}

// ownership says whose a browser is.
type ownership map[string]*schema.Identity

func browsers(identities []schema.Identity) ownership {
	owners := make(ownership)
	for i := range identities {
		if n := identities[i].Node; n.Kind() == schema.NodeVisitor {
			owners[n.Value()] = &identities[i]
		}
	}
	return owners
}

// has tells whether a browser was the contact's at a moment.
func (o ownership) has(visitor string, at schema.Millis, contact schema.ID) bool {
	i := o[visitor]
	return i != nil && len(i.Contacts) > 0 && i.Owner(at) == contact
}

// cut tells whether a browser is known and nobody's: it was seen with too many
// people to be anybody's.
func (o ownership) cut(visitor string) bool {
	i := o[visitor]
	return i != nil && len(i.Contacts) == 0
}

// belonged tells whether a browser was ever the contact's.
func (o ownership) belonged(visitor string, contact schema.ID) bool {
	i := o[visitor]
	return i != nil && slices.Contains(i.Contacts, contact)
}
