package clickhouse

import "slices"

// ordered gathers rows, to be appended to columns in the order of their table's
// key. It keeps its room between inserts, and no row.
type ordered[Row any] struct{ rows []*Row }

func (o *ordered[Row]) add(rows []Row) {
	for i := range rows {
		o.rows = append(o.rows, &rows[i])
	}
}

// drain appends every row, and forgets them.
func (o *ordered[Row]) drain(compare func(x, y *Row) int, appendRow func(*Row)) {
	slices.SortFunc(o.rows, compare)
	for _, row := range o.rows {
		appendRow(row)
	}
	clear(o.rows)
	o.rows = o.rows[:0]
}
