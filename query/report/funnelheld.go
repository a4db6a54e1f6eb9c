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
}

// add adds what lies in the range; of too many rows those of its upper half are left for the next one.
func (h *heldRows) add(rows []funnelRow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range rows {
		if h.takes(&rows[i]) {
			h.rows = append(h.rows, rows[i])
		}
	}
	for len(h.rows) > h.most && h.high > h.low {
		h.high = h.low + (h.high-h.low)/2
		h.rows = slices.DeleteFunc(h.rows, func(row funnelRow) bool { return !h.takes(&row) })
	}
}

func (h *heldRows) takes(row *funnelRow) bool {
	at := row.entity * golden
	return at >= h.low && at <= h.high
}
