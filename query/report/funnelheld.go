package report

import (
	"math"
	"slices"
	"sync"
)

// heldPiles are what several readers read of a range, each into piles of its own. How many rows contacts have is not known before they are
// read: so when there are more than may be held, the last piles are left for the next range.
type heldPiles struct {
	mu   sync.Mutex
	all  []*piles
	most int // rows
}

// fewestContactBits are those of piles of contacts: one pile can be left out only if there are several.
const fewestContactBits = 4

// rows is how many there are.
func (h *heldPiles) rows() (n int) {
	for _, p := range h.all {
		p.mu.Lock()
		n += p.rows
		p.mu.Unlock()
	}
	return n
}

// shed leaves out piles as long as there are too many rows; not the first, so that there is always an end.
func (h *heldPiles) shed() {
	if h.most == math.MaxInt {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for top := h.all[0].top; top > 1 && h.rows() > h.most; {
		top -= max(1, top/8)
		for _, p := range h.all {
			p.mu.Lock()
			p.leave(top)
			p.mu.Unlock()
		}
	}
}

// last is the end of the range of contacts of which everything is there.
func (h *heldPiles) last() uint64 {
	p := h.all[0]
	if p.top == len(p.all) {
		return p.high
	}
	return min(p.high, p.low+(uint64(p.top)<<(64-p.bits)-1)>>p.up)
}

// takes tells whether what an entity did is still held.
func (p *piles) takes(entity uint64) bool {
	at := entity * p.spread
	return at >= p.low && at <= p.high && p.of(entity)>>(64-p.bits) < uint64(p.top)
}

// leave gives back the piles from a place on.
func (p *piles) leave(top int) {
	for place := top; place < p.top; place++ {
		for _, chunk := range p.all[place] {
			p.rows -= len(chunk)
		}
		p.giveBack(place)
	}
	p.top = top
}

// heldRows are rows of a range of contacts, which ends where there are too many.
type heldRows struct {
	mu        sync.Mutex
	low, high uint64 // of their numbers, spread
	most      int
	rows      []funnelRow
	one       bool     // all rows are of the contact that the range ends with
	places    []uint64 // of the rows, when there are too many; used again
}

// begin empties it for the range that begins with a place.
func (h *heldRows) begin(low uint64) {
	h.low, h.high, h.rows, h.one = low, math.MaxUint64, h.rows[:0], false
}

// add adds what lies in the range, and ends it nearer when there are too many rows. Those of one contact are held, as many as there are.
func (h *heldRows) add(rows []funnelRow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range rows {
		if h.takes(&rows[i]) {
			h.rows = append(h.rows, rows[i])
			h.one = h.one && rows[i].entity*golden == h.high
		}
	}
	if len(h.rows) > h.most && !h.one {
		h.cut()
	}
}

// cut ends the range just before the contact that has the first row too many, or with it if it is the first contact: so two ranges that
// follow each other have as many rows as one may, however many are one contact's. An eighth of the room is made free, lest every further
// block be a reason to look.
func (h *heldRows) cut() {
	h.places = h.places[:0]
	first := uint64(math.MaxUint64)
	for i := range h.rows {
		place := h.rows[i].entity * golden
		h.places, first = append(h.places, place), min(first, place)
	}
	most := h.most - h.most/8
	order(h.places, most)
	h.high = h.places[most]
	h.one = h.high == first
	if !h.one {
		h.high--
	}
	h.rows = slices.DeleteFunc(h.rows, func(row funnelRow) bool { return !h.takes(&row) })
}

func (h *heldRows) takes(row *funnelRow) bool {
	at := row.entity * golden
	return at >= h.low && at <= h.high
}
