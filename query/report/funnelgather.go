package report

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/ClickHouse/ch-go/proto"
)

// gathering hands over what every entity did, in order, if some of it is a step
// by which one may enter.
type gathering struct {
	entries     uint16 // bits of those steps
	first, last uint64 // moments: nothing else counts, and the last does not
	left        *leftOut
	yield       func(entity uint64, h []happening)
	cursors     []cursor
	all         []int       // the places of them, those whose rows are earlier first
	entering    []int       // the places of those by which one may enter, likewise
	second      visitorBits // who may have done the second step; empty where anybody may
	deeds       []deed      // of several entities; when everything is sorted by bucket
	ends        []int       // of the buckets
	happenings  []happening // of one entity; the list is used again for the next one
	_           [128]byte   // Another core's gathering lies in no cache line of this one.
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
	rows     *funnelRows
	browsers []uint64 // of rows, up to the end of the run
	moments  []uint64 // likewise
	plain    bool     // a row says who did when which steps, and no more
	at       int
	browser  uint64 // of the place; nobody at the end
	enters   int    // the next row by which one may enter
	enterer  uint64 // its browser
}

// merge gathers by browser: it goes along the runs, of browsers from low up to
// and including high.
func (g *gathering) merge(all []*funnelRows, low, high uint64) {
	g.begin(all, low, high)
	entities := slices.ContainsFunc(all, func(r *funnelRows) bool { return len(r.entities.rows) > 0 })
	for browser := g.next(); browser != nobody; browser = g.next() {
		if entities {
			g.takeEntities(browser)
		} else {
			g.take(browser)
		}
	}
}

func (g *gathering) begin(all []*funnelRows, low, high uint64) {
	g.cursors = g.cursors[:0]
	for _, r := range all {
		browsers := r.browsers.rows
		for i, from := range r.runs {
			to := len(browsers)
			if i+1 < len(r.runs) {
				to = r.runs[i+1]
			}
			c := cursor{rows: r, plain: len(r.stops) == 0 && len(r.entries.codes) == 0 && len(r.items.rows) == 0}
			c.at = from + sort.Search(to-from, func(k int) bool { return browsers[from+k] >= low })
			to = from + sort.Search(to-from, func(k int) bool { return browsers[from+k] > high })
			c.browsers, c.moments = browsers[:to], r.moments.rows[:to]
			c.enters = c.at - 1
			if c.look(); c.browser != nobody {
				g.cursors = append(g.cursors, c)
			}
		}
	}
	g.arrangeCursors()
	g.findSecond(low, high)
}

// arrangeCursors has runs of earlier months go before those of later ones, so that hardly anything has to be put in order.
func (g *gathering) arrangeCursors() {
	g.all, g.entering = g.all[:0], g.entering[:0]
	for i := range g.cursors {
		g.all = append(g.all, i)
	}
	slices.SortStableFunc(g.all, func(a, b int) int { return cmp.Compare(g.cursors[a].moment(), g.cursors[b].moment()) })
	for _, i := range g.all {
		if g.cursors[i].enter(g.entries); g.cursors[i].enterer != nobody {
			g.entering = append(g.entering, i)
		}
	}
}

// worthSecond is how many other runs there are at least for it to be worth knowing who did the second step.
const worthSecond = 3

// findSecond finds who did the second step. In a funnel whose steps have an order, whoever did not is counted as having entered, whatever else
// they did: so for them, who are most, nothing is looked at but what one enters by.
func (g *gathering) findSecond(low, high uint64) {
	g.second.clear()
	if g.entries != 1 || len(g.cursors)-len(g.entering) < worthSecond {
		return
	}
	n := 0
	for i := range g.cursors {
		n += g.cursors[i].rowsOf(2)
	}
	g.second.begin(low, high, n)
	for i := range g.cursors {
		if c := &g.cursors[i]; c.rowsOf(2) > 0 {
			for at := c.at; at < len(c.browsers); at++ {
				if c.rows.enters(at, 2) {
					g.second.add(c.browsers[at])
				}
			}
		}
	}
}

// rowsOf is how many rows there may be of some steps.
func (c *cursor) rowsOf(steps uint16) int {
	if len(c.rows.masks) == 0 && c.rows.meaning.mask&steps == 0 {
		return 0
	}
	return len(c.browsers) - c.at
}

// of are the places of the cursors that stand at what matters of a browser.
func (g *gathering) of(browser uint64) []int {
	if g.second.may(browser) {
		return g.all
	}
	return g.entering
}

// moment is that of the place, before the end.
func (c *cursor) moment() uint64 { return c.moments[c.at] }

// look sees whose the place is.
func (c *cursor) look() {
	if c.browser = nobody; c.at < len(c.browsers) {
		c.browser = c.browsers[c.at]
	}
}

// enter goes to the next row by which one may enter.
func (c *cursor) enter(entries uint16) {
	for c.enters++; c.enters < len(c.browsers) && !c.rows.enters(c.enters, entries); c.enters++ {
	}
	if c.enterer = nobody; c.enters < len(c.browsers) {
		c.enterer = c.browsers[c.enters]
	}
}

// next is the first browser that may enter.
func (g *gathering) next() uint64 {
	browser := uint64(nobody)
	for _, i := range g.entering {
		browser = min(browser, g.cursors[i].enterer)
	}
	return browser
}

// pass goes on to a browser's rows and behind them; it gives where they stand.
func (c *cursor) pass(browser uint64) (from, to int) {
	browsers, at := c.browsers, c.at
	for at < len(browsers) && browsers[at] < browser {
		at++
	}
	for from = at; at < len(browsers) && browsers[at] == browser; at++ {
	}
	c.at = at
	c.look()
	return from, at
}

// leave goes on to the next row by which one may enter, where that of a browser is behind.
func (c *cursor) leave(browser uint64, entries uint16) {
	if c.enterer == browser {
		c.enters = c.at - 1
		c.enter(entries)
	}
}

// counts tells whether a row lies within the time and is not left out.
func (g *gathering) counts(r *funnelRows, i int, leftOut []proto.Date32) bool {
	moment := r.moments.rows[i]
	return moment >= g.first && moment < g.last && (len(leftOut) == 0 || len(r.days.rows) == 0 || !slices.Contains(leftOut, r.days.rows[i]))
}

// take hands over what a browser did that is the entity. What a run has of it is in order.
func (g *gathering) take(browser uint64) {
	g.happenings = g.happenings[:0]
	leftOut := g.left.of(browser)
	for _, i := range g.of(browser) {
		c := &g.cursors[i]
		if c.browser > browser {
			continue
		}
		if from, to := c.pass(browser); c.plain && len(leftOut) == 0 {
			g.takePlain(c, from, to)
		} else {
			for ; from < to; from++ {
				if g.counts(c.rows, from, leftOut) {
					g.happenings = append(g.happenings, c.rows.happening(from))
				}
			}
		}
		c.leave(browser, g.entries)
	}
	if len(g.happenings) > 48 {
		slices.SortFunc(g.happenings, func(a, b happening) int { return cmp.Compare(a.moment, b.moment) })
	} else {
		insert(g.happenings)
	}
	g.yield(browser, g.happenings)
}

// takePlain takes rows of a plain cursor, none of which is left out: what most rows are.
func (g *gathering) takePlain(c *cursor, from, to int) {
	means, masks := c.rows.meaning, c.rows.masks
	for ; from < to; from++ {
		moment := c.moments[from]
		if moment < g.first || moment >= g.last {
			continue
		}
		if len(masks) > 0 {
			means.mask = masks[from]
		}
		g.happenings = append(g.happenings, happening{moment: moment, meaning: means})
	}
}

// takeEntities does the same for a browser whose rows are of several entities.
func (g *gathering) takeEntities(browser uint64) {
	g.deeds = g.deeds[:0]
	leftOut := g.left.of(browser)
	for _, i := range g.of(browser) {
		c := &g.cursors[i]
		for from, to := c.pass(browser); from < to; from++ {
			if g.counts(c.rows, from, leftOut) {
				g.deeds = append(g.deeds, deed{c.rows.entities.rows[from], c.rows.happening(from)})
			}
		}
		c.leave(browser, g.entries)
	}
	g.hand(g.deeds)
}

// sort gathers the rows of browsers from low up to and including high by sorting
// them: divided into buckets by entity first, each of which is a handful.
func (g *gathering) sort(all []*funnelRows, low, high uint64) {
	n := 0
	for _, r := range all {
		for i := range r.browsers.rows {
			if g.sorts(r, i, low, high) {
				n++
			}
		}
	}
	shift, size := 64, 1
	for ; size*bucketRows < n; size *= 2 {
		shift--
	}
	g.count(all, low, high, shift, size)
	g.deeds = slices.Grow(g.deeds[:0], n)[:n]
	for _, r := range all {
		entities := r.owners()
		for i := range entities {
			if g.sorts(r, i, low, high) {
				end := &g.ends[bucketOf(entities[i], shift)]
				g.deeds[*end] = deed{entities[i], r.happening(i)}
				*end++
			}
		}
	}
	from := 0
	for _, end := range g.ends {
		g.hand(g.deeds[from:end])
		from = end
	}
}

// sorts tells whether a row is among those that are sorted.
func (g *gathering) sorts(r *funnelRows, i int, low, high uint64) bool {
	browser := r.browsers.rows[i]
	return browser >= low && browser <= high && g.counts(r, i, g.left.of(browser))
}

// count finds out where each bucket begins.
func (g *gathering) count(all []*funnelRows, low, high uint64, shift, size int) {
	g.ends = slices.Grow(g.ends[:0], size)[:size]
	clear(g.ends)
	for _, r := range all {
		entities := r.owners()
		for i := range entities {
			if g.sorts(r, i, low, high) {
				g.ends[bucketOf(entities[i], shift)]++
			}
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

// leftOut are the days of browsers whose sessions are not read from copies, since they changed. A nil one is nobody's.
type leftOut struct {
	browsers map[uint64][]proto.Date32
	some     visitorBits // who they may be: most are not, which takes no look at the map
}

func newLeftOut(browsers []uint64, days []proto.Date32) *leftOut {
	if len(browsers) == 0 {
		return nil
	}
	l := &leftOut{browsers: make(map[uint64][]proto.Date32, len(browsers))}
	l.some.begin(0, math.MaxUint64, len(browsers))
	for i, browser := range browsers {
		l.browsers[browser] = append(l.browsers[browser], days[i])
		l.some.add(browser)
	}
	return l
}

func (l *leftOut) of(browser uint64) []proto.Date32 {
	if l == nil || !l.some.may(browser) {
		return nil
	}
	return l.browsers[browser]
}
