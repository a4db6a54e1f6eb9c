package report

import (
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

// sum adds up credits by a grouping. What has a touch is kept by number, and
// the few keys of what has none by name.
type sum struct {
	grouping
	column, other int // places among the columns; -1 for none
	slots         []slot
	pairs         map[[2]int32]int32
	untouched     map[keys]*slot
}

// slot is what one key earned.
type slot struct {
	conversions, value shares
	credited           bool
}

func newSum(g grouping, columns []string) *sum {
	s := &sum{grouping: g, column: -1, other: -1, untouched: make(map[keys]*slot)}
	if g.first != "" {
		s.column = slices.Index(columns, "touches_"+string(g.first))
	}
	if g.second != "" {
		s.other = slices.Index(columns, "touches_"+string(g.second))
		s.pairs = make(map[[2]int32]int32)
	}
	return s
}

// at is the slot of a touch.
func (s *sum) at(r *touchRows, c *creditedRow, touch int) *slot {
	var place int32
	switch {
	case s.column < 0:
		place = int32(s.stretch(c.happened))
	case s.other < 0:
		place = r.codes[s.column][touch]
	default:
		pair := [2]int32{r.codes[s.column][touch], r.codes[s.other][touch]}
		known := false
		if place, known = s.pairs[pair]; !known {
			place = int32(len(s.pairs))
			s.pairs[pair] = place
		}
	}
	for int(place) >= len(s.slots) {
		s.slots = append(s.slots, slot{})
	}
	return &s.slots[place]
}

// stretch is the place of the last beginning at or before a moment.
func (s *sum) stretch(moment int64) int {
	return max(0, sort.Search(len(s.bounds), func(i int) bool { return s.bounds[i] > moment })-1)
}

func (s *sum) add(at *slot, credit *shares, value float64) {
	at.credited = true
	for m, share := range credit {
		at.conversions[m] += share
	}
	if value != 0 {
		for m, share := range credit {
			at.value[m] += share * value
		}
	}
}

// addUntouched credits a conversion that has no touch, or none that counts.
func (s *sum) addUntouched(c *creditedRow, excluded bool) {
	key := keys{s.first.direct(), s.second.direct()}
	switch {
	case s.bounds != nil:
		key = s.stretchKey(s.stretch(c.happened))
	case excluded && s.second != "":
		key = keys{Excluded, Excluded}
	case excluded:
		key = keys{Excluded}
	}
	if s.untouched[key] == nil {
		s.untouched[key] = &slot{}
	}
	var whole shares
	for m := range whole {
		whole[m] = 1
	}
	s.add(s.untouched[key], &whole, c.value)
}

func (s *sum) stretchKey(place int) keys { return keys{strconv.FormatInt(s.bounds[place], 10)} }

// earned names what was summed.
func (s *sum) earned(r *touchRows) map[keys]earned {
	all := make(map[keys]earned)
	put := func(key keys, at *slot) {
		if at.credited {
			all[key] = earned{conversions: slices.Clone(at.conversions[:]), value: slices.Clone(at.value[:]), attributed: slices.Clone(at.conversions[:])}
		}
	}
	switch {
	case s.column < 0:
		for place := range s.slots {
			put(s.stretchKey(place), &s.slots[place])
		}
	case s.other < 0:
		for place := range s.slots {
			put(keys{r.names[s.column].texts[place]}, &s.slots[place])
		}
	default:
		for pair, place := range s.pairs {
			put(keys{r.names[s.column].texts[pair[0]], r.names[s.other].texts[pair[1]]}, &s.slots[place])
		}
	}
	for key, at := range s.untouched {
		e, ok := all[key]
		if !ok {
			e.attributed = make([]float64, touchModelCount)
			e.conversions, e.value = make([]float64, touchModelCount), make([]float64, touchModelCount)
		}
		for m := range at.conversions {
			e.conversions[m] += at.conversions[m]
			e.value[m] += at.value[m]
		}
		e.untouched += at.value[lastTouch]
		all[key] = e
	}
	for key, e := range all {
		all[key] = e.padded()
	}
	return all
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
			excluded := c.from < c.to
			if excluded && c.noneMatches || !excluded && c.directMatches {
				for _, s := range sums {
					s.addUntouched(c, excluded)
				}
			}
			continue
		}
		p.identified, p.progressed = c.identified, int64(progressed[c.contact])
		p.share()
		for _, s := range sums {
			for k, t := range touches {
				if r.flags[t]&flagMatches != 0 {
					s.add(s.at(r, c, t), &p.shares[k], c.value)
				}
			}
		}
	}
}
