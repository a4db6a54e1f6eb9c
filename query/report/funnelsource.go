package report

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// funnelLimits are where a funnel is read in another way. The answer is the same.
type funnelLimits struct {
	stories int           // rows that are held of everything that was done, likewise
	few     uint64        // rows that everybody must have for each of those who matter, or all rows are read and looked at here
	ways    int           // that people went, each of which is counted; more are refused
	rows    uint64        // of journeys that are read at once: ranges of visitors are made so large, so that memory does not grow
	apart   int           // statements that items are read by; instead of more, each row has its item
	runs    int           // that are merged; more are sorted
	items   int           // pages and events that a funnel may look at in journeys; of more it reads sessions
	changes int           // visitors' days that may have changed since they were copied; beyond, copies are not read
	rest    int           // rows that are not in journeys; more are refused
	time    time.Duration // of a question by contact, for which journeys may be read many times; longer is refused
}

func usualLimits(statement time.Duration) funnelLimits {
	return funnelLimits{stories: 16_000_000, few: 64, ways: 8_000_000, rows: 3_000_000, apart: 12, runs: 64, items: 20_000, changes: 200_000, rest: 20_000_000, time: wholeStatements * statement}
}

// longestSession bounds how long before its items a session begins: it ends at midnight.
const longestSession = 2 * 24 * time.Hour

// funnelSource is where a funnel is read from: journeys, as far as they were
// copied and are still right, and sessions for the rest. Both together are all
// sessions, each in one of them.
type funnelSource struct {
	*funnelBuild
	scope     Scope
	entry     string // what one enters with, of a row j of journeys; empty where it is read apart (funnelentries.go)
	Otherwise uint16 // whom a page or event stops that is not among the items
	Pages     uint16 // the step that a page is that is not among them
	Credited  uint16 // the steps whose conversions are asked for by id
	Changed   bool   // some sessions changed since they were copied
	Uncopied  string // the days of the others
	*findings
	copies     []schema.JourneyCopy // that are read
	rest       uint64               // how many sessions there may be at most of the days that no copy covers
	changed    changes
	leftOut    *leftOut // of the copies, by what changed
	pagesOnly  bool     // nobody asks for events that mean nothing to the funnel
	othersOnly bool     // nor, in spans, for steps
	few        uint64   // see funnelLimits
	mostApart  int      // see funnelLimits
	Days       bool     // the rows have their sessions' days
	Bounded    bool     // ClickHouse looks at when things happened: most of what copies have is of other times
	spans      *spans   // what alone matters; nil for everything
	known      *owners  // whose the browsers are, when that was read before
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
	browser proto.ColUInt64 // the visitors as journeys has them
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
	source := &funnelSource{funnelBuild: b, few: s.reader.funnelLimits.few, mostApart: s.reader.funnelLimits.apart, scope: f.Scope, entry: "j." + string(f.Breakdown), Uncopied: "true", findings: &findings{}}
	if more != nil {
		more(source)
	}
	if f.Order == Strict {
		source.Otherwise = noFurther
	}
	if !f.byItems() {
		return source, nil
	}
	usable, err := s.find(ctx, f, source)
	if err != nil {
		return nil, err
	}
	if !usable {
		source.copies, source.Changed, source.Uncopied = nil, false, "true"
		return source, nil
	}
	source.Bounded = source.Everything() || source.bounded(f)
	source.Days = source.Changed
	source.leftOut = newLeftOut(source.changed.browser, source.changed.day)
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

// reading is a part of what is read of journeys: some items, all of which mean the same, or each row of which has its item.
type reading struct {
	*funnelSource
	Apart      bool     // the rows have their items
	Coded      bool     // the rows have a code that tells what their items mean
	Shift      int      // where it stands: the lowest of the bits of an item
	Chosen     bool     // only the items are read
	One        bool     // which are one
	Without    bool     // all but the items are
	Entry      string   // what one enters with; empty where nobody enters, or nobody asks
	Ranged     bool     // only a range of visitors is
	Parted     bool     // only a range of items is
	Dimensions []string // of the entry, each by itself
	items      []uint64
	from       uint64 // of that range the first item, and the last
	to         uint64
	meaning    meaning
	codes      map[uint8]meaning // what they mean
}

// readings divides what is read, so that nothing is asked for that is known: those by which one may enter stand first.
func (f *funnelSource) readings() []reading {
	entering, others := f.byEntry()
	if f.Everything() {
		if !f.Breakdown || f.entry == "" {
			return []reading{{funnelSource: f, Apart: true}}
		}
		return []reading{
			{funnelSource: f, Apart: true, Chosen: true, items: entering, Entry: f.entry},
			{funnelSource: f, Apart: true, Without: true, items: entering},
		}
	}
	all := slices.Concat(f.alike(entering), f.coded(f.alike(others)))
	if len(all) > f.mostApart {
		all = []reading{{funnelSource: f, Apart: true, items: entering}, {funnelSource: f, Apart: true, items: others}}
	}
	for i := range all {
		all[i].Chosen, all[i].One = true, len(all[i].items) == 1
		if f.Breakdown && f.enters(all[i].items) {
			all[i].Entry = f.entry
		}
	}
	return slices.DeleteFunc(all, func(r reading) bool { return len(r.items) == 0 })
}

// byEntry divides the items by whether one may enter by them.
func (f *funnelSource) byEntry() (entering, others []uint64) {
	for _, item := range f.items {
		if f.enters([]uint64{item}) {
			entering = append(entering, item)
		} else {
			others = append(others, item)
		}
	}
	return entering, others
}

// enters tells whether one may enter by items, which are alike in that.
func (f *funnelSource) enters(items []uint64) bool {
	return len(items) > 0 && int(f.meanings[items[0]].mask)&f.EntryMask != 0
}

// alike brings items together that mean the same.
func (f *funnelSource) alike(items []uint64) []reading {
	var all []reading
	place := map[meaning]int{}
	for _, item := range items {
		m := f.meanings[item]
		i, known := place[m]
		if !known {
			i, place[m] = len(all), len(all)
			all = append(all, reading{funnelSource: f, meaning: m})
		}
		all[i].items = append(all[i].items, item)
	}
	return all
}

// coded brings readings together whose items differ in eight bits by what they mean, where there are such: another statement costs the time
// in which a hundred thousand rows are read.
func (f *funnelSource) coded(all []reading) []reading {
	if len(all) < 2 {
		return all
	}
	for shift := 0; shift <= 56; shift++ {
		one := reading{funnelSource: f, Coded: true, Shift: shift, codes: map[uint8]meaning{}}
		if one.takes(all) {
			return []reading{one}
		}
	}
	return all
}

// takes takes the items of others, and tells whether their codes say what they mean.
func (r *reading) takes(all []reading) bool {
	for i := range all {
		for _, item := range all[i].items {
			code := uint8(item >> r.Shift)
			if other, known := r.codes[code]; known && other != all[i].meaning {
				return false
			}
			r.codes[code] = all[i].meaning
		}
		r.items = append(r.items, all[i].items...)
	}
	return true
}

// whichItems are parameters of funnel_journeys.sql: where it looks, and for which items.
func (f *funnelSource) whichItems(items []uint64) map[string]any {
	copies := make([]string, len(f.copies))
	for i, c := range f.copies {
		copies[i] = fmt.Sprintf("(%d,%d)", c.Month, c.Build)
	}
	return map[string]any{"copies": "[" + strings.Join(copies, ",") + "]", "items": list(items)}
}

// bounded tells whether what copies have is mostly of other times than a funnel asks for.
func (f *funnelSource) bounded(q Funnel) bool {
	var copied time.Duration
	for _, c := range f.copies {
		copied += c.Covers.Sub(c.Begins)
	}
	return 2*(q.Period.End.Time().Sub(q.Period.Begin.Time())+q.Window) < copied
}

// momentOf is the first moment of a time; those that no moment can tell are the last.
func momentOf(at schema.Millis) uint64 {
	return uint64(min(max(at, 0), 1<<(64-momentBits)-1)) << momentBits
}
