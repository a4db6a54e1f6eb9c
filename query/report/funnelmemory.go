package report

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// funnelBytes is how much of what funnels read is kept unless RememberAtMost says otherwise.
const funnelBytes = 512 << 20

// RememberAtMost bounds what is kept of what funnels read of journeys, in bytes; 0 keeps nothing. It is called before anything is asked.
func (r *Reader) RememberAtMost(bytes int) { r.memory = newFunnelMemory(max(0, bytes), r.lookForState) }

// funnelMemory has what was read of journeys for funnels that were asked more than once, for the next question about the same
// steps: a saved funnel, its trend, its people. It is the same as long as journeys has the same parts, since parts never change:
// an erasure writes others, as does a copy. What is no longer so is dropped by the next question, whatever it asks, and within ten
// seconds without one. It is safe for concurrent use.
type funnelMemory struct {
	look func(context.Context) (state string, err error)
	*sweeper

	mu    sync.Mutex
	most  int
	bytes int
	rows  *simplelru.LRU[memoryKey, *remembered]
	asked *simplelru.LRU[memoryKey, struct{}]
	finds *simplelru.LRU[memoryKey, *findings]
}

// memoryKey tells what was read from all else that may be: a hash.
type memoryKey [sha256.Size]byte

// remembered are in order, each browser's too. They are never changed.
type remembered struct {
	state  string
	halves []orderedRows // of all ranges, each one gathering's
	values []string      // that entries are places among
}

// orderedRows are those of some browsers: who may enter by them, and who does not unless by what no copy has.
type orderedRows struct{ entering, others *funnelRows }

// How many questions are remembered, to tell which are asked again; and for how many it is known which items they look at.
const (
	memoryAsked = 4096
	memoryFinds = 64
)

func newFunnelMemory(most int, look func(context.Context) (string, error)) *funnelMemory {
	k := &funnelMemory{most: most, look: look}
	k.sweeper = newSweeper(k.forget, func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.rows.Len() > 0
	})
	// Errors are of sizes below 1.
	k.rows, _ = simplelru.NewLRU(memoryAsked, func(_ memoryKey, rows *remembered) { k.bytes -= rows.bytes() })
	k.asked, _ = simplelru.NewLRU[memoryKey, struct{}](memoryAsked, nil)
	k.finds, _ = simplelru.NewLRU[memoryKey, *findings](memoryFinds, nil)
	return k
}

// found gives what the last question about the same conditions found; nil for nothing.
func (k *funnelMemory) found(key memoryKey) *findings {
	k.mu.Lock()
	defer k.mu.Unlock()
	former, _ := k.finds.Get(key)
	return former
}

// note remembers what was found.
func (k *funnelMemory) note(key memoryKey, now *findings) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.finds.Add(key, now)
}

// take gives what is kept, nil for nothing, and whether the same was asked before.
func (k *funnelMemory) take(key memoryKey, state string) (rows *remembered, again bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(state)
	rows, _ = k.rows.Get(key)
	again = k.asked.Contains(key)
	k.asked.Add(key, struct{}{})
	return rows, again
}

// drop forgets what is not of a state.
func (k *funnelMemory) drop(state string) {
	for _, key := range k.rows.Keys() {
		if rows, _ := k.rows.Peek(key); rows.state != state {
			k.rows.Remove(key)
		}
	}
}

// forget drops what was erased meanwhile, and all if it cannot be known.
func (k *funnelMemory) forget(ctx context.Context) {
	state, err := k.look(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		state = ""
	}
	k.drop(state)
}

// close lets go of everything.
func (k *funnelMemory) close() {
	k.sweeper.close()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rows.Purge()
}

// put keeps rows. The longest unused go, when there is too much.
func (k *funnelMemory) put(key memoryKey, rows *remembered) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if rows.bytes() > k.most || k.closed() {
		return
	}
	k.rows.Remove(key)
	k.rows.Add(key, rows)
	for k.bytes += rows.bytes(); k.bytes > k.most; {
		k.rows.RemoveOldest()
	}
	k.start()
}

func (k *remembered) bytes() int {
	n := 0
	for _, text := range k.values {
		n += len(text) + 16
	}
	for _, half := range k.halves {
		n += half.entering.bytes() + half.others.bytes()
	}
	return n
}

// memoryKey is that of what a funnel reads of journeys, whatever its days.
func (f *funnelSource) memoryKey(workspace uint32) memoryKey {
	hash := sha256.New()
	fmt.Fprintf(hash, "%d %q %v %q %t %t %d", workspace, f.state, f.whichItems(nil)["copies"], f.entry, f.Sessions(), f.Exclusions, f.EntryMask)
	for _, item := range slices.Sorted(slices.Values(f.items)) {
		m := f.meanings[item]
		var number [12]byte
		binary.LittleEndian.PutUint64(number[:], item)
		binary.LittleEndian.PutUint16(number[8:], m.mask)
		binary.LittleEndian.PutUint16(number[10:], m.stop)
		hash.Write(number[:])
	}
	return memoryKey(hash.Sum(nil))
}

// rowBytes is what a row that is kept takes: browser, moment, day and mask, and what else is asked.
func (f *funnelSource) rowBytes() uint64 {
	bytes := uint64(22)
	if f.Sessions() {
		bytes += 8
	}
	if f.Exclusions {
		bytes += 2
	}
	if f.Breakdown {
		bytes += 4
	}
	return bytes
}

// keepable tells whether what is read of journeys may serve other questions.
func (f *funnelSource) keepable(most int) bool {
	return f.state != "" && len(f.copies) > 0 && len(f.items) > 0 && !f.Everything() && !f.Contacts && f.size < uint64(most)/f.rowBytes()
}

// recall takes what is kept for the funnel, or sees to it that it will be.
func (r *funnelRun) recall() {
	most := r.reader.memory.most
	if !r.source.keepable(most) {
		return
	}
	r.key = r.source.memoryKey(r.workspace)
	var again bool
	if r.kept, again = r.reader.memory.take(r.key, r.source.state); r.kept != nil {
		r.ranges = len(r.kept.halves) / seersAtOnce
		for _, text := range r.kept.values {
			r.values.code([]byte(text))
		}
		return
	}
	if again {
		r.keeping = &remembered{state: r.source.state}
		r.source.Days, r.source.Bounded = true, false
	}
}

// remembering reads by one connection, and keeps what was read if journeys was the same before and after. That connection may be one
// of several servers, of which each has parts of its own: so all is asked of the same.
func (r *funnelRun) remembering(ctx context.Context, read func() error) error {
	err := r.reader.columnar.with(ctx, func(ask asking) error {
		state, err := r.state(ask)
		if err != nil {
			return err
		}
		r.ask = ask
		if err := read(); err != nil || state != r.keeping.state {
			return err
		}
		// All is answered by now: what cannot be told now is not kept, and that is all.
		if after, err := r.state(ask); err == nil && after == state {
			r.keeping.values = slices.Clone(r.values.texts)
			r.reader.memory.put(r.key, r.keeping)
		}
		return nil
	})
	return explain("read a funnel", err)
}

// arrange puts a range's rows in order, to be kept.
func (r *funnelRun) arrange(place int, rows []*funnelRows) []orderedRows {
	halves := make([]orderedRows, seersAtOnce)
	var work sync.WaitGroup
	for i := range halves {
		low, high := bounds(place*seersAtOnce+i, r.ranges*seersAtOnce)
		work.Go(func() {
			g := gathering{entries: uint16(r.source.EntryMask)}
			halves[i] = g.arrange(rows, low, high, r.reader.funnelLimits.runs, r.source)
		})
	}
	work.Wait()
	r.keeping.halves = append(r.keeping.halves, halves...)
	return halves
}

// arrange merges runs into one, of browsers from low up to and including high.
func (g *gathering) arrange(all []*funnelRows, low, high uint64, mostRuns int, source *funnelSource) orderedRows {
	entering, others := &funnelRows{}, &funnelRows{}
	var some []funnelRow
	g.begin(all, low, high)
	if len(g.cursors) > mostRuns {
		return g.sorted(all, low, high, source)
	}
	for browser := g.nearest(); browser != nobody; browser = g.nearest() {
		some = some[:0]
		enters := uint16(0)
		for i := range g.cursors {
			c := &g.cursors[i]
			for from, to := c.pass(browser); from < to; from++ {
				row := c.rows.row(from)
				some, enters = append(some, row), enters|row.mask&g.entries
			}
		}
		slices.SortFunc(some, func(a, b funnelRow) int { return cmp.Compare(a.moment, b.moment) })
		to := others
		if enters != 0 {
			to = entering
		}
		to.keep(some, source)
	}
	return orderedRows{entering.trimmed(), others.trimmed()}
}

// sorted does the same of many runs, by sorting.
func (g *gathering) sorted(all []*funnelRows, low, high uint64, source *funnelSource) orderedRows {
	var some []funnelRow
	for _, r := range all {
		for i, browser := range r.browsers.rows {
			if browser >= low && browser <= high {
				some = append(some, r.row(i))
			}
		}
	}
	slices.SortFunc(some, func(a, b funnelRow) int {
		return cmp.Or(cmp.Compare(a.browser, b.browser), cmp.Compare(a.moment, b.moment))
	})
	entering, others := &funnelRows{}, &funnelRows{}
	for len(some) > 0 {
		n, enters := 0, uint16(0)
		for ; n < len(some) && some[n].browser == some[0].browser; n++ {
			enters |= some[n].mask & g.entries
		}
		to := others
		if enters != 0 {
			to = entering
		}
		to.keep(some[:n], source)
		some = some[n:]
	}
	return orderedRows{entering.trimmed(), others.trimmed()}
}

// keep adds rows with their days.
func (r *funnelRows) keep(rows []funnelRow, source *funnelSource) {
	for i := range rows {
		r.append(&rows[i], source)
		r.days.rows = append(r.days.rows, rows[i].day)
	}
}

// nearest is the first browser of all runs.
func (g *gathering) nearest() uint64 {
	browser := uint64(nobody)
	for i := range g.cursors {
		browser = min(browser, g.cursors[i].browser)
	}
	return browser
}

// trimmed takes hardly more room than it needs, and is one run.
func (r *funnelRows) trimmed() *funnelRows {
	for _, column := range []*gatheredUInt64{&r.browsers, &r.entities, &r.moments, &r.items} {
		column.rows = trimmed(column.rows)
	}
	r.days.rows, r.entries.codes, r.masks, r.stops = trimmed(r.days.rows), trimmed(r.entries.codes), trimmed(r.masks), trimmed(r.stops)
	if len(r.browsers.rows) > 0 {
		r.runs = []int{0}
	}
	return r
}
