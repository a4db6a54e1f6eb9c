package report

import (
	"encoding/binary"

	"sourceloop/schema"
)

// places finds the newest row of a conversion among some lists of rows, by its id, whose bytes are as good as random, and its time:
// one that was moved in time is two, of which one is deleted.
type places struct {
	of    []*touchRows
	slots []int64 // a power of two of them: a list's place in its upper half, a row's from 1 in its lower, 0 for none
	used  int
}

// stand has a row of a list stand, unless a newer one of the same conversion does. Rows that do not are not counted.
func (p *places) stand(list, i int) {
	r := p.of[list]
	slot, other, place := p.find(r.id.rows[i], r.happened.rows[i])
	switch {
	case other == nil:
		p.used++
	case !r.newer(i, other, place):
		r.counted.rows[i] = 0
		return
	default:
		other.counted.rows[place] = 0
	}
	p.slots[slot] = int64(list)<<32 | int64(i+1)
}

// standAlone does the same for a row whose conversion has no other in its list, when all rows of other lists are there.
func (p *places) standAlone(list, i int) {
	r := p.of[list]
	_, other, place := p.find(r.id.rows[i], r.happened.rows[i])
	switch {
	case other == nil:
	case r.newer(i, other, place):
		other.counted.rows[place] = 0
	default:
		r.counted.rows[i] = 0
	}
}

// find gives the place of the row that has an id and a time, a nil list for none, and the slot where it is or belongs.
func (p *places) find(id schema.ID, happened int64) (slot int, list *touchRows, place int) {
	if 2*p.used >= len(p.slots) {
		p.grow()
	}
	mask := len(p.slots) - 1
	for slot = slotOf(id) & mask; p.slots[slot] != 0; slot = (slot + 1) & mask {
		if list, place = p.row(p.slots[slot]); list.id.rows[place] == id && list.happened.rows[place] == happened {
			return slot, list, place
		}
	}
	return slot, nil, 0
}

func (p *places) row(slot int64) (list *touchRows, place int) {
	return p.of[slot>>32], int(slot&(1<<32-1)) - 1
}

func (p *places) clear() {
	clear(p.slots)
	clear(p.of)
	p.of, p.used = p.of[:0], 0
}

func (p *places) grow() {
	old := p.slots
	p.slots = make([]int64, max(1024, 4*len(old)))
	mask := len(p.slots) - 1
	for _, known := range old {
		if known == 0 {
			continue
		}
		list, place := p.row(known)
		slot := slotOf(list.id.rows[place]) & mask
		for p.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		p.slots[slot] = known
	}
}

func slotOf(id schema.ID) int { return int(binary.LittleEndian.Uint64(id[:]) >> 1) }
