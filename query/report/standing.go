package report

import (
	"cmp"
	"context"
	"slices"
)

// view is of kept rows what a question looks at: its own counted, and names that it may add to. The rest is shared.
func (k *keptRows) view(q *Credits, columns []string) *touchRows {
	r := &k.rows
	v := &touchRows{
		lookback: int64(q.Lookback) * dayMillis, reached: len(q.Progressed) > 0, decided: true,
		happened: r.happened, known: r.known, identified: r.identified, id: r.id, contact: r.contact, version: r.version, value: r.value, starts: r.starts,
		browsers: r.browsers,
	}
	v.counted.rows = make([]uint8, r.Rows())
	kept := k.touchColumns()
	for _, name := range columns {
		of := r.columns[slices.Index(kept, name)]
		column := &codedColumn{names: of.fork(), codes: of.codes, rows: of.rows}
		if name == channelColumn {
			v.channel, v.direct = column, column.code([]byte("Direct"))
		}
		v.columns = append(v.columns, column)
	}
	return v
}

// Rows is how many there are.
func (r *touchRows) Rows() int { return r.happened.Rows() }

// stands counts the rows of the question's conversions that are the newest as of its moment. Views come in the order of kept.
func stands(newest *places, kept []*keptRows, views []*touchRows, q *Credits) {
	period := q.looked()
	newest.clear()
	newest.of = append(newest.of, views...)
	// The first list is the largest: its rows are looked up among the others, and not the other way.
	for list := len(kept) - 1; list >= 0; list-- {
		k, v := kept[list], views[list]
		named := k.named(q)
		for i := range v.Rows() {
			if happened := v.happened.rows[i]; happened < int64(period.Begin) || happened >= int64(period.End) || q.AsOf != 0 && v.known.rows[i] > int64(q.AsOf) {
				continue
			}
			v.counted.rows[i] = k.rows.counted.rows[i] & named[k.name.codes[i]]
			switch {
			case list > 0 || k.repeated != nil && k.repeated[i]:
				newest.stand(list, i)
			case newest.used > 0:
				newest.standAlone(list, i)
			}
		}
	}
}

// named tells by code which names are asked for: 1, or 0. A row that says deleted has none.
func (k *keptRows) named(q *Credits) []uint8 {
	named := make([]uint8, len(k.name.texts))
	for code, text := range k.name.texts {
		if q.Conversion == "" && text != "contact" || q.Conversion != "" && text == q.Conversion {
			named[code] = 1
		}
	}
	return named
}

// views are what a question looks at of kept rows, of which those that are not its own do not count.
func (s Scoped) views(ctx context.Context, kept []*keptRows, room *touchRows, q Credits, columns []string) ([]*touchRows, error) {
	slices.SortFunc(kept, func(a, b *keptRows) int { return cmp.Compare(b.rows.Rows(), a.rows.Rows()) })
	views := make([]*touchRows, len(kept))
	for i, k := range kept {
		views[i] = k.view(&q, columns)
	}
	if err := s.choose(ctx, &q, columns, views); err != nil {
		return nil, err
	}
	stands(&room.newest, kept, views, &q)
	room.newest.clear()
	if q.FirstOnly {
		onlyFirst(views, q.Period.Begin)
	}
	return views, nil
}

// sumLists shares and sums the conversions of all lists, in some room.
func sumLists(lists []*touchRows, room *touchRows, q Credits, columns []string, by []grouping) (sums []*sum) {
	for i, list := range lists {
		if i == 0 {
			list.sharers = room.sharers
		}
		empty := make([]*sum, len(by))
		for g := range by {
			empty[g] = newSum(by[g], columns, list)
		}
		some := list.share(q.Progressed, empty)
		if i == 0 {
			sums, room.sharers = some, list.sharers
			continue
		}
		for g := range sums {
			sums[g].absorb(some[g])
		}
	}
	return sums
}
