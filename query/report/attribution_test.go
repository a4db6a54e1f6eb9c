package report_test

import (
	"math"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
)

func TestAttribution(t *testing.T) {
	s := tell(t)
	week := time.Duration(7*24) * time.Hour
	weight := func(start string) float64 {
		return math.Exp2(-float64(at(t, "5T10:04").Sub(at(t, start))) / float64(week))
	}
	all := weight("1T10:00") + weight("3T10:00") + weight("5T10:00")
	for model, want := range map[report.Model]map[string]float64{
		"last_touch":       {"Direct": 2},
		"first_touch":      {"Paid Search": 1, "Direct": 1},
		"last_non_direct":  {"Email": 1, "Direct": 1},
		"first_non_direct": {"Paid Search": 1, "Direct": 1},
		"linear":           {"Paid Search": 1. / 3, "Email": 1. / 3, "Direct": 4. / 3},
		"position_based":   {"Paid Search": 0.4, "Email": 0.2, "Direct": 1.4},
		"time_decay":       {"Paid Search": weight("1T10:00") / all, "Email": weight("3T10:00") / all, "Direct": 1 + weight("5T10:00")/all},
	} {
		a, err := s.in(1).Attribution(t.Context(), report.Credits{Model: model, Dimension: "channel", Period: s.september(), Lookback: 90})
		if err != nil {
			t.Fatal(err)
		}
		if a.Total != 2 || a.Attributed != 1 {
			t.Errorf("%s: %v of %v attributed, want Ada's conversion of hers and Bob's", model, a.Attributed, a.Total)
		}
		for _, row := range a.Rows {
			if math.Abs(row.Conversions-want[row.Key]) > 1e-9 || math.Abs(row.Value-10*want[row.Key]) > 1e-9 {
				t.Errorf("%s gives %s %v conversions and a value of %v, want %v conversions", model, row.Key, row.Conversions, row.Value, want[row.Key])
			}
		}
	}
}

func TestAttributionQuestions(t *testing.T) {
	s := tell(t)
	ask := func(change func(*report.Credits)) report.Attribution {
		t.Helper()
		q := report.Credits{Model: "first_touch", Dimension: "campaign", Period: s.september(), Lookback: 90}
		change(&q)
		a, err := s.in(1).Attribution(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := ask(func(*report.Credits) {}); a.Rows[0].Sessions+a.Rows[1].Sessions != 4 || a.Rows[1] != (report.AttributionRow{Key: "spring", Conversions: 1, Value: 10, Sessions: 2}) && a.Rows[0] != (report.AttributionRow{Key: "spring", Conversions: 1, Value: 10, Sessions: 2}) {
		t.Errorf("by campaign: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Lookback = 1 }); a.Rows[0].Key != report.None || a.Rows[0].Conversions != 2 || a.Attributed != 1 {
		t.Errorf("looking back one day, the direct session alone counts: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Filters = []report.Filter{{"source", "is", "google"}} }); a.Total != 1 || a.Attributed != 1 {
		t.Errorf("of credits by google: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Conversion = "contact" }); a.Total != 2 || a.Attributed != 1 {
		t.Errorf("that two contacts came to be: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Conversion = "other" }); a.Total != 0 {
		t.Errorf("a conversion that never happened: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.AsOf = at(t, "30T00:00") }); a.Total != 0 {
		t.Errorf("before anything was known: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Compare = "last_touch" }); a.Rows[0].CompareConversions+a.Rows[1].CompareConversions != 2 {
		t.Errorf("a second model beside the first: %+v", a)
	}
	for _, q := range []report.Credits{
		{Model: "guess", Dimension: "channel", Lookback: 90}, {Model: "linear", Dimension: "visitor", Lookback: 90},
		{Model: "linear", Dimension: "channel", Lookback: 8},
		{Model: "linear", Dimension: "channel", Lookback: 90, Filters: []report.Filter{{"version", "is", "1"}}},
	} {
		if _, err := s.in(1).Attribution(t.Context(), q); schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("%+v: %v, want an invalid question", q, err)
		}
	}
}
