package report

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// ContentRow is what one page did. A page is its URL without query.
type ContentRow struct {
	Page        string // None for conversions and sessions without one
	Entries     uint64 // sessions that began with it
	Views       uint64
	Exits       uint64 // sessions that ended with it
	Visitors    uint64 // distinct browsers that viewed it
	Conversions float64
	Value       float64 // both credited to sessions that began with it
}

// Content are pages, most conversions first, and then most views.
type Content struct {
	Rows  []ContentRow
	Pages int     // also those beyond Rows
	Total float64 // conversions, of all pages
	Value float64
}

// LocationRow is what one country brought.
type LocationRow struct {
	Country     string // ISO 3166; None where it is not known
	Visitors    uint64 // distinct browsers
	Sessions    uint64
	Conversions float64
	Value       float64 // both credited to sessions from there
}

// Locations are countries, most conversions first, and then most visitors.
type Locations struct {
	Rows  []LocationRow
	Total float64 // conversions, of all countries
	Value float64
}

// MaxPages is how many pages are given.
const MaxPages = 1000

// Content tells what the pages of a period did. Of the question q.Compare,
// q.Dimension and q.Second are not read.
func (s Scoped) Content(ctx context.Context, q Credits) (Content, error) {
	q.Dimension, q.Second = "landing_page", ""
	byKey, model, err := s.creditedOne(ctx, q)
	if err != nil {
		return Content{}, err
	}
	rows := map[string]*ContentRow{}
	at := func(page string) *ContentRow {
		if rows[page] == nil {
			rows[page] = &ContentRow{Page: cmp.Or(page, None)}
		}
		return rows[page]
	}
	err = s.askSessions(ctx, q, "content", func(scan driver.Rows) error {
		var r ContentRow
		err := scan.Scan(&r.Page, &r.Entries, &r.Views, &r.Exits, &r.Visitors)
		*at(r.Page) = r
		return err
	})
	if err != nil {
		return Content{}, err
	}
	var c Content
	for k, e := range byKey {
		if e.conversions[model] > 0 { // Another model may credit the page alone.
			page, _, _ := strings.Cut(k[0], "?") // As cutQueryString does in the statement.
			r := at(page)
			r.Conversions, r.Value = r.Conversions+e.conversions[model], r.Value+e.value[model]
		}
		c.Total, c.Value = c.Total+e.conversions[model], c.Value+e.value[model]
	}
	for _, r := range rows {
		r.Conversions, r.Value = settled(r.Conversions), settled(r.Value)
		c.Rows = append(c.Rows, *r)
	}
	slices.SortFunc(c.Rows, func(a, b ContentRow) int {
		return cmp.Or(cmp.Compare(b.Conversions, a.Conversions), cmp.Compare(b.Views, a.Views), cmp.Compare(a.Page, b.Page))
	})
	c.Pages, c.Rows = len(c.Rows), c.Rows[:min(len(c.Rows), MaxPages)]
	c.Total, c.Value = settled(c.Total), settled(c.Value)
	return c, nil
}

// Locations tells what the countries of a period brought. Of the question
// q.Compare, q.Dimension and q.Second are not read.
func (s Scoped) Locations(ctx context.Context, q Credits) (Locations, error) {
	q.Dimension, q.Second = "country", ""
	byKey, model, err := s.creditedOne(ctx, q)
	if err != nil {
		return Locations{}, err
	}
	rows := map[string]*LocationRow{}
	at := func(country string) *LocationRow {
		if rows[country] == nil {
			rows[country] = &LocationRow{Country: cmp.Or(country, None)}
		}
		return rows[country]
	}
	err = s.askSessions(ctx, q, "locations", func(scan driver.Rows) error {
		var country string
		var visitors, sessions uint64
		err := scan.Scan(&country, &visitors, &sessions)
		r := at(country)
		r.Visitors, r.Sessions = visitors, sessions
		return err
	})
	if err != nil {
		return Locations{}, err
	}
	var l Locations
	for k, e := range byKey {
		if e.conversions[model] > 0 {
			r := at(k[0])
			r.Conversions, r.Value = settled(e.conversions[model]), settled(e.value[model])
		}
		l.Total, l.Value = l.Total+e.conversions[model], l.Value+e.value[model]
	}
	for _, r := range rows {
		l.Rows = append(l.Rows, *r)
	}
	slices.SortFunc(l.Rows, func(a, b LocationRow) int {
		return cmp.Or(cmp.Compare(b.Conversions, a.Conversions), cmp.Compare(b.Visitors, a.Visitors), cmp.Compare(a.Country, b.Country))
	})
	l.Total, l.Value = settled(l.Total), settled(l.Value)
	return l, nil
}

// creditedOne gives credits by q.Dimension, and the place of the question's
// model in them.
func (s Scoped) creditedOne(ctx context.Context, q Credits) (map[keys]earned, int, error) {
	q.Compare = ""
	model, _, err := q.check()
	if err != nil {
		return nil, 0, err
	}
	if q.Model.dataDriven() {
		return nil, 0, invalid("the model %s is told in Traffic only; use another model, such as linear", q.Model)
	}
	byKey, err := s.credits(ctx, q)
	return byKey, model, err
}

// askSessions runs a statement about the sessions of a question's period that
// match its filters.
func (s Scoped) askSessions(ctx context.Context, q Credits, name string, scan func(driver.Rows) error) error {
	arguments := q.Period.arguments()
	var data placed
	var err error
	if data.Filters, err = conditions(q.Filters, sessionColumn, arguments); err != nil {
		return err
	}
	if data.Exclusions, err = exclusions(q.Exclude, sessionColumn, arguments); err != nil {
		return err
	}
	return s.query(ctx, name, data, arguments, scan)
}
