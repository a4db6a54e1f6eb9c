package report

import (
	"slices"

	"sourceloop/schema"
)

// ways are the paths that many took, with how many did: each once, in some sixty bytes, since most are one person's.
type ways struct {
	most  int      // how many different ones there may be
	full  bool     // there were more, which are not among them
	slots []uint32 // by hash: one more than the place of a way, 0 for none; at least half are free
	items []uint64 // of all ways one after the other
	all   []way
	took  []wayTook
}

// way is one of them.
type way struct {
	from   uint32 // where its items begin
	length uint8
	longer bool // there was more behind it
	people uint32
	ended  uint32 // of them: those of whom it is known how long it took
}

// wayTook is how long one of those who went took, in milliseconds.
type wayTook struct {
	place uint32
	took  int64
}

const fewestSlots = 1024

// place finds a way, or adds it; false when there are too many.
func (w *ways) place(items []uint64, longer bool) (place uint32, ok bool) {
	if 2*len(w.all) >= len(w.slots) {
		w.grow()
	}
	slot := w.slot(items, longer)
	if known := w.slots[slot]; known > 0 {
		return known - 1, true
	}
	if len(w.all) >= w.most {
		w.full = true
		return 0, false
	}
	w.all = append(w.all, way{from: uint32(len(w.items)), length: uint8(len(items)), longer: longer})
	w.items = append(w.items, items...)
	w.slots[slot] = uint32(len(w.all))
	return uint32(len(w.all) - 1), true
}

// slot is where a way is, or would be.
func (w *ways) slot(items []uint64, longer bool) uint64 {
	hash := uint64(len(items))
	if longer {
		hash += maxDepth + 1
	}
	for _, item := range items {
		hash = (hash ^ item) * golden
		hash ^= hash >> 29
	}
	last := uint64(len(w.slots) - 1) // A power of two less one.
	for slot := hash & last; ; slot = (slot + 1) & last {
		known := w.slots[slot]
		if known == 0 || w.all[known-1].longer == longer && slices.Equal(w.itemsOf(known-1), items) {
			return slot
		}
	}
}

func (w *ways) grow() {
	w.slots = make([]uint32, max(fewestSlots, 2*len(w.slots)))
	for place := range w.all {
		w.slots[w.slot(w.itemsOf(uint32(place)), w.all[place].longer)] = uint32(place + 1)
	}
}

// itemsOf are those of a way.
func (w *ways) itemsOf(place uint32) []uint64 {
	one := &w.all[place]
	return w.items[one.from:][:one.length]
}

// went counts somebody; took is below 0 where it is of no interest how long it took.
func (w *ways) went(items []uint64, longer bool, took int64) {
	place, ok := w.place(items, longer)
	if !ok {
		return
	}
	w.all[place].people++
	if took >= 0 {
		w.all[place].ended++
		w.took = append(w.took, wayTook{place, took})
	}
}

// merge takes over what another has.
func (w *ways) merge(other *ways) {
	places := make([]uint32, len(other.all))
	for i := range other.all {
		one := &other.all[i]
		place, ok := w.place(other.itemsOf(uint32(i)), one.longer)
		if !ok {
			return
		}
		w.all[place].people += one.people
		w.all[place].ended += one.ended
		places[i] = place
	}
	for _, t := range other.took {
		w.took = append(w.took, wayTook{places[t.place], t.took})
	}
	w.full = w.full || other.full
}

// enough refuses what would not fit in memory.
func (w *ways) enough() error {
	if !w.full {
		return nil
	}
	return schema.E("read a funnel's paths", schema.KindLimited, "people went more than %d different ways, and each of them would have to be counted; ask for fewer days, or for paths of fewer places", w.most)
}

// times are how long it took on some ways, in milliseconds.
func (w *ways) times(places []uint32) map[uint32][]int64 {
	all := make(map[uint32][]int64, len(places))
	for _, place := range places {
		all[place] = nil
	}
	for _, t := range w.took {
		if list, asked := all[t.place]; asked {
			all[t.place] = append(list, t.took)
		}
	}
	return all
}

// names are those of the items of some ways.
func (w *ways) itemsOfAll(places []uint32) (items []uint64) {
	for _, place := range places {
		items = append(items, w.itemsOf(place)...)
	}
	slices.Sort(items)
	return slices.Compact(items)
}

// foremost gives the first of all in an order, at most so many.
func (w *ways) foremost(limit int, before func(a, b uint32) int) (places []uint32) {
	for i := range w.all {
		place := uint32(i)
		if len(places) == limit && before(place, places[limit-1]) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(places, place, before)
		places = slices.Insert(places, at, place)
		places = places[:min(len(places), limit)]
	}
	return places
}

func happeningsOf(items []uint64, names map[uint64]Happening) []Happening {
	all := make([]Happening, len(items))
	for i, item := range items {
		all[i] = names[item]
	}
	return all
}
