package api_test

import (
	"testing"

	"sourceloop/control"
	"sourceloop/query/api"
)

// TestPlacesAndPathsBesideOtherDays: Ada chatted on the fifth, after an ad and a
// letter, and Bob, of whom no visit is known, on the fourth.
func TestPlacesAndPathsBesideOtherDays(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	const fifth = "from=2026-09-05&to=2026-09-05&"
	for _, test := range []struct{ compare, from, to string }{
		{"compare=previous", "2026-09-04", "2026-09-04"}, {"compare=custom&compare_from=2026-09-01&compare_to=2026-09-04", "2026-09-01", "2026-09-04"},
	} {
		want := api.TotalsBefore{From: test.from, To: test.to, Total: 1}
		var paths api.PathList
		c.want(200, "GET", "/api/v1/paths?"+fifth+test.compare, nil).into(t, &paths)
		if len(paths.Rows) != 2 || *paths.Rows[0].PreviousConversions != 0 || paths.Rows[1].Conversions != 0 || *paths.Rows[1].PreviousConversions != 1 || paths.Rows[1].Steps[0] != "Direct" {
			t.Errorf("%s: paths are %+v", test.compare, paths.Rows)
		}
		var content api.ContentList
		c.want(200, "GET", "/api/v1/content?"+fifth+test.compare, nil).into(t, &content)
		now, before := 0., 0.
		for _, r := range content.Rows {
			now, before = now+r.Conversions, before+*r.PreviousConversions
			if r.Page == "(none)" && (r.Conversions != 0 || *r.PreviousConversions != 1) {
				t.Errorf("%s: %+v", test.compare, r)
			}
		}
		var countries api.LocationList
		c.want(200, "GET", "/api/v1/locations?"+fifth+test.compare, nil).into(t, &countries)
		for _, r := range countries.Rows {
			now, before = now+r.Conversions, before+*r.PreviousConversions
		}
		if now != 2 || before != 2 {
			t.Errorf("%s: rows of pages and countries sum to %v, and to %v before; %+v", test.compare, now, before, content.Rows)
		}
		for _, got := range []*api.TotalsBefore{paths.Previous, content.Previous, countries.Previous} {
			if got == nil || *got != want {
				t.Errorf("%s: %+v, want %+v", test.compare, got, want)
			}
		}
	}
	for _, route := range []string{"paths", "content", "locations"} {
		contains(t, string(c.want(400, "GET", "/api/v1/"+route+"?compare=custom&compare_from=2026-09-01", nil).body), "compare_to")
	}
	var alone api.PathList
	if c.want(200, "GET", "/api/v1/paths?"+fifth, nil).into(t, &alone); alone.Previous != nil || alone.Rows[0].PreviousVisitors != nil {
		t.Errorf("with nothing to compare: %+v", alone)
	}
}
