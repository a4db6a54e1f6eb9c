package report

import (
	"context"
	"slices"
	"strings"
)

// TouchPath is a sequence of touches, with the conversions that it came before.
type TouchPath struct {
	Steps []string // the first touch first; None for an empty value
	PathFigures
	Before *PathFigures // in the days compared with; nil where there are none
}

// PathFigures are what a sequence of touches came before in some days.
type PathFigures struct {
	Conversions uint64
	Value       float64
	Visitors    uint64 // distinct browsers of these touches
}

// TouchPaths are the sequences that came most often, and those that did in the
// days compared with.
type TouchPaths struct {
	Rows       []TouchPath
	Paths      uint64 // different ones in the period, those that are not in Rows included
	Total      uint64 // conversions
	TotalValue float64
	Before     *Totals // of the days compared with
}

// MaxPaths is how many sequences are given.
const MaxPaths = 500

// Page is a landing page without its query, as Content tells pages apart.
const Page Dimension = "page"

// pathDimensions are what touches may be named by.
func pathDimensions() []Dimension { return []Dimension{"channel", "source", Page} }

// PathQuestion says how touches are told as paths.
type PathQuestion struct {
	By        Dimension // what a step says: channel, source or Page
	Collapsed bool      // a touch that says what the one before it says is left out
	Limit     int       // how many at most, up to MaxPaths
	Before    *Period   // days to compare with; nil for none
}

// TouchPaths gives the touches before every conversion of the question as
// sequences. Filters ask for conversions of which a touch matches all of them.
// Of the question the models and dimensions are not read: a path is whole,
// whoever is credited. With days to compare with, as many again follow that
// were most frequent then and are not among the first.
func (s Scoped) TouchPaths(ctx context.Context, q Credits, of PathQuestion) (TouchPaths, error) {
	if !slices.Contains(pathDimensions(), of.By) {
		return TouchPaths{}, invalid("paths are told by channel, source or page, and not by %s; choose one of these", of.By)
	}
	if of.Limit < 1 || of.Limit > MaxPaths {
		return TouchPaths{}, invalid("limit must be between 1 and %d, and is %d", MaxPaths, of.Limit)
	}
	now, err := s.touchPaths(ctx, q, of, of.Limit, nil)
	if err != nil || of.Before == nil {
		return now, err
	}
	present := q.Period
	q.Period = *of.Before
	then, err := s.touchPaths(ctx, q, of, of.Limit, now.Rows)
	if err != nil {
		return TouchPaths{}, err
	}
	q.Period = present
	return s.besideBefore(ctx, q, of, now, then)
}

// besideBefore puts the sequences of former days beside those of the question's
// period. What was frequent then and is rare now is asked for once more.
func (s Scoped) besideBefore(ctx context.Context, q Credits, of PathQuestion, now, then TouchPaths) (TouchPaths, error) {
	places := make(map[string]int, len(now.Rows))
	for i := range now.Rows {
		places[now.Rows[i].name()], now.Rows[i].Before = i, &PathFigures{}
	}
	var missing []TouchPath
	for i := range then.Rows {
		row := &then.Rows[i]
		if place, ok := places[row.name()]; ok {
			now.Rows[place].Before = &row.PathFigures
		} else if len(missing) < of.Limit {
			missing = append(missing, TouchPath{Steps: row.Steps, Before: &row.PathFigures})
		}
	}
	if len(missing) > 0 {
		rare, err := s.touchPaths(ctx, q, of, 0, missing)
		if err != nil {
			return TouchPaths{}, err
		}
		figures := make(map[string]PathFigures, len(rare.Rows))
		for i := range rare.Rows {
			figures[rare.Rows[i].name()] = rare.Rows[i].PathFigures
		}
		for i := range missing {
			missing[i].PathFigures = figures[missing[i].name()]
		}
		now.Rows = append(now.Rows, missing...)
	}
	now.Before = &Totals{float64(then.Total), then.TotalValue}
	return now, nil
}

// name tells a sequence from others.
func (p *TouchPath) name() string { return strings.Join(p.Steps, separator) }

// touchPaths gives the most frequent sequences of the question's period, and
// before them those that are listed, whether they are frequent or not.
func (s Scoped) touchPaths(ctx context.Context, q Credits, of PathQuestion, limit int, listed []TouchPath) (TouchPaths, error) {
	names := make(map[string]bool, len(listed))
	for i := range listed {
		names[listed[i].name()] = true
	}
	q.Progressed = nil
	column, step := of.By, func(value string) string { return value }
	if of.By == Page {
		column, step = "landing_page", withoutQuery
	}
	room := s.reader.rooms.take()
	defer s.reader.rooms.put(room)
	lists, columns, err := s.conversions(ctx, room, q, true, column)
	if err != nil {
		return TouchPaths{}, err
	}
	tally := newPathTally(lists, slices.Index(columns, "touches_"+string(column)), column.direct(), step, of.Collapsed)
	tally.count()
	places := tally.most(limit+len(names), names)
	t := TouchPaths{Paths: uint64(len(tally.paths)), Total: tally.total.conversions, TotalValue: tally.total.value}
	for i, visitors := range tally.visitors(places) {
		path := tally.paths[places[i]]
		t.Rows = append(t.Rows, TouchPath{Steps: tally.text(path.key), PathFigures: PathFigures{path.conversions, path.value, visitors}})
	}
	return t, nil
}
