package report

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Matches are how often a step's condition was met, and by how many visitors.
type Matches struct {
	Times, Visitors uint64
}

// maxCounted is how many conditions are counted at a time: steps and
// exclusions.
const maxCounted = 16

// StepMatches counts every step by itself, whatever came before or after, in
// one reading. Bots count.
func (s Scoped) StepMatches(ctx context.Context, steps []Step, p Period) ([]Matches, error) {
	if len(steps) == 0 || len(steps) > maxCounted {
		return nil, invalid("1 to %d steps are counted at a time, and these are %d", maxCounted, len(steps))
	}
	b := &funnelBuild{arguments: p.arguments(), page: "if(path(url) = '', '/', path(url))"}
	b.arguments["steps"] = uint8(len(steps))
	if err := b.steps(steps); err != nil {
		return nil, err
	}
	matches := make([]Matches, len(steps))
	err := s.query(ctx, "funnel_counts", b, b.arguments, func(r driver.Rows) error {
		var times, visitors []uint64
		if err := r.Scan(&times, &visitors); err != nil {
			return err
		}
		for i := range times {
			matches[i] = Matches{times[i], visitors[i]}
		}
		return nil
	})
	return matches, err
}
