package clickhouse_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/schema"
)

// headless are copies, or what there is of them, that nobody reads.
func (g *garden) headless() []string {
	return g.lines("SELECT concat(toString(month), ' ', toString(build)) AS line FROM journeys GROUP BY month, build HAVING countIf(workspace = 0) = 0 ORDER BY line")
}

// TestACopyThatFailsLeavesNothing: whether a statement fails or the work is called off, rows that were stored of its month go at
// once. Other months are copied, and not again by the next try; what was to be dropped goes, too.
func TestACopyThatFailsLeavesNothing(t *testing.T) {
	g := newGarden(t)
	g.grow()
	standing := g.copyAll(false)
	failing := busiestOf(standing)
	crashed := g.craft(failing, schema.JourneyBuild(schema.MillisOf(g.began.Add(-13*time.Hour))), time.Time{})
	before, last := builds(standing), failing.Covers.AddDate(0, 0, -1).Format(time.DateOnly)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tries, stored := 0, false
	g.Refuse("INSERT INTO journey_items", func(bound map[string]any) error {
		if tries == 3 || bound["day"] != last {
			return nil
		}
		stored = stored || len(g.headless()) > 0
		if tries++; tries == 3 {
			cancel()
			return nil
		}
		return errors.New("as a test wants it")
	})
	since := copiedBefore(true)
	var after map[uint32][]uint64
	for range 3 {
		if err := g.CopyJourneys(ctx, since); err == nil {
			t.Fatal("a copy that fails is said to be made")
		}
		if left := g.headless(); len(left) > 0 {
			t.Errorf("after %d tries are left %v", tries, left)
		}
		made := builds(g.check())
		if after != nil && !maps.EqualFunc(made, after, slices.Equal) {
			t.Errorf("after try %d stand %v, before %v", tries, made, after)
		}
		after = made
	}
	if !stored || tries != 3 || g.has(crashed) {
		t.Errorf("%d tries failed, of rows that were stored: %v; a crashed copy is there: %v", tries, stored, g.has(crashed))
	}
	if err := g.CopyJourneys(t.Context(), since); err != nil {
		t.Fatal(err)
	}
	done := builds(g.check())
	for month, was := range before {
		if slices.Equal(done[month], was) || slices.Equal(done[month], after[month]) == (month == failing.Month) {
			t.Errorf("of the month %d stood %v, then %v, at the end %v", month, was, after[month], done[month])
		}
	}
}

// TestJourneysOfAServerInAnyZone: the driver gives days in the server's zone, and the same days are copied, once.
func TestJourneysOfAServerInAnyZone(t *testing.T) {
	g := newGarden(t)
	g.grow()
	want := g.copyAll(false)
	for _, hours := range []int{-11, 14} {
		g.exec("TRUNCATE TABLE journeys")
		ctx := driver.Context(t.Context(), driver.WithUserLocation(time.FixedZone("server", hours*3600)))
		var first []schema.JourneyCopy
		for range 2 {
			if err := g.CopyJourneys(ctx, 0); err != nil {
				t.Fatal(err)
			}
			got := g.check()
			if !slices.EqualFunc(got, want, func(a, b schema.JourneyCopy) bool { return a.Begins.Equal(b.Begins) && a.Covers.Equal(b.Covers) }) {
				t.Errorf("%d hours from UTC stand %+v, want %+v", hours, got, want)
			}
			if first != nil && !slices.Equal(got, first) {
				t.Errorf("%d hours from UTC, without anything new %+v became %+v", hours, first, got)
			}
			first = got
		}
	}
}
