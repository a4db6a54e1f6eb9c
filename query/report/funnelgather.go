package report

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// gathering hands over what every entity did, in order, if some of it is a step
// by which one may enter.
type gathering struct {
	entries    uint16 // bits of those steps
	yield      func(entity uint64, h []happening)
	cursors    []cursor
	enterers   []*cursor // those of them by which one may enter
	some       []funnelRow
	placed     []funnelRow // the same by bucket
	ends       []int       // of the buckets
	happenings []happening // of one entity; the list is used again for the next one
	_          [128]byte   // Another core's gathering lies in no cache line of this one.
}

// nobody is behind the last of a run.
const nobody = math.MaxUint64

// cursor is a place in a run.
type cursor struct {
	at, to  int
	browser uint64 // of the place; nobody at the end
	enters  int    // the next row by which one may enter
	enterer uint64 // its browser
}

// merge gathers by browser: it goes along the runs, of browsers from low up to
// and including high.
func (g *gathering) merge(r *funnelRows, low, high uint64) {
	g.begin(r, low, high)
	for browser := g.next(r); browser != nobody; browser = g.next(r) {
		if len(r.entities.rows) == 0 {
			g.take(r, browser)
		} else {
			g.takeEntities(r, browser)
		}
	}
}

func (g *gathering) begin(r *funnelRows, low, high uint64) {
	browsers := r.browsers.rows
	g.enterers = g.enterers[:0]
	g.cursors = slices.Grow(g.cursors[:0], len(r.runs))[:len(r.runs)]
	for i, from := range r.runs {
		to := len(browsers)
		if i+1 < len(r.runs) {
			to = r.runs[i+1]
		}
		c := &g.cursors[i]
		c.at = from + sort.Search(to-from, func(k int) bool { return browsers[from+k] >= low })
		c.to = from + sort.Search(to-from, func(k int) bool { return browsers[from+k] > high })
		c.enters = c.at - 1
		c.enter(r, g.entries)
		c.look(browsers)
		if c.enterer != nobody {
			g.enterers = append(g.enterers, c)
		}
	}
}

// look sees whose the place is.
func (c *cursor) look(browsers []uint64) {
	if c.browser = nobody; c.at < c.to {
		c.browser = browsers[c.at]
	}
}

// enter goes to the next row by which one may enter.
func (c *cursor) enter(r *funnelRows, entries uint16) {
	for c.enters++; c.enters < c.to && r.masks[c.enters]&entries == 0; c.enters++ {
	}
	if c.enterer = nobody; c.enters < c.to {
		c.enterer = r.browsers.rows[c.enters]
	}
}

// next is the first browser that may enter.
func (g *gathering) next(r *funnelRows) uint64 {
	browser := uint64(nobody)
	for _, c := range g.enterers {
		browser = min(browser, c.enterer)
	}
	if browser == nobody {
		return browser
	}
	for _, c := range g.enterers {
		for c.enterer == browser {
			c.enter(r, g.entries)
		}
	}
	return browser
}

// pass goes on to a browser's rows and behind them; it gives where they stand.
func (c *cursor) pass(browsers []uint64, browser uint64) (from, to int) {
	for c.browser < browser {
		c.at++
		c.look(browsers)
	}
	for from = c.at; c.browser == browser; {
		c.at++
		c.look(browsers)
	}
	return from, c.at
}

// take hands over what a browser did that is the entity. What a run has of it is in order.
func (g *gathering) take(r *funnelRows, browser uint64) {
	g.happenings = g.happenings[:0]
	for i := range g.cursors {
		c := &g.cursors[i]
		if c.browser > browser {
			continue
		}
		for from, to := c.pass(r.browsers.rows, browser); from < to; from++ {
			g.happenings = append(g.happenings, r.happening(from))
		}
	}
	if len(g.happenings) > 12 {
		slices.SortFunc(g.happenings, func(a, b happening) int { return cmp.Compare(a.moment, b.moment) })
	} else {
		insert(g.happenings)
	}
	g.yield(browser, g.happenings)
}

// takeEntities does the same for a browser whose rows are of several entities.
func (g *gathering) takeEntities(r *funnelRows, browser uint64) {
	g.some = g.some[:0]
	for i := range g.cursors {
		for from, to := g.cursors[i].pass(r.browsers.rows, browser); from < to; from++ {
			g.some = append(g.some, r.row(from))
		}
	}
	g.hand(g.some)
}

// sort gathers the rows of browsers from low up to and including high by sorting
// them: divided into buckets by entity first, each of which is a handful.
func (g *gathering) sort(r *funnelRows, low, high uint64) {
	g.some = g.some[:0]
	for i, browser := range r.browsers.rows {
		if browser >= low && browser <= high {
			g.some = append(g.some, r.row(i))
		}
	}
	shift, size := 64, 1
	for ; size*bucketRows < len(g.some); size *= 2 {
		shift--
	}
	g.ends = slices.Grow(g.ends[:0], size)[:size]
	clear(g.ends)
	for i := range g.some {
		g.ends[bucketOf(g.some[i].entity, shift)]++
	}
	sum := 0
	for i, n := range g.ends {
		g.ends[i], sum = sum, sum+n
	}
	g.placed = slices.Grow(g.placed[:0], len(g.some))[:len(g.some)]
	for i := range g.some {
		end := &g.ends[bucketOf(g.some[i].entity, shift)]
		g.placed[*end] = g.some[i]
		*end++
	}
	from := 0
	for _, end := range g.ends {
		g.hand(g.placed[from:end])
		from = end
	}
}

// bucketRows is how many rows a bucket has in the mean.
const bucketRows = 16

// bucketOf spreads entities over the buckets: those of one question may lie close together.
func bucketOf(entity uint64, shift int) uint64 {
	const golden = 0x9E3779B97F4A7C15
	return entity * golden >> shift
}

// hand sorts rows and hands over the entities that they are of.
func (g *gathering) hand(rows []funnelRow) {
	slices.SortFunc(rows, func(a, b funnelRow) int {
		return cmp.Or(cmp.Compare(a.entity, b.entity), cmp.Compare(a.moment, b.moment))
	})
	for len(rows) > 0 {
		n, all := 1, rows[0].mask
		for ; n < len(rows) && rows[n].entity == rows[0].entity; n++ {
			all |= rows[n].mask
		}
		if all&g.entries != 0 {
			g.happenings = g.happenings[:0]
			for i := range rows[:n] {
				g.happenings = append(g.happenings, rows[i].happening)
			}
			g.yield(rows[0].entity, g.happenings)
		}
		rows = rows[n:]
	}
}

// insert sorts a handful, most of which are in order. The library, which calls a function for each comparison, takes a fifth longer for all of
// gathering.
func insert(h []happening) {
	for i := 1; i < len(h); i++ {
		for k := i; k > 0 && h[k].moment < h[k-1].moment; k-- {
			h[k], h[k-1] = h[k-1], h[k]
		}
	}
}
