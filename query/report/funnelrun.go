package report

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"sourceloop/schema"
)

// seer is shown what every entity did that may have entered a funnel: in order, in a list that is used again.
type seer interface {
	see(entity uint64, h []happening)
}

// merged brings together in the first what several saw.
func merged[S any](seers []S, merge func(into, other S)) S {
	for _, other := range seers[1:] {
		merge(seers[0], other)
	}
	return seers[0]
}

// seersAtOnce is how many see at a time.
const seersAtOnce = 2

// funnelRun shows seers what a funnel looks at.
type funnelRun struct {
	Scoped
	funnel Funnel
	source *funnelSource
	values *names  // of the breakdown; entries are places among them
	owners *owners // of browsers, under ByContact; nil else
	ranges int

	key     memoryKey
	ask     asking      // by which journeys is read; nil for any connection
	kept    *remembered // what is kept of journeys, which is not read then; nil else
	keeping *remembered // gets what is read, to be kept; nil else
	held    *heldRows   // gets what contacts did, under ByContact; nil else

	rest       [][]funnelRow // by range: what is not in journeys
	restRows   int
	restValues *names        // that its entries are places among
	restRead   chan struct{} // closed when it is there
	credited   map[doing]schema.ID
}

// doing tells one thing that was done from all others.
type doing struct{ entity, moment uint64 }

// seen has everybody seen, each entity once by one of some seers, which are made before anything is read. The values are complete
// when it returns.
func (s Scoped) seen(ctx context.Context, f Funnel, newSeer func(r *funnelRun) seer) (values []string, err error) {
	return s.seenBy(ctx, f, nil, newSeer)
}

// seenBy is the same with something more asked of the source; nil for nothing.
func (s Scoped) seenBy(ctx context.Context, f Funnel, more func(*funnelSource), newSeer func(r *funnelRun) seer) (values []string, err error) {
	err = s.inTime(ctx, f, func(ctx context.Context) error {
		source, err := s.source(ctx, f, more)
		if err != nil {
			return err
		}
		values, err = s.seenFrom(ctx, f, source, newSeer)
		return err
	})
	return values, err
}

// seenFrom is the same with a source that is known.
func (s Scoped) seenFrom(ctx context.Context, f Funnel, source *funnelSource, newSeer func(r *funnelRun) seer) (values []string, err error) {
	done, err := s.reader.turns.take(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	r := &funnelRun{Scoped: s, funnel: f, source: source, values: newNames()}
	r.values.code(nil)
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	if source.Everything() {
		err := r.tellStories(ctx, newSeer)
		return r.values.texts, err
	}
	gatherings := make([]gathering, seersAtOnce)
	for i := range gatherings {
		g := &gatherings[i]
		g.entries, g.left, g.yield = uint16(source.EntryMask), source.leftOut, newSeer(r).see
		g.first, g.last = r.times()
	}
	read := func() error { return r.each(ctx, gatherings) }
	if r.keeping != nil {
		err = r.remembering(ctx, read)
	} else {
		err = read()
	}
	return r.values.texts, err
}

// begin finds out whose the browsers are, and how much is read at once.
func (r *funnelRun) begin(ctx context.Context) (err error) {
	r.ranges = 1
	if r.funnel.Scope == ByContact {
		if r.owners = r.source.known; r.owners == nil {
			r.owners, err = r.readOwners(ctx)
			r.source.known = r.owners
		}
		return err
	}
	if r.source.Everything() {
		return nil // See tellStories.
	}
	r.ranges += int(r.source.size / r.reader.funnelLimits.rows)
	r.recall()
	return nil
}

// rangeOf is the range that a visitor is in.
func (r *funnelRun) rangeOf(browser uint64) int {
	place, _ := bits.Mul64(browser, uint64(r.ranges))
	return int(place)
}

// bounds are the first and the last number of one of some ranges of all
// numbers.
func bounds(place, ranges int) (low, high uint64) {
	return firstOf(place, ranges), firstOf(place+1, ranges) - 1 // The one behind the last begins with 0.
}

func firstOf(place, ranges int) uint64 {
	if place == ranges {
		return 0
	}
	quotient, rest := bits.Div64(uint64(place), 0, uint64(ranges))
	if rest > 0 {
		quotient++
	}
	return quotient
}

// each reads the ranges, one while the one before is gathered, and the rest beside the first.
func (r *funnelRun) each(ctx context.Context, gatherings []gathering) error {
	work, ctx := errgroup.WithContext(ctx)
	r.restRead = make(chan struct{})
	work.Go(func() error {
		err := r.readRest(ctx)
		if err == nil {
			close(r.restRead)
		}
		return err
	})
	if r.owners != nil {
		work.Go(func() error { return r.eachContact(ctx, &gatherings[0]) })
		return work.Wait()
	}
	full := make(chan *funnelRange)
	work.Go(func() error {
		defer close(full)
		for place := range r.ranges {
			rows, err := r.read(ctx, place)
			if err != nil {
				return err
			}
			select {
			case full <- rows:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	place := 0
	for rows := range full {
		r.gather(place, rows, gatherings)
		r.giveBack(append(rows.read, rows.rest))
		place++
	}
	return work.Wait()
}

// funnelRange is what a range has.
type funnelRange struct {
	read []*funnelRows // of journeys
	kept []orderedRows // of journeys likewise, by gathering: instead of the others
	rest *funnelRows
}

// of are the rows that a gathering goes through.
func (r *funnelRange) of(gathering int) []*funnelRows {
	if r.kept != nil {
		return []*funnelRows{r.kept[gathering].entering, r.kept[gathering].others, r.rest}
	}
	return append(slices.Clip(r.read), r.rest)
}

// room gives rows that nothing else uses.
func (r *funnelRun) room() *funnelRows {
	rows := r.reader.funnels.Get().(*funnelRows)
	rows.clear(r.values)
	return rows
}

// giveBack keeps the room for other questions.
func (r *funnelRun) giveBack(all []*funnelRows) {
	for _, rows := range all {
		rows.clear(nil)
		if rows.bytes() <= roomBytes {
			r.reader.funnels.Put(rows)
		}
	}
}

// gather hands a range's rows to the seers.
func (r *funnelRun) gather(place int, rows *funnelRange, gatherings []gathering) {
	var work sync.WaitGroup
	for i := range gatherings {
		low, high := bounds(place*len(gatherings)+i, r.ranges*len(gatherings))
		work.Go(func() {
			runs, all := 0, rows.of(i)
			for _, some := range all {
				runs += len(some.runs)
			}
			if runs > r.reader.funnelLimits.runs {
				gatherings[i].sort(all, low, high)
			} else {
				gatherings[i].merge(all, low, high)
			}
		})
	}
	work.Wait()
}

// read reads a range's rows.
func (r *funnelRun) read(ctx context.Context, place int) (rows *funnelRange, err error) {
	rows = &funnelRange{}
	if r.kept != nil {
		rows.kept = r.kept.halves[place*seersAtOnce:][:seersAtOnce]
	} else if rows.read, err = r.readJourneys(ctx, place); err != nil {
		return nil, err
	}
	if r.keeping != nil {
		rows.kept = r.arrange(place, rows.read)
	}
	rest, err := r.awaitRest(ctx, place)
	if err != nil {
		return nil, err
	}
	rows.rest = r.room()
	rows.rest.add(rest, r.source)
	return rows, nil
}

// readJourneys reads what copies have of a range: what one enters by, and beside it the others.
func (r *funnelRun) readJourneys(ctx context.Context, place int) ([]*funnelRows, error) {
	if len(r.source.copies) == 0 {
		return nil, nil
	}
	readings := r.source.readings()
	if len(readings) == 0 {
		return nil, nil
	}
	all := make([]*funnelRows, len(readings))
	read, ctx := errgroup.WithContext(ctx)
	others := divided(readings)
	if r.ask != nil { // One after the other.
		others = len(readings)
	}
	for _, some := range [][2]int{{0, others}, {others, len(readings)}} {
		read.Go(func() error {
			for i := some[0]; i < some[1]; i++ {
				all[i] = r.room()
				if err := r.readSome(ctx, place, &readings[i], all[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all, read.Wait()
}

// divided tells which readings are the first beside the others. Those that tell what one enters with are one after the other, since
// they number the values together.
func divided(readings []reading) int {
	for i, of := range readings {
		if i > 0 && of.Entry == "" && (readings[0].Entry != "" || of.meaning.mask&1 == 0) {
			return i
		}
	}
	if readings[0].Entry != "" {
		return len(readings)
	}
	return len(readings) / 2
}

func (r *funnelRun) readSome(ctx context.Context, place int, of *reading, rows *funnelRows) error {
	arguments := r.source.whichItems(of.items)
	low, high := bounds(place, r.ranges)
	arguments["low"], arguments["high"] = low, high
	arguments["first"], arguments["last"] = r.times()
	of.Ranged = r.ranges > 1
	rows.meaning = of.meaning
	read := 0
	var owned []funnelRow
	q, err := r.columnQuery("funnel_journeys", of, arguments, rows.columns(of), func() error {
		rows.seeRuns(read)
		read = len(rows.browsers.rows)
		rows.mean(of)
		if r.held != nil {
			owned = r.own(rows, owned[:0])
			r.held.add(owned)
			rows.clear(r.values)
			rows.meaning, read = of.meaning, 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	if r.ask != nil {
		return explain("read funnel_journeys", r.ask(q))
	}
	return explain("read funnel_journeys", r.reader.columnar.do(ctx, q))
}

// times are the first moment that counts, and the first that does not any longer.
func (r *funnelRun) times() (first, last uint64) {
	return momentOf(r.funnel.Period.Begin), momentOf(r.funnel.Period.End.Add(r.funnel.Window) + 1)
}

// list writes numbers as ClickHouse writes an array.
func list[N uint16 | uint32 | uint64 | int64](numbers []N) string {
	return strings.ReplaceAll(fmt.Sprint(numbers), " ", ",")
}
