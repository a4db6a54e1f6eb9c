package report

import (
	"math"
	"slices"
	"sort"
)

// gathering hands over what every entity did, in order, if some of it is a step
// by which one may enter.
type gathering struct {
	entries    uint16 // bits of those steps
	yield      func(entity uint64, h []happening)
	some       []funnelRow
	happenings []happening // of one entity; the list is used again for the next one
}

// mostRuns is how many runs are merged; more than that are sorted.
const mostRuns = 64

// merge gathers by browser: it goes along the runs, of browsers from low up to
// and including high.
func (g *gathering) merge(r *funnelRows, low, high uint64) {
	cursors := make([]cursor, len(r.runs))
	for i, from := range r.runs {
		to := len(r.browsers)
		if i+1 < len(r.runs) {
			to = r.runs[i+1]
		}
		cursors[i].at = from + sort.Search(to-from, func(k int) bool { return r.browsers[from+k] >= low })
		cursors[i].to = from + sort.Search(to-from, func(k int) bool { return r.browsers[from+k] > high })
		cursors[i].skip(r, g.entries)
	}
	for {
		next, more := g.next(r, cursors)
		if !more {
			return
		}
		g.some = g.some[:0]
		for i := range cursors {
			g.some = cursors[i].take(r, next, g.some)
		}
		g.hand(g.some)
	}
}

// next is the first browser that may enter.
func (g *gathering) next(r *funnelRows, cursors []cursor) (browser uint64, more bool) {
	browser = math.MaxUint64
	for i := range cursors {
		if c := &cursors[i]; c.enters < c.to && r.browsers[c.enters] <= browser {
			browser, more = r.browsers[c.enters], true
		}
	}
	if more {
		for i := range cursors {
			cursors[i].pass(r, browser, g.entries)
		}
	}
	return browser, more
}

// cursor is a place in a run.
type cursor struct {
	at, to int
	enters int // the next row by which one may enter
}

// skip goes to the first row by which one may enter.
func (c *cursor) skip(r *funnelRows, entries uint16) {
	for c.enters = c.at; c.enters < c.to && r.masks[c.enters]&entries == 0; c.enters++ {
	}
}

// pass goes on from a browser to the next that may enter.
func (c *cursor) pass(r *funnelRows, browser uint64, entries uint16) {
	for c.enters < c.to && (r.browsers[c.enters] == browser || r.masks[c.enters]&entries == 0) {
		c.enters++
	}
}

// take adds what a browser did, and leaves out whoever comes before it.
func (c *cursor) take(r *funnelRows, browser uint64, into []funnelRow) []funnelRow {
	for ; c.at < c.to && r.browsers[c.at] < browser; c.at++ {
	}
	for ; c.at < c.to && r.browsers[c.at] == browser; c.at++ {
		into = append(into, r.row(c.at))
	}
	return into
}

// sort gathers by sorting all rows.
func (g *gathering) sort(r *funnelRows) {
	g.some = slices.Grow(g.some[:0], len(r.browsers))
	for i := range r.browsers {
		g.some = append(g.some, r.row(i))
	}
	g.hand(g.some)
}

// hand sorts rows and hands over the entities that they are of.
func (g *gathering) hand(rows []funnelRow) {
	if len(rows) > 12 {
		slices.SortFunc(rows, compareRows)
	} else {
		insert(rows)
	}
	for len(rows) > 0 {
		n, all := 1, rows[0].mask
		for ; n < len(rows) && rows[n].entity == rows[0].entity; n++ {
			all |= rows[n].mask
		}
		if all&g.entries != 0 {
			g.happenings = g.happenings[:0]
			for i := range rows[:n] {
				r := &rows[i]
				g.happenings = append(g.happenings, happening{at: int64(r.moment >> momentBits), mask: r.mask, stop: r.stop, entry: r.entry})
			}
			g.yield(rows[0].entity, g.happenings)
		}
		rows = rows[n:]
	}
}

// insert sorts a handful, most of which are in order.
func insert(rows []funnelRow) {
	for i := 1; i < len(rows); i++ {
		for k := i; k > 0 && (rows[k].entity < rows[k-1].entity || rows[k].entity == rows[k-1].entity && rows[k].moment < rows[k-1].moment); k-- {
			rows[k], rows[k-1] = rows[k-1], rows[k]
		}
	}
}
