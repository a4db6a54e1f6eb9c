package report

import (
	"cmp"
	"math/bits"
	"slices"
)

// sessionRun are sessions in the order of their browsers' numbers: those of a piece that is kept, or what else a question reads. It is
// not changed once it is made.
type sessionRun struct {
	base     int64    // milliseconds since 1970
	browsers []uint64 // ascending, each once
	begins   []uint32 // of each browser's sessions, and the end of the last
	parts    [crowdParts + 1]int
	started  []uint32 // by session, milliseconds since base; nil where the run has only what began in the question's period
	moments  []int64  // instead: milliseconds since 1970
	columns  map[string]*runColumn
}

// runColumn is what sessions say, in the run's order: a text or a number each, or a list of texts.
type runColumn struct {
	texts []string // that values are places among; nil where they are numbers
	codes narrow   // of all elements
	many  bool     // lists
	sizes narrow   // of lists
	parts [crowdParts + 1]int
}

// narrow are numbers in as few bytes as the largest needs.
type narrow struct {
	one  []uint8
	two  []uint16
	four []uint32
}

func narrowed(numbers []uint32) narrow {
	most := uint32(0)
	for _, n := range numbers {
		most = max(most, n)
	}
	switch {
	case most < 1<<8:
		return narrow{one: converted[uint8](numbers)}
	case most < 1<<16:
		return narrow{two: converted[uint16](numbers)}
	}
	return narrow{four: slices.Clone(numbers)}
}

func converted[T uint8 | uint16](numbers []uint32) []T {
	all := make([]T, len(numbers))
	for i, n := range numbers {
		all[i] = T(n)
	}
	return all
}

// widen gives some of the numbers, or what stands for them among others, in room that may be given.
func (n *narrow) widen(room []int32, from, to int, others []int32) []int32 {
	switch {
	case n.one != nil:
		return widened(room[:0], n.one[from:to], others)
	case n.two != nil:
		return widened(room[:0], n.two[from:to], others)
	}
	return widened(room[:0], n.four[from:to], others)
}

func widened[T uint8 | uint16 | uint32](room []int32, numbers []T, others []int32) []int32 {
	room = slices.Grow(room, len(numbers))[:len(numbers)]
	if others == nil {
		for i, n := range numbers {
			room[i] = int32(n)
		}
		return room
	}
	for i, n := range numbers {
		room[i] = others[n]
	}
	return room
}

func (n *narrow) bytes() int { return bytesOf(n.one) + bytesOf(n.two) + bytesOf(n.four) }

func (r *sessionRun) bytes() int {
	n := bytesOf(r.browsers) + bytesOf(r.begins) + bytesOf(r.started) + bytesOf(r.moments)
	for _, c := range r.columns {
		n += c.codes.bytes() + c.sizes.bytes()
		for _, text := range c.texts {
			n += len(text) + 16
		}
	}
	return n
}

// sessions are those of a part.
func (r *sessionRun) sessions(part int) (from, to int) {
	return int(r.begins[r.parts[part]]), int(r.begins[r.parts[part+1]])
}

// runOrder says in which order sessions of browsers come into a run.
type runOrder struct {
	sorted []uint64 // the browsers' numbers
	places []uint32 // where each stood
}

// mostInsertion is how many are sorted by insertion.
const mostInsertion = 48

// orderOf sorts numbers that look random: into buckets of a handful by their highest bits, which are then sorted.
func orderOf(numbers []uint64) runOrder {
	shift := 64 - max(crowdPartBits, bits.Len(uint(len(numbers)/4)))
	ends := make([]uint32, 1<<(64-shift)+1)
	for _, n := range numbers {
		ends[n>>shift+1]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	o := runOrder{make([]uint64, len(numbers)), make([]uint32, len(numbers))}
	for i, n := range numbers {
		at := ends[n>>shift]
		ends[n>>shift]++
		o.sorted[at], o.places[at] = n, uint32(i)
	}
	from := uint32(0)
	for _, to := range ends[:len(ends)-1] {
		o.sort(int(from), int(to))
		from = to
	}
	return o
}

func (o *runOrder) sort(from, to int) {
	if to-from > mostInsertion {
		o.sortMany(from, to)
		return
	}
	sorted, places := o.sorted[from:to], o.places[from:to]
	for i := 1; i < len(sorted); i++ {
		for k := i; k > 0 && sorted[k] < sorted[k-1]; k-- {
			sorted[k], sorted[k-1], places[k], places[k-1] = sorted[k-1], sorted[k], places[k-1], places[k]
		}
	}
}

func (o *runOrder) sortMany(from, to int) {
	type one struct {
		number uint64
		place  uint32
	}
	some := make([]one, 0, to-from)
	for i := from; i < to; i++ {
		some = append(some, one{o.sorted[i], o.places[i]})
	}
	slices.SortFunc(some, func(a, b one) int { return cmp.Compare(a.number, b.number) })
	for i, s := range some {
		o.sorted[from+i], o.places[from+i] = s.number, s.place
	}
}

// run begins one: its browsers.
func (o *runOrder) run() *sessionRun {
	r := &sessionRun{columns: make(map[string]*runColumn)}
	n := 0
	for i, number := range o.sorted {
		if i == 0 || number != o.sorted[i-1] {
			n++
		}
	}
	r.browsers, r.begins = make([]uint64, 0, n), make([]uint32, 0, n+1)
	for i, number := range o.sorted {
		if i == 0 || number != o.sorted[i-1] {
			r.browsers, r.begins = append(r.browsers, number), append(r.begins, uint32(i))
		}
	}
	r.begins = append(r.begins, uint32(len(o.sorted)))
	for part := range crowdParts {
		r.parts[part], _ = slices.BinarySearch(r.browsers, uint64(part)<<(64-crowdPartBits))
	}
	r.parts[crowdParts] = len(r.browsers)
	return r
}

// arranged are values in the order.
func arranged[T any](o *runOrder, values []T) []T {
	all := make([]T, len(values))
	for i, place := range o.places {
		all[i] = values[place]
	}
	return all
}

// lists puts lists in the order: their elements, and how many each has.
func (o *runOrder) lists(r *sessionRun, elements, sizes []uint32) *runColumn {
	c := &runColumn{many: true}
	begins, begin := make([]uint32, len(sizes)), uint32(0)
	for i, size := range sizes {
		begins[i] = begin
		begin += size
	}
	all := make([]uint32, 0, len(elements))
	part := 0
	for i, place := range o.places {
		for ; part <= crowdParts && int(r.begins[r.parts[part]]) <= i; part++ {
			c.parts[part] = len(all)
		}
		all = append(all, elements[begins[place]:begins[place]+sizes[place]]...)
	}
	for ; part <= crowdParts; part++ {
		c.parts[part] = len(all)
	}
	c.codes, c.sizes = narrowed(all), narrowed(arranged(o, sizes))
	return c
}
