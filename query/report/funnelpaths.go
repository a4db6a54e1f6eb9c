package report

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// The limits of paths: how many of their places are told apart, and how many
// paths are listed.
const (
	defaultDepth, maxDepth = 4, 10
	defaultPaths, maxPaths = 20, 100
)

// Happening is one place of a path: a page view by its path, an event or a
// conversion by its name.
type Happening struct {
	Type string // pageview, event, conversion
	Name string
}

// readHappening reads what the statements write.
func readHappening(label string) Happening {
	for kind, name := range map[string]string{"p": "pageview", "e": "event", "c": "conversion"} {
		if rest, ok := strings.CutPrefix(label, kind); ok {
			return Happening{name, rest}
		}
	}
	return Happening{}
}

// FunnelBetween asks what people did between a step and the next.
type FunnelBetween struct {
	Funnel
	Step    int  // after which; the last has no next
	Dropped bool // instead: what those did who got no further, until their window ended
	Depth   int  // how many places are told apart, 4 when 0
	Limit   int  // how many paths, 20 when 0
}

// FunnelPath is what some did, each repeat left out.
type FunnelPath struct {
	Path   []Happening // empty for those who did nothing between
	Longer bool        // there was more behind it
	People uint64
	Median float64 // seconds from step to step; 0 for those who dropped
}

// FunnelPaths are the most frequent ones.
type FunnelPaths struct {
	Paths  []FunnelPath
	People uint64 // on all paths
	Number uint64 // of different paths
}

// FunnelBetween gives the paths.
func (s Scoped) FunnelBetween(ctx context.Context, q FunnelBetween) (FunnelPaths, error) {
	last := len(q.Steps) - 1
	if q.Step < 1 || q.Step > last {
		return FunnelPaths{}, invalid("step must be one that has a next, 1 to %d, and is %d", last, q.Step)
	}
	depth, limit, err := pathLimits(q.Depth, q.Limit)
	if err != nil {
		return FunnelPaths{}, err
	}
	q.Breakdown = ""
	tellers := make([]teller, seersAtOnce)
	for i := range tellers {
		tellers[i] = &betweens{q: q, depth: depth, ways: ways{most: s.reader.funnelLimits.ways}}
	}
	told, _, err := s.told(ctx, q.Funnel, nil, tellers)
	if err != nil {
		return FunnelPaths{}, err
	}
	all := tellers[0].(*betweens)
	for _, other := range tellers[1:] {
		all.merge(&other.(*betweens).ways)
	}
	if err := all.enough(); err != nil {
		return FunnelPaths{}, err
	}
	return all.report(ctx, told, limit)
}

// took tells whether a walk is on one of the paths.
func (q *FunnelBetween) took(best *walk) bool {
	return best.n >= q.Step && (best.n == q.Step) == q.Dropped
}

// betweens are the paths that people took between two steps.
type betweens struct {
	q     FunnelBetween
	depth int
	ways
	path []uint64 // of one entity
}

func (b *betweens) span(entity uint64, best *walk, _ *happening) (span, bool) {
	if !b.q.took(best) {
		return span{}, false
	}
	own := span{entity: entity, since: best.times[b.q.Step-1], until: best.times[0] + b.q.Window.Milliseconds() + 1}
	if !b.q.Dropped {
		own.until = best.times[b.q.Step]
	}
	return own, true
}

// tell counts the path of what was done, repeats left out.
func (b *betweens) tell(in span, h []happening) {
	b.path = b.path[:0]
	places, last := 0, uint64(0)
	for i := range h {
		if h[i].item == last {
			continue
		}
		last = h[i].item
		if places++; places <= b.depth {
			b.path = append(b.path, last)
		}
	}
	took := in.until - in.since
	if b.q.Dropped {
		took = -1
	}
	b.went(b.path, places > b.depth, took)
}

// report tells the most frequent.
func (b *betweens) report(ctx context.Context, told *toldRun, limit int) (FunnelPaths, error) {
	answer := FunnelPaths{Number: uint64(len(b.all))}
	for i := range b.all {
		answer.People += uint64(b.all[i].people)
	}
	places := b.foremost(limit, func(x, y uint32) int {
		return cmp.Or(cmp.Compare(b.all[y].people, b.all[x].people), slices.Compare(b.itemsOf(x), b.itemsOf(y)), compareBools(b.all[x].longer, b.all[y].longer))
	})
	names, err := told.names(ctx, b.itemsOfAll(places))
	if err != nil {
		return FunnelPaths{}, err
	}
	times := b.times(places)
	for _, place := range places {
		one := FunnelPath{Path: happeningsOf(b.itemsOf(place), names), Longer: b.all[place].longer, People: uint64(b.all[place].people)}
		one.Median = toMillis(quantile(times[place], 0.5))
		answer.Paths = append(answer.Paths, one)
	}
	slices.SortStableFunc(answer.Paths, func(x, y FunnelPath) int {
		return cmp.Or(cmp.Compare(y.People, x.People), slices.CompareFunc(x.Path, y.Path, compareHappenings))
	})
	return answer, nil
}

// compareBools has false first.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func compareHappenings(a, b Happening) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
}

// pathLimits say how much of paths is told.
func pathLimits(depth, limit int) (int, int, error) {
	if depth == 0 {
		depth = defaultDepth
	}
	if limit == 0 {
		limit = defaultPaths
	}
	if depth < 1 || depth > maxDepth || limit < 1 || limit > maxPaths {
		return 0, 0, invalid("a path has 1 to %d places, and up to %d paths are listed; asked were %d and %d", maxDepth, maxPaths, depth, limit)
	}
	return depth, limit, nil
}
