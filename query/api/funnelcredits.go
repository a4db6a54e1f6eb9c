package api

import (
	"context"

	"sourceloop/query/report"
)

// funnelCredits divides those who completed a funnel by a model; nil when nobody
// asks.
func (s *service) funnelCredits(ctx context.Context, who caller, f report.Funnel, asked *FunnelCreditsAsked) (*FunnelCredits, error) {
	if asked == nil {
		return nil, nil
	}
	q := report.FunnelCredits{Funnel: f, Model: report.Model(asked.Model), Dimension: dimension(asked.Dimension)}
	var err error
	if q.Lookback, err = lookback((*string)(asked.Lookback)); err != nil {
		return nil, err
	}
	if q.Model == report.Model(FullPath) {
		if q.Progressed, err = s.progressed(ctx, who); err != nil {
			return nil, err
		}
	}
	found, err := s.reports(who).FunnelCredits(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &FunnelCredits{
		Step: found.Step, Conversion: found.Conversion, Completed: found.Completed, Attributed: found.Attributed, Rows: make([]FunnelCreditRow, 0, len(found.Rows)),
	}
	for _, row := range found.Rows {
		out.Rows = append(out.Rows, FunnelCreditRow{Key: row.Key, Completed: row.Completed})
	}
	return out, nil
}
