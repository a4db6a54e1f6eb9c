package report

import (
	"errors"

	"github.com/ClickHouse/ch-go/proto"
)

// touchRows are the rows of credits.sql, column by column, with the values of
// touches as numbers. Of several rows of one conversion the newest stands.
type touchRows struct {
	lookback int64 // milliseconds; 0 for all

	// Of every row.
	happened, known, identified gatheredInt64
	id, contact                 gatheredID
	version                     gatheredUInt64
	counted                     gatheredUInt8 // 0 also of a row that does not stand
	value                       gatheredFloat

	// Of every touch, which lie behind one another.
	starts           gatheredArrays[int64, proto.ColInt64, *proto.ColInt64]
	leftOut, matched gatheredArrays[uint8, proto.ColUInt8, *proto.ColUInt8]
	browsers         gatheredArrays[uint64, proto.ColUInt64, *proto.ColUInt64] // sipHash64; empty where nobody asks
	columns          []*codedColumn                                            // those that were asked for
	spare            []*codedColumn                                            // with the room of former questions

	channel *codedColumn
	direct  int32 // the code of the channel Direct

	reached, excludes, filters bool
	decided                    bool       // filters and exclusions by the values of touches, and not by the statement
	leaves, takes              []choosing // then these are the exclusions, and the filters
	newest                     places
	sharers                    []*sharer
}

// channelColumn is read in any case: models ask whether a touch is Direct.
const channelColumn = "touches_channel"

// begin gives the columns that a statement's answer is read into, with the
// room that is there from former questions.
func (r *touchRows) begin(lookbackDays int, p *placed) proto.Results {
	r.lookback = int64(lookbackDays) * dayMillis
	r.reached, r.excludes, r.filters = p.Reached, p.Exclusions != "", p.Filtered
	r.clear()
	result := proto.Results{
		{Name: "happened", Data: &r.happened}, {Name: "id", Data: &r.id}, {Name: "version", Data: &r.version}, {Name: "known", Data: &r.known},
		{Name: "counted", Data: &r.counted}, {Name: "value", Data: &r.value}, {Name: "identified", Data: &r.identified},
		{Name: "starts", Data: &r.starts},
	}
	if r.reached {
		result = append(result, proto.ResultColumn{Name: "contact", Data: &r.contact})
	}
	if p.Browsers {
		result = append(result, proto.ResultColumn{Name: "browsers", Data: &r.browsers})
	}
	for i, name := range p.Columns {
		if i == len(r.spare) {
			r.spare = append(r.spare, &codedColumn{names: newNames()})
		}
		if name == channelColumn {
			r.channel = r.spare[i]
		}
		result = append(result, proto.ResultColumn{Name: name, Data: r.spare[i]})
	}
	r.columns = r.spare[:len(p.Columns)]
	r.direct = r.channel.code([]byte("Direct"))
	if r.excludes {
		result = append(result, proto.ResultColumn{Name: "left_out", Data: &r.leftOut})
	}
	if r.filters {
		result = append(result, proto.ResultColumn{Name: "matched", Data: &r.matched})
	}
	return result
}

func (r *touchRows) clear() {
	for _, column := range []interface{ clear() }{
		&r.happened, &r.known, &r.identified, &r.id, &r.contact, &r.version, &r.counted, &r.value, &r.starts, &r.leftOut, &r.matched, &r.browsers, &r.newest,
	} {
		column.clear()
	}
	for _, column := range r.spare {
		column.clear()
	}
	for _, s := range r.sharers {
		s.end()
	}
}

// drop leaves out the first n rows. Texts keep their numbers.
func (r *touchRows) drop(n int) {
	if n == 0 {
		return
	}
	touches := r.starts.ends[n-1]
	for _, column := range r.columns {
		column.codes = dropped(column.codes, touches)
		column.rows -= n
	}
	for _, column := range []*gatheredInt64{&r.happened, &r.known, &r.identified} {
		column.rows = dropped(column.rows, n)
	}
	r.id.rows, r.version.rows = dropped(r.id.rows, n), dropped(r.version.rows, n)
	r.counted.rows, r.value.rows = dropped(r.counted.rows, n), dropped(r.value.rows, n)
	if r.reached {
		r.contact.rows = dropped(r.contact.rows, n)
	}
	r.starts.drop(n)
	if r.excludes {
		r.leftOut.drop(n)
	}
	if r.filters {
		r.matched.drop(n)
	}
}

const dayMillis = 24 * 3600 * 1000

// add finds out which rows of a block stand, the rows from a place on.
func (r *touchRows) add(from int) (rows int, err error) {
	if rows, err = r.check(); err != nil {
		return rows, err
	}
	r.newest.of = append(r.newest.of[:0], r)
	for i := from; i < rows; i++ {
		r.newest.stand(0, i)
	}
	return rows, nil
}

// check tells how many rows there are.
func (r *touchRows) check() (rows int, err error) {
	rows = r.happened.Rows()
	for _, column := range r.columns {
		if len(column.codes) != r.starts.elements.Rows() {
			return rows, errors.New("a conversion's touches have more or fewer values than beginnings")
		}
	}
	return rows, nil
}

// newer tells whether row i is newer than a row of another list, or the same one.
func (r *touchRows) newer(i int, other *touchRows, place int) bool {
	if r.version.rows[i] != other.version.rows[place] {
		return r.version.rows[i] > other.version.rows[place]
	}
	return r.known.rows[i] > other.known.rows[place]
}

// mostTouches is how many touches are credited: the first and the last 99.
const mostTouches = 100

// touchesOf gives the touches of row i that are inside the lookback and not
// left out by the question, of the first and the last 99 there. It also tells
// whether there are any inside, left out or not.
func (r *touchRows) touchesOf(i int, into []int) (touches []int, any bool) {
	begin, end := r.span(i)
	inside := r.insideOf(i, begin, end)
	rank := 0
	for t := begin; t < end; t++ {
		if !r.inside(i, t) {
			continue
		}
		if rank++; rank > 1 && rank+mostTouches-1 <= inside {
			continue
		}
		if !r.excludes || !r.leavesOut(t) {
			into = append(into, t)
		}
	}
	return into, inside > 0
}

// span is where the touches of row i lie.
func (r *touchRows) span(i int) (begin, end int) {
	if i > 0 {
		begin = r.starts.ends[i-1]
	}
	return begin, r.starts.ends[i]
}

func (r *touchRows) insideOf(i, begin, end int) int {
	n := 0
	for t := begin; t < end; t++ {
		if r.inside(i, t) {
			n++
		}
	}
	return n
}

func (r *touchRows) inside(i, touch int) bool {
	return r.lookback == 0 || r.starts.elements.rows[touch] >= r.happened.rows[i]-r.lookback
}

func (r *touchRows) leavesOut(touch int) bool {
	if r.decided {
		return anyTakes(r.leaves, touch)
	}
	return r.leftOut.elements.rows[touch] != 0
}

// matches tells whether a touch of row i matches the filters. Every row before
// has two more in the column of matches than touches.
func (r *touchRows) matches(i, touch int) bool {
	if r.decided {
		return allTake(r.takes, touch)
	}
	return !r.filters || r.matched.elements.rows[2*i+touch] != 0
}

// noneMatches tells whether row i matches without a touch: since it has none,
// or since all are excluded.
func (r *touchRows) noneMatches(i int, excluded bool) bool {
	if r.decided {
		return allTakeNone(r.takes, excluded)
	}
	place := 2
	if excluded {
		place = 1
	}
	return !r.filters || r.matched.elements.rows[r.matched.ends[i]-place] != 0
}
