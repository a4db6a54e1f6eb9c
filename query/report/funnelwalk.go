package report

import (
	"math/bits"
	"slices"
)

// happening is something that an entity did: which steps it is (bit k-1 of the
// mask for step k), and whom it stops (bit k-1: those who got to step k and no
// further).
type happening struct {
	moment  uint64 // see funnelrow.go
	item    uint64 // what it was; of no meaning where nobody asks
	meaning        // what it is to the funnel
	entry   int32  // the place of the value that the breakdown has for it
}

// at is when it happened, in milliseconds.
func (h *happening) at() int64 { return int64(h.moment >> momentBits) }

// walk are the times at which the first steps are reached.
type walk struct {
	times [maxSteps]int64
	n     int
}

func (w *walk) list() []int64 { return w.times[:w.n] }

// walker finds the walk of an entity that gets furthest; of equals the one that
// began first. Only its own memory is used for all entities.
type walker struct {
	steps              int
	window, begin, end int64 // milliseconds
	exclusions         bool

	ahead      [maxSteps + 1]walk // by step: what whoever reached the step before can still reach, and when first
	sets, more []uint16           // of steps that are done, in any order
}

// best gives the walk and where it begins; a walk of no steps when the entity
// does not enter.
func (w *walker) best(h []happening, order Order) (best walk, entry int) {
	switch {
	case order == AnyOrder:
		return w.bestInAnyOrder(h)
	case goesFurther(h):
		return w.bestInOrder(h)
	}
	if entry = w.entersAt(h); entry < 0 {
		return best, 0
	}
	best.n, best.times[0] = 1, h[entry].at()
	return best, entry
}

// goesFurther tells whether the second step is among what an entity did. Most never do it.
func goesFurther(h []happening) bool {
	for i := range h {
		if h[i].mask&2 != 0 {
			return true
		}
	}
	return false
}

// entersAt is the place of the first entry; negative for none.
func (w *walker) entersAt(h []happening) int {
	for i := range h {
		if h[i].mask&1 != 0 && w.enters(h, i) {
			return i
		}
	}
	return -1
}

func (w *walker) enters(h []happening, i int) bool {
	return h[i].at() >= w.begin && h[i].at() < w.end
}

// bestInOrder looks at what happened from the last back to the first. An event of
// step k in front of what is known makes a longer chain. Without exclusions the
// nearest event is never worse than a later one; with them it may be stopped where
// a later one is not, and the earlier time of each step counts.
func (w *walker) bestInOrder(h []happening) (best walk, entry int) {
	for s := range w.steps + 1 {
		w.ahead[s].n = 0
	}
	for i := len(h) - 1; i >= 0; i-- {
		one := &h[i]
		if one.mask&1 != 0 && w.enters(h, i) {
			if n := w.reached(one.at(), &w.ahead[1]); n >= best.n {
				best.follow(n, one.at(), &w.ahead[1])
				entry = i
			}
		}
		for touched := one.mask&^1 | w.stopped(one.stop); touched != 0; touched &= touched - 1 { // Steps behind one are as they were.
			w.lookBack(bits.TrailingZeros16(touched), one.at(), one.meaning)
		}
	}
	return best, entry
}

// stopped are the steps that those whom something stops were about to do.
func (w *walker) stopped(stop uint16) uint16 {
	if !w.exclusions {
		return 0
	}
	return stop << 1 & (1<<w.steps - 1)
}

// reached is how many steps a chain has that begins now, without what lies beyond the window.
func (w *walker) reached(at int64, next *walk) int {
	n := 0
	for n < next.n && next.times[n] <= at+w.window { // They lie behind each other.
		n++
	}
	return n + 1
}

// follow makes it a chain of n steps, the first at a time and the others those of another.
func (w *walk) follow(n int, at int64, next *walk) {
	w.n, w.times[0] = n, at
	for k := 1; k < n; k++ { // Mostly one or two, for which copy takes longer.
		w.times[k] = next.times[k-1]
	}
}

// lookBack puts an event that is step s+1, or stops who was about to do it, in front of what is known of that step.
func (w *walker) lookBack(s int, at int64, means meaning) {
	own, next := &w.ahead[s], &w.ahead[s+1]
	stopped := w.exclusions && means.stop>>(s-1)&1 != 0
	switch {
	case means.mask>>s&1 == 0:
		own.n = 0
	case !w.exclusions || stopped:
		own.follow(next.n+1, at, next)
	default:
		own.times[0] = at // It lies before whatever was known.
		for k, t := range next.list() {
			if k+1 >= own.n || t < own.times[k+1] {
				own.times[k+1] = t
			}
		}
		own.n = max(own.n, next.n+1)
	}
}

// bestInAnyOrder goes on from every event that is some step's, over those behind
// it, and holds the sets of steps that can be done so far, one event for one step,
// and when so many were first done.
func (w *walker) bestInAnyOrder(h []happening) (best walk, entry int) {
	for i := range h {
		if h[i].mask == 0 || !w.enters(h, i) {
			continue
		}
		if chain := w.from(h, i); chain.n > best.n {
			best, entry = chain, i
		}
	}
	return best, entry
}

func (w *walker) from(h []happening, first int) walk {
	chain := walk{n: 1}
	chain.times[0] = h[first].at()
	w.sets = w.sets[:0]
	for mask := h[first].mask; mask != 0; mask &= mask - 1 {
		w.sets = append(w.sets, mask&-mask)
	}
	for i := first + 1; i < len(h) && h[i].at() <= h[first].at()+w.window && len(w.sets) > 0 && chain.n < w.steps; i++ {
		if w.grow(h[i].mask, h[i].stop) > chain.n {
			chain.times[chain.n] = h[i].at()
			chain.n++
		}
	}
	return chain
}

// grow adds what an event does to the sets, and gives the size of the largest
// that grew. Without exclusions the largest sets do: a smaller one never gets
// further.
func (w *walker) grow(mask, stop uint16) (largest int) {
	w.more = w.more[:0]
	for _, done := range w.sets {
		for left := mask &^ done; left != 0; left &= left - 1 {
			grown := done | left&-left
			if !slices.Contains(w.more, grown) {
				w.more = append(w.more, grown)
				largest = max(largest, bits.OnesCount16(grown))
			}
		}
	}
	switch {
	case w.exclusions:
		for _, done := range w.sets {
			if stop>>(bits.OnesCount16(done)-1)&1 == 0 && !slices.Contains(w.more, done) {
				w.more = append(w.more, done)
			}
		}
	case len(w.more) == 0:
		return 0
	}
	w.sets, w.more = w.more, w.sets
	return largest
}
