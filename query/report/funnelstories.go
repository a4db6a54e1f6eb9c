package report

import (
	"context"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"golang.org/x/sync/errgroup"
)

// readersAtOnce is how many statements read stories at a time, each its own items.
const readersAtOnce = 2

// stories read everything that was done. Rows lie by item, and a range of visitors is spread over all of journeys: so a range costs as much
// to read as all, and as much is read at once as memory may hold. A contact may have browsers everywhere: so ranges are of contacts then, and
// end where memory does (heldPiles).
type stories struct {
	*funnelRun
	whats   *whats
	sorters []pileSorter
}

// tellStories shows seers everything that everybody did.
func (r *funnelRun) tellStories(ctx context.Context, newSeer func(r *funnelRun) seer) error {
	t := &stories{funnelRun: r, whats: newWhats(), sorters: make([]pileSorter, seersAtOnce)}
	for i := range t.sorters {
		t.sorters[i].yield = newSeer(r).see
		if r.source.spans == nil {
			t.sorters[i].entries = uint16(r.source.EntryMask)
		}
	}
	most := r.reader.funnelLimits.stories
	width := uint64(math.MaxUint64)
	if n := r.source.size / uint64(most); n > 0 && r.owners == nil {
		width /= n + 1
	}
	for low := uint64(0); ; {
		if err := goesOn(ctx); err != nil {
			return err
		}
		high := low + min(width, math.MaxUint64-low)
		held, err := t.read(ctx, low, high)
		if err != nil {
			return err
		}
		rows := held.rows()
		handPiles(held.all, t.whats.all, t.sorters)
		if r.owners != nil {
			high = held.last()
		}
		if high == math.MaxUint64 {
			return nil
		}
		if low = high + 1; r.owners == nil {
			width = nextWidth(width, rows, most)
		}
	}
}

// read reads what visitors from low up to and including high did; or contacts, as far as there is room.
func (t *stories) read(ctx context.Context, low, high uint64) (*heldPiles, error) {
	parts := t.parts()
	held := t.hold(len(parts)+1, low, high)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(readersAtOnce)
	if t.rest == nil {
		work.Go(func() error { return t.readRest(ctx) })
	}
	for i := range parts {
		work.Go(func() error { return t.readPart(ctx, &parts[i], low, high, held, held.all[i]) })
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	t.addRest(low, high, held, held.all[len(parts)])
	return held, nil
}

// hold makes room for some readers.
func (t *stories) hold(readers int, low, high uint64) *heldPiles {
	held := &heldPiles{all: make([]*piles, readers), most: math.MaxInt}
	size := t.source.size
	if t.owners != nil {
		held.most, size = t.reader.funnelLimits.stories, max(size, pileRows<<fewestContactBits>>1)
	}
	for i := range held.all {
		held.all[i] = newPiles(size, pileOrderOf(t.source.scope, low, high), t.reader.chunks)
	}
	return held
}

// parts are what is read at a time: of everything, or of all but what one enters by, the lower and the upper half of the items.
func (t *stories) parts() []reading {
	if len(t.source.copies) == 0 {
		return nil
	}
	all := t.source.readings()
	whole := all[len(all)-1]
	whole.Parted = true
	all = all[:len(all)-1]
	for i := range readersAtOnce {
		whole.from, whole.to = bounds(i, readersAtOnce)
		all = append(all, whole)
	}
	return slices.DeleteFunc(all, func(of reading) bool { return of.Chosen && len(of.items) == 0 })
}

// addRest adds what is not in journeys.
func (t *stories) addRest(low, high uint64, held *heldPiles, to *piles) {
	places := []int32{0}
	if t.source.Breakdown {
		places = t.restValues.among(t.values)
	}
	first, last := t.times()
	for _, rows := range t.rest {
		for i := range rows {
			row := &rows[i]
			inRange := row.browser >= low && row.browser <= high
			if t.owners != nil {
				inRange = to.takes(row.entity)
			}
			if inRange && row.moment >= first && row.moment < last {
				to.add(pileDeed{row.entity, row.moment, t.whats.place(what{row.item, row.meaning}), places[row.entry]})
			}
			if i%rowsALook == 0 {
				held.shed()
			}
		}
	}
	held.shed()
}

// storyBlock are the columns of a block.
type storyBlock struct {
	browser, moment, session, item proto.ColUInt64
	day                            proto.ColDate32
	entry                          codedValues
	found                          [spansAtOnce]*span // of some rows' entities
}

func (b *storyBlock) columns(of *reading) proto.Results {
	result := proto.Results{{Name: "browser", Data: &b.browser}, {Name: "moment", Data: &b.moment}}
	if of.Days {
		result = append(result, proto.ResultColumn{Name: "day", Data: &b.day})
	}
	if of.Sessions() {
		result = append(result, proto.ResultColumn{Name: "of_session", Data: &b.session})
	}
	result = append(result, proto.ResultColumn{Name: "item", Data: &b.item})
	if of.Entry != "" {
		result = append(result, proto.ResultColumn{Name: "entry", Data: &b.entry})
	}
	return result
}

// entities are those of the rows, unless contacts are.
func (b *storyBlock) entities(of *reading) []uint64 {
	if of.Sessions() {
		return b.session
	}
	return b.browser
}

func (t *stories) readPart(ctx context.Context, of *reading, low, high uint64, held *heldPiles, to *piles) error {
	arguments := t.source.whichItems(of.items)
	arguments["low"], arguments["high"], arguments["from"], arguments["to"] = low, high, of.from, of.to
	arguments["first"], arguments["last"] = t.times()
	of.Ranged = t.owners == nil && (low > 0 || high < math.MaxUint64)
	block := &storyBlock{entry: codedValues{codedColumn{names: t.values}}}
	return t.columns(ctx, "funnel_journeys", of, arguments, block.columns(of), func() error {
		to.mu.Lock()
		t.take(block, of, to)
		to.mu.Unlock()
		held.shed()
		block.entry.codes = block.entry.codes[:0]
		return nil
	}, t.source.onlyTables(low, high)...)
}

// take adds a block's rows. The same items stand together.
func (t *stories) take(b *storyBlock, of *reading, to *piles) {
	first, last := t.times()
	item, place, tells := uint64(0), uint32(0), false // 0 is no item.
	entities := b.entities(of)
	for i, browser := range b.browser {
		if t.source.spans != nil && t.owners == nil && i%spansAtOnce == 0 {
			t.source.spans.find(entities[i:min(len(entities), i+spansAtOnce)], &b.found)
		}
		if b.item[i] != item {
			item = b.item[i]
			m := t.source.meaningOf(item)
			place, tells = t.whats.place(what{item, m}), t.source.tells(item, m)
		}
		moment := b.moment[i]
		if !tells || moment < first || moment >= last || t.source.spans != nil && t.owners == nil && !b.found[i%spansAtOnce].has(moment) {
			continue
		}
		if left := t.source.leftOut.of(browser); len(left) > 0 && slices.Contains(left, b.day[i]) {
			continue
		}
		row := funnelRow{browser: browser, entity: entities[i], happening: happening{moment: moment}}
		if of.Entry != "" {
			row.entry = b.entry.codes[i]
		}
		if t.owners != nil && (!t.owned(&row) || !to.takes(row.entity) || !t.source.spans.has(row.entity, row.moment)) {
			continue
		}
		to.add(pileDeed{row.entity, row.moment, place, row.entry})
	}
}

// tells tells whether anybody asks for what an item is of.
func (f *funnelSource) tells(item uint64, m meaning) bool {
	switch {
	case f.pagesOnly:
		return item&itemKind == itemPage || m != meaning{}
	case f.spans != nil && f.othersOnly:
		return m.mask == 0
	}
	return true
}
