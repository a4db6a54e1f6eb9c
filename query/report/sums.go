package report

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
)

// grouping is what credits are summed by: one or two dimensions of the
// credited touch, or the stretches of time in which conversions happened.
type grouping struct {
	first, second Dimension
	told          func(string) string // what is summed by instead of values of the first dimension; nil for these
	bounds        []int64             // ascending beginnings; nil for dimensions
}

// sum adds up credits by a grouping. Keys are numbers until they are told.
type sum struct {
	grouping
	column, other *codedColumn // nil for none
	slots         []slot       // by code, by place in pairs, or by stretch
	pairs         map[[2]int32]int32

	none, excluded [2]int32 // the codes of a conversion without a touch, and without one that counts
}

// slot is what one key earned.
type slot struct {
	conversions, value shares
	whole, wholeValue  float64 // of conversions that are one touch's under every model
	untouched          float64 // conversions that are not shared
	untouchedValue     float64
}

// newSum begins a sum of rows that are all read; columns are those of the rows.
func newSum(g grouping, columns []string, r *touchRows) *sum {
	s := &sum{grouping: g}
	for i, d := range []Dimension{g.first, g.second} {
		if d == "" {
			continue
		}
		column := r.columns[slices.Index(columns, "touches_"+string(d))]
		if i == 0 && g.told != nil {
			column = column.told(g.told)
		}
		s.none[i], s.excluded[i] = column.code([]byte(d.direct())), column.code([]byte(Excluded))
		if i == 0 {
			s.column = column
		} else {
			s.other = column
		}
	}
	return s
}

// empty is a sum by the same grouping, in room that nothing else uses. All
// names must be known.
func (s *sum) empty(room []slot) *sum {
	e := *s
	n := 0
	switch {
	case s.column == nil:
		n = len(s.bounds)
	case s.other == nil:
		n = len(s.column.texts)
	default:
		e.pairs = make(map[[2]int32]int32)
	}
	e.slots = slices.Grow(room[:0], n)[:n]
	clear(e.slots)
	return &e
}

// at is the slot of a touch of a conversion that happened then.
func (s *sum) at(happened int64, touch int) *slot {
	switch {
	case s.column == nil:
		return &s.slots[s.stretch(happened)]
	case s.other == nil:
		return &s.slots[s.column.codes[touch]]
	}
	return s.pair(s.column.codes[touch], s.other.codes[touch])
}

// atNone is the slot of a conversion that has no touch, or none that counts.
func (s *sum) atNone(happened int64, excluded bool) *slot {
	codes := s.codesOfNone(excluded)
	switch {
	case s.column == nil:
		return s.at(happened, 0)
	case s.other == nil:
		return &s.slots[codes[0]]
	}
	return s.pair(codes[0], codes[1])
}

func (s *sum) pair(first, second int32) *slot {
	pair := [2]int32{first, second}
	place, known := s.pairs[pair]
	if !known {
		place = int32(len(s.slots))
		s.pairs[pair] = place
		s.slots = append(s.slots, slot{})
	}
	return &s.slots[place]
}

// codes are the keys of a touch as numbers, by dimensions.
func (s *sum) codes(touch int) (pair [2]int32) {
	for i, column := range []*codedColumn{s.column, s.other} {
		if column != nil {
			pair[i] = column.codes[touch]
		}
	}
	return pair
}

// codesOfNone are those of a conversion that has no touch, or none that counts.
func (s *sum) codesOfNone(excluded bool) [2]int32 {
	if excluded {
		return s.excluded
	}
	return s.none
}

// codesOf are those of keys.
func (s *sum) codesOf(key keys) (pair [2]int32) {
	for i, column := range []*codedColumn{s.column, s.other} {
		if column != nil {
			pair[i] = column.code([]byte(key[i]))
		}
	}
	return pair
}

// named gives the keys of which these are the numbers.
func (s *sum) named(pair [2]int32) (key keys) {
	for i, column := range []*codedColumn{s.column, s.other} {
		if column != nil {
			key[i] = column.texts[pair[i]]
		}
	}
	return key
}

// stretch is the place of the last beginning at or before a moment.
func (s *sum) stretch(moment int64) int {
	return max(0, sort.Search(len(s.bounds), func(i int) bool { return s.bounds[i] > moment })-1)
}

// join adds what another sum by the same grouping holds.
func (s *sum) join(o *sum) {
	for pair, place := range o.pairs {
		s.pair(pair[0], pair[1]).join(&o.slots[place])
	}
	if o.pairs != nil {
		return
	}
	for i := range o.slots {
		s.slots[i].join(&o.slots[i])
	}
}

// absorb adds what a sum by the same grouping holds whose keys have other numbers.
func (s *sum) absorb(o *sum) {
	if s.column == nil {
		s.join(o)
		return
	}
	places := o.column.among(s.column.names)
	if s.other == nil {
		s.slots = append(s.slots, make([]slot, len(s.column.texts)-len(s.slots))...)
		for i := range o.slots {
			s.slots[places[i]].join(&o.slots[i])
		}
		return
	}
	others := o.other.among(s.other.names)
	for pair, place := range o.pairs {
		s.pair(places[pair[0]], others[pair[1]]).join(&o.slots[place])
	}
}

func (s *slot) join(o *slot) {
	s.conversions.add(&o.conversions)
	s.value.add(&o.value)
	s.whole, s.wholeValue = s.whole+o.whole, s.wholeValue+o.wholeValue
	s.untouched, s.untouchedValue = s.untouched+o.untouched, s.untouchedValue+o.untouchedValue
}

// add adds to the slots of a conversion's touches what each has of it. Entire
// tells that these are all of its touches: of those that share a slot nothing
// has to be told apart.
func (s *sum) add(happened int64, touches []int, entire bool, credits []shares, value float64) {
	if entire && s.alike(touches) {
		s.at(happened, touches[0]).addWhole(value)
		return
	}
	if s.column == nil || s.other != nil {
		for k, t := range touches {
			s.at(happened, t).add(&credits[k], value)
		}
		return
	}
	slots, codes := s.slots, s.column.codes
	for k, t := range touches { // The most that there are.
		slots[codes[t]].add(&credits[k], value)
	}
}

// alike tells whether touches of one conversion have the same slot.
func (s *sum) alike(touches []int) bool {
	for _, column := range []*codedColumn{s.column, s.other} {
		if column == nil {
			continue
		}
		for _, t := range touches[1:] {
			if column.codes[t] != column.codes[touches[0]] {
				return false
			}
		}
	}
	return true
}

func (s *slot) add(credit *shares, value float64) {
	s.conversions.add(credit)
	if value != 0 {
		for m, share := range credit {
			s.value[m] += share * value
		}
	}
}

func (s *slot) addWhole(value float64) {
	s.whole++
	s.wholeValue += value
}

func (s *slot) addUntouched(value float64) {
	s.untouched++
	s.untouchedValue += value
}

// credited tells whether anything was added: every touch has a part of its conversion under the linear model.
func (s *slot) credited() bool { return s.conversions[linear] > 0 || s.whole > 0 || s.untouched > 0 }

// each tells what every key earned.
func (s *sum) each(tell func(keys, *slot)) {
	if s.column != nil {
		s.eachPlace(func(place int, key keys) { tell(key, &s.slots[place]) })
		return
	}
	for place := range s.slots {
		if at := &s.slots[place]; at.credited() {
			tell(keys{strconv.FormatInt(s.bounds[place], 10)}, at)
		}
	}
}

// eachPlace tells the slots of keys that earned anything, of a sum by dimensions.
func (s *sum) eachPlace(tell func(place int, key keys)) {
	if s.other != nil {
		for pair, place := range s.pairs {
			if s.slots[place].credited() {
				tell(int(place), keys{s.column.texts[pair[0]], s.other.texts[pair[1]]})
			}
		}
		return
	}
	for place := range s.slots {
		if s.slots[place].credited() {
			tell(place, keys{s.column.texts[place]})
		}
	}
}

// earned gives the sums with a place for every model.
func (s *sum) earned() map[keys]earned {
	all := make(map[keys]earned)
	s.each(func(key keys, at *slot) {
		e := noneEarned()
		for m := range touchModelCount {
			e.attributed[m] = at.conversions[m] + at.whole
		}
		at.all(e.conversions, e.value)
		e.untouched = at.untouchedValue
		all[key] = e
	})
	return all
}

// all writes the sums of all kinds, by touch model.
func (s *slot) all(conversions, value []float64) {
	for m := range touchModelCount {
		conversions[m], value[m] = s.conversions[m]+s.whole+s.untouched, s.value[m]+s.wholeValue+s.untouchedValue
	}
}

// rows gives the sums by key, in no order.
func (s *sum) rows() []CreditRow {
	rows := make([]CreditRow, 0, len(s.slots))
	numbers := make([]float64, 2*touchModelCount*len(s.slots))
	s.each(func(key keys, at *slot) {
		row := CreditRow{cmp.Or(key[0], None), numbers[:touchModelCount:touchModelCount], numbers[touchModelCount : 2*touchModelCount : 2*touchModelCount]}
		numbers = numbers[2*touchModelCount:]
		at.all(row.Conversions, row.Value)
		rows = append(rows, row)
	})
	return rows
}
