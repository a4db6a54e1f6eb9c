package report

import (
	"slices"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// rowsInOrder are rows of conversions in their order (credits_in_order.sql),
// of which the first are looked at and dropped while the next are read. What they
// earn is computed as everywhere, but of one row at a time.
type rowsInOrder struct {
	sharer
	by          *sum        // whose keys are looked at
	name, cause codedValues // of each row; the cause where changes are asked for
	movedInTime gatheredUInt8

	question  *Credits
	data      placed
	arguments map[string]any
}

// ordered binds the statement for a question whose moments and place are the
// caller's to bind, with room to read into.
func (q *Credits) ordered(room *touchRows) (*rowsInOrder, error) {
	o := &rowsInOrder{sharer: sharer{touchRows: room, progressed: q.Progressed}, question: q, arguments: map[string]any{}}
	o.name.names, o.cause.names = newNames(), newNames()
	var err error
	if o.data, err = q.placed(o.arguments); err != nil {
		return nil, err
	}
	delete(o.arguments, "lookback") // The statement leaves that to the reader.
	o.data.Columns, o.data.Filtered, o.data.Reached = touchColumns("channel", q.Dimension, q.Second), len(q.Filters) > 0, true
	return o, nil
}

// begin gives the columns that an answer is read into, from the first row on.
func (o *rowsInOrder) begin() proto.Results {
	o.name.clear()
	o.cause.clear()
	o.movedInTime.clear()
	result := append(o.touchRows.begin(o.question.Lookback, &o.data), proto.ResultColumn{Name: "name", Data: &o.name})
	if o.data.Since {
		result = append(result, proto.ResultColumn{Name: "cause", Data: &o.cause}, proto.ResultColumn{Name: "moved", Data: &o.movedInTime})
	}
	o.by = newSum(grouping{first: o.question.Dimension, second: o.question.Second}, o.data.Columns, o.touchRows)
	return result
}

// drop leaves out the first n rows.
func (o *rowsInOrder) drop(n int) {
	o.touchRows.drop(n)
	o.name.codes = dropped(o.name.codes, n)
	if o.data.Since {
		o.cause.codes, o.movedInTime.rows = dropped(o.cause.codes, n), dropped(o.movedInTime.rows, n)
	}
}

// alike tells whether two rows are of one conversion.
func (o *rowsInOrder) alike(i, j int) bool {
	return o.id.rows[i] == o.id.rows[j] && o.happened.rows[i] == o.happened.rows[j]
}

// each tells what row i credits: the keys of every touch that counts and matches
// the filters, by their numbers, and what it has under each model; or, of a
// conversion without one, the keys that stand for none.
func (o *rowsInOrder) each(i int, tell func([2]int32, *shares)) {
	if o.counted.rows[i] == 0 {
		return
	}
	var inside bool
	if o.touches, inside = o.touchesOf(i, o.touches[:0]); len(o.touches) == 0 {
		if o.noneMatches(i, inside) {
			whole := shares(slices.Repeat([]float64{1}, touchModelCount))
			tell(o.by.codesOfNone(inside), &whole)
		}
		return
	}
	o.walk(i)
	for k, t := range o.matching(i) {
		tell(o.by.codes(t), &o.path.shares[k])
	}
}

// named names the conversion of row i.
func (o *rowsInOrder) named(i int) CreditedConversion {
	return CreditedConversion{
		ID: o.id.rows[i], Contact: o.contact.rows[i], Name: o.name.texts[o.name.codes[i]], At: schema.Millis(o.happened.rows[i]), Value: o.value.rows[i],
	}
}
