package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// entrant is somebody who entered by something that a copy has: which, its moment tells.
type entrant struct {
	entity, moment uint64
	won, told      bool
}

// entries are the values of dimensions that people entered with, and how it went for those.
type entries struct{ dimensions []entryValues }

// entryValues are those of one.
type entryValues struct {
	codedValues        // of a block
	fates       []fate // by the number of the value
}

func newEntries() *entries {
	e := &entries{make([]entryValues, len(entryDimensions()))}
	for i := range e.dimensions {
		e.dimensions[i].names = newNames()
	}
	return e
}

func (v *entryValues) count(code int32, o fate) {
	if missing := int(code) + 1 - len(v.fates); missing > 0 {
		v.fates = append(v.fates, make([]fate, missing)...)
	}
	v.fates[code] = v.fates[code].plus(o)
}

// add counts those who entered with the values of a text; see joinEntry.
func (e *entries) add(text string, o fate) error {
	values := splitEntry(text)
	if len(values) != len(e.dimensions) {
		return fmt.Errorf("cannot read with what people entered: there are %d values of %d dimensions", len(values), len(e.dimensions))
	}
	for i, value := range values {
		e.dimensions[i].count(e.dimensions[i].code([]byte(value)), o)
	}
	return nil
}

// features are those that enough people have.
func (e *entries) features(atLeast int) (all []Feature) {
	for i, name := range entryDimensions() {
		v := &e.dimensions[i]
		if place, none := v.names.codes[""]; none && int(place) < len(v.fates) {
			o := v.fates[place]
			v.fates[place] = fate{}
			v.count(v.code([]byte(None)), o)
		}
		for code, o := range v.fates {
			if o.won+o.lost >= uint64(atLeast) {
				all = append(all, Feature{Type: name, Name: v.texts[code], Won: o.won, Lost: o.lost})
			}
		}
	}
	return all
}

// entryBlock are the columns of rows by which one may enter.
type entryBlock struct {
	browser, moment, session proto.ColUInt64
	day                      proto.ColDate32
}

// read counts with what some entered, which is read of what copies have: values by their numbers, so that no text is made for any row.
func (e *entries) read(ctx context.Context, t *toldRun, f Funnel, all []entrant) error {
	if len(all) == 0 {
		return nil
	}
	source, spread := t.source, spreadOf(t.source.scope)
	slices.SortFunc(all, func(a, b entrant) int { return cmp.Compare(a.entity*spread, b.entity*spread) })
	entities := make([]uint64, len(all))
	for i := range all {
		entities[i] = all[i].entity
	}
	places := placesOf(entities, spread)
	of := &reading{funnelSource: source, Chosen: true, Dimensions: entryDimensions()}
	of.items, _ = source.byEntry()
	of.One = len(of.items) == 1
	arguments := source.whichItems(of.items)
	arguments["first"], arguments["last"] = momentOf(f.Period.Begin), momentOf(f.Period.End)
	block := &entryBlock{}
	return t.columns(ctx, "funnel_journeys", of, arguments, e.columns(block, of), func() error {
		for i := range block.browser {
			if entity, moment, ok := block.entry(i, source); ok {
				from, to := places.of(entity)
				for one := range all[from:to] {
					e.enter(&all[int(from)+one], entity, moment, i)
				}
			}
		}
		for i := range e.dimensions {
			e.dimensions[i].codes = e.dimensions[i].codes[:0]
		}
		return nil
	}, source.onlyTables(0, math.MaxUint64)...)
}

// enter counts row i of a block, if it is what somebody entered by.
func (e *entries) enter(one *entrant, entity, moment uint64, i int) {
	if one.told || one.entity != entity || one.moment != moment {
		return
	}
	one.told = true
	for d := range e.dimensions {
		v := &e.dimensions[d]
		v.count(v.codes[i], fate{}.with(one.won))
	}
}

// columns are those of funnel_journeys.sql.
func (e *entries) columns(b *entryBlock, of *reading) proto.Results {
	result := proto.Results{{Name: "browser", Data: &b.browser}, {Name: "moment", Data: &b.moment}}
	if of.Days {
		result = append(result, proto.ResultColumn{Name: "day", Data: &b.day})
	}
	if of.Sessions() {
		result = append(result, proto.ResultColumn{Name: "of_session", Data: &b.session})
	}
	for i, name := range of.Dimensions {
		result = append(result, proto.ResultColumn{Name: "of_" + name, Data: &e.dimensions[i].codedValues})
	}
	return result
}

// entry is by whom a row is, and when; false where it is not read from copies, or nobody's.
func (b *entryBlock) entry(i int, source *funnelSource) (entity, moment uint64, ok bool) {
	browser := b.browser[i]
	entity, moment, ok = browser, b.moment[i], true
	if left := source.leftOut.of(browser); len(left) > 0 && slices.Contains(left, b.day[i]) {
		return 0, 0, false
	}
	switch {
	case source.Contacts:
		entity, ok = source.known.of(browser, int64(moment>>momentBits))
		moment = contactMoment(moment, browser)
	case source.Sessions():
		entity = b.session[i]
	}
	return entity, moment, ok
}
