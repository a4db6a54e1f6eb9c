package report

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// restingCount counts the browsers of runs by marks, as crowd does, of which it has no need: browsers are in order in every run, so
// those of several are brought together by going along all of them. Parts of all browsers are counted beside each other.
type restingCount struct {
	period Period
	runs   []countedRun
	marks  int                            // how many there are
	mark   func(*restingWorker, *portion) // gives a portion's marks, and counts what else there is of its sessions
	alone  bool                           // browsers are not counted
	pairs  map[int]uint64                 // what workers found
	paired atomic.Int64                   // how many of them each found, together
	most   int                            // of these; beyond, counting is given up
	tables int                            // of what else is counted by mark
}

// countedRun is a run with what of it counts.
type countedRun struct {
	*sessionRun
	whole      bool // all of it lies in the period
	conditions []runCondition
	leftOut    []visitorDay       // sorted; nobody's sessions of these days count
	names      map[string][]int32 // by column: what its texts are among those of the question
}

// visitorDay is a day, since 1970, of a browser.
type visitorDay struct {
	browser uint64
	day     int32
}

// portion are the sessions of a run's part, and what is found of them.
type portion struct {
	*countedRun
	part       int
	first, end int      // browsers
	from, to   int      // sessions
	out        []bool   // sessions that do not count; nil when all do
	marks      []int32  // of all browsers
	ends       []uint32 // of each browser's marks
	room       portionRoom
}

// portionRoom is used again for the next part.
type portionRoom struct {
	out            []bool
	marks, numbers []int32
	stretches      []int32
	ends           []uint32
}

// markCount is what is known of a mark.
type markCount struct {
	times, browsers uint32
	latest          uint32 // the last browser that had it
}

// restingWorker counts parts one after the other.
type restingWorker struct {
	by       []markCount
	tables   [][]uint64
	browsers uint64         // that have any mark
	pairs    map[int]uint64 // of numbers, where there are too many for tables
	latest   uint32
	portions []portion
	cursors  []portionCursor
}

// portionCursor is a place among the browsers of a portion.
type portionCursor struct {
	browsers []uint64
	ends     []uint32
	marks    []int32
	at       int    // of the browser
	from     uint32 // its first mark
	browser  uint64
}

// count counts on all cores.
func (c *restingCount) count() (count crowdCount, tables [][]uint64) {
	workers := make([]restingWorker, min(runtime.GOMAXPROCS(0), 8))
	var next atomic.Int32
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			w := &workers[i]
			w.begin(c)
			for part := int(next.Add(1)) - 1; part < crowdParts && !c.crowded(); part = int(next.Add(1)) - 1 {
				w.part(c, part)
			}
		})
	}
	group.Wait()
	if c.crowded() {
		return count, nil
	}
	count.times, count.browsers = make([]uint64, c.marks), make([]uint64, c.marks)
	tables = make([][]uint64, c.tables)
	for i := range tables {
		tables[i] = make([]uint64, c.marks)
	}
	for i := range workers {
		w := &workers[i]
		count.all += w.browsers
		if c.pairs == nil {
			c.pairs = w.pairs
		} else {
			for pair, n := range w.pairs {
				c.pairs[pair] += n
			}
		}
		for mark, n := range w.by {
			count.times[mark] += uint64(n.times)
			count.browsers[mark] += uint64(n.browsers)
		}
		for k := range tables {
			for mark, n := range w.tables[k] {
				tables[k][mark] += n
			}
		}
	}
	return count, tables
}

// crowded tells that there are more pairs than may be.
func (c *restingCount) crowded() bool { return int(c.paired.Load()) > c.most }

func (w *restingWorker) begin(c *restingCount) {
	w.pairs = make(map[int]uint64)
	if !c.alone {
		w.by = make([]markCount, c.marks)
	}
	for range c.tables {
		w.tables = append(w.tables, make([]uint64, c.marks))
	}
	w.portions = make([]portion, len(c.runs))
	for i := range w.portions {
		w.portions[i].countedRun = &c.runs[i]
	}
}

// part counts the browsers of one.
func (w *restingWorker) part(c *restingCount, part int) {
	w.cursors = w.cursors[:0]
	for i := range w.portions {
		p := &w.portions[i]
		p.part, p.first, p.end = part, p.parts[part], p.parts[part+1]
		if p.first == p.end {
			continue
		}
		p.from, p.to = p.sessions(part)
		p.leave(c.period)
		c.mark(w, p)
		if c.alone {
			continue
		}
		w.cursors = append(w.cursors, portionCursor{browsers: p.browsers[p.first:p.end], ends: p.ends, marks: p.marks, browser: p.browsers[p.first]})
	}
	w.merge()
}

// merge goes along the portions.
func (w *restingWorker) merge() {
	cursors := w.cursors
	for len(cursors) > 0 {
		browser := cursors[0].browser
		for i := 1; i < len(cursors); i++ {
			browser = min(browser, cursors[i].browser)
		}
		w.latest++
		any := false
		for i := 0; i < len(cursors); i++ {
			c := &cursors[i]
			if c.browser != browser {
				continue
			}
			end := c.ends[c.at]
			any = any || end > c.from
			w.see(c.marks[c.from:end])
			c.from = end
			if c.at++; c.at == len(c.browsers) {
				cursors = slices.Delete(cursors, i, i+1)
				i--
				continue
			}
			c.browser = c.browsers[c.at]
		}
		if any {
			w.browsers++
		}
	}
}

// see counts marks of the browser at hand.
func (w *restingWorker) see(marks []int32) {
	for _, mark := range marks {
		m := &w.by[mark]
		m.times++
		if m.latest != w.latest {
			m.latest = w.latest
			m.browsers++
		}
	}
}

// leave finds out which sessions do not count.
func (p *portion) leave(period Period) {
	p.out = nil
	if !p.whole {
		out := p.outs()
		begin, end := int64(period.Begin)-p.base, int64(period.End)-p.base
		for i, started := range p.started[p.from:p.to] {
			out[i] = int64(started) < begin || int64(started) >= end
		}
	}
	for _, condition := range p.conditions {
		out := p.outs()
		p.room.numbers = condition.column.codes.widen(p.room.numbers, p.from, p.to, nil)
		for i, code := range p.room.numbers {
			out[i] = out[i] || condition.leaves[code]
		}
	}
	if len(p.leftOut) == 0 {
		return
	}
	next, _ := slices.BinarySearchFunc(p.leftOut, p.browsers[p.first], func(l visitorDay, browser uint64) int { return cmp.Compare(l.browser, browser) })
	for _, l := range p.leftOut[next:] {
		if l.browser > p.browsers[p.end-1] {
			break
		}
		if at, found := slices.BinarySearch(p.browsers[p.first:p.end], l.browser); found {
			p.leaveDay(p.first+at, l.day)
		}
	}
}

// outs is a place for each session, to say that it does not count.
func (p *portion) outs() []bool {
	if p.out == nil {
		p.room.out = slices.Grow(p.room.out[:0], p.to-p.from)[:p.to-p.from]
		p.out = p.room.out
		clear(p.out)
	}
	return p.out
}

// leaveDay leaves out a browser's sessions of a day.
func (p *portion) leaveDay(browser int, day int32) {
	out, begin := p.outs(), int64(day)*dayMillis-p.base
	for i := int(p.begins[browser]); i < int(p.begins[browser+1]); i++ {
		if started := int64(p.started[i]); started >= begin && started < begin+dayMillis {
			out[i-p.from] = true
		}
	}
}

// numbers are those of a column, of each session; what stands for its texts. They are there until the next ones.
func (p *portion) numbers(column string) []int32 {
	c := p.columns[column]
	p.room.numbers = c.codes.widen(p.room.numbers, p.from, p.to, p.names[column])
	return p.room.numbers
}

// single has each session have a mark.
func (p *portion) single(marks []int32) {
	p.marks, p.ends = marks, p.room.ends[:0]
	if p.out != nil {
		p.marks = p.room.marks[:0]
	}
	at := 0
	for _, end := range p.begins[p.first+1 : p.end+1] {
		n := int(end) - p.from
		if p.out != nil {
			for ; at < n; at++ {
				if !p.out[at] {
					p.marks = append(p.marks, marks[at])
				}
			}
			p.room.marks, n = p.marks, len(p.marks)
		}
		p.ends = append(p.ends, uint32(n))
	}
	p.room.ends = p.ends
}

// lists has each session have those of a column of lists.
func (p *portion) lists(column string) {
	c := p.columns[column]
	marks := c.codes.widen(p.room.marks, c.parts[p.part], c.parts[p.part+1], p.names[column])
	sizes := c.sizes.widen(p.room.numbers, p.from, p.to, nil)
	p.room.marks, p.room.numbers, p.ends = marks, sizes, p.room.ends[:0]
	at, read, kept := 0, 0, 0
	for _, end := range p.begins[p.first+1 : p.end+1] {
		for ; at < int(end)-p.from; at++ {
			next := read + int(sizes[at])
			if p.out == nil {
				kept = next
			} else if !p.out[at] {
				kept += copy(marks[kept:], marks[read:next])
			}
			read = next
		}
		p.ends = append(p.ends, uint32(kept))
	}
	p.marks, p.room.ends = marks[:kept], p.ends
}

// tally adds the sessions that count to a table.
func (p *portion) tally(table []uint64, marks []int32) {
	for i, mark := range marks {
		if p.out == nil || !p.out[i] {
			table[mark]++
		}
	}
}
