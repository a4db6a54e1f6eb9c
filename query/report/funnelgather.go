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
	enterers   []*cursor   // those of them by which one may enter
	deeds      []deed      // of several entities; when everything is sorted by bucket
	ends       []int       // of the buckets
	happenings []happening // of one entity; the list is used again for the next one
	_          [128]byte   // Another core's gathering lies in no cache line of this one.
}

// deed is something that was done, and by which entity.
type deed struct {
	entity uint64
	happening
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
	g.deeds = g.deeds[:0]
	for i := range g.cursors {
		for from, to := g.cursors[i].pass(r.browsers.rows, browser); from < to; from++ {
			g.deeds = append(g.deeds, deed{r.entities.rows[from], r.happening(from)})
		}
	}
	g.hand(g.deeds)
}

// sort gathers the rows of browsers from low up to and including high by sorting
// them: divided into buckets by entity first, each of which is a handful.
func (g *gathering) sort(r *funnelRows, low, high uint64) {
	browsers, entities := r.browsers.rows, r.entities.rows
	if len(entities) == 0 {
		entities = browsers
	}
	n := 0
	for _, browser := range browsers {
		if browser >= low && browser <= high {
			n++
		}
	}
	shift, size := 64, 1
	for ; size*bucketRows < n; size *= 2 {
		shift--
	}
	g.count(browsers, entities, low, high, shift, size)
	g.deeds = slices.Grow(g.deeds[:0], n)[:n]
	for i, browser := range browsers {
		if browser >= low && browser <= high {
			end := &g.ends[bucketOf(entities[i], shift)]
			g.deeds[*end] = deed{entities[i], r.happening(i)}
			*end++
		}
	}
	from := 0
	for _, end := range g.ends {
		g.hand(g.deeds[from:end])
		from = end
	}
}

// count finds out where each bucket begins.
func (g *gathering) count(browsers, entities []uint64, low, high uint64, shift, size int) {
	g.ends = slices.Grow(g.ends[:0], size)[:size]
	clear(g.ends)
	for i, browser := range browsers {
		if browser >= low && browser <= high {
			g.ends[bucketOf(entities[i], shift)]++
		}
	}
	sum := 0
	for i, n := range g.ends {
		g.ends[i], sum = sum, sum+n
	}
}

// bucketRows is how many rows a bucket has in the mean.
const bucketRows = 8

// bucketOf spreads entities over the buckets: those of one question may lie close together.
func bucketOf(entity uint64, shift int) uint64 {
	const golden = 0x9E3779B97F4A7C15
	return entity * golden >> shift
}

// hand sorts what several entities did, and hands it over.
func (g *gathering) hand(deeds []deed) {
	if len(deeds) <= 32 {
		insertDeeds(deeds)
	} else {
		slices.SortFunc(deeds, func(a, b deed) int {
			return cmp.Or(cmp.Compare(a.entity, b.entity), cmp.Compare(a.moment, b.moment))
		})
	}
	for len(deeds) > 0 {
		n, all := 1, deeds[0].mask
		for ; n < len(deeds) && deeds[n].entity == deeds[0].entity; n++ {
			all |= deeds[n].mask
		}
		if all&g.entries != 0 {
			g.happenings = g.happenings[:0]
			for i := range deeds[:n] {
				g.happenings = append(g.happenings, deeds[i].happening)
			}
			g.yield(deeds[0].entity, g.happenings)
		}
		deeds = deeds[n:]
	}
}

// insertDeeds sorts a handful, as insert does.
func insertDeeds(d []deed) {
	for i := 1; i < len(d); i++ {
		one := d[i]
		k := i
		for ; k > 0 && (d[k-1].entity > one.entity || d[k-1].entity == one.entity && d[k-1].moment > one.moment); k-- {
			d[k] = d[k-1]
		}
		d[k] = one
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
