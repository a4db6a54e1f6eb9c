package report

import "math/bits"

// visitorBits tell who is not among some visitors, nearly always: a bit for each small range of their numbers, which are hashes. Who is looked
// up in the order of numbers goes along the bits. An empty one tells nothing.
type visitorBits struct {
	low   uint64
	shift int
	words []uint64
}

// bitsEach is how many ranges there are for each visitor, so that few of the others fall into one that has somebody.
const bitsEach = 8

func (v *visitorBits) clear() { v.words = v.words[:0] }

// begin makes room for about so many visitors of those from low up to and including high.
func (v *visitorBits) begin(low, high uint64, visitors int) {
	size := max(6, bits.Len(uint(visitors*bitsEach)))
	v.low, v.shift = low, max(0, bits.Len64(high-low)-size)
	words := int((high-low)>>v.shift/64) + 1
	if cap(v.words) < words {
		v.words = make([]uint64, words)
	}
	v.words = v.words[:words]
	clear(v.words)
}

// add adds one of the range.
func (v *visitorBits) add(visitor uint64) {
	place := (visitor - v.low) >> v.shift
	v.words[place/64] |= 1 << (place % 64)
}

// may tells whether one of the range may have been added.
func (v *visitorBits) may(visitor uint64) bool {
	if len(v.words) == 0 {
		return true
	}
	place := (visitor - v.low) >> v.shift
	return v.words[place/64]>>(place%64)&1 != 0
}
