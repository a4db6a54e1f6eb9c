package report

import "context"

// named has the texts of some columns stand among names, which get those they lack.
func named(runs []countedRun, all *names, columns ...string) {
	for i := range runs {
		if runs[i].names == nil {
			runs[i].names = make(map[string][]int32, len(columns))
		}
		for _, column := range columns {
			own := names{texts: runs[i].columns[column].texts}
			runs[i].names[column] = own.among(all)
		}
	}
}

// restedPages counts what pages did, of sessions that are kept; false when it cannot be done so.
func (s Scoped) restedPages(ctx context.Context, q Credits, at placesAt) (done bool, err error) {
	columns := []string{"pages", "first_page", "last_page"}
	runs, err := s.rested(ctx, q, columns)
	if err != nil || len(runs) == 0 {
		return false, err
	}
	pages := newNames()
	none := pages.code(nil)
	named(runs, pages, columns...)
	c := restingCount{period: q.Period, runs: runs, marks: len(pages.texts), tables: 2, mark: func(w *restingWorker, p *portion) {
		p.tally(w.tables[0], p.numbers("first_page"))
		p.tally(w.tables[1], p.numbers("last_page"))
		p.lists("pages")
	}}
	count, ends := c.count()
	for page, text := range pages.texts {
		f := PlaceFigures{Visitors: count.browsers[page], Sessions: ends[0][page], Views: count.times[page], Exits: ends[1][page]}
		if page != int(none) && f != (PlaceFigures{}) {
			*at(text) = f
		}
	}
	return true, nil
}

// restedCountries counts what countries brought, likewise.
func (s Scoped) restedCountries(ctx context.Context, q Credits, at placesAt) (done bool, err error) {
	runs, err := s.rested(ctx, q, []string{"country"})
	if err != nil || len(runs) == 0 {
		return false, err
	}
	countries := newNames()
	named(runs, countries, "country")
	c := restingCount{period: q.Period, runs: runs, marks: len(countries.texts), mark: func(_ *restingWorker, p *portion) {
		p.single(p.numbers("country"))
	}}
	count, _ := c.count()
	for country, text := range countries.texts {
		if count.times[country] > 0 {
			*at(text) = PlaceFigures{Visitors: count.browsers[country], Sessions: count.times[country]}
		}
	}
	return true, nil
}

// restedStretches counts by stretch of time, and all, likewise; stretches are those that begin at bounds.
func (s Scoped) restedStretches(ctx context.Context, q Credits, bounds []int64, trend []Figures, total *Figures) (done bool, err error) {
	runs, err := s.rested(ctx, q, []string{"page_views"})
	if err != nil || len(runs) == 0 {
		return false, err
	}
	clock := newStretchClock(bounds, int64(q.Period.End))
	c := restingCount{period: q.Period, runs: runs, marks: len(bounds), tables: 1, mark: func(w *restingWorker, p *portion) {
		stretches := clock.of(p)
		for i, views := range p.numbers("page_views") {
			if p.out == nil || !p.out[i] {
				w.tables[0][stretches[i]] += uint64(views)
			}
		}
		p.single(stretches)
	}}
	count, tables := c.count()
	addStretches(count, tables[0], trend, total)
	return true, nil
}

// stretchClock tells in which stretch of time a moment lies: of each quarter of an hour it is known, but for one bound that may be in it.
type stretchClock struct {
	bounds []int64
	places []int32 // at the begin of each quarter since the first bound
}

const quarterMillis = 15 * 60 * 1000

func newStretchClock(bounds []int64, end int64) *stretchClock {
	c := &stretchClock{bounds: bounds}
	place := int32(0)
	for at := bounds[0]; at < end; at += quarterMillis {
		for int(place)+1 < len(bounds) && bounds[place+1] <= at {
			place++
		}
		c.places = append(c.places, place)
	}
	return c
}

// of gives the stretches of a portion's sessions; of those that do not count, any.
func (c *stretchClock) of(p *portion) []int32 {
	all := p.room.stretches[:0]
	if p.started == nil {
		for _, moment := range p.moments[p.from:p.to] {
			all = append(all, c.at(moment-c.bounds[0]))
		}
	} else {
		for _, started := range p.started[p.from:p.to] {
			all = append(all, c.at(p.base+int64(started)-c.bounds[0]))
		}
	}
	p.room.stretches = all
	return all
}

// at is the stretch of a moment, in milliseconds since the first.
func (c *stretchClock) at(since int64) int32 {
	quarter := max(0, since) / quarterMillis
	if quarter >= int64(len(c.places)) {
		return 0
	}
	place := c.places[quarter]
	for int(place)+1 < len(c.bounds) && c.bounds[place+1]-c.bounds[0] <= since {
		place++
	}
	return place
}
