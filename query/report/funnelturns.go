package report

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"sourceloop/schema"
)

// turns bound how many funnels one process reads at a time. Each may hold two rooms of rows and what is not in journeys, up to
// gigabytes, so that without a bound memory would be whatever people ask for at once. More at once would be no faster either: one alone
// keeps two cores busy.
type turns struct {
	free  *semaphore.Weighted
	limit time.Duration // of waiting
}

// mostTurns is where a machine's cores no longer count.
const mostTurns = 8

func newTurns(limit time.Duration) turns {
	n := max(2, min(runtime.GOMAXPROCS(0), mostTurns))
	return turns{semaphore.NewWeighted(int64(n)), limit}
}

// take waits for a turn, which is over when done is called. Those who came first get theirs first.
func (t turns) take(ctx context.Context) (done func(), err error) {
	wait, cancel := context.WithTimeout(ctx, t.limit)
	defer cancel()
	err = t.free.Acquire(wait, 1)
	switch {
	case err == nil:
		return func() { t.free.Release(1) }, nil
	case errors.Is(err, context.Canceled):
		return nil, fmt.Errorf("cannot wait for a funnel's turn: %w", err)
	}
	return nil, schema.E("read a funnel", schema.KindLimited, "so many funnels are asked for at once that this one had no turn in time; ask again in a moment")
}
