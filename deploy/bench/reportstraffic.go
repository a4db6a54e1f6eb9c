package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/query/report"
)

// trafficDays is the default range of the dashboard.
const trafficDays = 30

// traffic asks what the screen Traffic shows of 30 days. The baseline of its key figures counts plain rows.
func (m *reporting) traffic(ctx context.Context, r *Report) error {
	question := report.Credits{Model: "last_touch", Dimension: "channel", Period: m.period(trafficDays), Lookback: attributionLookback}
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
	r.note("traffic, milliseconds for key figures and trend", seconds*1000)
	r.note("traffic, milliseconds to count plain sessions alone", against*1000)
	for _, dimension := range []report.Dimension{"channel", "source", "campaign", "landing_page", "country"} {
		question.Dimension = dimension
		var taken []float64
		for turn := range m.rounds + 1 {
			begun := time.Now()
			if _, err := m.ours.Attribution(ctx, question); err != nil {
				return err
			}
			if turn > 0 {
				taken = append(taken, time.Since(begun).Seconds()*1000)
			}
		}
		r.note("traffic, milliseconds for the table by "+string(dimension), median(taken))
	}
	return nil
}
