package report

import (
	"cmp"
	"context"
	"encoding/binary"
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
	var seers []*betweens
	told, _, err := s.seenWhole(ctx, q.Funnel, q.took, nil, func(*funnelRun) seer {
		b := &betweens{walker: q.walker(), q: q, depth: depth, paths: make(map[string]*between)}
		seers = append(seers, b)
		return b
	})
	if err != nil {
		return FunnelPaths{}, err
	}
	all := merged(seers, (*betweens).merge)
	return all.report(ctx, told, limit)
}

// took tells whether a walk is on one of the paths.
func (q *FunnelBetween) took(best *walk) bool {
	return best.n >= q.Step && (best.n == q.Step) == q.Dropped
}

// betweens are the paths that people took between two steps.
type betweens struct {
	walker
	q     FunnelBetween
	depth int
	paths map[string]*between // by items, eight bytes each, and one byte for those that were longer
	key   []byte
}

// between is one of them.
type between struct {
	people uint64
	took   []int64 // milliseconds from step to step
	key    string  // when it is told
}

func (b *betweens) see(_ uint64, h []happening) {
	best, _ := b.best(h, b.q.Order)
	if !b.q.took(&best) {
		return
	}
	since, until := best.times[b.q.Step-1], best.times[0]+b.window+1
	if !b.q.Dropped {
		until = best.times[b.q.Step]
	}
	b.walked(h, since, until)
	path, known := b.paths[string(b.key)]
	if !known {
		path = &between{}
		b.paths[string(b.key)] = path
	}
	path.people++
	if !b.q.Dropped {
		path.took = append(path.took, until-since)
	}
}

// walked writes the key of what was done between two times, repeats left out.
func (b *betweens) walked(h []happening, since, until int64) {
	b.key = b.key[:0]
	places, last := 0, uint64(0)
	for i := range h {
		if at := h[i].at(); at <= since || at >= until || h[i].item == last {
			continue
		}
		last = h[i].item
		if places++; places <= b.depth {
			b.key = binary.BigEndian.AppendUint64(b.key, last)
		}
	}
	if places > b.depth {
		b.key = append(b.key, 1)
	}
}

func (b *betweens) merge(other *betweens) {
	for key, path := range other.paths {
		if own, known := b.paths[key]; known {
			own.people += path.people
			own.took = append(own.took, path.took...)
		} else {
			b.paths[key] = path
		}
	}
}

// report tells the most frequent.
func (b *betweens) report(ctx context.Context, told *toldRun, limit int) (FunnelPaths, error) {
	answer := FunnelPaths{Number: uint64(len(b.paths))}
	all := make([]*between, 0, len(b.paths))
	for key, path := range b.paths {
		answer.People += path.people
		path.key = key
		all = append(all, path)
	}
	slices.SortFunc(all, func(x, y *between) int {
		return cmp.Or(cmp.Compare(y.people, x.people), cmp.Compare(x.key, y.key))
	})
	all = all[:min(len(all), limit)]
	var items []uint64
	for _, path := range all {
		items = append(items, itemsOf(path.key)...)
	}
	names, err := told.names(ctx, items)
	if err != nil {
		return FunnelPaths{}, err
	}
	for _, path := range all {
		answer.Paths = append(answer.Paths, path.told(names))
	}
	slices.SortStableFunc(answer.Paths, func(x, y FunnelPath) int {
		return cmp.Or(cmp.Compare(y.People, x.People), slices.CompareFunc(x.Path, y.Path, compareHappenings))
	})
	return answer, nil
}

// itemsOf reads a path's key.
func itemsOf(key string) []uint64 {
	items := make([]uint64, 0, len(key)/8)
	for ; len(key) >= 8; key = key[8:] {
		items = append(items, binary.BigEndian.Uint64([]byte(key[:8])))
	}
	return items
}

func happeningsOf(key string, names map[uint64]Happening) []Happening {
	items := itemsOf(key)
	all := make([]Happening, len(items))
	for i, item := range items {
		all[i] = names[item]
	}
	return all
}

func (b *between) told(names map[uint64]Happening) FunnelPath {
	path := FunnelPath{Path: happeningsOf(b.key, names), Longer: len(b.key)%8 != 0, People: b.people}
	slices.Sort(b.took)
	path.Median = toMillis(quantile(b.took, 0.5))
	return path
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
