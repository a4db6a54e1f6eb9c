package report

import (
	"context"
	"math"
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
	b, err := buildFunnel(q.Funnel)
	if err != nil {
		return FunnelPaths{}, err
	}
	b.Stream, b.arguments["step"] = true, uint8(q.Step)
	if err := b.limits(q.Depth, q.Limit); err != nil {
		return FunnelPaths{}, err
	}
	var answer FunnelPaths
	data := struct {
		*funnelBuild
		Dropped bool
	}{b, q.Dropped}
	err = s.query(ctx, "funnel_paths", data, b.arguments, func(r driver.Rows) error {
		var p FunnelPath
		var labels []string
		if err := r.Scan(&labels, &p.Longer, &p.People, &p.Median, &answer.People, &answer.Number); err != nil {
			return err
		}
		p.Path, p.Median = readHappenings(labels), toMillis(p.Median)
		answer.Paths = append(answer.Paths, p)
		return nil
	})
	return answer, err
}

// limits binds how much of paths is told.
func (b *funnelBuild) limits(depth, limit int) error {
	if depth == 0 {
		depth = defaultDepth
	}
	if limit == 0 {
		limit = defaultPaths
	}
	if depth < 1 || depth > maxDepth || limit < 1 || limit > maxPaths {
		return invalid("a path has 1 to %d places, and up to %d paths are listed; asked were %d and %d", maxDepth, maxPaths, depth, limit)
	}
	b.arguments["depth"], b.arguments["limit"] = uint8(depth), uint32(limit)
	return nil
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
	if err := b.limits(q.Depth, q.Limit); err != nil {
		return BestPathsReport{}, err
	}
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
