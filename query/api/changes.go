package api

import (
	"context"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// knownAt reads the moment whose knowledge is asked for: a time, or a day,
// which is its end. 0 is now.
func (s *service) knownAt(who caller, given *string) (schema.Millis, error) {
	if text(given) == "" {
		return 0, nil
	}
	if at, err := time.Parse(time.RFC3339, *given); err == nil {
		return schema.MillisOf(at), nil
	}
	day, err := time.ParseInLocation(time.DateOnly, *given, who.workspace.Zone)
	if err != nil {
		return 0, schema.E("read a report", schema.KindInvalid, "It is not clear as of when. Send as_of as 2026-11-24, for the end of that day, or as 2026-11-24T18:00:00Z.")
	}
	return schema.MillisOf(day.AddDate(0, 0, 1)) - 1, nil
}

// ListAttributionChanges tells what became of credits since a moment.
func (s *service) ListAttributionChanges(ctx context.Context, in ListAttributionChangesRequestObject) (ListAttributionChangesResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	q := report.Credits{
		Model: model(p.Model), Dimension: dimension(p.Dimension), Second: report.Dimension(text(p.SecondDimension)),
	}
	err := s.credit(ctx, who, &q, askedCredits{p.From, p.To, p.Conversion, p.Lookback, p.AsOf, p.Segment, nil, p.Exclude, p.Filter})
	if err != nil {
		return nil, err
	}
	found, err := s.reports(who).Changes(ctx, q)
	if err != nil {
		return nil, err
	}
	erased, err := s.Store.ErasedSince(ctx, who.Principal, q.AsOf)
	if err != nil {
		return nil, err
	}
	return ListAttributionChanges200JSONResponse{
		AsOf: Moment(q.AsOf), Then: found.Then, Now: found.Now, Erased: int64(erased), Causes: causesOf(found.Causes), Rows: changedRowsOf(found.Rows, q),
		Items: changedOf(found.Items),
	}, nil
}

func causesOf(causes []report.CauseChange) []CauseChange {
	all := make([]CauseChange, 0, len(causes))
	for _, c := range causes {
		all = append(all, CauseChange{Cause: ChangeCause(c.Cause), Conversions: int64(c.Conversions), Change: c.Change, ValueChange: c.ValueChange})
	}
	return all
}

func changedRowsOf(rows []report.ChangedRow, q report.Credits) []ChangedRow {
	all := make([]ChangedRow, 0, len(rows))
	for _, r := range rows {
		row := ChangedRow{Key: r.Key, Then: r.Then, Now: r.Now, ThenValue: r.ThenValue, NowValue: r.NowValue, ByCause: map[string]float64{}}
		if q.Second != "" {
			row.SecondKey = new(r.Second)
		}
		for cause, change := range r.ByCause {
			row.ByCause[string(cause)] = change
		}
		all = append(all, row)
	}
	return all
}

func changedOf(items []report.ChangedConversion) []ChangedConversion {
	all := make([]ChangedConversion, 0, len(items))
	for _, item := range items {
		c := ChangedConversion{Id: item.ID.String(), Contact: item.Contact.String(), Name: item.Name, At: Moment(item.At), Causes: []ChangeCause{}}
		for _, cause := range item.Causes {
			c.Causes = append(c.Causes, ChangeCause(cause))
		}
		all = append(all, c)
	}
	return all
}
