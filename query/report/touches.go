package report

import (
	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// touchRows are the conversions of a period with their touches as numbers. Of
// several rows of one conversion the newest stands.
type touchRows struct {
	lookback    int64 // milliseconds; 0 for all
	conversions []creditedRow
	newest      map[rowKey]int32 // the place of each in conversions

	// Of every touch that is within the lookback, and one of the first or the last 99 there.
	starts []int64
	flags  []uint8
	codes  [][]int32 // by column, the place of the value among its names
	names  []names
}

// rowKey is one conversion; one that was moved in time is two, of which one is deleted.
type rowKey struct {
	happened int64
	id       schema.ID
}

// creditedRow is a conversion. Its touches lie from..to.
type creditedRow struct {
	happened, identified, known int64
	version                     uint64
	value                       float64
	contact                     schema.ID
	from, to                    int32
	counted                     bool
	directMatches, noneMatches  bool // the filters match one without a touch, and one whose touches are all excluded
}

// Flags of a touch.
const (
	flagOther   = 1 << iota // not Direct
	flagLeftOut             // excluded by the question
	flagMatches             // the filters
)

// names are the values of a column, each with a number.
type names struct {
	codes map[string]int32
	texts []string
}

func (n *names) code(text string) int32 {
	code, ok := n.codes[text]
	if !ok {
		code = int32(len(n.texts))
		n.codes[text] = code
		n.texts = append(n.texts, text)
	}
	return code
}

// touchBlock are the columns of credits.sql.
type touchBlock struct {
	happened, known, identified proto.ColInt64
	id, contact                 proto.ColFixedStr
	version                     proto.ColUInt64
	counted                     proto.ColUInt8
	value                       proto.ColFloat64
	starts                      *proto.ColArr[int64]
	others, leftOut, matched    *proto.ColArr[uint8]
	columns                     []*proto.ColArr[string]

	flatStarts                           *proto.ColInt64
	flatOthers, flatLeftOut, flatMatched *proto.ColUInt8
	flatColumns                          []*proto.ColLowCardinality[string]

	reached, excludes, filters bool
}

func newTouchBlock(p *placed) (*touchBlock, proto.Results) {
	b := &touchBlock{
		id: proto.ColFixedStr{Size: len(schema.ID{})}, contact: proto.ColFixedStr{Size: len(schema.ID{})},
		flatStarts: &proto.ColInt64{}, flatOthers: &proto.ColUInt8{}, flatLeftOut: &proto.ColUInt8{}, flatMatched: &proto.ColUInt8{},
		reached: p.Reached, excludes: p.Exclusions != "", filters: p.Filtered,
	}
	b.starts, b.others = proto.NewArray(b.flatStarts), proto.NewArray(b.flatOthers)
	b.leftOut, b.matched = proto.NewArray(b.flatLeftOut), proto.NewArray(b.flatMatched)
	result := proto.Results{
		{Name: "happened", Data: &b.happened}, {Name: "id", Data: &b.id}, {Name: "version", Data: &b.version}, {Name: "known", Data: &b.known},
		{Name: "counted", Data: &b.counted}, {Name: "value", Data: &b.value}, {Name: "identified", Data: &b.identified},
		{Name: "starts", Data: b.starts}, {Name: "others", Data: b.others},
	}
	if b.reached {
		result = append(result, proto.ResultColumn{Name: "contact", Data: &b.contact})
	}
	for _, column := range p.Columns {
		flat := proto.NewLowCardinality[string](&proto.ColStr{})
		b.flatColumns = append(b.flatColumns, flat)
		b.columns = append(b.columns, proto.NewArray[string](flat))
		result = append(result, proto.ResultColumn{Name: "credited_" + column, Data: b.columns[len(b.columns)-1]})
	}
	if b.excludes {
		result = append(result, proto.ResultColumn{Name: "left_out", Data: b.leftOut})
	}
	if b.filters {
		result = append(result, proto.ResultColumn{Name: "matched", Data: b.matched})
	}
	return b, result
}

func newTouchRows(lookbackDays, columns int) *touchRows {
	r := &touchRows{
		lookback: int64(lookbackDays) * dayMillis, newest: make(map[rowKey]int32), codes: make([][]int32, columns), names: make([]names, columns),
	}
	for i := range r.names {
		r.names[i].codes = make(map[string]int32)
	}
	return r
}

const dayMillis = 24 * 3600 * 1000

// add takes over what a block holds; its columns are used again afterwards.
func (r *touchRows) add(b *touchBlock) {
	begin := 0
	for i := range b.happened.Rows() {
		end := int(b.starts.Offsets[i])
		r.addRow(b, i, begin, end)
		begin = end
	}
}

func (r *touchRows) addRow(b *touchBlock, i, begin, end int) {
	row := creditedRow{
		happened: b.happened[i], identified: b.identified[i], known: b.known[i], version: b.version[i], value: b.value[i], counted: b.counted[i] != 0,
		directMatches: true, noneMatches: true,
	}
	key := rowKey{row.happened, schema.ID(b.id.Row(i))}
	place, again := r.newest[key]
	if again {
		if old := &r.conversions[place]; old.version > row.version || old.version == row.version && old.known >= row.known {
			return
		}
	}
	if b.reached {
		row.contact = schema.ID(b.contact.Row(i))
	}
	if b.filters { // Two more than there are touches.
		last := int(b.matched.Offsets[i])
		row.directMatches, row.noneMatches = (*b.flatMatched)[last-2] != 0, (*b.flatMatched)[last-1] != 0
	}
	if row.counted {
		r.addTouches(b, i, &row, begin, end)
	}
	if again {
		r.conversions[place] = row
		return
	}
	r.newest[key] = int32(len(r.conversions))
	r.conversions = append(r.conversions, row)
}

// mostTouches is how many touches are credited: the first and the last 99.
const mostTouches = 100

// addTouches keeps those inside the lookback, the first and the last 99 of them.
func (r *touchRows) addTouches(b *touchBlock, i int, row *creditedRow, begin, end int) {
	starts := (*b.flatStarts)[begin:end]
	inside := 0
	for _, t := range starts {
		if r.inside(row, t) {
			inside++
		}
	}
	row.from = int32(len(r.starts))
	rank := 0
	for k, t := range starts {
		if !r.inside(row, t) {
			continue
		}
		if rank++; rank > 1 && rank+mostTouches-1 <= inside {
			continue
		}
		r.starts = append(r.starts, t)
		r.flags = append(r.flags, b.flagsOf(i, begin, k))
		for c, column := range b.flatColumns {
			r.codes[c] = append(r.codes[c], r.names[c].code(column.Values[begin+k]))
		}
	}
	row.to = int32(len(r.starts))
}

func (r *touchRows) inside(row *creditedRow, start int64) bool {
	return r.lookback == 0 || start >= row.happened-r.lookback
}

// flagsOf is what is known of touch k of row i, whose touches begin at begin.
func (b *touchBlock) flagsOf(i, begin, k int) uint8 {
	var flags uint8
	if (*b.flatOthers)[begin+k] != 0 {
		flags |= flagOther
	}
	if b.excludes && (*b.flatLeftOut)[begin+k] != 0 {
		flags |= flagLeftOut
	}
	// Every row before has two more in the column of matches.
	if !b.filters || (*b.flatMatched)[begin+2*i+k] != 0 {
		flags |= flagMatches
	}
	return flags
}
