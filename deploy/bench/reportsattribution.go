package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/query/report"
)

// creditsOf are conversions and values by model, of a key of one dimension.
type creditsOf map[[2]string][2][]float64

// attributionLookback is the product's default, which the baseline's statement names, too.
const attributionLookback = 90

// creditedDimensions are the six, with the key of a conversion without a touch.
func creditedDimensions() []struct{ name, direct string } {
	return []struct{ name, direct string }{
		{"channel", "Direct"}, {"source", "direct"}, {"medium", ""}, {"campaign", ""}, {"landing_page", ""}, {"country", ""},
	}
}

// attribution credits the conversions of all days, by six dimensions under the models that need nothing but touches.
func (m *reporting) attribution(ctx context.Context, r *Report) error {
	var ours []report.CreditTable
	var baseline []windowCredits
	seconds, against, err := m.takes(
		func() (err error) { ours, err = m.creditTables(ctx); return err },
		func() (err error) { baseline, err = m.creditsByWindows(ctx); return err })
	if err != nil {
		return err
	}
	credited := creditsOfTables(ours)
	worst, err := sameCredits(credited, creditsOfWindows(baseline))
	if err != nil {
		return err
	}
	r.add("attribution, nine models by six dimensions, reports a second, against window functions", 1/seconds, 1/against, 50)
	first, err := m.milliseconds(func() error { return m.firstCreditTables(ctx) })
	if err != nil {
		return err
	}
	filtered, err := m.milliseconds(func() error { return m.filteredCreditTables(ctx) })
	if err != nil {
		return err
	}
	r.note("attribution, milliseconds", seconds*1000)
	r.note("attribution, milliseconds with a filter", filtered)
	r.note("attribution, milliseconds of a first question, nothing kept", first)
	r.note("attribution, milliseconds by window functions", against*1000)
	r.note("attribution, keys", len(credited))
	r.note("attribution, largest difference of a sum", worst)
	return nil
}

func (m *reporting) creditTables(ctx context.Context) ([]report.CreditTable, error) {
	return m.creditTablesBy(ctx, m.ours)
}

// filteredCreditTables asks the same of landing pages that contain a word: everything that is needed for it was kept before.
func (m *reporting) filteredCreditTables(ctx context.Context) error {
	_, err := m.creditTablesBy(ctx, m.ours, report.Filter{Dimension: "landing_page", Operator: "contains", Value: "PRICING"})
	return err
}

// firstCreditTables asks by a reader that has kept nothing of former questions, as the first one after a start.
func (m *reporting) firstCreditTables(ctx context.Context) (err error) {
	reader, err := m.newReader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	_, err = m.creditTablesBy(ctx, m.of(reader))
	return err
}

func (m *reporting) creditTablesBy(ctx context.Context, reports report.Scoped, filters ...report.Filter) ([]report.CreditTable, error) {
	var dimensions []report.Dimension
	for _, d := range creditedDimensions() {
		dimensions = append(dimensions, report.Dimension(d.name))
	}
	return reports.CreditTables(ctx, report.Credits{Period: m.period(reportsDays), Lookback: attributionLookback, Filters: filters}, dimensions...)
}

func creditsOfTables(tables []report.CreditTable) creditsOf {
	all := make(creditsOf)
	for _, t := range tables {
		for _, row := range t.Rows {
			all[[2]string{string(t.Dimension), row.Key}] = [2][]float64{row.Conversions, row.Value}
		}
	}
	return all
}

// windowCredits are what the baseline gives one key.
type windowCredits struct {
	dimension, key     string
	conversions, value []float64
}

func creditsOfWindows(rows []windowCredits) creditsOf {
	all := make(creditsOf)
	for _, row := range rows {
		key := row.key
		if key == "" {
			key = report.None
		}
		all[[2]string{row.dimension, key}] = [2][]float64{row.conversions, row.value}
	}
	return all
}

// creditsByWindows asks the baseline by one dimension after the other.
func (m *reporting) creditsByWindows(ctx context.Context) ([]windowCredits, error) {
	var all []windowCredits
	for _, d := range creditedDimensions() {
		sql := strings.NewReplacer("{{.Dimension}}", d.name, "{{.Direct}}", d.direct).Replace(statementOf("attribution_window"))
		rows, err := m.conn.Query(ctx, sql, clickhouse.Named("begin", int64(m.period(reportsDays).Begin)), clickhouse.Named("end", int64(m.period(reportsDays).End)))
		if err != nil {
			return nil, fmt.Errorf("cannot ask the baseline: %w", err)
		}
		for rows.Next() {
			row := windowCredits{dimension: d.name}
			if err := rows.Scan(&row.key, &row.conversions, &row.value); err != nil {
				return nil, fmt.Errorf("cannot read the baseline's answer: %w", err)
			}
			all = append(all, row)
		}
		if err := rows.Close(); err != nil {
			return nil, fmt.Errorf("cannot read the baseline's answer: %w", err)
		}
	}
	return all, nil
}

// sameCredits tells how far two answers are apart at most, and fails when that is more than what adding in another order gives.
func sameCredits(ours, baseline creditsOf) (worst float64, err error) {
	if len(ours) != len(baseline) {
		return 0, fmt.Errorf("cannot compare: %d keys are credited, by the baseline %d", len(ours), len(baseline))
	}
	for key, mine := range ours {
		theirs, ok := baseline[key]
		if !ok {
			return 0, fmt.Errorf("cannot compare: the baseline does not credit %s %q", key[0], key[1])
		}
		for side := range mine {
			for model := range mine[side] {
				apart := math.Abs(mine[side][model] - theirs[side][model])
				if worst = max(worst, apart); apart > 1e-6 {
					return worst, fmt.Errorf("cannot compare: model %d gives %s %q %v, and the baseline %v", model, key[0], key[1], mine[side][model], theirs[side][model])
				}
			}
		}
	}
	return worst, nil
}
