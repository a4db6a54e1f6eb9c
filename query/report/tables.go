package report

import "context"

// CreditTable is what the values of one dimension earned under every model that
// needs nothing but a conversion's touches.
type CreditTable struct {
	Dimension Dimension
	Rows      []CreditRow // one a key, in no order
}

// CreditRow is one value's; its lists are in the order of Models.
type CreditRow struct {
	Key                string // None when empty
	Conversions, Value []float64
}

// CreditTables answers a question by several dimensions and under all those
// models with one reading. q.Model, q.Compare, q.Dimension and q.Second are not
// read.
func (s Scoped) CreditTables(ctx context.Context, q Credits, dimensions ...Dimension) ([]CreditTable, error) {
	by := make([]grouping, len(dimensions))
	for i, d := range dimensions {
		if _, err := ParseDimension(string(d)); err != nil {
			return nil, err
		}
		by[i] = grouping{first: d}
	}
	rows := s.reader.rooms.take()
	defer s.reader.rooms.put(rows)
	sums, err := s.summed(ctx, rows, q, by...)
	if err != nil {
		return nil, err
	}
	tables := make([]CreditTable, len(dimensions))
	for i, d := range dimensions {
		tables[i] = CreditTable{d, sums[i].rows()}
	}
	return tables, nil
}
