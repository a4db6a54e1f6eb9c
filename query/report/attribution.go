package report

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Attribution is the answer.
type Attribution struct {
	Rows       []AttributionRow // most conversions first
	Count      int              // of rows, those beyond Rows included
	Rest       AttributionRow   // the sums of those beyond Rows; without keys
	Attributed float64          // conversions with a touch
	Total      float64          // conversions in the period
	Costed     bool             // whether costs are known in these days, and can be told apart so
	Cost       float64          // of all rows, in the workspace's currency
}

// AttributionRow is what one value of the dimension, or one pair of values,
// earned.
type AttributionRow struct {
	Key                string // None when empty
	Second             string // of the second dimension; empty without one
	Conversions, Value float64
	Sessions           uint64 // of this value in the same period, bots left out
	CompareConversions float64
	CompareValue       float64
	Cost               float64 // of ads with this value in the same days
}

// Attribution credits the conversions of a period to the values of one or two
// dimensions. Rows and Rest sum to Total.
func (s Scoped) Attribution(ctx context.Context, q Credits) (Attribution, error) {
	model, compare, err := q.check()
	if err != nil {
		return Attribution{}, err
	}
	sessions, err := s.sessionsBy(ctx, q)
	if err != nil {
		return Attribution{}, err
	}
	costs, err := s.costs(ctx, q)
	if err != nil {
		return Attribution{}, err
	}
	if len(q.Filters) == 0 {
		q.came = sessions
	}
	room := s.reader.rooms.take()
	defer s.reader.rooms.put(room)
	credits, err := s.creditTable(ctx, room, q)
	if err != nil {
		return Attribution{}, err
	}
	a := tabulate(credits, sessions, costs, model, compare, q.Rows)
	if q.Second != "" {
		for i := range a.Rows {
			a.Rows[i].Second = cmp.Or(a.Rows[i].Second, None)
		}
	}
	return a, nil
}

// creditTable gives what keys earned, in some room that it holds until it is no longer used.
func (s Scoped) creditTable(ctx context.Context, room *touchRows, q Credits) (creditTable, error) {
	sums, err := s.summed(ctx, room, q, grouping{first: q.Dimension, second: q.Second})
	if err != nil {
		return nil, err
	}
	if !q.Model.dataDriven() && !q.Compare.dataDriven() {
		return sumTable{sums[0]}, nil
	}
	byKey := sums[0].earned()
	for _, m := range []Model{q.Model, q.Compare} {
		if m.dataDriven() {
			if err := s.addDataDriven(ctx, q, m, byKey); err != nil {
				return nil, err
			}
		}
	}
	return newEarnedTable(byKey), nil
}

// check refuses what cannot be asked, and gives the places of the two models;
// the second is -1 for none.
func (q *Credits) check() (model, compare int, err error) {
	compare = -1
	if model, err = modelIndex(q.Model); err != nil {
		return 0, 0, err
	}
	if q.Compare != "" {
		if compare, err = modelIndex(q.Compare); err != nil {
			return 0, 0, err
		}
	}
	if _, err = ParseDimension(string(q.Dimension)); err != nil {
		return 0, 0, err
	}
	if q.Second != "" {
		if _, err = ParseDimension(string(q.Second)); err != nil {
			return 0, 0, err
		}
		if q.Second == q.Dimension {
			return 0, 0, invalid("the second dimension is the first one, %s; leave it out, or choose another", q.Second)
		}
	}
	if err := q.checkLookback(); err != nil {
		return 0, 0, err
	}
	for _, m := range []Model{q.Model, q.Compare} {
		for _, d := range []Dimension{q.Dimension, q.Second} {
			if (m == Markov || m == Shapley) && d.ofVisitor() {
				return 0, 0, invalid("the model %s credits what brings visitors, which %s does not; "+
					"use another model, or a dimension of the visit such as channel, source or campaign", m, d)
			}
		}
	}
	return model, compare, nil
}

// ofVisitor tells whether a dimension says who came, and not what brought them.
func (d Dimension) ofVisitor() bool {
	return slices.Contains([]Dimension{"device", "country", "browser"}, d)
}

// settled takes the dust of adding floating-point shares off a sum: whole
// conversions are counted in whole numbers, and the order in which shares were
// added, which differs from one time to the next, is not seen.
func settled(sum float64) float64 { return math.Round(sum*1e9) / 1e9 }

func (r AttributionRow) settled() AttributionRow {
	r.Conversions, r.Value = settled(r.Conversions), settled(r.Value)
	r.CompareConversions, r.CompareValue = settled(r.CompareConversions), settled(r.CompareValue)
	r.Cost = settled(r.Cost)
	return r
}
