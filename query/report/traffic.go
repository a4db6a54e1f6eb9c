package report

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Granularity is how long the stretches of a trend are.
type Granularity string

// The granularities: an hour for up to 2 days, a day for up to 92, a week
// (seven days from the first) for up to 366, else a calendar month.
const (
	Hour  Granularity = "hour"
	Day   Granularity = "day"
	Week  Granularity = "week"
	Month Granularity = "month"
)

// Figures are what a stretch of time holds.
type Figures struct {
	Start       schema.Millis // of the stretch
	Sessions    uint64        // that began in it, bots left out
	Visitors    uint64        // distinct, of those sessions
	PageViews   uint64        // of those sessions
	Conversions float64       // of the model's credits, those that match the filters
	Value       float64
}

// Traffic are a period's key figures and its trend, empty stretches included.
type Traffic struct {
	Total       Figures
	Granularity Granularity
	Trend       []Figures
	Costed      bool    // whether costs are known in these days, and can be told apart so
	Cost        float64 // of ads in the period, those that match the filters
}

// Traffic sums sessions and conversions of q.Period. q.Dimension, q.Second and
// q.Compare are not read. A data-driven model has no trend of its own, since it
// looks at a whole period: its conversions are those of the linear model, which
// sum to the same without filters.
func (s Scoped) Traffic(ctx context.Context, q Credits) (Traffic, error) {
	granularity, bounds := s.stretches(q.Period)
	t := Traffic{Granularity: granularity, Trend: make([]Figures, len(bounds)), Total: Figures{Start: q.Period.Begin}}
	places := make(map[int64]*Figures, len(bounds)+1)
	for i, b := range bounds {
		t.Trend[i].Start = schema.Millis(b)
		places[b] = &t.Trend[i]
	}
	places[0] = &t.Total
	err := s.gatherStretches(ctx, q, bounds, t.Trend, &t.Total)
	if errors.Is(err, errCrowded) {
		err = s.addSessions(ctx, q, bounds, places)
	}
	if err != nil {
		return Traffic{}, err
	}
	if err := s.addConversions(ctx, q, bounds, places); err != nil {
		return Traffic{}, err
	}
	return t, s.addCosts(ctx, q, &t)
}

func (s Scoped) addCosts(ctx context.Context, q Credits, t *Traffic) error {
	q.Dimension, q.Second = "", ""
	costs, err := s.costs(ctx, q)
	t.Costed = costs != nil
	for _, cost := range costs {
		t.Cost += cost
	}
	t.Cost = settled(t.Cost)
	return err
}

// addSessions counts more sessions than are gathered.
func (s Scoped) addSessions(ctx context.Context, q Credits, bounds []int64, places map[int64]*Figures) error {
	total := places[0]
	arguments := q.Period.arguments()
	arguments["bounds"] = bounds
	err := s.askSessions(ctx, q, "traffic", arguments, func(rows driver.Rows) error {
		var stretch int64
		var f Figures
		if err := rows.Scan(&stretch, &f.Sessions, &f.Visitors, &f.PageViews); err != nil {
			return err
		}
		total.Sessions, total.PageViews = total.Sessions+f.Sessions, total.PageViews+f.PageViews
		if place := places[stretch]; place != nil {
			place.Sessions, place.Visitors, place.PageViews = f.Sessions, f.Visitors, f.PageViews
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.askSessions(ctx, q, "traffic_visitors", q.Period.arguments(), func(rows driver.Rows) error { return rows.Scan(&total.Visitors) })
}

func (s Scoped) addConversions(ctx context.Context, q Credits, bounds []int64, places map[int64]*Figures) error {
	if q.Model == Markov || q.Model == Shapley {
		q.Model = "linear"
	}
	model, err := modelIndex(q.Model)
	if err != nil {
		return err
	}
	byStretch, err := s.creditsBy(ctx, q, grouping{bounds: bounds})
	if err != nil {
		return err
	}
	defer func() {
		places[0].Conversions, places[0].Value = settled(places[0].Conversions), settled(places[0].Value)
	}()
	for key, e := range byStretch[0] {
		stretch, err := strconv.ParseInt(key[0], 10, 64)
		if err != nil {
			return err
		}
		for _, place := range []*Figures{places[stretch], places[0]} {
			if place != nil {
				place.Conversions += e.conversions[model]
				place.Value += e.value[model]
			}
		}
	}
	return nil
}

// stretches cuts a period, in the workspace's zone: a day of a clock change
// has 23 or 25 hours.
func (s Scoped) stretches(p Period) (Granularity, []int64) {
	begin, end := p.Begin.Time().In(s.zone), p.End.Time().In(s.zone)
	days := int(end.Sub(begin).Hours()+12) / 24
	granularity := Month
	next := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, s.zone) }
	switch {
	case days <= 2:
		granularity, next = Hour, func(t time.Time) time.Time { return t.Add(time.Hour) }
	case days <= 92:
		granularity, next = Day, func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
	case days <= 366:
		granularity, next = Week, func(t time.Time) time.Time { return t.AddDate(0, 0, 7) }
	}
	var bounds []int64
	for t := begin; t.Before(end); t = next(t) {
		bounds = append(bounds, t.UnixMilli())
	}
	return granularity, bounds
}

// Previous is the period of the same number of days before p.
func (s Scoped) Previous(p Period) Period {
	begin, end := p.Begin.Time().In(s.zone), p.End.Time().In(s.zone)
	days := int(end.Sub(begin).Hours()+12) / 24
	return Period{schema.MillisOf(begin.AddDate(0, 0, -days)), p.Begin}
}

// YearBefore are the same calendar days one year before p.
func (s Scoped) YearBefore(p Period) Period {
	begin, end := p.Begin.Time().In(s.zone), p.End.Time().In(s.zone)
	return Period{schema.MillisOf(begin.AddDate(-1, 0, 0)), schema.MillisOf(end.AddDate(-1, 0, 0))}
}
