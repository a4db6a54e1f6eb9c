package api_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/query/api"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// TestEveryModelAndDimension: rows sum to the total, whatever is asked; the
// models that look at everybody's paths refuse what brings nobody.
func TestEveryModelAndDimension(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	for _, model := range report.Models() {
		for _, dimension := range []string{"channel", "landing_page", "device"} {
			path := fmt.Sprintf("/api/v1/attribution?model=%s&dimension=%s&second_dimension=source", model, dimension)
			if dimension == "device" && (model == report.Markov || model == report.Shapley) {
				contains(t, string(c.want(400, "GET", path, nil).body), "another model", string(model))
				continue
			}
			var a api.Attribution
			c.want(200, "GET", path, nil).into(t, &a)
			sum := 0.0
			for _, r := range a.Rows {
				sum += r.Conversions
				if r.SecondKey == nil {
					t.Errorf("%s has no second key", r.Key)
				}
			}
			if a.Total != 2 || a.Attributed != 1 || math.Abs(sum-2) > 1e-6 {
				t.Errorf("%s by %s: %+v", model, dimension, a)
			}
		}
	}
}

// TestDataDriven: Ada came by an ad and by a letter, and a stranger by an ad did
// not convert. Nobody converts without either, so they earn alike.
func TestDataDriven(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	var a api.Attribution
	c.want(200, "GET", "/api/v1/attribution?model=markov&compare_model=shapley", nil).into(t, &a)
	got := map[string][2]float64{}
	for _, r := range a.Rows {
		got[r.Key] = [2]float64{r.Conversions, *r.CompareConversions}
	}
	// The chance of a conversion is one half, and nothing without either: removal effects of 1 both.
	if want := (map[string][2]float64{"Direct": {1, 1}, "Paid Search": {0.5, 0.5}, "Email": {0.5, 0.5}}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestComparedAttribution(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	for _, test := range []struct{ compare, from, to string }{
		{"compare=previous", "2026-09-04", "2026-09-04"}, {"compare=year", "2025-09-05", "2025-09-05"},
		{"compare=custom&compare_from=2026-09-01&compare_to=2026-09-04", "2026-09-01", "2026-09-04"},
	} {
		var a api.Attribution
		c.want(200, "GET", "/api/v1/attribution?from=2026-09-05&to=2026-09-05&"+test.compare, nil).into(t, &a)
		if a.Previous == nil || a.Previous.From != test.from || a.Previous.To != test.to {
			t.Fatalf("%s: %+v", test.compare, a.Previous)
		}
		sum := 0.0
		for _, r := range a.Rows {
			sum += *r.PreviousConversions
		}
		if sum != a.Previous.Total || a.Total != 1 {
			t.Errorf("%s: rows sum to %v, and it is %+v", test.compare, sum, a)
		}
	}
}

// TestFirstRows: asked for few rows, the first of all come, and the sums of the others with what stands beside them.
func TestFirstRows(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	for _, beside := range []string{"", "&compare=custom&compare_from=2026-09-01&compare_to=2026-09-04", "&compare_model=first_touch"} {
		var all, first api.Attribution
		c.want(200, "GET", "/api/v1/attribution?dimension=channel"+beside, nil).into(t, &all)
		c.want(200, "GET", "/api/v1/attribution?dimension=channel&limit=1"+beside, nil).into(t, &first)
		if all.Rest != nil || len(all.Rows) < 2 || all.Count != int64(len(all.Rows)) {
			t.Fatalf("%q: %+v", beside, all)
		}
		if len(first.Rows) != 1 || !reflect.DeepEqual(first.Rows[0], all.Rows[0]) || first.Count != all.Count || first.Rest == nil || first.Total != all.Total {
			t.Fatalf("%q: %+v, of %+v", beside, first, all)
		}
		want := api.AttributionRest{}
		for _, r := range all.Rows[1:] {
			want.Conversions, want.Value, want.Sessions = want.Conversions+r.Conversions, want.Value+r.Value, want.Sessions+r.Sessions
			for _, sum := range []struct{ of, n **float64 }{
				{&want.CompareConversions, &r.CompareConversions}, {&want.CompareValue, &r.CompareValue},
				{&want.PreviousConversions, &r.PreviousConversions}, {&want.PreviousValue, &r.PreviousValue},
			} {
				if *sum.n != nil {
					*sum.of = new(**sum.n + value(*sum.of))
				}
			}
			if r.PreviousSessions != nil {
				want.PreviousSessions = new(*r.PreviousSessions + value(want.PreviousSessions))
			}
		}
		if !reflect.DeepEqual(*first.Rest, want) {
			t.Errorf("%q: the others have %+v, want %+v", beside, *first.Rest, want)
		}
	}
	c.want(400, "GET", "/api/v1/attribution?limit=0", nil)
	for path, lines := range map[string]int{"/api/v1/attribution?dimension=channel": 3, "/api/v1/attribution?dimension=channel&limit=1": 1} {
		file := c.want(200, "GET", path, nil, "Accept", "application/x-ndjson")
		if n := strings.Count(string(file.body), "\n"); n != lines || file.header.Get("Total-Count") != "3" {
			t.Errorf("%s has %d lines of %s", path, n, file.header.Get("Total-Count"))
		}
	}
}

// TestComparedRows: a row stands beside what it was in the other days, whatever it is now, and what was most then comes before what was not.
func TestComparedRows(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	var now, then, beside api.Attribution
	c.want(200, "GET", "/api/v1/attribution?dimension=landing_page&from=2026-09-05&to=2026-09-05", nil).into(t, &now)
	c.want(200, "GET", "/api/v1/attribution?dimension=landing_page&from=2026-09-01&to=2026-09-04", nil).into(t, &then)
	c.want(200, "GET", "/api/v1/attribution?dimension=landing_page&from=2026-09-05&to=2026-09-05&compare=custom&compare_from=2026-09-01&compare_to=2026-09-04", nil).into(t, &beside)
	rows := map[string][4]float64{}
	for _, r := range now.Rows {
		rows[r.Key] = [4]float64{r.Conversions, float64(r.Sessions)}
	}
	for _, r := range then.Rows {
		was := rows[r.Key]
		was[2], was[3] = r.Conversions, float64(r.Sessions)
		rows[r.Key] = was
	}
	if len(beside.Rows) != len(rows) || beside.Count != int64(len(rows)) || len(rows) < 2 {
		t.Fatalf("%d rows and a count of %d, of %v", len(beside.Rows), beside.Count, rows)
	}
	for i, r := range beside.Rows {
		if got := [4]float64{r.Conversions, float64(r.Sessions), *r.PreviousConversions, float64(*r.PreviousSessions)}; got != rows[r.Key] {
			t.Errorf("%s: %v, want %v", r.Key, got, rows[r.Key])
		}
		if i > 0 {
			if last := beside.Rows[i-1]; last.Conversions < r.Conversions || last.Conversions == r.Conversions && *last.PreviousConversions < *r.PreviousConversions {
				t.Errorf("%s comes after %s", r.Key, last.Key)
			}
		}
	}
}

func value[N int64 | float64](n *N) (zero N) {
	if n == nil {
		return zero
	}
	return *n
}

func TestExcludedTouches(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	var a api.Attribution
	c.want(200, "GET", "/api/v1/attribution?exclude=channel:is:Email", nil).into(t, &a)
	if a.Attributed != 1 || a.Rows[0].Conversions != 1 || a.Rows[1].Conversions != 1 || a.Rows[0].Key == "Email" || a.Rows[1].Key == "Email" {
		t.Errorf("without the letter: %+v", a)
	}
	c.want(200, "GET", "/api/v1/attribution?exclude=channel:is:Email&exclude=source:contains:GOO", nil).into(t, &a)
	if a.Total != 2 || a.Attributed != 0 || len(a.Rows) != 2 || a.Rows[0].Key != "(excluded)" && a.Rows[1].Key != "(excluded)" {
		t.Errorf("with nothing left: %+v", a)
	}
}

// TestExplanations: what is behind the rows of a model sums to them, and what
// its conversions' explanations say sums to the same.
func TestExplanations(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	if err := w.store.SetStage(t.Context(), w.ann, "intercom:ada", "In Progress"); err != nil {
		t.Fatal(err)
	}
	for _, model := range report.Models() {
		question := "?dimension=source&model=" + string(model) + "&from=2026-08-01&to=2026-10-31"
		var a api.Attribution
		c.want(200, "GET", "/api/v1/attribution"+question, nil).into(t, &a)
		for _, row := range a.Rows {
			behind, explained := 0.0, 0.0
			var list api.CreditedConversionList
			c.want(200, "GET", "/api/v1/attribution/conversions"+question+"&key="+row.Key, nil).into(t, &list)
			for _, one := range list.Items {
				behind += one.Credit
				var e api.Explanation
				c.want(200, "GET", "/api/v1/conversions/"+one.Id+"/credits"+question, nil).into(t, &e)
				if len(e.Touches) == 0 {
					explained++
				}
				for _, touch := range e.Touches {
					if touch.Touch.Source == row.Key {
						explained += (*touch.Credits)[string(model)]
					}
				}
			}
			if math.Abs(behind-row.Conversions) > 1e-6 || math.Abs(explained-row.Conversions) > 1e-6 {
				t.Errorf("%s, %s: the row says %v, what is behind it %v, explained are %v", model, row.Key, row.Conversions, behind, explained)
			}
		}
	}
}

func TestExplanationOfOne(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	path := "/api/v1/conversions/" + schema.ConversationID(w.ann.Workspace, "intercom", "1").String() + "/credits"
	var e api.Explanation
	c.want(200, "GET", path+"?lookback=1", nil).into(t, &e)
	if len(e.Touches) != 1 || e.Touches[0].Touch.Source != "news" || len(e.LeftOut) != 1 || *e.LeftOut[0].LeftOut != "lookback" || e.LeftOut[0].Touch.Rule != "click id" {
		t.Errorf("of one day: %+v", e)
	}
	if e.Contact != w.ada.String() || e.Name != "intercom_conversation" || e.InProgressAt != nil || e.Touches[0].Reason != "first_hit" {
		t.Errorf("it says %+v", e)
	}
	c.want(200, "GET", path+"?exclude=source:is:news", nil).into(t, &e)
	if len(e.Touches) != 1 || e.Touches[0].Touch.Source != "google" || len(e.LeftOut) != 1 || *e.LeftOut[0].LeftOut != "excluded" {
		t.Errorf("without the letter: %+v", e)
	}
	w.keyed(w.ben, control.Viewer).want(404, "GET", path, nil)
	c.want(404, "GET", "/api/v1/conversions/"+w.eve.String()+"/credits", nil)
}
