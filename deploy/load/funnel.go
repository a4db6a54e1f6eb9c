package load

import (
	"math"
	"slices"
	"strings"
	"time"

	"sourceloop/schema"
)

// funnels are the funnels that an account answers: every scope, every kind of step.
func funnels() []Funnel {
	page := func(operator, value string) Step { return Step{Type: "pageview", Operator: operator, Value: value} }
	event := func(name string) Step { return Step{Type: "event", Name: name} }
	chat := Step{Type: "conversion", Name: conversation}
	return []Funnel{
		{Scope: "visitor", Window: "336h", Breakdown: "source", Steps: []Step{page("starts_with", "/"), page("equals", "/pricing"), event("signup")}},
		{Scope: "visitor", Window: "720h", Breakdown: "landing_page", Steps: []Step{page("glob", "/docs/*"), chat}},
		{Scope: "session", Window: "1h", Breakdown: "channel", Steps: []Step{page("equals", "/pricing"), page("contains", "/contact"), event("chat_opened")}},
		{Scope: "contact", Window: "2160h", Breakdown: "device", Steps: []Step{page("regex", "^/blog/"), chat}},
		{Scope: "contact", Window: "48h", Steps: []Step{event("tour_started"), page("equals", site+"/signup"), chat}},
	}
}

// funnel counts the entities of one funnel.
type funnel struct {
	query  Funnel
	window time.Duration
	after  [][]int64 // milliseconds from step 1 to each step, of those who reached it
	rows   map[string][][]int64
}

func newFunnel(q Funnel) *funnel {
	q.Order = "sequential"
	window, err := time.ParseDuration(q.Window)
	if err != nil {
		panic(err) // It is one of ours.
	}
	return &funnel{query: q, window: window, after: make([][]int64, len(q.Steps)), rows: make(map[string][][]int64)}
}

// moment is something that may be a step.
type moment struct {
	at   schema.Millis
	is   []bool // by step
	from *session
}

// add counts a unit's entities.
func (f *funnel) add(u *unit, conversions []*conversion) {
	entities := make(map[any][]moment)
	for _, s := range u.sessions {
		for _, h := range s.hits {
			if entity := f.entityOf(s, h); entity != nil {
				f.note(entities, entity, moment{at: h.at, is: f.steps(h, ""), from: s})
			}
		}
	}
	for _, v := range conversions {
		if entity := f.entityOfConversion(v); entity != nil {
			f.note(entities, entity, moment{at: v.at, is: f.steps(nil, v.name)})
		}
	}
	for _, moments := range entities {
		slices.SortFunc(moments, func(a, b moment) int { return int(a.at - b.at) })
		f.count(moments)
	}
}

func (f *funnel) note(entities map[any][]moment, entity any, m moment) {
	if slices.Contains(m.is, true) {
		entities[entity] = append(entities[entity], m)
	}
}

func (f *funnel) entityOf(s *session, h *hit) any {
	switch f.query.Scope {
	case "visitor":
		return s.browser
	case "session":
		return s
	}
	if p := s.browser.owner(h.at); p != nil {
		return p
	}
	return nil
}

func (f *funnel) entityOfConversion(v *conversion) any {
	switch {
	case f.query.Scope == "contact":
		return v.person
	case v.own == nil:
		return nil
	case f.query.Scope == "visitor":
		return v.own
	}
	return v.touches[len(v.touches)-1]
}

// steps tells which steps a hit, or a conversion by its name, is.
func (f *funnel) steps(h *hit, name string) []bool {
	is := make([]bool, len(f.query.Steps))
	for i, s := range f.query.Steps {
		switch {
		case h == nil:
			is[i] = s.Type == "conversion" && s.Name == name
		case s.Type == "event":
			is[i] = h.kind == "event" && h.name == s.Name
		case s.Type == "pageview":
			is[i] = h.kind == "pageview" && s.onPage(h.url)
		}
	}
	return is
}

// onPage compares an address: its path, or the whole of it.
func (s Step) onPage(address string) bool {
	if !strings.HasPrefix(s.Value, "http") {
		address, _, _ = strings.Cut(strings.TrimPrefix(address, site), "?")
	}
	switch s.Operator {
	case "equals":
		return address == s.Value
	case "starts_with":
		return strings.HasPrefix(address, s.Value)
	case "contains":
		return strings.Contains(address, s.Value)
	case "glob":
		return strings.HasPrefix(address, strings.TrimSuffix(s.Value, "*"))
	}
	return strings.HasPrefix(address, strings.TrimPrefix(s.Value, "^")) // The only regular expressions are beginnings.
}

// count finds the first step 1 that gets furthest; steps follow one another at later times.
func (f *funnel) count(moments []moment) {
	var best []schema.Millis
	var entry *session
	for i, m := range moments {
		if !m.is[0] {
			continue
		}
		if chain := f.chain(moments[i:]); len(chain) > len(best) {
			best, entry = chain, m.from
		}
	}
	if len(best) == 0 {
		return
	}
	record(f.after, best)
	if f.query.Breakdown != "" {
		key := entry.value(f.query.Breakdown)
		if f.rows[key] == nil {
			f.rows[key] = make([][]int64, len(f.query.Steps))
		}
		record(f.rows[key], best)
	}
}

// chain takes the earliest moment of each further step.
func (f *funnel) chain(moments []moment) []schema.Millis {
	times := []schema.Millis{moments[0].at}
	for _, m := range moments[1:] {
		if len(times) < len(f.query.Steps) && m.is[len(times)] && m.at.Sub(times[0]) <= f.window {
			times = append(times, m.at)
		}
	}
	return times
}

func record(after [][]int64, times []schema.Millis) {
	for i, at := range times {
		after[i] = append(after[i], int64(at-times[0]))
	}
}

func (f *funnel) account() FunnelFor {
	account := FunnelFor{Query: f.query, Steps: counts(f.after), Breakdown: []FunnelRow{}}
	for key, after := range f.rows {
		account.Breakdown = append(account.Breakdown, FunnelRow{key, counts(after)})
	}
	slices.SortFunc(account.Breakdown, func(a, b FunnelRow) int { return strings.Compare(a.Key, b.Key) })
	return account
}

func counts(after [][]int64) []StepCount {
	steps := make([]StepCount, len(after))
	for i, times := range after {
		steps[i].Entered = len(times)
		steps[i].Converted = len(after[min(i+1, len(after)-1)])
		if len(times) > 0 {
			slices.Sort(times)
			steps[i].Median, steps[i].P90 = quantile(times, 5), quantile(times, 9)
		}
	}
	return steps
}

// quantile is the time in seconds within which so many tenths reached a step, between two times in proportion.
func quantile(sorted []int64, tenths int) *float64 {
	place, part := (len(sorted)-1)*tenths/10, (len(sorted)-1)*tenths%10
	ms := float64(sorted[place])
	if part > 0 {
		ms += float64(sorted[place+1]-sorted[place]) * float64(part) / 10
	}
	seconds := math.Round(ms) / 1000
	return &seconds
}
