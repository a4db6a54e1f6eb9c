package report_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sourceloop/query/report"
	sink "sourceloop/sinks/clickhouse"
)

// TestBehindPathsInWorlds: what is behind every row of the data-driven models
// sums to it, are the conversions whose path has the row's keys, and under
// Shapley, which shares every conversion among its own touches, each is shared
// once.
func TestBehindPathsInWorlds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 8))
	s, begin := open(t), at(t, "1T00:00")
	var all []*market
	batch := &sink.Batch{}
	for n := range max(6, *markets/10) {
		w := newMarket(random, uint32(1+n), begin)
		w.rows(batch)
		all = append(all, w)
	}
	s.write(batch)
	for n, w := range all {
		s.attribute(w.workspace, 1)
		w.question.Dimension, w.question.Second, w.question.Compare = report.Dimension(pick(random, "channel", "source")), "", ""
		if n%3 == 0 {
			w.question.Second = "campaign"
		}
		for _, w.question.Model = range []report.Model{report.Markov, report.Shapley} {
			w.compareBehind(t, s.in(w.workspace))
		}
	}
}

func (w *market) compareBehind(t *testing.T, s report.Scoped) {
	t.Helper()
	table, err := s.Attribution(t.Context(), w.question)
	if err != nil {
		t.Fatal(err)
	}
	shared := map[string]float64{}
	for _, row := range table.Rows {
		conversions, value, listed := 0., 0., 0
		for cursor := ""; cursor != "" || listed == 0; {
			page, err := s.Behind(t.Context(), w.question, report.CreditedRow{Key: row.Key, Second: row.Second, Limit: 3, Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			conversions, value = conversions+page.WithoutPath, value+page.WithoutPathValue
			for _, c := range page.Conversions {
				listed++
				conversions, value = conversions+c.Credit, value+c.CreditedValue
				shared[c.ID.String()] += c.Credit
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if want := w.having(row.Key, row.Second); listed != want || math.Abs(conversions-row.Conversions) > 1e-6 || math.Abs(value-row.Value) > 1e-6 {
			t.Fatalf("workspace %d: %+v\n%+v, behind which are %d conversions (want %d) with %v and %v", w.workspace, w.question, row, listed, want, conversions, value)
		}
	}
	for id, credit := range shared {
		if w.question.Model == report.Shapley && (credit > 1+1e-6 || len(w.question.Filters) == 0 && credit < 1-1e-6) {
			t.Fatalf("workspace %d: %+v\n%s is shared %v times", w.workspace, w.question, id, credit)
		}
	}
}

// having counts the conversions with a touch of these keys, or without one that
// are the row's.
func (w *market) having(key, second string) int {
	n := 0
	for _, c := range w.credited() {
		touches := c.touches
		if len(touches) == 0 {
			touches = append(touches, *c.instead)
		}
		for i := range touches {
			named := w.key(&touches[i])
			if w.question.Second != "" {
				named[1] = cmp.Or(named[1], report.None)
			}
			if w.counted(&touches[i]) && named == [2]string{key, second} {
				n++
				break
			}
		}
	}
	return n
}
