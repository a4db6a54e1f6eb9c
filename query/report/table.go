package report

import "cmp"

// keyCount is how many sessions have a key.
type keyCount struct {
	key keys
	n   uint64
}

// creditTable is what keys earned, by places of its own.
type creditTable interface {
	size() int
	place(key keys) int                          // -1 where it earned nothing
	all(place int, conversions, value []float64) // written by model
	attributed(place, model int) float64         // conversions with a touch
	each(tell func(place int, key keys))
}

// tabulation brings what keys earned under a model, or two, together with their sessions and costs.
type tabulation struct {
	credits        creditTable
	model, compare int // places of the models; the second is -1 for none
	costs          map[keys]float64

	answer             Attribution
	rows               foremost[AttributionRow]
	conversions, value []float64 // of a key, by model
}

// tabulate gives the first rows, as many as asked, or all for 0. Of sessions every key comes once.
func tabulate(credits creditTable, sessions []keyCount, costs map[keys]float64, model, compare, limit int) Attribution {
	t := &tabulation{credits: credits, model: model, compare: compare, costs: costs, rows: foremost[AttributionRow]{n: limit, compare: compareRows}}
	t.answer.Costed = costs != nil
	t.conversions, t.value = make([]float64, len(Models())), make([]float64, len(Models()))
	seen, told := make([]bool, credits.size()), make(map[keys]bool) // told are keys that have costs
	for _, of := range sessions {
		place := credits.place(of.key)
		if place >= 0 {
			seen[place] = true
		}
		if _, some := costs[of.key]; some {
			told[of.key] = true
		}
		t.add(of.key, place, of.n)
	}
	credits.each(func(place int, key keys) {
		if !seen[place] {
			if _, some := costs[key]; some {
				told[key] = true
			}
			t.add(key, place, 0)
		}
	})
	for key := range costs {
		if !told[key] {
			t.add(key, -1, 0)
		}
	}
	return t.told()
}

// add adds a key's row.
func (t *tabulation) add(key keys, place int, sessions uint64) {
	a := &t.answer
	row := AttributionRow{Key: cmp.Or(key[0], None), Second: key[1], Sessions: sessions, Cost: t.costs[key]}
	if place >= 0 {
		t.credits.all(place, t.conversions, t.value)
		row.Conversions, row.Value = t.conversions[t.model], t.value[t.model]
		a.Attributed += t.credits.attributed(place, t.model)
		if t.compare >= 0 {
			row.CompareConversions, row.CompareValue = t.conversions[t.compare], t.value[t.compare]
		}
	}
	a.Cost += row.Cost
	a.Total += row.Conversions
	// A key that only another model credits, or that has only sessions of bots, is no row.
	if row = row.settled(); row.Sessions == 0 && row.Conversions <= 0 && row.CompareConversions <= 0 && row.Cost <= 0 {
		return
	}
	a.Count++
	if left, full := t.rows.offer(row); full {
		a.Rest.add(&left)
	}
}

func (t *tabulation) told() Attribution {
	a := t.answer
	a.Attributed, a.Total, a.Cost = settled(a.Attributed), settled(a.Total), settled(a.Cost)
	a.Rows, a.Rest = t.rows.sorted(), a.Rest.settled()
	return a
}

// add adds another row's figures.
func (r *AttributionRow) add(o *AttributionRow) {
	r.Conversions, r.Value, r.Sessions = r.Conversions+o.Conversions, r.Value+o.Value, r.Sessions+o.Sessions
	r.CompareConversions, r.CompareValue, r.Cost = r.CompareConversions+o.CompareConversions, r.CompareValue+o.CompareValue, r.Cost+o.Cost
}

func compareRows(x, y *AttributionRow) int {
	return cmp.Or(cmp.Compare(y.Conversions, x.Conversions), cmp.Compare(y.Sessions, x.Sessions), cmp.Compare(y.Cost, x.Cost), cmp.Compare(x.Key, y.Key),
		cmp.Compare(x.Second, y.Second))
}

// earnedTable is a table of what was gathered by key.
type earnedTable struct {
	keys   []keys
	earned []earned // of each
	places map[keys]int
}

func newEarnedTable(byKey map[keys]earned) *earnedTable {
	t := &earnedTable{places: make(map[keys]int, len(byKey))}
	for key, e := range byKey {
		t.places[key] = len(t.keys)
		t.keys, t.earned = append(t.keys, key), append(t.earned, e)
	}
	return t
}

func (t *earnedTable) size() int { return len(t.keys) }

func (t *earnedTable) place(key keys) int {
	if place, ok := t.places[key]; ok {
		return place
	}
	return -1
}

func (t *earnedTable) all(place int, conversions, value []float64) {
	copy(conversions, t.earned[place].conversions)
	copy(value, t.earned[place].value)
}

func (t *earnedTable) attributed(place, model int) float64 { return t.earned[place].attributed[model] }

func (t *earnedTable) each(tell func(place int, key keys)) {
	for place, key := range t.keys {
		tell(place, key)
	}
}

// sumTable is a table of a sum by dimensions, of which no key is named before it is asked for.
type sumTable struct{ *sum }

func (t sumTable) size() int { return len(t.slots) }

func (t sumTable) place(key keys) int {
	first, known := t.column.find(key[0])
	place := first
	if t.other != nil && known {
		var second int32
		if second, known = t.other.find(key[1]); known {
			place, known = t.pairs[[2]int32{first, second}]
		}
	}
	if !known || int(place) >= len(t.slots) || !t.slots[place].credited() {
		return -1
	}
	return int(place)
}

func (t sumTable) all(place int, conversions, value []float64) {
	t.slots[place].all(conversions, value)
}

func (t sumTable) attributed(place, model int) float64 {
	return t.slots[place].conversions[model] + t.slots[place].whole
}

func (t sumTable) each(tell func(place int, key keys)) { t.eachPlace(tell) }
