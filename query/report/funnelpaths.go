package report

import (
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
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

func readHappenings(labels []string) []Happening {
	all := make([]Happening, len(labels))
	for i, label := range labels {
		all[i] = readHappening(label)
	}
	return all
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
	told, _, err := s.seenWhole(ctx, q.Funnel, nil, func(*funnelRun) seer {
		b := &betweens{walker: q.walker(), q: q, depth: depth, paths: make(map[string]*between)}
		seers = append(seers, b)
		return b
	})
	if err != nil {
		return FunnelPaths{}, err
	}
	all := seers[0]
	for _, other := range seers[1:] {
		all.merge(other)
	}
	return all.report(ctx, told, limit)
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
}

func (b *betweens) see(_ uint64, h []happening) {
	best, _ := b.best(h, b.q.Order)
	if best.n < b.q.Step || (best.n == b.q.Step) != b.q.Dropped {
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
	for _, path := range b.paths {
		answer.People += path.people
	}
	keys := slices.SortedFunc(maps.Keys(b.paths), func(x, y string) int {
		return cmp.Or(cmp.Compare(b.paths[y].people, b.paths[x].people), cmp.Compare(x, y))
	})
	keys = keys[:min(len(keys), limit)]
	var items []uint64
	for _, key := range keys {
		items = append(items, itemsOf(key)...)
	}
	names, err := told.names(ctx, items)
	if err != nil {
		return FunnelPaths{}, err
	}
	for _, key := range keys {
		answer.Paths = append(answer.Paths, b.paths[key].told(key, names))
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

func (b *between) told(key string, names map[uint64]Happening) FunnelPath {
	path := FunnelPath{Path: []Happening{}, Longer: len(key)%8 != 0, People: b.people}
	for _, item := range itemsOf(key) {
		path.Path = append(path.Path, names[item])
	}
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

// BestPaths asks which beginnings of a first visit lead to a conversion.
type BestPaths struct {
	Funnel      // its last step is what they lead to; its other steps, its order and exclusions are not read
	Depth   int // how many pages are told apart, 4 when 0
	Limit   int // how many paths, 20 when 0
	AtLeast int // paths of fewer people stand behind the others, whatever their rate
}

// BestPath is one beginning.
type BestPath struct {
	Pages     []Happening
	People    uint64 // whose first visit began so
	Converted uint64 // of them
	Low, High float64
	Median    float64 // seconds from the first page to the conversion; 0 when nobody converted
}

// BestPathsReport are the beginnings, best first: by the lower end of the 95 %
// interval of their rate (Low; Wilson's).
type BestPathsReport struct {
	Paths             []BestPath
	People, Converted uint64 // on all paths
	Number            uint64 // of different paths
}

// BestPaths looks at visitors (or contacts) whose first visit ever lies in the
// period, or at all sessions that began in it, from the first page on.
func (s Scoped) BestPaths(ctx context.Context, q BestPaths) (BestPathsReport, error) {
	if len(q.Steps) == 0 {
		return BestPathsReport{}, invalid("say to which step the paths should lead")
	}
	f := q.Funnel
	f.Steps = []Step{{Type: "pageview", Operator: "starts_with", Value: "/"}, q.Steps[len(q.Steps)-1]}
	f.Order, f.Exclusions, f.Breakdown = Sequential, nil, ""
	b, err := buildFunnel(f)
	if err != nil {
		return BestPathsReport{}, err
	}
	b.Stream, b.arguments["at_least"] = true, uint32(max(0, min(q.AtLeast, math.MaxUint32)))
	depth, limit, err := pathLimits(q.Depth, q.Limit)
	if err != nil {
		return BestPathsReport{}, err
	}
	b.arguments["depth"], b.arguments["limit"] = uint8(depth), uint32(limit)
	var answer BestPathsReport
	data := struct {
		*funnelBuild
		Sessions bool
	}{b, q.Scope == BySession}
	err = s.query(ctx, "funnel_best", data, b.arguments, func(r driver.Rows) error {
		var p BestPath
		var labels []string
		if err := r.Scan(&labels, &p.People, &p.Converted, &p.Median, &answer.People, &answer.Converted, &answer.Number); err != nil {
			return err
		}
		p.Pages, p.Median = readHappenings(labels), toMillis(p.Median)
		p.Low, p.High = wilson(p.Converted, p.People)
		if p.Converted == 0 {
			p.Median = 0 // A median of nothing is no number.
		}
		answer.Paths = append(answer.Paths, p)
		return nil
	})
	return answer, err
}
