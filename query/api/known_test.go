package api_test

import (
	"fmt"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/query/api"
)

// TestTrafficAsOf: key figures say of which moment they are, their conversions
// are those that the tables have as of the same moment, and nothing is divided
// by what is of another one.
func TestTrafficAsOf(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Editor)
	c.want(200, "POST", "/api/v1/costs", csvFile("day,source,campaign,cost\n2026-09-03,google,spring,100\n"))
	const days = "from=2026-09-01&to=2026-09-10&compare=previous"
	for _, test := range []struct {
		asOf        string
		conversions float64
	}{
		{"", 2}, {"2026-09-10", 0}, {"2026-09-10T18:00:00Z", 0}, {"2199-01-01", 2},
	} {
		var traffic api.Traffic
		c.want(200, "GET", "/api/v1/traffic?"+days+"&as_of="+test.asOf, nil).into(t, &traffic)
		var table api.Attribution
		c.want(200, "GET", "/api/v1/attribution?dimension=source&"+days+"&as_of="+test.asOf, nil).into(t, &table)
		got, trend := map[api.FigureName]float64{}, 0.
		for _, f := range traffic.Figures {
			got[f.Name] = f.Value
			if then := f.Name == "conversions" || f.Name == "value"; (f.AsOf != nil) != (then && test.asOf != "") || f.Previous == nil && !strings.Contains(string(f.Name), "cost") && f.Name != "return_on_spend" {
				t.Errorf("as of %q: %+v", test.asOf, f)
			}
		}
		for _, p := range traffic.Trend {
			trend += p.Conversions
		}
		if got["conversions"] != test.conversions || trend != test.conversions || table.Total != test.conversions || got["sessions"] != 3 || got["cost"] != 100 {
			t.Errorf("as of %q: %v, a trend of %v, a table of %v", test.asOf, got, trend, table.Total)
		}
		ratios := 0
		for _, name := range []api.FigureName{"conversion_rate", "cost_per_conversion", "return_on_spend"} {
			if _, there := got[name]; there {
				ratios++
			}
		}
		for _, r := range table.Rows {
			if r.CostPerConversion != nil || r.ReturnOnSpend != nil {
				ratios++
			}
		}
		if now := test.asOf == ""; now != (ratios > 0) {
			t.Errorf("as of %q there are %d rates: %s", test.asOf, ratios, fmt.Sprint(got, table.Rows))
		}
	}
	contains(t, string(c.want(400, "GET", "/api/v1/traffic?as_of=yesterday", nil).body), "as_of")
}
