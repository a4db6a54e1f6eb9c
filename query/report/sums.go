package report

import (
	"cmp"
	"slices"
	"sort"
	"strconv"

	"sourceloop/schema"
)

// grouping is what credits are summed by: one or two dimensions of the
// credited touch, or the stretches of time in which conversions happened.
type grouping struct {
	first, second Dimension
	bounds        []int64 // ascending beginnings; nil for dimensions
}

// sum adds up credits by a grouping. Keys are numbers until they are told.
type sum struct {
	grouping
	column, other int // places among the columns; -1 for none
	slots         []slot
	pairs         map[[2]int32]int32
}

// slot is what one key earned.
type slot struct {
	conversions, value shares
	untouched          float64 // conversions that are not shared
	untouchedValue     float64
	credited           bool
}

func newSum(g grouping, columns []string, r *touchRows) *sum {
	s := &sum{grouping: g, column: -1, other: -1}
	if g.first != "" {
		s.column = slices.Index(columns, "touches_"+string(g.first))
	}
	if g.second != "" {
		s.other = slices.Index(columns, "touches_"+string(g.second))
		s.pairs = make(map[[2]int32]int32)
	}
	switch {
	case s.column < 0:
		s.slots = make([]slot, len(g.bounds))
	case s.other < 0: // Two more for what has no touch.
		s.slots = make([]slot, 0, len(r.names[s.column].texts)+2)
	}
	return s
}

// at is the slot of a touch.
func (s *sum) at(r *touchRows, c *creditedRow, touch int) *slot {
	switch {
	case s.column < 0:
		return s.place(int32(s.stretch(c.happened)))
	case s.other < 0:
		return s.place(r.codes[s.column][touch])
	}
	return s.pair(r.codes[s.column][touch], r.codes[s.other][touch])
}

// atNone is the slot of a conversion that has no touch, or none that counts.
func (s *sum) atNone(r *touchRows, c *creditedRow, excluded bool) *slot {
	if s.column < 0 {
		return s.at(r, c, 0)
	}
	code := func(column int, d Dimension) int32 {
		if excluded {
			return r.names[column].code([]byte(Excluded))
		}
		return r.names[column].code([]byte(d.direct()))
	}
	if s.other < 0 {
		return s.place(code(s.column, s.first))
	}
	return s.pair(code(s.column, s.first), code(s.other, s.second))
}

func (s *sum) place(n int32) *slot {
	if n := int(n); n >= len(s.slots) {
		s.slots = append(s.slots, make([]slot, n+1-len(s.slots))...)
	}
	return &s.slots[n]
}

func (s *sum) pair(first, second int32) *slot {
	pair := [2]int32{first, second}
	place, known := s.pairs[pair]
	if !known {
		place = int32(len(s.pairs))
		s.pairs[pair] = place
	}
	return s.place(place)
}

// stretch is the place of the last beginning at or before a moment.
func (s *sum) stretch(moment int64) int {
	return max(0, sort.Search(len(s.bounds), func(i int) bool { return s.bounds[i] > moment })-1)
}

func (s *slot) add(credit *shares, value float64) {
	s.credited = true
	for m, share := range credit {
		s.conversions[m] += share
	}
	if value != 0 {
		for m, share := range credit {
			s.value[m] += share * value
		}
	}
}

func (s *slot) addUntouched(value float64) {
	s.credited = true
	s.untouched++
	s.untouchedValue += value
}

// each tells what every key earned.
func (s *sum) each(r *touchRows, tell func(keys, *slot)) {
	told := func(key keys, at *slot) {
		if at.credited {
			tell(key, at)
		}
	}
	for pair, place := range s.pairs {
		told(keys{r.names[s.column].texts[pair[0]], r.names[s.other].texts[pair[1]]}, &s.slots[place])
	}
	for place := range s.slots {
		switch {
		case s.other >= 0:
			return
		case s.column >= 0:
			told(keys{r.names[s.column].texts[place]}, &s.slots[place])
		default:
			told(keys{strconv.FormatInt(s.bounds[place], 10)}, &s.slots[place])
		}
	}
}

// earned gives the sums with a place for every model.
func (s *sum) earned(r *touchRows) map[keys]earned {
	all := make(map[keys]earned)
	s.each(r, func(key keys, at *slot) {
		e := noneEarned()
		copy(e.attributed, at.conversions[:])
		at.whole(e.conversions, e.value)
		e.untouched = at.untouchedValue
		all[key] = e
	})
	return all
}

// whole writes the sums of both kinds, by touch model.
func (s *slot) whole(conversions, value []float64) {
	for m := range touchModelCount {
		conversions[m], value[m] = s.conversions[m]+s.untouched, s.value[m]+s.untouchedValue
	}
}

// rows gives the sums by key.
func (s *sum) rows(r *touchRows) []CreditRow {
	rows := make([]CreditRow, 0, len(s.slots))
	numbers := make([]float64, 2*touchModelCount*len(s.slots))
	s.each(r, func(key keys, at *slot) {
		row := CreditRow{cmp.Or(key[0], None), numbers[:touchModelCount:touchModelCount], numbers[touchModelCount : 2*touchModelCount : 2*touchModelCount]}
		numbers = numbers[2*touchModelCount:]
		at.whole(row.Conversions, row.Value)
		rows = append(rows, row)
	})
	slices.SortFunc(rows, func(a, b CreditRow) int { return cmp.Compare(a.Key, b.Key) })
	return rows
}

// share shares every conversion that counts among its touches, and sums.
func (r *touchRows) share(progressed map[schema.ID]schema.Millis, sums []*sum) {
	var p path
	var touches []int
	for i := range r.conversions {
		c := &r.conversions[i]
		if !c.counted {
			continue
		}
		touches = touches[:0]
		p.starts, p.other = p.starts[:0], p.other[:0]
		for t := int(c.from); t < int(c.to); t++ {
			if r.flags[t]&flagLeftOut == 0 {
				touches = append(touches, t)
				p.starts, p.other = append(p.starts, r.starts[t]), append(p.other, r.flags[t]&flagOther != 0)
			}
		}
		if len(touches) == 0 {
			r.shareNone(c, sums)
			continue
		}
		p.identified, p.progressed = c.identified, int64(progressed[c.contact])
		p.share()
		for k, t := range touches {
			if r.flags[t]&flagMatches != 0 {
				for _, s := range sums {
					s.at(r, c, t).add(&p.shares[k], c.value)
				}
			}
		}
	}
}

func (r *touchRows) shareNone(c *creditedRow, sums []*sum) {
	excluded := c.from < c.to
	if excluded && !c.noneMatches || !excluded && !c.directMatches {
		return
	}
	for _, s := range sums {
		s.atNone(r, c, excluded).addUntouched(c.value)
	}
}
