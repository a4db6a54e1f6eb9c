package bench

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/query/report"
)

// trafficDays is the default range of the dashboard: its last days, which have more than half of the sessions that are made.
const trafficDays = 30

// tableRows is how many rows of a table the dashboard asks for.
const tableRows = 1000

// traffic asks what the screen Traffic shows of the last 30 days, and of all. The baseline of its key figures counts plain rows.
func (m *reporting) traffic(ctx context.Context, r *Report) error {
	for _, days := range []int{trafficDays, reportsDays} {
		question := report.Credits{Model: "last_touch", Dimension: "channel", Period: m.last(days), Lookback: attributionLookback, Rows: tableRows}
		if err := m.keyFigures(ctx, r, question, days); err != nil {
			return err
		}
		for _, dimension := range []report.Dimension{"channel", "source", "campaign", "landing_page", "country"} {
			question.Dimension = dimension
			took, err := m.milliseconds(func() error { _, err := m.ours.Attribution(ctx, question); return err })
			if err != nil {
				return err
			}
			r.note(fmt.Sprintf("traffic, milliseconds for the table by %s of %d days", dimension, days), took)
		}
	}
	return nil
}

func (m *reporting) keyFigures(ctx context.Context, r *Report, question report.Credits, days int) error {
	var ours report.Traffic
	var sessions, visitors uint64
	seconds, against, err := m.takes(
		func() (err error) { ours, err = m.ours.Traffic(ctx, question); return err },
		func() error {
			p := question.Period
			return m.conn.QueryRow(ctx, statementOf("traffic"), clickhouse.Named("begin", int64(p.Begin)), clickhouse.Named("end", int64(p.End))).Scan(&sessions, &visitors)
		})
	if err != nil {
		return err
	}
	if ours.Total.Sessions != sessions || ours.Total.Visitors != visitors {
		return fmt.Errorf("cannot compare: %d sessions of %d visitors, and by the baseline %d of %d", ours.Total.Sessions, ours.Total.Visitors, sessions, visitors)
	}
	anew, err := m.milliseconds(func() error { _, err := m.fresh.Traffic(ctx, question); return err })
	if err != nil {
		return err
	}
	r.note(fmt.Sprintf("traffic, milliseconds for key figures and trend of %d days", days), seconds*1000)
	r.note(fmt.Sprintf("traffic, milliseconds for key figures and trend of %d days, nothing kept", days), anew)
	r.note(fmt.Sprintf("traffic, milliseconds to count plain sessions of %d days alone", days), against*1000)
	return nil
}

// places asks what the screens Paths, Content and Locations show of the last 30 days, and of all.
func (m *reporting) places(ctx context.Context, r *Report) error {
	for _, days := range []int{trafficDays, reportsDays} {
		question := report.Credits{Model: "last_touch", Period: m.last(days), Lookback: attributionLookback}
		paths := func(by report.Dimension) func() error {
			return func() error {
				_, err := m.ours.TouchPaths(ctx, question, report.PathQuestion{By: by, Collapsed: true, Limit: report.MaxPaths})
				return err
			}
		}
		for _, screen := range []struct {
			name string
			ask  func() error
		}{
			{"paths by channel", paths("channel")}, {"paths by source", paths("source")}, {"paths by page", paths(report.Page)},
			{"content", func() error { _, err := m.ours.Content(ctx, question, nil); return err }},
			{"content, nothing kept", func() error { _, err := m.fresh.Content(ctx, question, nil); return err }},
			{"locations", func() error { _, err := m.ours.Locations(ctx, question, nil); return err }},
			{"locations, nothing kept", func() error { _, err := m.fresh.Locations(ctx, question, nil); return err }},
		} {
			took, err := m.milliseconds(screen.ask)
			if err != nil {
				return fmt.Errorf("%s: %w", screen.name, err)
			}
			r.note(fmt.Sprintf("places, milliseconds for %s of %d days", screen.name, days), took)
		}
	}
	return nil
}
