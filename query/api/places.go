package api

import (
	"context"

	"sourceloop/query/report"
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
	by, limit := report.Dimension("channel"), defaultPaths
	if p.By != nil {
		by = report.Dimension(*p.By)
	}
	if p.Limit != nil {
		limit = *p.Limit
	}
	found, err := s.reports(who).TouchPaths(ctx, q, by, !yes(p.Repeats), limit)
	if err != nil {
		return nil, err
	}
	list := ListPaths200JSONResponse{Rows: make([]Path, 0, len(found.Rows)), Paths: int64(found.Paths), Total: int64(found.Total), Value: found.TotalValue}
	for _, r := range found.Rows {
		list.Rows = append(list.Rows, Path{Steps: r.Steps, Conversions: int64(r.Conversions), Value: r.Value, Visitors: int64(r.Visitors)})
	}
	return list, nil
}

// ListContent tells what pages do.
func (s *service) ListContent(ctx context.Context, in ListContentRequestObject) (ListContentResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	q := report.Credits{Model: model(p.Model)}
	err := s.credit(ctx, who, &q, askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, p.FirstOnly, p.Exclude, p.Filter})
	if err != nil {
		return nil, err
	}
	found, err := s.reports(who).Content(ctx, q)
	if err != nil {
		return nil, err
	}
	list := ListContent200JSONResponse{Rows: make([]ContentRow, 0, len(found.Rows)), Pages: found.Pages, Total: found.Total, Value: found.Value}
	for _, r := range found.Rows {
		list.Rows = append(list.Rows, ContentRow{
			Page: r.Page, Entries: int64(r.Entries), Views: int64(r.Views), Exits: int64(r.Exits), Visitors: int64(r.Visitors),
			Conversions: r.Conversions, Value: r.Value,
		})
	}
	return list, nil
}

// ListLocations tells what countries bring.
func (s *service) ListLocations(ctx context.Context, in ListLocationsRequestObject) (ListLocationsResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	q := report.Credits{Model: model(p.Model)}
	err := s.credit(ctx, who, &q, askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, p.FirstOnly, p.Exclude, p.Filter})
	if err != nil {
		return nil, err
	}
	found, err := s.reports(who).Locations(ctx, q)
	if err != nil {
		return nil, err
	}
	list := ListLocations200JSONResponse{Rows: make([]LocationRow, 0, len(found.Rows)), Total: found.Total, Value: found.Value}
	for _, r := range found.Rows {
		list.Rows = append(list.Rows, LocationRow{
			Country: r.Country, Visitors: int64(r.Visitors), Sessions: int64(r.Sessions), Conversions: r.Conversions, Value: r.Value,
		})
	}
	return list, nil
}
