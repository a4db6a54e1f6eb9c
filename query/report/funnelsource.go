package report

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"sourceloop/schema"
)

// funnelLimits are where a funnel is read in another way. The answer is the same.
type funnelLimits struct {
	rows    uint64 // of journeys that are read at once: ranges of visitors are made so large, so that memory does not grow
	runs    int    // that are merged; more are sorted
	items   int    // pages and events that a funnel may look at in journeys; of more it reads sessions
	changes int    // visitors' days that may have changed since they were copied; beyond, copies are not read
	rest    int    // rows that are not in journeys; more are refused
}

func usualLimits() funnelLimits {
	return funnelLimits{rows: 1_500_000, runs: 64, items: 20_000, changes: 200_000, rest: 20_000_000}
}

// longestSession bounds how long before its items a session begins: it ends at midnight.
const longestSession = 2 * 24 * time.Hour

// funnelSource is where a funnel is read from: journeys, as far as they were
// copied and are still right, and sessions for the rest. Both together are all
// sessions, each in one of them.
type funnelSource struct {
	*funnelBuild
	scope     Scope
	Entry     string // what one enters with, of a row j of journeys
	Otherwise uint16 // whom a page or event stops that is not among the items
	Pages     uint16 // the step that a page is that is not among them
	Credited  uint16 // the steps whose conversions are asked for by id
	Changed   bool   // some sessions changed since they were copied
	Uncopied  string // the days of the others
	copies    []schema.JourneyCopy
	size      uint64 // how many rows of journeys are to be read
	changed   changes
	only      []uint64 // who alone is read, sorted; see funnelnarrow.go
	items     []uint64
	meanings  map[uint64]meaning
}

// meaning is what an item is to a funnel; see happening.
type meaning struct{ mask, stop uint16 }

// meaningOf is that of any item.
func (f *funnelSource) meaningOf(item uint64) meaning {
	if m, ok := f.meanings[item]; ok {
		return m
	}
	if item&itemKind == itemPage {
		return meaning{f.Pages, f.Otherwise}
	}
	return meaning{0, f.Otherwise}
}

// The lowest bits of an item say of what kind it is.
const (
	itemKind = 3
	itemPage = 1
)

// changes are visitors' days, to go along with a statement.
type changes struct {
	day     proto.ColDate32
	visitor proto.ColStr
}

func (c *changes) table() ch.ExternalTable {
	return ch.ExternalTable{Name: "changed", Data: proto.Input{{Name: "day", Data: &c.day}, {Name: "visitor", Data: &c.visitor}}}
}

// Everything tells whether all items are read, and not only those that mean something.
func (f *funnelSource) Everything() bool { return f.Stream || f.Otherwise != 0 }

// Sessions tells whether sessions are counted.
func (f *funnelSource) Sessions() bool { return f.scope == BySession }

// source finds out where a funnel is to be read.
func (s Scoped) source(ctx context.Context, f Funnel, more func(*funnelSource)) (*funnelSource, error) {
	b, err := buildFunnel(f)
	if err != nil {
		return nil, err
	}
	source := &funnelSource{funnelBuild: b, scope: f.Scope, Entry: "j." + string(f.Breakdown), Uncopied: "true"}
	if more != nil {
		more(source)
	}
	if f.Order == Strict {
		source.Otherwise = noFurther
	}
	if !f.byItems() {
		return source, nil
	}
	if err := s.findCopies(ctx, f, source); err != nil || len(source.copies) == 0 {
		return source, err
	}
	find, ctx := errgroup.WithContext(ctx)
	var known, few bool
	find.Go(func() (err error) {
		if known, err = s.findItems(ctx, source); err != nil || !known {
			return err
		}
		return s.findSize(ctx, f, source)
	})
	find.Go(func() (err error) { few, err = s.findChanges(ctx, source); return err })
	if err := find.Wait(); err != nil {
		return nil, err
	}
	if !known || !few {
		source.copies, source.Changed = nil, false
		return source, nil
	}
	source.Uncopied = uncopied(source.copies)
	return source, nil
}

// conditions are the steps and what is excluded between them.
func (f Funnel) conditions() []Step {
	all := slices.Clone(f.Steps)
	for _, e := range f.Exclusions {
		all = append(all, e.Step)
	}
	return all
}

// byItems tells whether every condition is one on a path or on an event's name.
func (f Funnel) byItems() bool {
	return !slices.ContainsFunc(f.conditions(), func(step Step) bool {
		return step.Type == "pageview" && !schema.OnPath(step.Value) || len(step.Properties) > 0
	})
}

// onItems tells whether it looks at pages or events at all.
func (f Funnel) onItems() bool {
	return slices.ContainsFunc(f.conditions(), func(step Step) bool { return step.Type != "conversion" })
}

// findCopies finds those with sessions that may be asked for.
func (s Scoped) findCopies(ctx context.Context, f Funnel, source *funnelSource) error {
	var all []schema.JourneyCopy
	err := s.query(ctx, "funnel_copies", nil, nil, func(r driver.Rows) error {
		var c schema.JourneyCopy
		var noted int64
		err := r.Scan(&c.Month, &c.Build, &c.Begins, &c.Covers, &noted, &c.Rows)
		c.Begins, c.Covers, c.Noted = schema.UTCDay(c.Begins), schema.UTCDay(c.Covers), schema.Millis(noted)
		all = append(all, c)
		return err
	})
	begin, end := f.Period.Begin.Add(-longestSession).Time(), f.Period.End.Add(f.Window).Time()
	for _, c := range schema.JourneyCopies(all) {
		if c.Covers.After(begin) && !c.Begins.After(end) {
			source.copies = append(source.copies, c)
		}
	}
	return err
}

// findItems looks the conditions up. Not usable are numbers with two meanings.
func (s Scoped) findItems(ctx context.Context, source *funnelSource) (usable bool, err error) {
	source.meanings = make(map[uint64]meaning)
	arguments := maps.Clone(source.arguments)
	arguments["limit"] = uint64(s.reader.funnelLimits.items + 1)
	usable = true
	err = s.query(ctx, "funnel_items", source, arguments, func(r driver.Rows) error {
		var item, meanings uint64
		var mask, stop uint16
		err := r.Scan(&item, &mask, &stop, &meanings)
		source.items, source.meanings[item] = append(source.items, item), meaning{mask, stop}
		usable = usable && meanings == 1 && len(source.items) <= s.reader.funnelLimits.items
		return err
	})
	return usable, err
}

// findSize counts what is to be read.
func (s Scoped) findSize(ctx context.Context, f Funnel, source *funnelSource) error {
	var count proto.ColUInt64
	return s.columns(ctx, "funnel_size", source, source.journeyArguments(f), proto.Results{{Name: "size", Data: &count}}, func() error {
		for _, n := range count {
			source.size += n
		}
		return nil
	})
}

// findChanges finds what the copies do not know. They are the same for all
// statements of a question, or a session that changes meanwhile would be in none or both.
func (s Scoped) findChanges(ctx context.Context, source *funnelSource) (usable bool, err error) {
	noted := map[uint32]schema.Millis{}
	oldest := source.copies[0].Noted
	for _, c := range source.copies {
		oldest = min(oldest, c.Noted)
		if of, ok := noted[c.Month]; !ok || c.Noted < of {
			noted[c.Month] = c.Noted
		}
	}
	var months []uint32
	var since []int64
	for month, of := range noted {
		months, since = append(months, month), append(since, int64(of))
	}
	err = s.query(ctx, "funnel_changes", nil, map[string]any{"oldest": int64(oldest), "months": months, "noted": since, "limit": uint64(s.reader.funnelLimits.changes + 1)},
		func(r driver.Rows) error {
			var day time.Time
			var visitor string
			err := r.Scan(&day, &visitor)
			source.changed.day.Append(schema.UTCDay(day))
			source.changed.visitor.Append(visitor)
			return err
		})
	n := source.changed.visitor.Rows()
	source.Changed = n > 0
	return n <= s.reader.funnelLimits.changes, err
}

// uncopied are the days that no copy covers.
func uncopied(copies []schema.JourneyCopy) string {
	var gaps []string
	from := ""
	for _, c := range copies {
		if begins := c.Begins.Format(time.DateOnly); begins != from {
			gaps = append(gaps, stretch(from, begins))
		}
		from = c.Covers.Format(time.DateOnly)
	}
	return strings.Join(append(gaps, stretch(from, "")), " OR ")
}

// stretch is a condition on days: from one on, and before another; empty for open ends.
func stretch(from, before string) string {
	switch {
	case from == "":
		return fmt.Sprintf("day < '%s'", before)
	case before == "":
		return fmt.Sprintf("day >= '%s'", from)
	}
	return fmt.Sprintf("day >= '%s' AND day < '%s'", from, before)
}

// tables go along with what reads either table.
func (f *funnelSource) tables() []ch.ExternalTable {
	if !f.Changed {
		return nil
	}
	return []ch.ExternalTable{f.changed.table()}
}

// journeyArguments are the parameters of funnel_journeys.sql but for the range.
func (f *funnelSource) journeyArguments(q Funnel) map[string]any {
	var months []uint32
	var builds []uint64
	for _, c := range f.copies {
		months, builds = append(months, c.Month), append(builds, c.Build)
	}
	var entering []uint64
	for _, item := range f.items {
		if int(f.meanings[item].mask)&f.EntryMask != 0 {
			entering = append(entering, item)
		}
	}
	return map[string]any{
		"months": list(months), "builds": list(builds), "entering": list(entering), "items": list(f.items),
		"first": momentOf(q.Period.Begin), "last": momentOf(q.Period.End.Add(q.Window) + 1),
	}
}

// momentOf is the first moment of a time; those that no moment can tell are the last.
func momentOf(at schema.Millis) uint64 {
	return uint64(min(max(at, 0), 1<<(64-momentBits)-1)) << momentBits
}
