package report

import (
	"cmp"
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
// browsers. They are used again for other questions.
type funnelRows struct {
	browsers gatheredUInt64 // sipHash64
	entities gatheredUInt64 // sessions, sipHash64, or contacts, numbers of this question's; empty where browsers are entities
	moments  gatheredUInt64
	items    gatheredUInt64
	codes    gatheredUInt8 // see reading
	days     gatheredDay   // UTC, on which their sessions began; empty for what no copy has, or when nothing is left out of copies
	entries  codedValues   // empty where nobody enters, or without a breakdown
	meaning  meaning       // of all rows, unless masks has that of each
	masks    []uint16      // see happening
	stops    []uint16      // empty where nothing stops
	runs     []int         // where they begin
}

// clear makes room for rows whose entries are places among values.
func (r *funnelRows) clear(values *names) {
	for _, column := range []*gatheredUInt64{&r.browsers, &r.entities, &r.moments, &r.items} {
		column.clear()
	}
	r.codes.clear()
	r.days.clear()
	r.entries.names, r.entries.codes, r.meaning = values, r.entries.codes[:0], meaning{}
	r.masks, r.stops, r.runs = r.masks[:0], r.stops[:0], r.runs[:0]
}

// bytes is how much room there is.
func (r *funnelRows) bytes() int {
	return r.browsers.bytes() + r.entities.bytes() + r.moments.bytes() + r.items.bytes() + r.codes.bytes() + r.days.bytes() + bytesOf(r.entries.codes) + bytesOf(r.masks) + bytesOf(r.stops)
}

// columns are those of funnel_journeys.sql.
func (r *funnelRows) columns(of *reading) proto.Results {
	result := proto.Results{{Name: "browser", Data: &r.browsers}, {Name: "moment", Data: &r.moments}}
	if of.Days {
		result = append(result, proto.ResultColumn{Name: "day", Data: &r.days})
	}
	if of.Sessions() {
		result = append(result, proto.ResultColumn{Name: "of_session", Data: &r.entities})
	}
	if of.Apart {
		result = append(result, proto.ResultColumn{Name: "item", Data: &r.items})
	}
	if of.Coded {
		result = append(result, proto.ResultColumn{Name: "code", Data: &r.codes})
	}
	if of.Entry != "" {
		result = append(result, proto.ResultColumn{Name: "entry", Data: &r.entries})
	}
	return result
}

// seeRuns finds the runs of a block that was read behind those that are known.
func (r *funnelRows) seeRuns(from int) {
	browsers := r.browsers.rows
	if from == 0 && len(browsers) > 0 {
		r.runs = append(r.runs, 0)
	}
	for i := max(from, 1); i < len(browsers); i++ {
		if browsers[i] < browsers[i-1] {
			r.runs = append(r.runs, i)
		}
	}
}

// mean says what the items of a block that was read mean.
func (r *funnelRows) mean(of *reading) {
	switch {
	case of.Apart:
		mean(r, of, r.items.rows, of.meaningOf)
	case of.Coded:
		mean(r, of, r.codes.rows, func(code uint8) meaning { return of.codes[code] })
	}
}

// mean does so by what says it of each row. The same items stand together.
func mean[T comparable](r *funnelRows, of *reading, said []T, meaningOf func(T) meaning) {
	from, n := len(r.masks), len(said)
	r.masks = slices.Grow(r.masks, n-from)[:n]
	if of.Exclusions {
		r.stops = slices.Grow(r.stops, n-from)[:n]
	}
	for i := from; i < n; i++ {
		m := meaningOf(said[i])
		for k := i; ; k++ {
			if r.masks[k] = m.mask; of.Exclusions {
				r.stops[k] = m.stop
			}
			if i = k; k+1 == n || said[k+1] != said[i] {
				break
			}
		}
	}
}

// meaningOf is that of row i.
func (r *funnelRows) meaningOf(i int) meaning {
	switch {
	case len(r.masks) == 0:
		return r.meaning
	case len(r.stops) == 0:
		return meaning{mask: r.masks[i]}
	}
	return meaning{r.masks[i], r.stops[i]}
}

// enters tells whether one may enter by row i, given the bits of those steps.
func (r *funnelRows) enters(i int, entries uint16) bool {
	if len(r.masks) == 0 {
		return r.meaning.mask&entries != 0
	}
	return r.masks[i]&entries != 0
}

// add adds rows, and those of browsers as a run.
func (r *funnelRows) add(rows []funnelRow, source *funnelSource) {
	slices.SortFunc(rows, func(a, b funnelRow) int { return cmp.Compare(a.browser, b.browser) })
	if len(rows) > 0 {
		r.runs = append(r.runs, len(r.browsers.rows))
	}
	for i := range rows {
		r.append(&rows[i], source)
	}
}

func (r *funnelRows) append(row *funnelRow, source *funnelSource) {
	r.browsers.rows, r.moments.rows, r.masks = append(r.browsers.rows, row.browser), append(r.moments.rows, row.moment), append(r.masks, row.mask)
	if source.Sessions() || source.Contacts {
		r.entities.rows = append(r.entities.rows, row.entity)
	}
	if source.Exclusions {
		r.stops = append(r.stops, row.stop)
	}
	if source.Breakdown {
		r.entries.codes = append(r.entries.codes, row.entry)
	}
	if source.Stream {
		r.items.rows = append(r.items.rows, row.item)
	}
}

// row is one of them.
func (r *funnelRows) row(i int) funnelRow {
	row := funnelRow{browser: r.browsers.rows[i], entity: r.browsers.rows[i], happening: r.happening(i)}
	if len(r.days.rows) > 0 {
		row.day = r.days.rows[i]
	}
	if len(r.entities.rows) > 0 {
		row.entity = r.entities.rows[i]
	}
	return row
}

// owners are the entities of the rows.
func (r *funnelRows) owners() []uint64 {
	if len(r.entities.rows) > 0 {
		return r.entities.rows
	}
	return r.browsers.rows
}

// happening is row i, whosever it is.
func (r *funnelRows) happening(i int) happening {
	h := happening{moment: r.moments.rows[i], meaning: r.meaningOf(i)}
	if len(r.entries.codes) > 0 {
		h.entry = r.entries.codes[i]
	}
	if len(r.items.rows) > 0 {
		h.item = r.items.rows[i]
	}
	return h
}

// funnelRow is one thing that was done.
type funnelRow struct {
	browser, entity uint64
	happening
	day proto.Date32 // of its session, UTC; 0 where nobody asks
}

// rowBlock are the columns of what is read of sessions and conversions, one block.
type rowBlock struct {
	browser, session, moment, item proto.ColUInt64
	contact                        proto.ColFixedStr
	mask, stop                     proto.ColUInt16
	entry                          *codedValues // nil without such a column
	sessions, stops, items         bool         // there are such columns
}

func newRowBlock(source *funnelSource, values *names) (*rowBlock, proto.Results) {
	r := &rowBlock{contact: proto.ColFixedStr{Size: 16}, sessions: source.Sessions(), stops: source.Exclusions}
	result := proto.Results{{Name: "browser", Data: &r.browser}, {Name: "moment", Data: &r.moment}, {Name: "mask", Data: &r.mask}}
	if r.sessions {
		result = append(result, proto.ResultColumn{Name: "of_session", Data: &r.session})
	}
	if r.stops {
		result = append(result, proto.ResultColumn{Name: "stop", Data: &r.stop})
	}
	if source.Breakdown {
		r.entry = &codedValues{codedColumn{names: values}}
		result = append(result, proto.ResultColumn{Name: "entry", Data: r.entry})
	}
	if r.items = source.Stream; r.items {
		result = append(result, proto.ResultColumn{Name: "item", Data: &r.item})
	}
	return r, result
}

func (r *rowBlock) row(i int) funnelRow {
	row := funnelRow{browser: r.browser[i], entity: r.browser[i], happening: happening{moment: r.moment[i], meaning: meaning{mask: r.mask[i]}}}
	if r.sessions {
		row.entity = r.session[i]
	}
	if r.stops {
		row.stop = r.stop[i]
	}
	if r.entry != nil {
		row.entry = r.entry.codes[i]
	}
	if r.items {
		row.item = r.item[i]
	}
	return row
}

// forget makes room for the next block.
func (r *rowBlock) forget() {
	if r.entry != nil {
		r.entry.codes = r.entry.codes[:0]
	}
}

// codedValues gathers a column of LowCardinality(String) as numbers.
type codedValues struct{ codedColumn }

// The type of a column, as proto.ColResult asks it.
func (c *codedValues) Type() proto.ColumnType {
	return proto.ColumnTypeLowCardinality.Sub(proto.ColumnTypeString)
}

// Rows are the values of all blocks.
func (c *codedValues) Rows() int { return len(c.codes) }

// DecodeColumn reads a block's rows behind those that are there.
func (c *codedValues) DecodeColumn(r *proto.Reader, rows int) error {
	return c.decodeElements(r, rows)
}

// among gives the places of the names among others, which get those they lack.
func (n *names) among(others *names) []int32 {
	places := make([]int32, len(n.texts))
	for i, text := range n.texts {
		places[i] = others.codeOf(text)
	}
	return places
}
