package api

import (
	"context"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// defaultPaths is how many paths are given when nobody says.
const defaultPaths = 100

// ListPaths gives the sequences of touches before conversions.
func (s *service) ListPaths(ctx context.Context, in ListPathsRequestObject) (ListPathsResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	var q report.Credits
	err := s.credit(ctx, who, &q, askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, p.FirstOnly, p.Exclude, p.Filter})
	if err != nil {
		return nil, err
	}
	of := report.PathQuestion{By: "channel", Collapsed: !yes(p.Repeats), Limit: defaultPaths}
	if of.Before, err = s.beside(who, q.Period, comparison{text(p.Compare), p.CompareFrom, p.CompareTo}); err != nil {
		return nil, err
	}
	if p.By != nil {
		of.By = report.Dimension(*p.By)
	}
	if p.Limit != nil {
		of.Limit = *p.Limit
	}
	found, err := s.reports(who).TouchPaths(ctx, q, of)
	if err != nil {
		return nil, err
	}
	list := ListPaths200JSONResponse{
		Rows: make([]Path, 0, len(found.Rows)), Paths: int64(found.Paths), Total: int64(found.Total), Value: found.TotalValue,
		Previous: totalsBefore(who, found.Before, of.Before),
	}
	for _, r := range found.Rows {
		row := Path{Steps: r.Steps, Conversions: int64(r.Conversions), Value: r.Value, Visitors: int64(r.Visitors)}
		if b := r.Before; b != nil {
			row.PreviousConversions, row.PreviousValue, row.PreviousVisitors = new(int64(b.Conversions)), new(b.Value), new(int64(b.Visitors))
		}
		list.Rows = append(list.Rows, row)
	}
	return list, nil
}

// beside is the period compared with; nil for none.
func (s *service) beside(who caller, p report.Period, c comparison) (*report.Period, error) {
	before, compares, err := s.before(who, p, c)
	if err != nil || !compares {
		return nil, err
	}
	return &before, nil
}

// totalsBefore are those of the days compared with; nil without.
func totalsBefore(who caller, totals *report.Totals, days *report.Period) *TotalsBefore {
	if totals == nil {
		return nil
	}
	first, last := dayIn(who, days.Begin), dayIn(who, days.End-1)
	return &TotalsBefore{From: first, To: last, Total: totals.Conversions, Value: totals.Value}
}

// dayIn is the calendar day of a moment in the caller's zone.
func dayIn(who caller, at schema.Millis) string {
	return at.Time().In(who.workspace.Zone).Format(time.DateOnly)
}

// ListContent tells what pages do.
func (s *service) ListContent(ctx context.Context, in ListContentRequestObject) (ListContentResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	asked := askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, p.FirstOnly, p.Exclude, p.Filter}
	found, days, err := s.places(ctx, who, p.Model, asked, comparison{text(p.Compare), p.CompareFrom, p.CompareTo}, s.reports(who).Content)
	if err != nil {
		return nil, err
	}
	list := ListContent200JSONResponse{
		Rows: make([]ContentRow, 0, len(found.Rows)), Pages: found.Count, Total: found.Conversions, Value: found.Value,
		Previous: totalsBefore(who, found.Before, days),
	}
	for _, r := range found.Rows {
		row := ContentRow{
			Page: r.Place, Entries: int64(r.Sessions), Views: int64(r.Views), Exits: int64(r.Exits), Visitors: int64(r.Visitors),
			Conversions: r.Conversions, Value: r.Value,
		}
		if b := r.Before; b != nil {
			row.PreviousEntries, row.PreviousViews, row.PreviousExits = new(int64(b.Sessions)), new(int64(b.Views)), new(int64(b.Exits))
			row.PreviousVisitors, row.PreviousConversions, row.PreviousValue = new(int64(b.Visitors)), new(b.Conversions), new(b.Value)
		}
		list.Rows = append(list.Rows, row)
	}
	return list, nil
}

// ListLocations tells what countries bring.
func (s *service) ListLocations(ctx context.Context, in ListLocationsRequestObject) (ListLocationsResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	asked := askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, p.FirstOnly, p.Exclude, p.Filter}
	found, days, err := s.places(ctx, who, p.Model, asked, comparison{text(p.Compare), p.CompareFrom, p.CompareTo}, s.reports(who).Locations)
	if err != nil {
		return nil, err
	}
	list := ListLocations200JSONResponse{
		Rows: make([]LocationRow, 0, len(found.Rows)), Total: found.Conversions, Value: found.Value,
		Previous: totalsBefore(who, found.Before, days),
	}
	for _, r := range found.Rows {
		row := LocationRow{
			Country: r.Place, Visitors: int64(r.Visitors), Sessions: int64(r.Sessions), Conversions: r.Conversions, Value: r.Value,
		}
		if b := r.Before; b != nil {
			row.PreviousVisitors, row.PreviousSessions = new(int64(b.Visitors)), new(int64(b.Sessions))
			row.PreviousConversions, row.PreviousValue = new(b.Conversions), new(b.Value)
		}
		list.Rows = append(list.Rows, row)
	}
	return list, nil
}

// places asks about pages or countries, beside those of the days compared with.
func (s *service) places(ctx context.Context, who caller, m *Model, asked askedCredits, c comparison, ask func(context.Context, report.Credits, *report.Period) (report.Places, error)) (report.Places, *report.Period, error) {
	q := report.Credits{Model: model(m)}
	if err := s.credit(ctx, who, &q, asked); err != nil {
		return report.Places{}, nil, err
	}
	days, err := s.beside(who, q.Period, c)
	if err != nil {
		return report.Places{}, nil, err
	}
	found, err := ask(ctx, q, days)
	return found, days, err
}
