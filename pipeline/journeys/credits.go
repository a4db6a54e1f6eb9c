package journeys

import (
	"math"
	"slices"

	"sourceloop/schema"
)

// Touches gives the sessions that a conversion is credited to, by time, the
// converting one last; days of lookback, or 0 for all.
func Touches(fact *schema.ConversionFact, contact schema.ID, identities []schema.Identity, sessions []schema.Session, days int) []schema.Session {
	var touches []schema.Session
	for _, s := range Begun(fact, contact, identities, sessions) {
		if days == 0 || fact.GetAt()-int64(s.StartedAt) <= int64(days)*24*60*60*1000 {
			touches = append(touches, s)
		}
	}
	if len(touches) > 100 {
		touches = append(touches[:1:1], touches[len(touches)-99:]...)
	}
	return touches
}

// Begun gives the sessions of a conversion's contact up to it, by time, the
// converting one last.
func Begun(fact *schema.ConversionFact, contact schema.ID, identities []schema.Identity, sessions []schema.Session) []schema.Session {
	ordered := slices.Clone(sessions)
	slices.SortFunc(ordered, func(a, b schema.Session) int {
		if a.StartedAt != b.StartedAt {
			return int(a.StartedAt - b.StartedAt)
		}
		return a.ID.Compare(b.ID)
	})
	var mine, own []schema.Session
	for _, s := range ordered {
		if int64(s.StartedAt) > fact.GetAt() {
			break
		}
		for _, i := range identities {
			if i.Node == schema.NewNode(schema.NodeVisitor, s.Visitor) && len(i.Contacts) > 0 && i.Owner(s.StartedAt) == contact {
				mine = append(mine, s)
			}
		}
		if s.Visitor == fact.GetVisitor() && !slices.ContainsFunc(identities, func(i schema.Identity) bool {
			return i.Node == schema.NewNode(schema.NodeVisitor, s.Visitor) && len(i.Contacts) == 0 // cut
		}) {
			own = append(own, s)
		}
	}
	if len(own) > 0 {
		converting := own[len(own)-1]
		mine = slices.DeleteFunc(mine, func(s schema.Session) bool { return s.ID == converting.ID })
		mine = append(mine, converting)
	}
	return mine
}

// Credits gives every touch its share of a conversion under the models that
// need no more than its touches and when its contact was first identified and
// first in progress (0 for never).
func Credits(model string, touches []schema.Session, at, identified, progressed schema.Millis) []float64 {
	n := len(touches)
	shares := make([]float64, n)
	if n == 0 {
		return shares
	}
	var other []int // touches that are not Direct
	for i, t := range touches {
		if t.Touch.Channel != schema.ChannelDirect {
			other = append(other, i)
		}
	}
	switch {
	case model == "last_touch", model == "last_non_direct" && len(other) == 0:
		shares[n-1] = 1
	case model == "first_touch", model == "first_non_direct" && len(other) == 0:
		shares[0] = 1
	case model == "last_non_direct":
		shares[other[len(other)-1]] = 1
	case model == "first_non_direct":
		shares[other[0]] = 1
	case model == "linear", model == "position_based" && n < 3:
		for i := range shares {
			shares[i] = 1 / float64(n)
		}
	case model == "position_based":
		for i := range shares {
			shares[i] = .2 / float64(n-2)
		}
		shares[0], shares[n-1] = .4, .4
	case model == "time_decay":
		sum := 0.0
		for i, t := range touches {
			shares[i] = math.Pow(.5, float64(at-t.StartedAt)/(7*24*60*60*1000))
			sum += shares[i]
		}
		for i := range shares {
			shares[i] /= sum
		}
	case model == "w_shaped":
		spread(shares, 30, []int{0, latest(touches, identified), n - 1})
	case model == "full_path":
		spread(shares, 22.5, []int{0, latest(touches, identified), latest(touches, progressed), n - 1})
	}
	return shares
}

// latest is the last touch that began by a moment, or -1.
func latest(touches []schema.Session, moment schema.Millis) int {
	found := -1
	for i, t := range touches {
		if moment != 0 && t.StartedAt <= moment {
			found = i
		}
	}
	return found
}

// spread gives so many percent to each place, 10 to the other ones together,
// and what nobody got to everybody.
func spread(shares []float64, percent float64, places []int) {
	left := 100.0
	for _, place := range places {
		if place >= 0 {
			shares[place] += percent / 100
			left -= percent
		}
	}
	var others []int
	for i := range shares {
		if !slices.Contains(places, i) {
			others = append(others, i)
		}
	}
	for _, i := range others {
		shares[i] = .1 / float64(len(others))
	}
	if len(others) > 0 {
		left -= 10
	}
	for i := range shares {
		shares[i] += left / 100 / float64(len(shares))
	}
}

// Models are the models that Credits knows.
func Models() []string {
	return []string{"last_touch", "first_touch", "last_non_direct", "first_non_direct", "linear", "position_based", "time_decay", "w_shaped", "full_path"}
}

// Credit gives what a contact's page and the reports say about a chat.
func Credit(fact *schema.ConversionFact, days int, contacts []schema.Contact, identities []schema.Identity, sessions []schema.Session) Credited {
	c := Credited{
		Chat: fact.GetExternalId(), Name: fact.GetName(), At: schema.Millis(fact.GetAt()), Value: fact.GetValue(), Visitor: fact.GetVisitor(),
		Shares: map[string][]float64{},
	}
	c.Contact = Counts(fact, contacts, identities)
	c.First = schema.DirectTouch(schema.Millis(fact.GetAt()))
	c.Last = c.First
	all := Begun(fact, c.Contact, identities, sessions)
	mine := func(s *schema.Session, at schema.Millis) bool {
		for _, i := range identities {
			if i.Node == schema.NewNode(schema.NodeVisitor, s.Visitor) && slices.Contains(i.Contacts, c.Contact) {
				return i.Owner(at) == c.Contact
			}
		}
		return len(all) > 0 && s.ID == all[len(all)-1].ID // a browser that was never the contact's
	}
	if len(all) > 0 {
		last := all[len(all)-1]
		c.First, c.Last, c.Returns = all[0].Touch, last.Touch, len(all)-1
		c.Device, c.Country, c.Browser = last.Device, last.Country, last.Browser
	}
	millis := int64(0)
	for _, s := range all {
		millis += int64(s.EndedAt - s.StartedAt)
		if r := s.Touch.Referrer; r != "" && !slices.Contains(c.Referrers, r) {
			c.Referrers = append(c.Referrers, r)
		}
	}
	c.Seconds = float64(millis) / 1000
	for _, s := range sessions {
		for _, item := range s.Items {
			if item.Type == schema.HitType_HIT_TYPE_PAGEVIEW && int64(item.At) < fact.GetAt() && mine(&s, item.At) {
				c.Pages++
			}
		}
	}
	within := Touches(fact, c.Contact, identities, sessions, days)
	for _, s := range within {
		c.Touches = append(c.Touches, s.Touch)
	}
	identified := schema.Millis(0)
	for i := range contacts {
		if contacts[i].ID == c.Contact {
			identified = contacts[i].CreatedAt
		}
	}
	for _, m := range Models() {
		c.Shares[m] = Credits(m, within, schema.Millis(fact.GetAt()), identified, 0)
	}
	return c
}

// Counts gives the contact of a chat, or zero while that has no email or phone.
func Counts(fact *schema.ConversionFact, contacts []schema.Contact, identities []schema.Identity) schema.ID {
	for _, i := range identities {
		if string(i.Node) != fact.GetNode() {
			continue
		}
		for _, c := range contacts {
			if c.ID == i.Owner(schema.Millis(fact.GetAt())) && c.Email+c.Phone != "" {
				return c.ID
			}
		}
	}
	return schema.ID{}
}
