package report

import (
	"context"
	"errors"

	"github.com/ClickHouse/ch-go/proto"
)

// What a crowd may take, in bytes: what has more is counted by ClickHouse, and of those that have more than a little one is gathered
// at a time.
const (
	mostCrowd   = 512 << 20
	littleCrowd = 32 << 20
)

// errCrowded says that a question has more sessions than are gathered.
var errCrowded = errors.New("there are too many sessions to be gathered")

// sessionRead says what is read of sessions, and how they are shown to a crowd.
type sessionRead struct {
	columns []string // beside the browser
	result  proto.Results
	bots    bool // whether the columns leave bots out themselves
	show    func(c *crowd, browsers []uint64)
}

// crowdCount is what is known of a crowd.
type crowdCount struct {
	times, browsers []uint64 // by mark
	all             uint64   // browsers
}

// gather counts the sessions of a question, or gives errCrowded.
func (s Scoped) gather(ctx context.Context, q Credits, read sessionRead) (crowdCount, error) {
	arguments := q.Period.arguments()
	data, err := sessionsOf(q, arguments)
	if err != nil {
		return crowdCount{}, err
	}
	data.Columns, data.Bots = read.columns, read.bots
	var browsers proto.ColUInt64
	var c crowd
	turn := crowdTurn{turns: s.reader.crowds}
	defer turn.leave()
	err = s.columns(ctx, "browsers", data, arguments, append(proto.Results{{Name: "browser", Data: &browsers}}, read.result...), func() error {
		read.show(&c, browsers)
		if c.bytes > s.reader.mostCrowd {
			return errCrowded
		}
		return turn.take(ctx, c.bytes)
	})
	if c.bytes > s.reader.mostCrowd {
		return crowdCount{}, errCrowded
	}
	if err != nil {
		return crowdCount{}, err
	}
	by, all := c.count()
	return crowdCount{c.times, by, all}, nil
}

// crowdTurn is a place among the large crowds, of which the channel has as many as there may be.
type crowdTurn struct {
	turns chan struct{}
	taken bool
}

// take waits for a place once a crowd is large.
func (t *crowdTurn) take(ctx context.Context, bytes int) error {
	if t.taken || bytes <= littleCrowd {
		return nil
	}
	select {
	case t.turns <- struct{}{}:
		t.taken = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *crowdTurn) leave() {
	if t.taken {
		<-t.turns
	}
}

// newValues is a column of texts of which codes has the numbers.
func newValues(codes *names) *codedValues { return &codedValues{codedColumn{names: codes}} }

// gatherPages counts what pages did.
func (s Scoped) gatherPages(ctx context.Context, q Credits, at placesAt) error {
	if done, err := s.restedPages(ctx, q, at); done || err != nil {
		return err
	}
	pages := newNames()
	none := pages.code(nil)
	views, first, last := &codedColumn{names: pages}, newValues(pages), newValues(pages)
	var entries, exits []uint64
	count, err := s.gather(ctx, q, sessionRead{
		columns: []string{"pages", "first_page", "last_page"}, bots: true,
		result: proto.Results{{Name: "pages", Data: views}, {Name: "first_page", Data: first}, {Name: "last_page", Data: last}},
		show: func(c *crowd, browsers []uint64) {
			c.known(len(pages.texts))
			entries, exits = first.tally(entries), last.tally(exits)
			begin := uint64(0)
			for i, end := range views.offsets {
				c.see(browsers[i], views.codes[begin:end]...)
				begin = end
			}
			views.forget()
		},
	})
	if err != nil || len(entries) == 0 { // No session.
		return err
	}
	for page, text := range pages.texts {
		f := PlaceFigures{Visitors: count.browsers[page], Sessions: entries[page], Views: count.times[page], Exits: exits[page]}
		if page != int(none) && f != (PlaceFigures{}) {
			*at(text) = f
		}
	}
	return nil
}

// gatherCountries counts what countries brought.
func (s Scoped) gatherCountries(ctx context.Context, q Credits, at placesAt) error {
	if done, err := s.restedCountries(ctx, q, at); done || err != nil {
		return err
	}
	countries := newValues(newNames())
	count, err := s.gather(ctx, q, sessionRead{
		columns: []string{"country"}, result: proto.Results{{Name: "country", Data: countries}},
		show: func(c *crowd, browsers []uint64) {
			c.known(len(countries.texts))
			for i, country := range countries.codes {
				c.see(browsers[i], country)
			}
			countries.forget()
		},
	})
	if err != nil {
		return err
	}
	for country, text := range countries.texts {
		if count.times[country] > 0 {
			*at(text) = PlaceFigures{Visitors: count.browsers[country], Sessions: count.times[country]}
		}
	}
	return nil
}

// gatherStretches counts by stretch of time, and all; stretches are those that begin at bounds.
func (s Scoped) gatherStretches(ctx context.Context, q Credits, bounds []int64, trend []Figures, total *Figures) error {
	if done, err := s.restedStretches(ctx, q, bounds, trend, total); done || err != nil {
		return err
	}
	var started proto.ColInt64
	var views proto.ColUInt32
	by := sum{grouping: grouping{bounds: bounds}}
	pages := make([]uint64, len(bounds))
	count, err := s.gather(ctx, q, sessionRead{
		columns: []string{"toUnixTimestamp64Milli(started_at) AS started", "page_views"},
		result:  proto.Results{{Name: "started", Data: &started}, {Name: "page_views", Data: &views}},
		show: func(c *crowd, browsers []uint64) {
			c.known(len(bounds))
			stretch := 0
			for i, moment := range started {
				// They come by day: mostly it is the one of the session before.
				if moment < bounds[stretch] || stretch+1 < len(bounds) && moment >= bounds[stretch+1] {
					stretch = by.stretch(moment)
				}
				c.see(browsers[i], int32(stretch))
				pages[stretch] += uint64(views[i])
			}
		},
	})
	if err != nil || len(count.times) == 0 {
		return err
	}
	addStretches(count, pages, trend, total)
	return nil
}

// addStretches tells what was counted by stretch, and pages.
func addStretches(count crowdCount, pages []uint64, trend []Figures, total *Figures) {
	for i := range trend {
		f := &trend[i]
		f.Sessions, f.Visitors, f.PageViews = count.times[i], count.browsers[i], pages[i]
		total.Sessions, total.PageViews = total.Sessions+f.Sessions, total.PageViews+f.PageViews
	}
	total.Visitors = count.all
}
