package api_test

import (
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/query/api"
)

// TestAnswersSayHowOldTheirNumbersAre: only answers that are read from
// ClickHouse, and only when the pipeline is behind.
func TestAnswersSayHowOldTheirNumbersAre(t *testing.T) {
	var moment time.Time
	known := true
	w := newStory(t, func(d *api.Deps) { d.AsOf = func() (time.Time, bool) { return moment, known } })
	c := w.keyed(w.ann, control.Viewer)
	for _, test := range []struct {
		what   string
		moment time.Time
		known  bool
		path   string
		want   string
	}{
		{"behind", today().Add(-time.Minute), true, "/api/v1/contacts", "2026-09-20T11:59:00.000Z"},
		{"behind", today().Add(-time.Minute), true, "/api/v1/attribution", "2026-09-20T11:59:00.000Z"},
		{"on time", today().Add(-time.Second), true, "/api/v1/attribution", ""},
		{"never measured", time.Time{}, false, "/api/v1/attribution", ""},
		{"settings are always new", today().Add(-time.Minute), true, "/api/v1/connections", ""},
	} {
		moment, known = test.moment, test.known
		if got := c.want(200, "GET", test.path, nil).header.Get(api.AsOfHeader); got != test.want {
			t.Errorf("%s: %s answers as of %q instead of %q", test.what, test.path, got, test.want)
		}
	}
}
