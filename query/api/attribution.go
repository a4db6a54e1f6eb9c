package api

import (
	"context"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// inProgress is the stage that the full-path model favours.
const inProgress = "In Progress"

// askedCredits are the parameters that questions about credits have in common.
type askedCredits struct {
	from, to, conversion, lookback, asOf, segment *string
	firstOnly                                     *bool
	exclude, filter                               *[]string
}

// credit reads what questions about credits have in common.
func (s *service) credit(ctx context.Context, who caller, q *report.Credits, asked askedCredits) error {
	q.Conversion, q.FirstOnly = text(asked.conversion), yes(asked.firstOnly)
	var err error
	if _, _, q.Period, err = s.days(who, asked.from, asked.to); err != nil {
		return err
	}
	if q.Lookback, err = lookback(asked.lookback); err != nil {
		return err
	}
	if q.AsOf, err = s.knownAt(who, asked.asOf); err != nil {
		return err
	}
	if q.Exclude, err = filters(asked.exclude); err != nil {
		return err
	}
	filter, err := s.narrowed(ctx, who, asked.segment, asked.filter)
	if err != nil {
		return err
	}
	if q.Filters, err = filters(filter); err != nil {
		return err
	}
	if q.Model == report.Model(FullPath) || q.Compare == report.Model(FullPath) {
		q.Progressed, err = s.progressed(ctx, who)
	}
	return err
}

// yes is an optional choice.
func yes(p *bool) bool { return p != nil && *p }

// progressed gives the contacts that came to the stage In Progress, and when
// first.
func (s *service) progressed(ctx context.Context, who caller) (map[schema.ID]schema.Millis, error) {
	moments, err := s.Store.FirstReached(ctx, who.Workspace, inProgress)
	if err != nil {
		return nil, err
	}
	return s.reports(who).Owners(ctx, moments)
}

// defaultRows is how many rows a table of attribution has unless another number is asked for.
const defaultRows = 1000

// GetAttribution credits conversions to what earned them.
func (s *service) GetAttribution(ctx context.Context, in GetAttributionRequestObject) (GetAttributionResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	q := report.Credits{
		Model: model(p.Model), Compare: report.Model(text(p.CompareModel)), Dimension: dimension(p.Dimension),
		Second: report.Dimension(text(p.SecondDimension)),
	}
	err := s.credit(ctx, who, &q, askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, p.FirstOnly, p.Exclude, p.Filter})
	if err != nil {
		return nil, err
	}
	before, compares, err := s.before(who, q.Period, comparison{text(p.Compare), p.CompareFrom, p.CompareTo})
	if err != nil {
		return nil, err
	}
	q.Rows = defaultRows
	if p.Limit != nil {
		q.Rows = *p.Limit
	}
	if compares {
		found, err := s.reports(who).AttributionBeside(ctx, q, before)
		if err != nil {
			return nil, err
		}
		return comparedOf(found, q, beforeOf(who, found.Then, before)), nil
	}
	found, err := s.reports(who).Attribution(ctx, q)
	if err != nil {
		return nil, err
	}
	return attributionOf(found, q), nil
}

func dimension(d *Dimension) report.Dimension {
	if d == nil {
		return "channel"
	}
	return report.Dimension(*d)
}

func attributionOf(a report.Attribution, q report.Credits) GetAttribution200JSONResponse {
	answer := summedOf(a, len(a.Rows), a.Count)
	for i := range a.Rows {
		answer.Rows = append(answer.Rows, earnedOf(&a.Rows[i], a.Costed, q))
	}
	if a.Count > len(a.Rows) {
		rest := earnedOf(&a.Rest, a.Costed, q)
		answer.Rest = restOf(&rest)
	}
	return answer
}

func summedOf(a report.Attribution, rows, count int) GetAttribution200JSONResponse {
	answer := GetAttribution200JSONResponse{Rows: make([]AttributionRow, 0, rows), Count: int64(count), Attributed: a.Attributed, Total: a.Total}
	if a.Costed {
		answer.Cost = new(a.Cost)
	}
	return answer
}

// comparedOf has rows stand beside those of former days.
func comparedOf(c report.ComparedAttribution, q report.Credits, before AttributionBefore) GetAttribution200JSONResponse {
	answer := summedOf(c.Now, len(c.Rows), c.Count)
	answer.Previous = &before
	for i := range c.Rows {
		answer.Rows = append(answer.Rows, besideOf(&c.Rows[i], &c, q))
	}
	if c.Count > len(c.Rows) {
		rest := besideOf(&c.Rest, &c, q)
		answer.Rest = restOf(&rest)
	}
	return answer
}

func besideOf(r *report.ComparedRow, c *report.ComparedAttribution, q report.Credits) AttributionRow {
	row := earnedOf(&r.AttributionRow, c.Now.Costed, q)
	row.PreviousConversions, row.PreviousValue, row.PreviousSessions = new(r.Then.Conversions), new(r.Then.Value), new(int64(r.Then.Sessions))
	if c.Then.Costed {
		row.PreviousCost = new(r.Then.Cost)
	}
	return row
}

// earnedOf is a row with what its keys earned.
func earnedOf(r *report.AttributionRow, costed bool, q report.Credits) AttributionRow {
	row := AttributionRow{Key: r.Key, Conversions: r.Conversions, Value: r.Value, Sessions: int64(r.Sessions)}
	if q.Second != "" {
		row.SecondKey = new(r.Second)
	}
	if costed {
		row.Cost = new(r.Cost)
		if q.AsOf == 0 { // Costs are as they are now.
			row.CostPerConversion, row.ReturnOnSpend = ratio(r.Cost, r.Conversions), ratio(r.Value, r.Cost)
		}
	}
	if q.Compare != "" {
		row.CompareConversions, row.CompareValue = new(r.CompareConversions), new(r.CompareValue)
	}
	return row
}

func restOf(r *AttributionRow) *AttributionRest {
	return &AttributionRest{
		Conversions: r.Conversions, Value: r.Value, Sessions: r.Sessions, CompareConversions: r.CompareConversions, CompareValue: r.CompareValue, Cost: r.Cost,
		PreviousConversions: r.PreviousConversions, PreviousValue: r.PreviousValue, PreviousSessions: r.PreviousSessions, PreviousCost: r.PreviousCost,
	}
}

// ratio is nil where nothing is set against nothing.
func ratio(a, b float64) *float64 {
	if a == 0 || b == 0 {
		return nil
	}
	return new(a / b)
}

func beforeOf(who caller, a report.Attribution, p report.Period) AttributionBefore {
	before := AttributionBefore{From: dayIn(who, p.Begin), To: dayIn(who, p.End-1), Attributed: a.Attributed, Total: a.Total}
	if a.Costed {
		before.Cost = new(a.Cost)
	}
	return before
}

// ListCreditedConversions gives the conversions behind a row.
func (s *service) ListCreditedConversions(ctx context.Context, in ListCreditedConversionsRequestObject) (ListCreditedConversionsResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	q := report.Credits{
		Model: model(p.Model), Dimension: dimension(p.Dimension), Second: report.Dimension(text(p.SecondDimension)),
	}
	err := s.credit(ctx, who, &q, askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, p.FirstOnly, p.Exclude, p.Filter})
	if err != nil {
		return nil, err
	}
	row := report.CreditedRow{Key: p.Key, Second: text(p.SecondKey), Cursor: text(p.Cursor)}
	if p.Limit != nil {
		row.Limit = *p.Limit
	}
	page, err := s.reports(who).Behind(ctx, q, row)
	if err != nil {
		return nil, err
	}
	list := ListCreditedConversions200JSONResponse{Items: make([]CreditedConversion, 0, len(page.Conversions)), Next: page.Next}
	if page.WithoutPath > 0 {
		list.WithoutPath, list.WithoutPathValue = new(page.WithoutPath), new(page.WithoutPathValue)
	}
	for _, c := range page.Conversions {
		list.Items = append(list.Items, CreditedConversion{
			Id: c.ID.String(), Contact: c.Contact.String(), Name: c.Name, At: Moment(c.At), Value: c.Value, Credit: c.Credit, CreditedValue: c.CreditedValue,
		})
	}
	return list, nil
}

// ExplainConversion tells who earned one conversion.
func (s *service) ExplainConversion(ctx context.Context, in ExplainConversionRequestObject) (ExplainConversionResponseObject, error) {
	who := callerOf(ctx)
	id, err := schema.ParseID(in.Id)
	if err != nil {
		return nil, schema.E("explain a conversion", schema.KindUnknown, "There is no such conversion in this workspace. Check the address.")
	}
	q, err := s.explaining(ctx, who, in.Params)
	if err != nil {
		return nil, err
	}
	e, err := s.reports(who).Explain(ctx, id, q)
	if err != nil {
		return nil, err
	}
	return ExplainConversion200JSONResponse{
		Id: e.ID.String(), Contact: e.Contact.String(), Name: e.Name, At: Moment(e.At), Value: e.Value, Currency: e.Currency,
		Provider: e.Provider, Conversation: e.External, Url: e.URL, KnownAt: Moment(e.KnownAt), IdentifiedAt: Moment(e.Identified),
		InProgressAt: moment(e.Progressed), Touches: explainedOf(e.Touches), LeftOut: explainedOf(e.LeftOut),
	}, nil
}

// explaining reads the question of the table that is explained; without one
// that is of models which look at one conversion.
func (s *service) explaining(ctx context.Context, who caller, p ExplainConversionParams) (report.Credits, error) {
	wanted, second := model(p.Model), report.Model(text(p.CompareModel))
	for _, m := range []report.Model{wanted, second} {
		if (m == report.Markov || m == report.Shapley) && (p.Dimension == nil || p.From == nil || p.To == nil) {
			return report.Credits{}, schema.E("explain a conversion", schema.KindInvalid, "The model %s shares all conversions of a table together, so what it gives this one depends on the table. "+
				"Name the table's dimension, from and to, and what else it was asked with: its filters, exclusions, conversion, lookback, segment and moment.", m)
		}
	}
	q := report.Credits{Model: report.Model(FullPath)} // All models are asked, and this one wants stages.
	err := s.credit(ctx, who, &q, askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, p.FirstOnly, p.Exclude, p.Filter})
	q.Model, q.Compare = wanted, second
	q.Dimension, q.Second = dimension(p.Dimension), report.Dimension(text(p.SecondDimension))
	return q, err
}

func explainedOf(touches []report.ExplainedTouch) []ExplainedTouch {
	all := make([]ExplainedTouch, 0, len(touches))
	for i := range touches {
		t := &touches[i]
		one := ExplainedTouch{
			Session: t.Session.ID.String(), Visitor: t.Session.Visitor, Reason: string(t.Session.Reason), Device: t.Session.Device,
			Country: t.Session.Country, Browser: t.Session.Browser, Touch: touchOf(&t.Session.Touch),
		}
		if t.Why != "" {
			one.LeftOut = new(ExplainedTouchLeftOut(t.Why))
		} else {
			credits := make(map[string]float64, len(t.Credits))
			for m, share := range t.Credits {
				credits[string(m)] = share
			}
			one.Credits = &credits
		}
		all = append(all, one)
	}
	return all
}
