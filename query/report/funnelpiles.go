package report

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// piles hold what many did, in no order: all of one entity in the same pile, of which each is put in order by itself, in memory that is near to a
// core. They are used for whole stories, which lie by item in so many runs that nothing is won by merging.
type piles struct {
	pileOrder
	bits  int // how many of an entity's order say which pile
	top   int // piles from here on take nothing; see heldPiles
	all   []pile
	spare *sync.Pool // of *[chunkRows]pileDeed
	rows  int
	mu    sync.Mutex // held by who adds to them while others may take away
}

// pile is a list of chunks, all full but the last.
type pile [][]pileDeed

// pileDeed is something that was done.
type pileDeed struct {
	entity uint64
	moment uint64 // see funnelrow.go
	what   uint32 // its place among whats
	entry  int32  // see happening
}

// A pile has some thirty thousand rows, 700 KB, unless there would be too many piles. Chunks are smaller than a page while there is little.
const (
	pileRows, mostPileBits = 32_768, 10
	firstRows, chunkRows   = 16, 1024
)

// newPiles makes piles for about so many rows.
func newPiles(rows uint64, order pileOrder, spare *sync.Pool) *piles {
	n := min(bits.Len64(rows/pileRows), mostPileBits)
	return &piles{pileOrder: order, bits: n, top: 1 << n, all: make([]pile, 1<<n), spare: spare}
}

// pileOrder spreads entities over 64 bits. Those that are hashes stay in order: who looks them up then goes along a list instead of
// here and there.
type pileOrder struct {
	low, high uint64 // times spread: where the range begins, and its last
	spread    uint64
	up        int
}

// golden spreads entities that lie close together.
const golden = 0x9E3779B97F4A7C15

// pileOrderOf is that of the entities of a scope, of a range of visitors, or of contacts, from low up to and including high.
func pileOrderOf(scope Scope, low, high uint64) pileOrder {
	if scope == BySession {
		return pileOrder{0, math.MaxUint64, 1, 0}
	}
	return pileOrder{low, high, spreadOf(scope), bits.LeadingZeros64(high - low)}
}

func (o *pileOrder) of(entity uint64) uint64 { return (entity*o.spread - o.low) << o.up }

func (p *piles) add(one pileDeed) {
	own := &p.all[p.of(one.entity)>>(64-p.bits)]
	last := len(*own) - 1
	if last < 0 || len((*own)[last]) == cap((*own)[last]) {
		*own = append(*own, p.chunk(last))
		last++
	}
	(*own)[last] = append((*own)[last], one)
	p.rows++
}

// chunk is one behind those up to last.
func (p *piles) chunk(last int) []pileDeed {
	if size := firstRows << (2 * (last + 1)); last < 2 && size < chunkRows {
		return make([]pileDeed, 0, size)
	}
	return p.spare.Get().(*[chunkRows]pileDeed)[:0]
}

// giveBack empties a pile, and keeps its room for others.
func (p *piles) giveBack(place int) {
	for _, chunk := range p.all[place] {
		if cap(chunk) == chunkRows {
			p.spare.Put((*[chunkRows]pileDeed)(chunk[:chunkRows]))
		}
	}
	p.all[place] = nil
}

// what was done, and what that is to a funnel.
type what struct {
	item uint64
	meaning
}

// whats number what was done. It is safe for concurrent use, but for all.
type whats struct {
	mu     sync.Mutex
	places map[what]uint32
	all    []what
}

func newWhats() *whats { return &whats{places: make(map[what]uint32)} }

func (w *whats) place(one what) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	place, known := w.places[one]
	if !known {
		place = uint32(len(w.all)) // There are fewer than items and meanings.
		w.places[one], w.all = place, append(w.all, one)
	}
	return place
}

// pileSorter puts piles in order, one after the other, and hands over what every entity did.
type pileSorter struct {
	entries    uint16 // bits of steps, of which an entity must have one; 0 where all are handed over
	yield      func(entity uint64, h []happening)
	deeds      []pileDeed
	ends       []int
	happenings []happening
	_          [128]byte // Another core's sorter lies in no cache line of this one.
}

// handPiles has sorters hand over all piles, which are empty then. Each of all has the same number of them.
func handPiles(all []*piles, known []what, sorters []pileSorter) {
	var next atomic.Int64
	var work sync.WaitGroup
	for i := range sorters {
		work.Go(func() {
			for place := int(next.Add(1)) - 1; place < len(all[0].all); place = int(next.Add(1)) - 1 {
				sorters[i].hand(all, place, known)
			}
		})
	}
	work.Wait()
}

// hand divides a pile into handfuls by the next bits of the hashes, and sorts each.
func (s *pileSorter) hand(all []*piles, place int, known []what) {
	n := 0
	for _, p := range all {
		for _, chunk := range p.all[place] {
			n += len(chunk)
		}
	}
	shift := 64 - bits.Len(uint(n/bucketRows))
	s.count(all, place, shift)
	s.deeds = slices.Grow(s.deeds[:0], n)[:n]
	for _, p := range all {
		for _, chunk := range p.all[place] {
			for i := range chunk {
				end := &s.ends[p.of(chunk[i].entity)<<p.bits>>shift]
				s.deeds[*end] = chunk[i]
				*end++
			}
		}
		p.giveBack(place)
	}
	from := 0
	for _, end := range s.ends {
		s.sort(s.deeds[from:end])
		s.tell(s.deeds[from:end], known)
		from = end
	}
}

// count finds out where each handful begins.
func (s *pileSorter) count(all []*piles, place, shift int) {
	size := 1 << (64 - shift)
	s.ends = slices.Grow(s.ends[:0], size)[:size]
	clear(s.ends)
	for _, p := range all {
		for _, chunk := range p.all[place] {
			for i := range chunk {
				s.ends[p.of(chunk[i].entity)<<p.bits>>shift]++
			}
		}
	}
	sum := 0
	for i, n := range s.ends {
		s.ends[i], sum = sum, sum+n
	}
}

// sort sorts a handful; see insertDeeds.
func (s *pileSorter) sort(d []pileDeed) {
	if len(d) > 32 {
		slices.SortFunc(d, func(a, b pileDeed) int {
			return cmp.Or(cmp.Compare(a.entity, b.entity), cmp.Compare(a.moment, b.moment))
		})
		return
	}
	for i := 1; i < len(d); i++ {
		one, k := d[i], i
		for ; k > 0 && (d[k-1].entity > one.entity || d[k-1].entity == one.entity && d[k-1].moment > one.moment); k-- {
			d[k] = d[k-1]
		}
		d[k] = one
	}
}

// tell hands over what each entity of a handful did.
func (s *pileSorter) tell(deeds []pileDeed, known []what) {
	for len(deeds) > 0 {
		n, entity, enters := 0, deeds[0].entity, uint16(0)
		s.happenings = s.happenings[:0]
		for ; n < len(deeds) && deeds[n].entity == entity; n++ {
			one := &known[deeds[n].what]
			enters |= one.mask
			s.happenings = append(s.happenings, happening{moment: deeds[n].moment, item: one.item, meaning: one.meaning, entry: deeds[n].entry})
		}
		if s.entries == 0 || enters&s.entries != 0 {
			s.yield(entity, s.happenings)
		}
		deeds = deeds[n:]
	}
}

// nextWidth is the size of the next range of numbers, given how many rows one of some size had, and how many there may be.
func nextWidth(width uint64, rows, most int) uint64 {
	grown := 4 * float64(width) // Where nobody is, and never less there: what only shrinks comes to no end.
	if rows > 0 {
		grown = min(grown, 0.8*float64(most)/float64(rows)*float64(width))
	}
	if grown < math.MaxUint64/2 {
		return max(1, uint64(grown))
	}
	return math.MaxUint64
}
