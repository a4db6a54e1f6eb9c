package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// A moment is milliseconds since 1970 above 22 bits that order what one visitor
// did at one time: whether it is the very start of its session (those of sessions
// that began before come first), 10 bits of the session's number, and 11 bits of
// its place among the session's items of that time, of which conversions take the
// upper half and the highest of the others: they come last.
//
// Of a contact, who may have done things in two browsers at one time, the browser
// comes first: 10 bits of its number, the start, and the 11 bits.
const (
	momentBits     = 22
	momentBegins   = 1 << 21
	momentPlace    = 1<<11 - 1
	conversionLast = 1<<22 - 1<<10
)

// contactMoment makes a visitor's moment one of a contact's.
func contactMoment(moment, browser uint64) uint64 {
	order := browser>>54<<12 | moment&momentBegins>>10 | moment&momentPlace
	return moment>>momentBits<<momentBits | order
}

// funnelRows are things that were done, as columns: runs of them in the order of
// browsers.
type funnelRows struct {
	browsers []uint64 // sipHash64
	entities []uint64 // sessions, sipHash64, or contacts, numbers of this question's; empty where browsers are entities
	moments  []uint64
	masks    []uint16 // see happening
	stops    []uint16 // empty where nothing stops
	entries  []int32  // empty without a breakdown
	runs     []int    // where they begin
}

func (r *funnelRows) reset() {
	r.browsers, r.entities, r.moments, r.masks, r.stops, r.entries, r.runs =
		r.browsers[:0], r.entities[:0], r.moments[:0], r.masks[:0], r.stops[:0], r.entries[:0], r.runs[:0]
}

// add takes over what a block holds.
func (r *funnelRows) add(b *rowBlock) {
	last := uint64(math.MaxUint64)
	if n := len(r.browsers); n > 0 {
		last = r.browsers[n-1]
	}
	for i, browser := range b.browser {
		if browser < last || len(r.runs) == 0 {
			r.runs = append(r.runs, len(r.browsers)+i)
		}
		last = browser
	}
	r.browsers, r.entities = append(r.browsers, b.browser...), append(r.entities, b.session...)
	r.moments, r.masks, r.stops = append(r.moments, b.moment...), append(r.masks, b.mask...), append(r.stops, b.stop...)
	switch {
	case b.entry != nil:
		r.entries = append(r.entries, b.entry.codes...)
	case b.breakdown: // Nobody enters by these.
		r.entries = append(r.entries, make([]int32, len(b.browser))...)
	}
}

// row is one of them.
func (r *funnelRows) row(i int) funnelRow {
	row := funnelRow{browser: r.browsers[i], entity: r.browsers[i], moment: r.moments[i], mask: r.masks[i]}
	if len(r.entities) > 0 {
		row.entity = r.entities[i]
	}
	if len(r.stops) > 0 {
		row.stop = r.stops[i]
	}
	if len(r.entries) > 0 {
		row.entry = r.entries[i]
	}
	return row
}

// addRun adds rows as a run.
func (r *funnelRows) addRun(rows []funnelRow, like *rowBlock) {
	if len(rows) == 0 {
		return
	}
	slices.SortFunc(rows, func(a, b funnelRow) int { return cmp.Compare(a.browser, b.browser) })
	r.runs = append(r.runs, len(r.browsers))
	for _, row := range rows {
		r.addRow(row, like)
		if like.sessions {
			r.entities = append(r.entities, row.entity)
		}
	}
}

// addContacts adds rows of contacts, which are no runs.
func (r *funnelRows) addContacts(rows []funnelRow, like *rowBlock) {
	for _, row := range rows {
		r.addRow(row, like)
		r.entities = append(r.entities, row.entity)
	}
}

// addRow adds one, without its entity.
func (r *funnelRows) addRow(row funnelRow, like *rowBlock) {
	r.browsers, r.moments, r.masks = append(r.browsers, row.browser), append(r.moments, row.moment), append(r.masks, row.mask)
	if like.stops {
		r.stops = append(r.stops, row.stop)
	}
	if like.breakdown {
		r.entries = append(r.entries, row.entry)
	}
}

// funnelRow is one thing that was done.
type funnelRow struct {
	browser, entity uint64
	moment          uint64
	mask, stop      uint16
	entry           int32
}

func compareRows(a, b funnelRow) int {
	return cmp.Or(cmp.Compare(a.entity, b.entity), cmp.Compare(a.moment, b.moment))
}

// rowBlock are the columns of what is read.
type rowBlock struct {
	browser, session, moment proto.ColUInt64
	contact                  proto.ColFixedStr
	mask, stop               proto.ColUInt16
	item                     proto.ColUInt64 // as in journeys
	entry                    *codedValues    // nil without such a column
	sessions, stops          bool            // there are such columns
	breakdown                bool            // rows have an entry
}

// newRowBlock makes one, with a column of what one enters with or without.
func newRowBlock(source *funnelSource, values *names, entries bool) (*rowBlock, proto.Results) {
	r := &rowBlock{contact: proto.ColFixedStr{Size: 16}, sessions: source.scope == BySession, stops: source.Exclusions, breakdown: source.Breakdown}
	return r, r.columns(values, entries, true)
}

// newItemBlock makes one of journeys, which know items and not what they mean.
func newItemBlock(source *funnelSource, values *names, entries bool) (*rowBlock, proto.Results) {
	r, _ := newRowBlock(source, values, false)
	return r, r.columns(values, entries, false)
}

// columns are those in the order in which the statements have them.
func (r *rowBlock) columns(values *names, entries, meant bool) proto.Results {
	result := proto.Results{{Name: "browser", Data: &r.browser}, {Name: "moment", Data: &r.moment}}
	if meant {
		result = append(result, proto.ResultColumn{Name: "mask", Data: &r.mask})
	} else {
		result = append(result, proto.ResultColumn{Name: "item", Data: &r.item})
	}
	if r.sessions {
		result = append(result, proto.ResultColumn{Name: "of_session", Data: &r.session})
	}
	if r.stops && meant {
		result = append(result, proto.ResultColumn{Name: "stop", Data: &r.stop})
	}
	if entries {
		r.entry = &codedValues{codedColumn{names: values}}
		result = append(result, proto.ResultColumn{Name: "entry", Data: r.entry})
	}
	return result
}

// mean says what the block's items mean. The same ones stand together.
func (r *rowBlock) mean(source *funnelSource) {
	r.mask, r.stop = r.mask[:0], r.stop[:0]
	for from := 0; from < len(r.item); {
		to := from + 1
		for to < len(r.item) && r.item[to] == r.item[from] {
			to++
		}
		m := source.meaningOf(r.item[from])
		for range to - from {
			r.mask = append(r.mask, m.mask)
		}
		if r.stops {
			for range to - from {
				r.stop = append(r.stop, m.stop)
			}
		}
		from = to
	}
}

func (r *rowBlock) row(i int) funnelRow {
	row := funnelRow{browser: r.browser[i], entity: r.browser[i], moment: r.moment[i], mask: r.mask[i]}
	if r.sessions {
		row.entity = r.session[i]
	}
	if r.stops {
		row.stop = r.stop[i]
	}
	if r.entry != nil {
		row.entry = r.entry.codes[i]
	}
	return row
}

// codedValues reads a column of LowCardinality(String) as numbers.
type codedValues struct{ codedColumn }

// The type of a column, as proto.ColResult asks it.
func (c *codedValues) Type() proto.ColumnType {
	return proto.ColumnTypeLowCardinality.Sub(proto.ColumnTypeString)
}

// Rows are the values of the block.
func (c *codedValues) Rows() int { return len(c.codes) }

// DecodeColumn reads a block's rows.
func (c *codedValues) DecodeColumn(r *proto.Reader, rows int) error {
	c.codes = c.codes[:0]
	return c.decodeElements(r, rows)
}
