package bench

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/query/report"
)

// funnelWindow is the product's default.
const funnelWindow = 14 * 24 * time.Hour

// funnelEntryDays are the days on which people may enter, so that windows end within the data.
const funnelEntryDays = 75

// benchFunnel is the funnel that the baselines' statements name.
func (m *reporting) benchFunnel(breakdown report.Dimension) report.Funnel {
	return report.Funnel{
		Steps: []report.Step{
			{Type: "pageview", Operator: "equals", Value: "/"}, {Type: "pageview", Operator: "equals", Value: "/features"},
			{Type: "pageview", Operator: "equals", Value: "/pricing"}, {Type: "event", Name: "signup_started"},
		},
		Window: funnelWindow, Period: m.period(funnelEntryDays), Breakdown: breakdown,
	}
}

// reached is how many got to a step, of those who entered with a source; of all, where it has none.
type reached map[funnelPlace]uint64

type funnelPlace struct {
	source string
	step   int
}

// funnel counts a funnel of four steps by visitor, as a whole and by source: as one that nobody asked before, and as one that is
// opened again and again.
func (m *reporting) funnel(ctx context.Context, r *Report) error {
	for _, q := range []struct {
		name, baseline, against string
		breakdown               report.Dimension
		saved                   bool
		target                  float64
	}{
		{"funnel, four steps never seen before", "funnel_window", "windowFunnel", "", false, 4},
		{"funnel, the same by source", "funnel_sources", "window functions", "source", false, 4},
		{"funnel, the same saved", "funnel_window", "windowFunnel", "", true, 8},
	} {
		reader := m.fresh
		if q.saved {
			reader = m.ours
			if _, err := m.funnelOurs(ctx, reader, q.breakdown); err != nil { // With the turn that warms up it is asked twice, and kept.
				return err
			}
		}
		var ours, baseline reached
		seconds, against, err := m.takes(
			func() (err error) { ours, err = m.funnelOurs(ctx, reader, q.breakdown); return err },
			func() (err error) { baseline, err = m.funnelBaseline(ctx, q.baseline); return err })
		if err != nil {
			return err
		}
		if !maps.Equal(ours, baseline) {
			return fmt.Errorf("cannot compare: %s has %v; the baseline %v", q.name, ours, baseline)
		}
		r.add(q.name+", funnels a second, against "+q.against, 1/seconds, 1/against, q.target)
		r.note(q.name+", milliseconds", seconds*1000)
		r.note(q.name+", milliseconds by "+q.against, against*1000)
		if q.saved {
			r.note("funnel, visitors who entered", ours[funnelPlace{"", 1}])
			r.note("funnel, visitors who completed", ours[funnelPlace{"", len(ours)}])
			if err := m.funnelJoined(ctx, r, ours); err != nil {
				return err
			}
		}
	}
	return m.funnelDepth(ctx, r)
}

// funnelJoined is the funnel by joining hits with themselves, step by step. It is asked once.
func (m *reporting) funnelJoined(ctx context.Context, r *Report, ours reached) error {
	begun := time.Now()
	joined, err := m.funnelBaseline(ctx, "funnel_joins")
	if err != nil {
		return err
	}
	if !maps.Equal(ours, joined) {
		return fmt.Errorf("cannot compare: the funnel has %v; by joins %v", ours, joined)
	}
	r.note("funnel, milliseconds by self-joins", time.Since(begun).Seconds()*1000)
	return nil
}

// funnelDepth measures what else is told of the funnel, as notes: a plain alternative would be another question.
func (m *reporting) funnelDepth(ctx context.Context, r *Report) error {
	f := m.benchFunnel("")
	for _, question := range []struct {
		name string
		ask  func() error
	}{
		{"trend by week", func() error { _, err := m.ours.FunnelTrend(ctx, f, report.Week); return err }},
		{"people who dropped at step 2", func() error {
			_, err := m.ours.FunnelPeople(ctx, report.FunnelPeople{Funnel: f, Step: 2, Dropped: true})
			return err
		}},
		{"paths from step 1 to 2", func() error {
			_, err := m.ours.FunnelBetween(ctx, report.FunnelBetween{Funnel: f, Step: 1})
			return err
		}},
		{"correlation", func() error {
			_, err := m.ours.FunnelCorrelation(ctx, report.FunnelCorrelation{Funnel: f})
			return err
		}},
		{"best paths to a signup", func() error {
			_, err := m.ours.BestPaths(ctx, report.BestPaths{Funnel: f})
			return err
		}},
		{"credits of who conversed after pricing", func() error {
			converting := f
			converting.Steps = append(f.Steps[2:3:3], report.Step{Type: "conversion", Name: "intercom_conversation"})
			_, err := m.ours.FunnelCredits(ctx, report.FunnelCredits{Funnel: converting, Model: "linear", Dimension: "source"})
			return err
		}},
	} {
		var seconds []float64
		for turn := range m.rounds + 1 {
			begun := time.Now()
			if err := question.ask(); err != nil {
				return fmt.Errorf("cannot ask for %s: %w", question.name, err)
			}
			if turn > 0 {
				seconds = append(seconds, time.Since(begun).Seconds())
			}
		}
		r.note("funnel, "+question.name+", milliseconds", median(seconds)*1000)
	}
	return nil
}

func (m *reporting) funnelOurs(ctx context.Context, reader report.Scoped, breakdown report.Dimension) (reached, error) {
	answer, err := reader.Funnel(ctx, m.benchFunnel(breakdown))
	if err != nil {
		return nil, err
	}
	all := make(reached)
	put := func(source string, steps []report.StepCount) {
		for i, s := range steps {
			if s.Entered > 0 {
				all[funnelPlace{source, i + 1}] = s.Entered
			}
		}
	}
	if breakdown == "" {
		put("", answer.Steps)
	}
	for _, row := range answer.Breakdown {
		put(row.Key, row.Steps)
	}
	return all, nil
}

func (m *reporting) funnelBaseline(ctx context.Context, statement string) (reached, error) {
	p := m.period(funnelEntryDays)
	rows, err := m.conn.Query(ctx, statementOf(statement), clickhouse.Named("begin", int64(p.Begin)), clickhouse.Named("end", int64(p.End)),
		clickhouse.Named("window", funnelWindow.Milliseconds()))
	if err != nil {
		return nil, fmt.Errorf("cannot ask the baseline: %w", err)
	}
	defer rows.Close()
	all := make(reached)
	for rows.Next() {
		var place funnelPlace
		var step uint8
		var n uint64
		into := []any{&step, &n}
		if statement == "funnel_sources" {
			into = append([]any{&place.source}, into...)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("cannot read the baseline's answer: %w", err)
		}
		if place.step = int(step); n > 0 {
			all[place] = n
		}
	}
	return all, rows.Err()
}
