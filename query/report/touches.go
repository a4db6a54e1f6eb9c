package report

import (
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// touchRows are the conversions of a period with their touches as numbers. Of
// several rows of one conversion the newest stands.
type touchRows struct {
	lookback    int64 // milliseconds; 0 for all
	conversions []creditedRow
	newest      places

	// Of every touch that is within the lookback, and one of the first or the last 99 there.
	starts []int64
	flags  []uint8
	codes  [][]int32 // by column, the place of the value among its names
	names  []*names
	direct int32 // the code of the channel Direct
}

// places finds the place of a conversion's row by its id, whose bytes are as good as random, and its time: one that was moved
// in time is two, of which one is deleted.
type places struct {
	slots []int32 // a power of two of them; places from 1, 0 for none
	used  int
}

// find gives the place, from 0, and the slot where it is or belongs.
func (p *places) find(rows []creditedRow, id schema.ID, happened int64) (place int32, slot int) {
	if 2*p.used >= len(p.slots) {
		p.grow(rows)
	}
	mask := len(p.slots) - 1
	for slot = slotOf(id) & mask; p.slots[slot] != 0; slot = (slot + 1) & mask {
		if row := &rows[p.slots[slot]-1]; row.id == id && row.happened == happened {
			break
		}
	}
	return p.slots[slot] - 1, slot
}

func (p *places) clear() {
	clear(p.slots)
	p.used = 0
}

func (p *places) grow(rows []creditedRow) {
	p.slots = make([]int32, max(1024, 4*len(p.slots)))
	mask := len(p.slots) - 1
	for i := range rows {
		slot := slotOf(rows[i].id) & mask
		for p.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		p.slots[slot] = int32(i + 1)
	}
}

func slotOf(id schema.ID) int { return int(binary.LittleEndian.Uint64(id[:]) >> 1) }

// creditedRow is a conversion. Its touches lie from..to.
type creditedRow struct {
	happened, identified, known int64
	version                     uint64
	value                       float64
	id, contact                 schema.ID
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

// channelColumn is read in any case: models ask whether a touch is Direct.
const channelColumn = "touches_channel"

// touchBlock are the columns of credits.sql.
type touchBlock struct {
	happened, known, identified proto.ColInt64
	id, contact                 proto.ColFixedStr
	version                     proto.ColUInt64
	counted                     proto.ColUInt8
	value                       proto.ColFloat64
	starts                      *proto.ColArr[int64]
	leftOut, matched            *proto.ColArr[uint8]
	columns                     []*codedColumn
	channel                     int // its place among columns

	flatStarts               *proto.ColInt64
	flatLeftOut, flatMatched *proto.ColUInt8

	reached, excludes, filters bool
}

func newTouchBlock(p *placed) (*touchBlock, proto.Results) {
	b := &touchBlock{
		id: proto.ColFixedStr{Size: len(schema.ID{})}, contact: proto.ColFixedStr{Size: len(schema.ID{})},
		flatStarts: &proto.ColInt64{}, flatLeftOut: &proto.ColUInt8{}, flatMatched: &proto.ColUInt8{},
		reached: p.Reached, excludes: p.Exclusions != "", filters: p.Filtered,
	}
	b.starts = proto.NewArray(b.flatStarts)
	b.leftOut, b.matched = proto.NewArray(b.flatLeftOut), proto.NewArray(b.flatMatched)
	result := proto.Results{
		{Name: "happened", Data: &b.happened}, {Name: "id", Data: &b.id}, {Name: "version", Data: &b.version}, {Name: "known", Data: &b.known},
		{Name: "counted", Data: &b.counted}, {Name: "value", Data: &b.value}, {Name: "identified", Data: &b.identified},
		{Name: "starts", Data: b.starts},
	}
	if b.reached {
		result = append(result, proto.ResultColumn{Name: "contact", Data: &b.contact})
	}
	for i, name := range p.Columns {
		if name == channelColumn {
			b.channel = i
		}
		column := &codedColumn{names: newNames(), plain: name == "touches_landing_page" || name == "touches_referrer"}
		b.columns = append(b.columns, column)
		result = append(result, proto.ResultColumn{Name: name, Data: column})
	}
	if b.excludes {
		result = append(result, proto.ResultColumn{Name: "left_out", Data: b.leftOut})
	}
	if b.filters {
		result = append(result, proto.ResultColumn{Name: "matched", Data: b.matched})
	}
	return b, result
}

// begin takes over what blocks like b hold, into the room that is there from
// former questions.
func (r *touchRows) begin(lookbackDays int, b *touchBlock) {
	r.lookback = int64(lookbackDays) * dayMillis
	r.conversions, r.starts, r.flags, r.names = r.conversions[:0], r.starts[:0], r.flags[:0], r.names[:0]
	r.newest.clear()
	for len(r.codes) < len(b.columns) {
		r.codes = append(r.codes, nil)
	}
	for i, column := range b.columns {
		r.codes[i] = r.codes[i][:0]
		r.names = append(r.names, column.names)
	}
	r.direct = r.names[b.channel].code([]byte("Direct"))
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
		directMatches: true, noneMatches: true, id: schema.ID(b.id.Row(i)),
	}
	place, slot := r.newest.find(r.conversions, row.id, row.happened)
	again := place >= 0
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
	r.conversions = append(r.conversions, row)
	r.newest.slots[slot] = int32(len(r.conversions))
	r.newest.used++
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
		flags := b.flagsOf(i, begin, k)
		if b.columns[b.channel].codes[begin+k] != r.direct {
			flags |= flagOther
		}
		r.flags = append(r.flags, flags)
		for c, column := range b.columns {
			r.codes[c] = append(r.codes[c], column.codes[begin+k])
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
	if b.excludes && (*b.flatLeftOut)[begin+k] != 0 {
		flags |= flagLeftOut
	}
	// Every row before has two more in the column of matches.
	if !b.filters || (*b.flatMatched)[begin+2*i+k] != 0 {
		flags |= flagMatches
	}
	return flags
}
