package report_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sourceloop/pipeline/attribution"
	"sourceloop/query/report"
	sink "sourceloop/sinks/clickhouse"
)

// TestBehindInWorlds: behind every row of the models that look at the touches of each conversion by itself are the conversions
// that the reference credits to it, by what it gives, newest first, however few rows are read at a time.
func TestBehindInWorlds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 14))
	s, begin := open(t), at(t, "1T00:00")
	var all []*market
	batch := &sink.Batch{}
	for n := range max(8, *markets/5) {
		w := newMarket(random, uint32(1+n), begin)
		w.rows(batch)
		all = append(all, w)
	}
	s.write(batch)
	for _, w := range all {
		s.attribute(w.workspace, 1)
		s.reader.ListAtATime(1+random.IntN(3), 1+random.IntN(4), 1+random.IntN(4000))
		w.question.Compare = ""
		w.question.Model = report.Models()[random.IntN(9)]
		w.compareBehindTouches(t, s.in(w.workspace), 1+random.IntN(4))
	}
}

// share is what one conversion gives a row.
type share struct{ credit, value float64 }

// behind shares every conversion by itself, and tells what each gives which row.
func (w *market) behind(t *testing.T) map[[2]string]map[string]share {
	t.Helper()
	all := map[[2]string]map[string]share{}
	add := func(touch *attribution.Touch, c *credited, credit float64) {
		key := w.key(touch)
		if w.question.Second != "" {
			key[1] = cmp.Or(key[1], report.None)
		}
		if credit == 0 || !w.counted(touch) {
			return
		}
		if all[key] == nil {
			all[key] = map[string]share{}
		}
		id := string(c.fact.GetId())
		all[key][id] = share{all[key][id].credit + credit, all[key][id].value + credit*c.fact.GetValue()}
	}
	for _, c := range w.credited() {
		credits, err := attribution.Credits(attribution.Model(w.question.Model), c.touches, c.milestones)
		if err != nil {
			t.Fatal(err)
		}
		for i, credit := range credits {
			add(&c.touches[i], &c, credit)
		}
		if len(credits) == 0 {
			add(c.instead, &c, 1)
		}
	}
	return all
}

func (w *market) compareBehindTouches(t *testing.T, s report.Scoped, limit int) {
	t.Helper()
	table, err := s.Attribution(t.Context(), w.question)
	if err != nil {
		t.Fatal(err)
	}
	want := w.behind(t)
	for _, row := range append(table.Rows, report.AttributionRow{Key: "nobody", Second: string(w.question.Second)}) {
		of, listed, last := want[[2]string{row.Key, row.Second}], 0, report.CreditedConversion{}
		for cursor := ""; ; {
			page, err := s.Behind(t.Context(), w.question, report.CreditedRow{Key: row.Key, Second: row.Second, Limit: limit, Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page.Conversions {
				is := of[string(c.ID[:])]
				if math.Abs(c.Credit-is.credit) > 1e-6 || math.Abs(c.CreditedValue-is.value) > 1e-6 || is.credit == 0 {
					t.Fatalf("workspace %d: %+v\n%s has %v of %s, worth %v; want %+v", w.workspace, w.question, row.Key, c.Credit, c.ID, c.CreditedValue, is)
				}
				if listed > 0 && (c.At > last.At || c.At == last.At && c.ID.Compare(last.ID) >= 0) {
					t.Fatalf("workspace %d: %+v comes after %+v", w.workspace, c, last)
				}
				listed, last = listed+1, c
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if listed != len(of) {
			t.Fatalf("workspace %d: %+v\n%s %s has %d conversions; want %d", w.workspace, w.question, row.Key, row.Second, listed, len(of))
		}
	}
}
