package report_test

import (
	"math"
	"slices"
	"sort"
	"strings"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// naive tries every walk of every entity.
func (w *world) naive(f report.Funnel) report.FunnelReport {
	whole, rows := newTally(f), map[string]*tally{}
	for _, list := range w.entities(f) {
		best, entry := furthest(f, list)
		if len(best) == 0 {
			continue
		}
		if rows[entry] == nil {
			rows[entry] = newTally(f)
		}
		whole.add(best)
		rows[entry].add(best)
	}
	answer := report.FunnelReport{Steps: whole.counts()}
	if f.Breakdown == "" {
		return answer
	}
	answer.Breakdown = []report.FunnelRow{}
	for key, t := range rows {
		answer.Breakdown = append(answer.Breakdown, report.FunnelRow{Key: key, Steps: t.counts()})
	}
	sort.Slice(answer.Breakdown, func(i, j int) bool {
		a, b := answer.Breakdown[i], answer.Breakdown[j]
		if a.Steps[0].Entered != b.Steps[0].Entered {
			return a.Steps[0].Entered > b.Steps[0].Entered
		}
		return plain(a.Key) < plain(b.Key)
	})
	if f.Rows > 0 && len(answer.Breakdown) > f.Rows {
		rest := newTally(f)
		for _, row := range answer.Breakdown[f.Rows:] {
			for k, seconds := range rows[row.Key].seconds {
				rest.seconds[k] = append(rest.seconds[k], seconds...)
			}
		}
		answer.Rest = &report.FunnelRest{Values: uint64(len(answer.Breakdown) - f.Rows), Steps: rest.counts()}
		answer.Breakdown = answer.Breakdown[:f.Rows]
	}
	sort.SliceStable(answer.Breakdown, func(i, j int) bool {
		a, b := answer.Breakdown[i], answer.Breakdown[j]
		return a.Steps[0].Entered == b.Steps[0].Entered && a.Key < b.Key
	})
	return answer
}

// plain is a key as it is stored.
func plain(key string) string { return strings.TrimPrefix(key, report.None) }

// furthest is the best of an entity's walks: the times of its steps, and the
// key it began with.
func furthest(f report.Funnel, list []happening) (best []schema.Millis, entry string) {
	slices.SortFunc(list, func(a, b happening) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return strings.Compare(a.tie, b.tie)
	})
	for i, h := range list {
		if h.at < f.Period.Begin || h.at >= f.Period.End {
			continue
		}
		s := search{f: f, list: list, begin: h.at, seen: map[[2]int]bool{}}
		for k, step := range f.Steps {
			if h.matches(step) && (k == 0 || f.Order == report.AnyOrder) {
				s.walk(i, 1<<k, 1)
			}
		}
		if len(s.times) > len(best) {
			best, entry = s.times, h.key
		}
	}
	return best, entry
}

// search goes every way on from one entry.
type search struct {
	f     report.Funnel
	list  []happening
	begin schema.Millis
	times []schema.Millis // the earliest of every number of steps done
	seen  map[[2]int]bool
}

// walk has done a set of steps, the last of them at a place of the list.
func (s *search) walk(place, done, level int) {
	if s.seen[[2]int{place, done}] {
		return
	}
	s.seen[[2]int{place, done}] = true
	at := s.list[place].at
	if level > len(s.times) {
		s.times = append(s.times, at)
	}
	s.times[level-1] = min(s.times[level-1], at)
	for next := place + 1; next < len(s.list) && s.list[next].at.Sub(s.begin) <= s.f.Window; next++ {
		for k, step := range s.f.Steps {
			if done&(1<<k) == 0 && (k == level || s.f.Order == report.AnyOrder) && s.list[next].matches(step) {
				s.walk(next, done|1<<k, level+1)
			}
		}
		if s.stops(s.list[next], level) {
			return
		}
	}
}

// stops tells whether nobody gets past something who has done so many steps.
func (s *search) stops(h happening, level int) bool {
	for _, e := range s.f.Exclusions {
		before := e.Before
		if before == 0 {
			before = len(s.f.Steps)
		}
		if h.matches(e.Step) && level >= max(1, e.After) && level < before {
			return true
		}
	}
	return s.f.Order == report.Strict && (h.opens || slices.ContainsFunc(s.f.Steps, h.matches))
}

type tally struct{ seconds [][]float64 }

func newTally(f report.Funnel) *tally { return &tally{make([][]float64, len(f.Steps))} }

func (t *tally) add(chain []schema.Millis) {
	for k, at := range chain {
		t.seconds[k] = append(t.seconds[k], at.Sub(chain[0]).Seconds())
	}
}

func (t *tally) counts() []report.StepCount {
	counts := make([]report.StepCount, len(t.seconds))
	for k, seconds := range t.seconds {
		sort.Float64s(seconds)
		next := t.seconds[min(k+1, len(t.seconds)-1)]
		counts[k] = report.StepCount{
			Entered: uint64(len(seconds)), Converted: uint64(len(next)), Median: quantile(seconds, 0.5), P90: quantile(seconds, 0.9),
		}
	}
	return counts
}

// quantile is that of type 7 of Hyndman and Fan.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	h := float64(len(sorted)-1) * q
	i := int(h)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return math.Round((sorted[i]+(h-float64(i))*(sorted[i+1]-sorted[i]))*1000) / 1000
}
