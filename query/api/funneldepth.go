package api

import (
	"context"

	"sourceloop/query/report"
)

// CountMatches counts every step by itself.
func (s *service) CountMatches(ctx context.Context, in CountMatchesRequestObject) (CountMatchesResponseObject, error) {
	who := callerOf(ctx)
	_, _, period, err := s.days(who, in.Body.From, in.Body.To)
	if err != nil {
		return nil, err
	}
	found, err := s.reports(who).StepMatches(ctx, goalSteps(who.workspace.Goals, reportSteps(in.Body.Steps)), period)
	if err != nil {
		return nil, err
	}
	answer := CountMatches200JSONResponse{Items: make([]StepMatch, len(found))}
	for i, m := range found {
		answer.Items[i] = StepMatch{Times: int64(m.Times), Visitors: int64(m.Visitors)}
	}
	return answer, nil
}

// TrendFunnel gives a funnel by day or week.
func (s *service) TrendFunnel(ctx context.Context, in TrendFunnelRequestObject) (TrendFunnelResponseObject, error) {
	who, b := callerOf(ctx), in.Body
	f, err := s.funnelIn(who, FunnelDefinition{Steps: b.Steps, Scope: b.Scope, Order: b.Order, Window: b.Window, Exclusions: b.Exclusions}, b.From, b.To)
	if err != nil {
		return nil, err
	}
	by := report.Day
	if b.By != nil {
		by = report.Granularity(*b.By)
	}
	points, err := s.reports(who).FunnelTrend(ctx, f, by)
	if err != nil {
		return nil, err
	}
	answer := TrendFunnel200JSONResponse{Points: make([]FunnelTrendPoint, len(points))}
	for i, p := range points {
		answer.Points[i] = FunnelTrendPoint{Start: Moment(p.Start), Steps: stepsOf(p.Steps)}
	}
	return answer, nil
}

// ListFunnelPeople lists who got to a step.
func (s *service) ListFunnelPeople(ctx context.Context, in ListFunnelPeopleRequestObject) (ListFunnelPeopleResponseObject, error) {
	who, b := callerOf(ctx), in.Body
	f, err := s.funnelIn(who, FunnelDefinition{
		Steps: b.Steps, Scope: b.Scope, Order: b.Order, Window: b.Window, Breakdown: b.Breakdown, Exclusions: b.Exclusions,
	}, b.From, b.To)
	if err != nil {
		return nil, err
	}
	page, err := s.reports(who).FunnelPeople(ctx, report.FunnelPeople{
		Funnel: f, Step: b.Step, Dropped: yes(b.Dropped), Key: b.Key, Limit: number(b.Limit, 0), Cursor: value(b.Cursor),
	})
	if err != nil {
		return nil, err
	}
	answer := ListFunnelPeople200JSONResponse{Items: make([]FunnelPerson, len(page.People)), Next: page.Next}
	for i, p := range page.People {
		answer.Items[i] = FunnelPerson{
			Id: p.ID, Visitor: p.Visitor, Key: new(p.Key), EnteredAt: Moment(p.EnteredAt), ReachedAt: Moment(p.ReachedAt), Reached: p.Reached,
		}
		if c := p.Contact; c != nil {
			answer.Items[i].Contact = &FunnelContact{Id: c.ID.String(), Email: c.Email, Phone: c.Phone, Name: c.Name}
		}
	}
	return answer, nil
}

// ListFunnelPaths lists what people did between a step and the next.
func (s *service) ListFunnelPaths(ctx context.Context, in ListFunnelPathsRequestObject) (ListFunnelPathsResponseObject, error) {
	who, b := callerOf(ctx), in.Body
	f, err := s.funnelIn(who, FunnelDefinition{Steps: b.Steps, Scope: b.Scope, Order: b.Order, Window: b.Window, Exclusions: b.Exclusions}, b.From, b.To)
	if err != nil {
		return nil, err
	}
	dropped := yes(b.Dropped)
	found, err := s.reports(who).FunnelBetween(ctx, report.FunnelBetween{
		Funnel: f, Step: b.Step, Dropped: dropped, Depth: number(b.Depth, 0), Limit: number(b.Limit, 0),
	})
	if err != nil {
		return nil, err
	}
	answer := ListFunnelPaths200JSONResponse{Paths: make([]FunnelPath, len(found.Paths)), People: int64(found.People), Number: int64(found.Number)}
	for i, p := range found.Paths {
		answer.Paths[i] = FunnelPath{Path: placesOf(p.Path), Longer: p.Longer, People: int64(p.People)}
		if !dropped {
			answer.Paths[i].MedianSeconds = new(p.Median)
		}
	}
	return answer, nil
}

func placesOf(path []report.Happening) []PathPlace {
	places := make([]PathPlace, len(path))
	for i, h := range path {
		places[i] = PathPlace{Type: PathPlaceType(h.Type), Name: h.Name}
	}
	return places
}

// ListBestPaths lists which beginnings of first visits lead to the last step.
func (s *service) ListBestPaths(ctx context.Context, in ListBestPathsRequestObject) (ListBestPathsResponseObject, error) {
	who, b := callerOf(ctx), in.Body
	f, err := s.funnelIn(who, FunnelDefinition{Steps: b.Steps, Scope: b.Scope, Order: b.Order, Window: b.Window, Exclusions: b.Exclusions}, b.From, b.To)
	if err != nil {
		return nil, err
	}
	found, err := s.reports(who).BestPaths(ctx, report.BestPaths{
		Funnel: f, Depth: number(b.Depth, 0), Limit: number(b.Limit, 0), AtLeast: number(b.AtLeast, 10),
	})
	if err != nil {
		return nil, err
	}
	answer := ListBestPaths200JSONResponse{
		Paths: make([]BestPath, len(found.Paths)), People: int64(found.People), Converted: int64(found.Converted), Number: int64(found.Number),
	}
	for i, p := range found.Paths {
		answer.Paths[i] = BestPath{Path: placesOf(p.Pages), People: int64(p.People), Converted: int64(p.Converted), Low: p.Low, High: p.High}
		if p.Converted > 0 {
			answer.Paths[i].MedianSeconds = new(p.Median)
		}
	}
	return answer, nil
}

// CorrelateFunnel tells what goes with converting.
func (s *service) CorrelateFunnel(ctx context.Context, in CorrelateFunnelRequestObject) (CorrelateFunnelResponseObject, error) {
	who, b := callerOf(ctx), in.Body
	f, err := s.funnelIn(who, FunnelDefinition{Steps: b.Steps, Scope: b.Scope, Order: b.Order, Window: b.Window, Exclusions: b.Exclusions}, b.From, b.To)
	if err != nil {
		return nil, err
	}
	found, err := s.reports(who).FunnelCorrelation(ctx, report.FunnelCorrelation{Funnel: f, AtLeast: number(b.AtLeast, 0)})
	if err != nil {
		return nil, err
	}
	answer := CorrelateFunnel200JSONResponse{
		Features: make([]FunnelFeature, len(found.Features)), Converted: int64(found.Won), Lost: int64(found.Lost),
		AtLeast: found.AtLeast, Tested: found.Tested, More: found.MoreFeatures,
	}
	for i, v := range found.Features {
		answer.Features[i] = FunnelFeature{
			Type: v.Type, Name: v.Name, Converted: int64(v.Won), Lost: int64(v.Lost),
			OddsRatio: v.OddsRatio, OddsLow: v.OddsLow, OddsHigh: v.OddsHigh, Chance: v.Chance, CorrectedChance: v.Corrected,
		}
	}
	return answer, nil
}
