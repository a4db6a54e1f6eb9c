package report

import (
	"cmp"
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// PlaceFigures are what one page or one country brought in some days.
type PlaceFigures struct {
	Visitors    uint64 // distinct browsers that viewed the page, or came from the country
	Sessions    uint64 // that began with the page, or came from the country
	Views       uint64 // of the page; 0 of a country, as are exits
	Exits       uint64 // sessions that ended with the page
	Conversions float64
	Value       float64 // both credited to these sessions
}

// PlaceRow is a page, which is its URL without query, or a country by ISO 3166.
type PlaceRow struct {
	Place string // None for what has no page, or no known country
	PlaceFigures
	Before *PlaceFigures // in the days compared with; nil where there are none
}

// Places are pages or countries: most conversions first, then most of those in
// the days compared with, then most views, then most visitors.
type Places struct {
	Rows   []PlaceRow
	Count  int // of places, those beyond Rows included
	Totals     // of all places
	Before *Totals
}

// Totals are the conversions of some days, and their value.
type Totals struct{ Conversions, Value float64 }

// MaxPlaces is how many rows are given.
const MaxPlaces = 1000

// placeKind is how pages, or countries, are asked for.
type placeKind struct {
	dimension Dimension           // conversions are credited by it
	of        func(string) string // the place of a value of the dimension; nil where that is it
	gather    func(Scoped, context.Context, Credits, placesAt) error
	counts    []placeCount // instead, of more sessions than are gathered
}

// placeCount is a statement about sessions, and what each row of it tells of a place.
type placeCount struct {
	statement string
	scan      func(row driver.Rows, at placesAt) error
}

// placesAt finds a place's figures, which are added to.
type placesAt func(place string) *PlaceFigures

// Content tells what the pages of a period did, and what they did in the days
// compared with, if there are some. Of the question q.Compare, q.Dimension and
// q.Second are not read.
func (s Scoped) Content(ctx context.Context, q Credits, before *Period) (Places, error) {
	return s.places(ctx, q, before, placeKind{
		dimension: "landing_page",
		of:        withoutQuery,
		gather:    Scoped.gatherPages,
		counts:    []placeCount{{"content_ends", scanEnds}, {"content_views", scanViews}},
	})
}

func scanEnds(row driver.Rows, at placesAt) error {
	var first, last string
	var sessions uint64
	err := row.Scan(&first, &last, &sessions)
	if first != "" {
		at(first).Sessions = sessions
	} else if last != "" {
		at(last).Exits = sessions
	}
	return err
}

func scanViews(row driver.Rows, at placesAt) error {
	var page string
	var f PlaceFigures
	err := row.Scan(&page, &f.Views, &f.Visitors)
	place := at(page)
	place.Views, place.Visitors = f.Views, f.Visitors
	return err
}

// Locations tells what the countries of a period brought, and in the days
// compared with, if there are some. Of the question q.Compare, q.Dimension and
// q.Second are not read.
func (s Scoped) Locations(ctx context.Context, q Credits, before *Period) (Places, error) {
	return s.places(ctx, q, before, placeKind{
		dimension: "country",
		gather:    Scoped.gatherCountries,
		counts:    []placeCount{{"locations", scanCountry}},
	})
}

func scanCountry(row driver.Rows, at placesAt) error {
	var country string
	var f PlaceFigures
	err := row.Scan(&country, &f.Visitors, &f.Sessions)
	*at(country) = f
	return err
}

func (s Scoped) places(ctx context.Context, q Credits, before *Period, kind placeKind) (Places, error) {
	var p Places
	now, totals, err := s.placesIn(ctx, q, kind)
	if err != nil {
		return p, err
	}
	p.Totals = totals
	then := map[string]*PlaceFigures{}
	if before != nil {
		q.Period = *before
		if then, totals, err = s.placesIn(ctx, q, kind); err != nil {
			return p, err
		}
		p.Before = &totals
	}
	rows := foremost[PlaceRow]{n: MaxPlaces, compare: comparePlaces}
	for place, f := range now {
		row := PlaceRow{Place: place, PlaceFigures: *f}
		if before != nil {
			row.Before = cmp.Or(then[place], &PlaceFigures{})
		}
		rows.offer(row)
		p.Count++
	}
	for place, f := range then {
		if now[place] == nil {
			rows.offer(PlaceRow{Place: place, Before: f})
			p.Count++
		}
	}
	p.Rows = rows.sorted()
	return p, nil
}

func comparePlaces(a, b *PlaceRow) int {
	order := cmp.Compare(b.Conversions, a.Conversions)
	if a.Before != nil && b.Before != nil {
		order = cmp.Or(order, cmp.Compare(b.Before.Conversions, a.Before.Conversions))
	}
	return cmp.Or(order, cmp.Compare(b.Views, a.Views), cmp.Compare(b.Visitors, a.Visitors), cmp.Compare(a.Place, b.Place))
}

// placesIn are the places of the question's period.
func (s Scoped) placesIn(ctx context.Context, q Credits, kind placeKind) (map[string]*PlaceFigures, Totals, error) {
	var total Totals
	q.Dimension, q.Second = kind.dimension, ""
	byKey, model, err := s.creditedOne(ctx, q, kind.of)
	if err != nil {
		return nil, total, err
	}
	places := map[string]*PlaceFigures{}
	at := func(place string) *PlaceFigures {
		place = cmp.Or(place, None)
		if places[place] == nil {
			places[place] = &PlaceFigures{}
		}
		return places[place]
	}
	if err := s.countPlaces(ctx, q, kind, at); err != nil {
		return nil, total, err
	}
	for key, e := range byKey {
		if e.conversions[model] > 0 { // Another model may credit the place alone.
			f := at(key[0])
			f.Conversions, f.Value = f.Conversions+e.conversions[model], f.Value+e.value[model]
		}
		total.Conversions, total.Value = total.Conversions+e.conversions[model], total.Value+e.value[model]
	}
	for _, f := range places {
		f.Conversions, f.Value = settled(f.Conversions), settled(f.Value)
	}
	return places, Totals{settled(total.Conversions), settled(total.Value)}, nil
}

// countPlaces adds what is counted of sessions.
func (s Scoped) countPlaces(ctx context.Context, q Credits, kind placeKind, at placesAt) error {
	err := kind.gather(s, ctx, q, at)
	if !errors.Is(err, errCrowded) {
		return err
	}
	for _, count := range kind.counts {
		err := s.askSessions(ctx, q, count.statement, q.Period.arguments(), func(row driver.Rows) error { return count.scan(row, at) })
		if err != nil {
			return err
		}
	}
	return nil
}

// creditedOne gives credits by q.Dimension, or by what is told of its values,
// and the place of the question's model in them.
func (s Scoped) creditedOne(ctx context.Context, q Credits, told func(string) string) (map[keys]earned, int, error) {
	q.Compare = ""
	model, _, err := q.check()
	if err != nil {
		return nil, 0, err
	}
	if q.Model.dataDriven() {
		return nil, 0, invalid("the model %s is told in Traffic only; use another model, such as linear", q.Model)
	}
	byKey, err := s.creditsBy(ctx, q, grouping{first: q.Dimension, told: told})
	if err != nil {
		return nil, 0, err
	}
	return byKey[0], model, nil
}

// askSessions runs a statement about the sessions of a question's period that
// match its filters. arguments hold at least the period's.
func (s Scoped) askSessions(ctx context.Context, q Credits, name string, arguments map[string]any, scan func(driver.Rows) error) error {
	data, err := sessionsOf(q, arguments)
	if err != nil {
		return err
	}
	return s.query(ctx, name, data, arguments, scan)
}

// sessionsOf fills in_period.sql, and binds what it asks of sessions.
func sessionsOf(q Credits, arguments map[string]any) (data placed, err error) {
	if data.Filters, err = conditions(q.Filters, sessionColumn, arguments); err != nil {
		return data, err
	}
	data.Exclusions, err = exclusions(q.Exclude, sessionColumn, arguments)
	return data, err
}
