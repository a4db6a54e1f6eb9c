package report

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// toldRun is where a funnel was read whose seers noted items, to look up what they are.
type toldRun struct {
	Scoped
	source *funnelSource
}

// seenWhole shows seers everything that those did who may have entered, and not only what the funnel looks at. matters tells of a best walk
// whether the seers need to be shown it, though they may be; nil for all. more asks something more of the source; nil for nothing.
func (s Scoped) seenWhole(ctx context.Context, f Funnel, matters func(*walk) bool, more func(*funnelSource), newSeer func(r *funnelRun) seer) (told *toldRun, values []string, err error) {
	told = &toldRun{Scoped: s}
	told.source, err = s.source(ctx, f, func(source *funnelSource) {
		source.Stream = true
		if more != nil {
			more(source)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	if matters != nil {
		if err := s.narrow(ctx, f, told.source, matters); err != nil {
			return nil, nil, err
		}
	}
	values, err = s.seenFrom(ctx, f, told.source, newSeer)
	return told, values, err
}

// names tells what items are.
func (t *toldRun) names(ctx context.Context, items []uint64) (map[uint64]Happening, error) {
	told := make(map[uint64]Happening, len(items))
	if len(items) == 0 {
		return told, nil
	}
	slices.Sort(items)
	arguments := map[string]any{"items": slices.Compact(items), "begin": t.source.arguments["begin"], "end": t.source.arguments["end"], "window": t.source.arguments["window"]}
	read := func(statement string) error {
		return t.query(ctx, statement, t.source, arguments, func(r driver.Rows) error {
			var item uint64
			var label string
			err := r.Scan(&item, &label)
			told[item] = readHappening(label)
			return err
		})
	}
	if err := read("funnel_names"); err != nil || len(told) == len(arguments["items"].([]uint64)) {
		return told, err
	}
	return told, read("funnel_names_of_sessions")
}
