package report

import (
	"cmp"
	"context"
)

// ComparedAttribution are credits beside those of other days.
type ComparedAttribution struct {
	Now, Then Attribution   // without rows
	Rows      []ComparedRow // most conversions first, then most of those days
	Count     int           // of rows, those beyond Rows included
	Rest      ComparedRow   // the sums of those beyond Rows; without keys
}

// ComparedRow is a row with what it was in the other days. Either may have earned nothing.
type ComparedRow struct {
	AttributionRow
	Then AttributionRow
}

// AttributionBeside credits the conversions of a question's period, and beside them those of other days, of which no second model is
// asked. What is a row in one of both is a row.
func (s Scoped) AttributionBeside(ctx context.Context, q Credits, before Period) (c ComparedAttribution, err error) {
	rows := foremost[ComparedRow]{n: q.Rows, compare: compareCompared}
	q.Rows = 0 // What was most in the other days may be little in these.
	if c.Now, err = s.Attribution(ctx, q); err != nil {
		return c, err
	}
	q.Period, q.Compare = before, ""
	if c.Then, err = s.Attribution(ctx, q); err != nil {
		return c, err
	}
	offer := func(row ComparedRow) {
		c.Count++
		if left, full := rows.offer(row); full {
			c.Rest.add(&left.AttributionRow)
			c.Rest.Then.add(&left.Then)
		}
	}
	then := make(map[keys]*AttributionRow, len(c.Then.Rows))
	for i := range c.Then.Rows {
		row := &c.Then.Rows[i]
		if other := then[keys{row.Key, row.Second}]; other != nil { // What is empty, and what says so itself.
			other.add(row)
			continue
		}
		then[keys{row.Key, row.Second}] = row
	}
	for _, row := range c.Now.Rows {
		one, key := ComparedRow{AttributionRow: row}, keys{row.Key, row.Second}
		if was := then[key]; was != nil {
			one.Then = *was
			delete(then, key)
		}
		offer(one)
	}
	for key, was := range then {
		offer(ComparedRow{AttributionRow: AttributionRow{Key: key[0], Second: key[1]}, Then: *was})
	}
	c.Rows, c.Now.Rows, c.Then.Rows = rows.sorted(), nil, nil
	c.Rest.AttributionRow, c.Rest.Then = c.Rest.AttributionRow.settled(), c.Rest.Then.settled()
	return c, nil
}

func compareCompared(x, y *ComparedRow) int {
	return cmp.Or(cmp.Compare(y.Conversions, x.Conversions), cmp.Compare(y.Then.Conversions, x.Then.Conversions), compareRows(&x.AttributionRow, &y.AttributionRow))
}
