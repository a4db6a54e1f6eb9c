package report

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// crowd finds out how many browsers have each of some marks: small numbers that stand for pages, countries or stretches of time. It is
// shown sessions in any order, each a browser and its marks.
//
// A set of browsers for every mark, as uniqExact keeps them, is a place in memory of its own for every session and mark. Here
// sessions of one browser are brought together, of a small part of all browsers at a time, which stays in a core's cache; then a
// mark is new to a browser unless this browser was the last to have it.
type crowd struct {
	parts  [crowdParts]crowdPart
	times  []uint64 // by mark: in how many places of sessions it was
	latest []uint32 // by mark: the last session that had it
	seen   uint32   // sessions
	bytes  int      // that they take
}

// crowdParts are the values of the highest bits of a browser's number, which looks random.
const (
	crowdPartBits = 8
	crowdParts    = 1 << crowdPartBits
)

// crowdPart are the sessions of some browsers.
type crowdPart struct {
	browsers chunks[uint64] // one a session
	marks    chunks[uint32] // of all sessions, above a bit that the first of each session has
}

// known makes room for marks below n.
func (c *crowd) known(n int) {
	for len(c.times) < n {
		c.times, c.latest = append(c.times, 0), append(c.latest, 0)
	}
}

// see adds a session. One without marks leaves nothing.
func (c *crowd) see(browser uint64, marks ...int32) {
	c.seen++
	part, first := &c.parts[browser>>(64-crowdPartBits)], uint32(1)
	for _, mark := range marks {
		c.times[mark]++
		if c.latest[mark] == c.seen {
			continue
		}
		c.latest[mark] = c.seen
		part.marks.add(uint32(mark)<<1 | first)
		first = 0
		c.bytes += 4
	}
	if first == 0 {
		part.browsers.add(browser)
		c.bytes += 8
	}
}

// count gives the number of browsers by mark, and of all that have any.
func (c *crowd) count() (by []uint64, all uint64) {
	counts := make([]headcount, min(runtime.GOMAXPROCS(0), 8))
	var next atomic.Int32
	var group sync.WaitGroup
	for i := range counts {
		group.Go(func() {
			h := &counts[i]
			h.by, h.latest = make([]uint64, len(c.times)), make([]uint32, len(c.times))
			for part := next.Add(1) - 1; part < crowdParts; part = next.Add(1) - 1 {
				h.add(&c.parts[part])
			}
		})
	}
	group.Wait()
	by = make([]uint64, len(c.times))
	for i := range counts {
		all += uint64(counts[i].browsers)
		for mark, n := range counts[i].by {
			by[mark] += n
		}
	}
	return by, all
}

// headcount counts parts one after the other.
type headcount struct {
	by       []uint64
	latest   []uint32 // by mark: the last browser that had it
	browsers uint32

	// Of a part.
	numbers []uint64
	marks   []uint32
	begins  []int    // of each session's marks, and the end of the last
	before  []uint32 // the session of the same browser before each, from 1; 0 for none
	slots   []uint32 // the last session of a browser, likewise, by its number's lowest bits or behind
}

func (h *headcount) add(p *crowdPart) {
	h.numbers, h.marks = p.browsers.all(h.numbers[:0]), p.marks.all(h.marks[:0])
	h.begins = h.begins[:0]
	for i, mark := range h.marks {
		if mark&1 != 0 {
			h.begins = append(h.begins, i)
		}
	}
	h.begins = append(h.begins, len(h.marks))
	h.chain()
	for _, session := range h.slots {
		if session != 0 {
			h.browser(session)
		}
	}
}

// chain ties the sessions of each browser together.
func (h *headcount) chain() {
	size := 1 << bits.Len(uint(2*len(h.numbers)))
	if cap(h.slots) < size {
		h.slots = make([]uint32, size)
	}
	h.slots, h.before = h.slots[:size], h.before[:0]
	clear(h.slots)
	last := uint64(size - 1)
	for i, number := range h.numbers {
		slot := number & last
		for h.slots[slot] != 0 && h.numbers[h.slots[slot]-1] != number {
			slot = (slot + 1) & last
		}
		h.before = append(h.before, h.slots[slot])
		h.slots[slot] = uint32(i + 1)
	}
}

// browser counts one that had this session last.
func (h *headcount) browser(session uint32) {
	h.browsers++
	for ; session != 0; session = h.before[session-1] {
		for _, mark := range h.marks[h.begins[session-1]:h.begins[session]] {
			if mark >>= 1; h.latest[mark] != h.browsers {
				h.latest[mark] = h.browsers
				h.by[mark]++
			}
		}
	}
}

// chunks are a list that grows without moving what it holds.
type chunks[T any] struct {
	full [][]T
	last []T
}

// How much a chunk has room for.
const (
	firstChunk = 32
	mostChunk  = 4096
)

func (c *chunks[T]) add(one T) {
	if len(c.last) == cap(c.last) {
		if c.last != nil {
			c.full = append(c.full, c.last)
		}
		c.last = make([]T, 0, max(firstChunk, min(mostChunk, 2*cap(c.last))))
	}
	c.last = append(c.last, one)
}

func (c *chunks[T]) all(into []T) []T {
	for _, chunk := range c.full {
		into = append(into, chunk...)
	}
	return append(into, c.last...)
}

// size is how many there are.
func (c *chunks[T]) size() int {
	n := len(c.last)
	for _, chunk := range c.full {
		n += len(chunk)
	}
	return n
}
