package load

import (
	"math"
	"strconv"
	"time"

	"sourceloop/schema"
)

// models are those that need nothing but a conversion's touches.
func models() []string {
	return []string{"last_touch", "first_touch", "last_non_direct", "first_non_direct", "linear", "position_based", "time_decay"}
}

// dimensions are what reports group by.
func dimensions() []string {
	return []string{"channel", "source", "medium", "campaign", "content", "term", "landing_page", "referrer", "device", "country", "browser"}
}

const none = "(none)"

// value is a session's value of a dimension.
func (s *session) value(dimension string) string {
	v := ""
	switch dimension {
	case "channel":
		v = s.origin.channel
	case "source":
		v = s.origin.source
	case "medium":
		v = s.origin.medium
	case "campaign":
		v = s.origin.campaign
	case "content":
		v = s.origin.content
	case "term":
		v = s.origin.term
	case "landing_page":
		v = s.landing
	case "referrer":
		v = s.referer
	case "device":
		v = s.browser.agent.device
	case "country":
		v = s.browser.place.country
	case "browser":
		v = s.browser.agent.browser
	}
	if v == "" {
		return none
	}
	return v
}

// untouched is the key of a conversion without a touch.
func untouched(dimension string) string {
	switch dimension {
	case "channel":
		return "Direct"
	case "source":
		return "direct"
	}
	return none
}

// within are a conversion's touches of a look back in days, or of all time.
func (v *conversion) within(lookback string) []*session {
	days, err := strconv.Atoi(lookback)
	if err != nil {
		return v.touches
	}
	var inside []*session
	for _, s := range v.touches {
		if v.at.Sub(s.start()) <= time.Duration(days)*24*time.Hour {
			inside = append(inside, s)
		}
	}
	if over := len(inside) - 100; over > 0 { // The first and the last 99.
		inside = append(inside[:1:1], inside[1+over:]...)
	}
	return inside
}

// share is how much of one conversion a model gives each of its touches.
func share(model string, touches []*session) []float64 {
	n := len(touches)
	shares := make([]float64, n)
	switch model {
	case "last_touch":
		shares[n-1] = 1
	case "first_touch":
		shares[0] = 1
	case "last_non_direct":
		shares[lastIndirect(touches)] = 1
	case "first_non_direct":
		shares[firstIndirect(touches)] = 1
	case "linear":
		for i := range shares {
			shares[i] = 1 / float64(n)
		}
	case "position_based":
		positions(shares)
	case "time_decay":
		decay(shares, touches)
	}
	return shares
}

func lastIndirect(touches []*session) int {
	for i := len(touches) - 1; i >= 0; i-- {
		if touches[i].origin.channel != "Direct" {
			return i
		}
	}
	return len(touches) - 1
}

func firstIndirect(touches []*session) int {
	for i, s := range touches {
		if s.origin.channel != "Direct" {
			return i
		}
	}
	return 0
}

// positions: 40, 20 and 40 per cent; two touches halve it.
func positions(shares []float64) {
	n := len(shares)
	if n < 3 {
		for i := range shares {
			shares[i] = 1 / float64(n)
		}
		return
	}
	for i := range shares {
		shares[i] = 0.2 / float64(n-2)
	}
	shares[0], shares[n-1] = 0.4, 0.4
}

// decay halves a touch's weight for every seven days.
func decay(shares []float64, touches []*session) {
	var newest schema.Millis
	for _, s := range touches {
		newest = max(newest, s.start())
	}
	sum := 0.0
	for i, s := range touches {
		shares[i] = math.Pow(0.5, newest.Sub(s.start()).Hours()/(7*24))
		sum += shares[i]
	}
	for i := range shares {
		shares[i] /= sum
	}
}
