package report_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sourceloop/pipeline/attribution"
	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// TestExplanationsAddUpInWorlds: in random workspaces and for random questions, what explanations give the touches of all
// conversions sums to the table under every model, and under the data-driven ones each conversion's to what the lists
// behind the rows say of it.
func TestExplanationsAddUpInWorlds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 9))
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
		w.question.Second = ""
		if n%3 == 0 {
			w.question.Dimension, w.question.Second = report.Dimension(pick(random, "channel", "source")), "campaign"
		}
		if w.question.Conversion = ""; n%4 == 0 {
			w.question.Conversion = "intercom_conversation"
		}
		w.compareExplained(t, s.in(w.workspace))
	}
}

// explainedKey is a row's keys under a model.
type explainedKey struct {
	model report.Model
	key   [2]string
}

// explained sums what explanations give, by conversion.
func (w *market) explained(t *testing.T, s report.Scoped) map[explainedKey]map[string]float64 {
	t.Helper()
	sums := map[explainedKey]map[string]float64{}
	add := func(m report.Model, key [2]string, f *schema.ConversionFact, credit float64) {
		if sums[explainedKey{m, key}] == nil {
			sums[explainedKey{m, key}] = map[string]float64{}
		}
		sums[explainedKey{m, key}][string(f.GetId())] += credit
	}
	q := w.question
	q.Model, q.Compare = report.Markov, report.Shapley
	for _, c := range w.credited() {
		e, err := s.Explain(t.Context(), schema.ID(c.fact.GetId()), q)
		if err != nil {
			t.Fatalf("workspace %d: %+v: %v", w.workspace, q, err)
		}
		for _, m := range report.Models() {
			if len(e.Touches) == 0 && w.counted(c.instead) {
				add(m, w.key(c.instead), c.fact, 1)
			}
			whole := 0.
			for i := range e.Touches {
				session := &e.Touches[i].Session
				credit, ok := e.Touches[i].Credits[m]
				if touch := (attribution.Touch{Touch: session.Touch, Country: session.Country}); w.counted(&touch) {
					add(m, w.key(&touch), c.fact, credit)
				}
				if whole += credit; !ok {
					t.Fatalf("workspace %d: %+v: %s does not say what it gives a touch", w.workspace, q, m)
				}
			}
			if len(e.Touches) > 0 && m != report.Markov && math.Abs(whole-1) > 1e-6 {
				t.Fatalf("workspace %d: %+v: %s shares a conversion %v times", w.workspace, q, m, whole)
			}
		}
	}
	return sums
}

func (w *market) compareExplained(t *testing.T, s report.Scoped) {
	t.Helper()
	sums := w.explained(t, s)
	tables, err := s.EachModel(t.Context(), w.question)
	if err != nil {
		t.Fatal(err)
	}
	for m, table := range tables {
		q := w.question
		q.Model, q.Compare = m, ""
		for _, row := range table.Rows {
			of, sum := sums[explainedKey{m, w.keyOf(row)}], 0.
			for _, credit := range of {
				sum += credit
			}
			if m == report.Markov || m == report.Shapley {
				sum += w.compareListed(t, s, q, row, of)
			}
			if math.Abs(sum-row.Conversions) > 1e-6 {
				t.Fatalf("workspace %d: %+v\n%+v, and explained are %v", w.workspace, q, row, sum)
			}
		}
	}
}

// compareListed compares what explanations say with the list behind a row, and gives what no conversion bears.
func (w *market) compareListed(t *testing.T, s report.Scoped, q report.Credits, row report.AttributionRow, explained map[string]float64) float64 {
	t.Helper()
	page, err := s.Behind(t.Context(), q, report.CreditedRow{Key: row.Key, Second: row.Second, Limit: report.MaxContacts})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range page.Conversions {
		if credit := explained[string(c.ID[:])]; math.Abs(credit-c.Credit) > 1e-6 {
			t.Fatalf("workspace %d: %+v\n%+v has %v of %s, and explained are %v", w.workspace, q, row, c.Credit, c.ID, credit)
		}
	}
	return page.WithoutPath
}

// keyOf is a row's key as touches have it.
func (w *market) keyOf(row report.AttributionRow) [2]string {
	if row.Second == report.None {
		row.Second = ""
	}
	return [2]string{row.Key, row.Second}
}

// A conversion that the question does not count has nothing of a data-driven model, and all of the others.
func TestExplanationOfWhatIsNotAsked(t *testing.T) {
	s, begin := open(t), at(t, "1T00:00")
	b := crowd(rand.New(rand.NewPCG(1, 4)), begin)
	s.write(b)
	s.attribute(1, 1)
	f := b.Facts[0]
	q := report.Credits{Model: "linear", Compare: report.Shapley, Dimension: "channel", Period: report.Period{Begin: schema.Millis(f.GetAt() + 1), End: begin.Add(300 * 24 * time.Hour)}}
	for _, counted := range []bool{false, true} {
		if counted {
			q.Period.Begin--
		}
		e, err := s.in(1).Explain(t.Context(), schema.ID(f.GetId()), q)
		if err != nil || len(e.Touches) == 0 {
			t.Fatalf("%d touches: %v", len(e.Touches), err)
		}
		if _, shared := e.Touches[0].Credits[report.Shapley]; shared != counted || len(e.Touches[0].Credits) < 9 {
			t.Errorf("counted: %v, and it says %v", counted, e.Touches[0].Credits)
		}
	}
	q.Dimension = "device"
	if _, err := s.in(1).Explain(t.Context(), schema.ID(f.GetId()), q); schema.KindOf(err) != schema.KindInvalid {
		t.Errorf("devices bring somebody: %v", err)
	}
}
