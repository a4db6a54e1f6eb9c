package journeys

import (
	"math"
	"slices"

	"sourceloop/schema"
)

// Touches gives the sessions that a conversion is credited to, by time, the
// converting one last; days of lookback, or 0 for all.
func Touches(fact *schema.ConversionFact, contact schema.ID, identities []schema.Identity, sessions []schema.Session, days int) []schema.Session {
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
		if s.Visitor == fact.GetVisitor() {
			own = append(own, s)
		}
	}
	if len(own) > 0 {
		converting := own[len(own)-1]
		mine = slices.DeleteFunc(mine, func(s schema.Session) bool { return s.ID == converting.ID })
		mine = append(mine, converting)
	}
	var touches []schema.Session
	for _, s := range mine {
		if days == 0 || fact.GetAt()-int64(s.StartedAt) <= int64(days)*24*60*60*1000 {
			touches = append(touches, s)
		}
	}
	if len(touches) > 100 {
		touches = append(touches[:1:1], touches[len(touches)-99:]...)
	}
	return touches
}

// Credits gives every touch its share of a conversion under the seven models
// that need no more than its touches.
func Credits(model string, touches []schema.Session, at schema.Millis) []float64 {
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
	}
	return shares
}
