package report

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"sourceloop/schema"
)

// changedBy are conversions that changed once each, by these causes.
func changedBy(causes ...schema.Cause) *past {
	p := &past{}
	p.name.names, p.cause.names = newNames(), newNames()
	for i, cause := range causes {
		p.happened.rows, p.known.rows = append(p.happened.rows, int64(i)), append(p.known.rows, 2)
		p.id.rows, p.contact.rows = append(p.id.rows, [16]byte{byte(i)}), append(p.contact.rows, [16]byte{})
		p.version.rows, p.counted.rows = append(p.version.rows, 1), append(p.counted.rows, 1)
		p.cause.codes = append(p.cause.codes, p.cause.code([]byte(cause)))
		p.conversion(i, i+1, 1)
	}
	return p
}

// TestWhoGoesAwayEndsAReplayBetweenTables: no table is asked for any longer when the context ends while one is made.
func TestWhoGoesAwayEndsAReplayBetweenTables(t *testing.T) {
	for stop := range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tables := 0
		r := replaying{byKey: changedRows{}, steps: map[schema.Cause]credit{}}
		err := r.run(ctx, changedBy(schema.CauseConversion, schema.CauseMerge, schema.CauseRules), func(*replayed) (map[keys]credit, error) {
			if tables++; tables == stop {
				cancel()
			}
			return map[keys]credit{{"google"}: {float64(tables), 0}}, nil
		})
		switch {
		case stop == 0 || stop == 3: // Nobody goes away, or when all is done.
			if err != nil || tables != 3 || r.steps[schema.CauseRules].conversions != 1 {
				t.Errorf("a replay of three causes makes %d tables and ends with %v", tables, err)
			}
		case !errors.Is(err, context.Canceled) || tables != stop:
			t.Errorf("who went away at table %d was told %v after %d", stop, err, tables)
		}
	}
}

// TestAReplayHasItsTime: what takes longer is given up with words that say what to do; who goes away before is told just that.
func TestAReplayHasItsTime(t *testing.T) {
	untilItEnds := func(ctx context.Context) error { <-ctx.Done(); return explain("read", ctx.Err()) }
	err := replayLimits{time: 1}.within(t.Context(), untilItEnds)
	if schema.KindOf(err) != schema.KindLimited || !strings.Contains(err.Error(), "fewer days") {
		t.Errorf("what takes too long ends with %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = replayLimits{time: time.Hour}.within(ctx, func(ctx context.Context) error { cancel(); return untilItEnds(ctx) })
	if schema.KindOf(err) == schema.KindLimited || !errors.Is(err, context.Canceled) {
		t.Errorf("who goes away is told %v", err)
	}
	refused := errors.New("refused")
	if err = (replayLimits{time: time.Hour}).within(t.Context(), func(context.Context) error { return refused }); !errors.Is(err, refused) || schema.KindOf(err) == schema.KindLimited {
		t.Errorf("what is refused within the time ends with %v", err)
	}
	err = replayLimits{time: time.Hour}.within(t.Context(), func(ctx context.Context) error {
		if _, deadline := ctx.Deadline(); deadline {
			return errors.New("there is a deadline, which would take the place of the statements' own")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestWhoGoesAwayEndsLongLoops: those that no statement is part of.
func TestWhoGoesAwayEndsLongLoops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sets := map[uint64]outcome{1: {conversions: 3, value: 6}, 2: {misses: 1}}
	if all, err := shapley(ctx, sets); err != nil || math.Abs(all[1].conversions-3) > 1e-9 {
		t.Errorf("%v, %v", all, err)
	}
	standing := changedBy(schema.CauseMerge)
	standing.move(standing.causeOf(0), true)
	rows := standing.replayed()
	if _, err := rows.along(ctx); err != nil || len(rows.id) != 1 {
		t.Errorf("%d rows, %v", len(rows.id), err)
	}
	cancel()
	if _, err := shapley(ctx, sets); !errors.Is(err, context.Canceled) {
		t.Errorf("conversions are shared for nobody: %v", err)
	}
	if _, err := rows.along(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("rows are written for nobody: %v", err)
	}
}
