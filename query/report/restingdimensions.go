package report

import (
	"context"
	"errors"
	"slices"
)

// runCondition leaves out sessions by what a column says.
type runCondition struct {
	column *runColumn
	leaves []bool // by code
}

// toldByCodes tells whether what a question leaves out can be told once for every text. What contains another without regard to case
// is ClickHouse's to tell.
func (q *Credits) toldByCodes() bool {
	return !slices.ContainsFunc(slices.Concat(q.Filters, q.Exclude), func(f Filter) bool { return f.Operator != "is" && f.Operator != "is_not" })
}

// conditionsOn are those of a question on a piece, without those that leave nothing out.
func (q *Credits) conditionsOn(run *sessionRun) (all []runCondition) {
	for i, f := range slices.Concat(q.Filters, q.Exclude) {
		column, leaves, any := run.columns[string(f.Dimension)], []bool(nil), false
		for _, text := range column.texts {
			leaves = append(leaves, f.holds(text) != (i < len(q.Filters)))
			any = any || leaves[len(leaves)-1]
		}
		if any {
			all = append(all, runCondition{column, leaves})
		}
	}
	return all
}

// restedBy counts sessions by one or two dimensions, of those that are kept; false when it cannot be done so.
func (s Scoped) restedBy(ctx context.Context, q Credits) (counts []keyCount, done bool, err error) {
	if q.Dimension == "" || q.Dimension == q.Second {
		return nil, false, nil
	}
	first, second := string(q.Dimension), string(q.Second)
	columns := []string{first}
	if second != "" {
		columns = append(columns, second)
	}
	runs, err := s.rested(ctx, q, columns)
	if errors.Is(err, errCrowded) { // What no piece has is too much to be gathered: ClickHouse counts it.
		return nil, false, nil
	}
	if err != nil || len(runs) == 0 {
		return nil, false, err
	}
	by := [2]*names{newNames(), newNames()}
	for i, column := range columns {
		named(runs, by[i], column)
	}
	if second == "" {
		return countedBy(q.Period, runs, first, by[0]), true, nil
	}
	counts, done = countedByBoth(q.Period, runs, columns, by, s.reader.resting.pairs)
	return counts, done, nil
}

func countedBy(period Period, runs []countedRun, column string, by *names) (counts []keyCount) {
	c := restingCount{period: period, runs: runs, alone: true, marks: len(by.texts), tables: 1, mark: func(w *restingWorker, p *portion) {
		p.tally(w.tables[0], p.numbers(column))
	}}
	_, tables := c.count()
	for code, n := range tables[0] {
		if n > 0 {
			counts = append(counts, keyCount{keys{by.texts[code]}, n})
		}
	}
	return counts
}

func countedByBoth(period Period, runs []countedRun, columns []string, by [2]*names, most int) (counts []keyCount, done bool) {
	width := len(by[1].texts)
	c := restingCount{period: period, runs: runs, alone: true, tables: 1, most: most}
	c.mark = func(w *restingWorker, p *portion) {
		p.room.stretches = append(p.room.stretches[:0], p.numbers(columns[0])...)
		c.paired.Add(w.pair(p, p.room.stretches, p.numbers(columns[1]), width))
	}
	if size := len(by[0].texts) * width; size <= most {
		c.marks = size
	}
	_, tables := c.count()
	if c.crowded() { // ClickHouse counts them.
		return nil, false
	}
	for place, n := range tables[0] {
		if n > 0 {
			counts = append(counts, keyCount{keys{by[0].texts[place/width], by[1].texts[place%width]}, n})
		}
	}
	for place, n := range c.pairs {
		counts = append(counts, keyCount{keys{by[0].texts[place/width], by[1].texts[place%width]}, n})
	}
	return counts, true
}

// pair counts pairs of numbers, and tells how many it had not seen, where these have no place each.
func (w *restingWorker) pair(p *portion, first, second []int32, width int) (more int64) {
	table, former := w.tables[0], len(w.pairs)
	for i, number := range first {
		if p.out != nil && p.out[i] {
			continue
		}
		if place := int(number)*width + int(second[i]); len(table) > 0 {
			table[place]++
		} else {
			w.pairs[place]++
		}
	}
	return int64(len(w.pairs) - former)
}
