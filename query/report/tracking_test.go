package report_test

import (
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

func TestArrivals(t *testing.T) {
	s := open(t)
	now := at(t, "9T10:00")
	id := schema.NewHitID(now, [10]byte{1})
	s.write(&sink.Batch{Hits: []*schema.Hit{{
		Id: id[:], Workspace: 1, Visitor: "v", At: int64(now), Received: int64(now), Type: schema.HitType_HIT_TYPE_PAGEVIEW, Url: "https://www.a.example/x",
	}}})
	got, err := s.in(1).Arrivals(t.Context(), now.Add(-time.Minute))
	if err != nil || got != (report.Arrivals{Hits: 1, Newest: now, Host: "www.a.example", URL: "https://www.a.example/x"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		workspace uint32
		since     schema.Millis
	}{"too early": {1, now + 1}, "another workspace's": {2, now - 1}} {
		if got, err := s.in(c.workspace).Arrivals(t.Context(), c.since); err != nil || got != (report.Arrivals{}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}
