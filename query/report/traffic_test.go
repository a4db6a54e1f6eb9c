package report_test

import (
	"testing"

	"sourceloop/query/report"
)

func TestTraffic(t *testing.T) {
	s := tell(t)
	traffic, err := s.in(1).Traffic(t.Context(), report.Credits{Model: "last_touch", Period: s.september(), Lookback: 90})
	if err != nil {
		t.Fatal(err)
	}
	want := report.Figures{Start: at(t, "1T00:00"), Sessions: 4, Visitors: 3, PageViews: 6, Conversions: 2, Value: 20}
	if traffic.Total != want || traffic.Granularity != report.Day || len(traffic.Trend) != 30 {
		t.Errorf("got %+v with %d stretches of a %s", traffic.Total, len(traffic.Trend), traffic.Granularity)
	}
	if day := traffic.Trend[4]; day != (report.Figures{Start: at(t, "5T00:00"), Sessions: 2, Visitors: 2, PageViews: 3, Conversions: 1, Value: 10}) {
		t.Errorf("the fifth day holds %+v", day)
	}
	google := []report.Filter{{"source", "is", "google"}}
	traffic, err = s.in(1).Traffic(t.Context(), report.Credits{Model: "first_touch", Period: s.september(), Lookback: 90, Filters: google})
	if err != nil || traffic.Total.Sessions != 2 || traffic.Total.Conversions != 1 {
		t.Errorf("by google: %+v, %v", traffic.Total, err)
	}
}
