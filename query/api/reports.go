package api

import (
	"context"
	"slices"
	"strconv"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// defaultDays is how many days a report covers when nobody says.
const defaultDays = 30

// days reads a report's period. Without its end it is today, without its
// beginning 29 days before the end, in the workspace's zone.
func (s *service) days(who caller, from, to *string) (first, last string, p report.Period, err error) {
	last = s.Now().In(who.workspace.Zone).Format(time.DateOnly)
	if to != nil {
		last = *to
	}
	if from != nil {
		first = *from
	} else if end, err := time.Parse(time.DateOnly, last); err == nil {
		first = end.AddDate(0, 0, 1-defaultDays).Format(time.DateOnly)
	}
	p, err = s.reports(who).Days(first, last)
	return first, last, p, err
}

// lookback reads days or all; 90 days when nobody says.
func lookback(text *string) (int, error) {
	switch {
	case text == nil:
		return 90, nil
	case *text == "all":
		return report.AllTouches, nil
	}
	days, err := strconv.Atoi(*text)
	if err != nil || days < 1 {
		return 0, schema.E("read a report", schema.KindInvalid, "The lookback is not a number of days. Use 1, 7, 14, 30, 60, 90, 180 or all.")
	}
	return days, nil
}

func model(m *Model) report.Model {
	if m == nil {
		return report.Model(LastTouch)
	}
	return report.Model(*m)
}

// GetTraffic gives key figures and their trend.
func (s *service) GetTraffic(ctx context.Context, in GetTrafficRequestObject) (GetTrafficResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	q := report.Credits{Model: model(p.Model)}
	first, last, _, err := s.days(who, p.From, p.To)
	if err != nil {
		return nil, err
	}
	if err = s.credit(ctx, who, &q, askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, p.FirstOnly, p.Exclude, p.Filter}); err != nil {
		return nil, err
	}
	now, err := s.reports(who).Traffic(ctx, q)
	if err != nil {
		return nil, err
	}
	before, err := s.compared(ctx, who, q, comparison{text(p.Compare), p.CompareFrom, p.CompareTo})
	if err != nil {
		return nil, err
	}
	zone := who.workspace.Zone
	answer := GetTraffic200JSONResponse{
		From: first, To: last, Granularity: TrafficGranularity(now.Granularity), Figures: figuresOf(now, before, q.AsOf),
		Trend: trendOf(now.Trend, now.Granularity, zone), Previous: []TrendPoint{},
	}
	if before != nil {
		answer.Previous = trendOf(before.Trend, now.Granularity, zone)
	}
	return answer, nil
}

// comparison says which days others are compared with.
type comparison struct {
	with     string
	from, to *string // where it is custom
}

// before gives the period compared with; false for none.
func (s *service) before(who caller, p report.Period, c comparison) (report.Period, bool, error) {
	scoped := s.reports(who)
	switch Comparison(c.with) {
	case ComparisonPrevious:
		return scoped.Previous(p), true, nil
	case ComparisonYear:
		return scoped.YearBefore(p), true, nil
	case ComparisonCustom:
		if c.from == nil || c.to == nil {
			return p, false, schema.E("read a report", schema.KindInvalid, "A comparison with days of one's own needs compare_from and compare_to. Name both.")
		}
		before, err := scoped.Days(*c.from, *c.to)
		return before, true, err
	}
	return p, false, nil
}

// compared is the traffic of the period compared with; nil for none.
func (s *service) compared(ctx context.Context, who caller, q report.Credits, c comparison) (*report.Traffic, error) {
	var compares bool
	var err error
	if q.Period, compares, err = s.before(who, q.Period, c); err != nil || !compares {
		return nil, err
	}
	before, err := s.reports(who).Traffic(ctx, q)
	return &before, err
}

// figuresOf gives the figures beside those of the days compared with, nil for
// none. As of a moment, 0 for now, nothing is divided: conversions are of then,
// and everything else is of now.
func figuresOf(now report.Traffic, before *report.Traffic, asOf schema.Millis) []Figure {
	total := now.Total
	figures := []Figure{
		{Name: "sessions", Value: float64(total.Sessions)}, {Name: "visitors", Value: float64(total.Visitors)},
		{Name: "page_views", Value: float64(total.PageViews)}, {Name: "conversions", Value: total.Conversions, AsOf: moment(asOf)},
		{Name: "conversion_rate", Value: rate(total)}, {Name: "value", Value: total.Value, AsOf: moment(asOf)},
	}
	figures = append(figures, costFigures(now)...)
	if asOf != 0 {
		figures = slices.DeleteFunc(figures, func(f Figure) bool { return slices.Contains(divided(), f.Name) })
	}
	if before == nil {
		return figures
	}
	for _, old := range figuresOf(*before, nil, asOf) {
		i := slices.IndexFunc(figures, func(f Figure) bool { return f.Name == old.Name })
		if i < 0 {
			continue
		}
		figures[i].Previous = new(old.Value)
		if old.Value != 0 {
			figures[i].Change = new((figures[i].Value - old.Value) / old.Value)
		}
	}
	return figures
}

// divided are the figures that are formed of conversions and of something else.
func divided() []FigureName {
	return []FigureName{"conversion_rate", "cost_per_conversion", "return_on_spend"}
}

// costFigures are those about the cost of ads, where it is known.
func costFigures(t report.Traffic) []Figure {
	if !t.Costed {
		return nil
	}
	figures := []Figure{{Name: "cost", Value: t.Cost}}
	if each := ratio(t.Cost, t.Total.Conversions); each != nil {
		figures = append(figures, Figure{Name: "cost_per_conversion", Value: *each})
	}
	if back := ratio(t.Total.Value, t.Cost); back != nil {
		figures = append(figures, Figure{Name: "return_on_spend", Value: *back})
	}
	return figures
}

// rate is conversions per session; 0 without sessions.
func rate(f report.Figures) float64 {
	if f.Sessions == 0 {
		return 0
	}
	return f.Conversions / float64(f.Sessions)
}

func trendOf(stretches []report.Figures, granularity report.Granularity, zone *time.Location) []TrendPoint {
	layout := time.DateOnly
	if granularity == report.Hour {
		layout = "2006-01-02T15:04"
	}
	points := make([]TrendPoint, 0, len(stretches))
	for _, f := range stretches {
		points = append(points, TrendPoint{
			Start: f.Start.Time().In(zone).Format(layout), Sessions: int64(f.Sessions), Visitors: int64(f.Visitors), Conversions: f.Conversions,
		})
	}
	return points
}
