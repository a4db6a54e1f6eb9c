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
// dimensions. Rows sum to Total.
func (s Scoped) Attribution(ctx context.Context, q Credits) (Attribution, error) {
	model, compare, err := q.check()
	if err != nil {
		return Attribution{}, err
	}
	byKey, err := s.credits(ctx, q)
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
	for _, m := range []Model{q.Model, q.Compare} {
		if m == Markov || m == Shapley {
			if err := s.addDataDriven(ctx, q, m, byKey); err != nil {
				return Attribution{}, err
			}
		}
	}
	a := tabulate(byKey, sessions, costs, model, compare)
	if q.Second != "" {
		for i := range a.Rows {
			a.Rows[i].Second = cmp.Or(a.Rows[i].Second, None)
		}
	}
	return a, nil
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

// tabulate picks models and brings keys with credits, sessions or costs together.
func tabulate(byKey map[keys]earned, sessions map[keys]uint64, costs map[keys]float64, model, compare int) Attribution {
	a := Attribution{Costed: costs != nil}
	all := make(map[keys]bool)
	for key := range byKey {
		all[key] = true
	}
	for key := range sessions {
		all[key] = true
	}
	for key := range costs {
		all[key] = true
	}
	for key := range all {
		row := AttributionRow{Key: cmp.Or(key[0], None), Second: key[1], Sessions: sessions[key], Cost: costs[key]}
		a.Cost += row.Cost
		if e, ok := byKey[key]; ok {
			row.Conversions, row.Value = e.conversions[model], e.value[model]
			a.Attributed += e.attributed[model]
			if compare >= 0 {
				row.CompareConversions, row.CompareValue = e.conversions[compare], e.value[compare]
			}
		}
		a.Total += row.Conversions
		// A key that only another model credits, or that has only sessions of bots, is no row.
		if row = row.settled(); row.Sessions > 0 || row.Conversions > 0 || row.CompareConversions > 0 || row.Cost > 0 {
			a.Rows = append(a.Rows, row)
		}
	}
	a.Attributed, a.Total, a.Cost = settled(a.Attributed), settled(a.Total), settled(a.Cost)
	slices.SortFunc(a.Rows, func(x, y AttributionRow) int {
		return cmp.Or(cmp.Compare(y.Conversions, x.Conversions), cmp.Compare(y.Sessions, x.Sessions), cmp.Compare(y.Cost, x.Cost), cmp.Compare(x.Key, y.Key),
			cmp.Compare(x.Second, y.Second))
	})
	return a
}
