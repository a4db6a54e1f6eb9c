package report_test

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// TestWaysAreAllCountedOrRefused: where people went as many different ways as are counted, all are; where they went one more, paths are
// refused in words, and none is left out.
func TestWaysAreAllCountedOrRefused(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s, begin := open(t), at(t, "3T10:00")
	w := build(rand.New(rand.NewPCG(seed, 20)), 1, 60, begin)
	s.write(&sink.Batch{Hits: w.hits, Sessions: w.sessions})
	f := report.Funnel{
		Steps:  []report.Step{{Type: "pageview", Operator: "starts_with", Value: "/"}, {Type: "event", Name: "signup"}},
		Window: 2 * time.Hour, Period: report.Period{Begin: begin, End: begin.Add(3 * time.Hour)},
	}
	s.copies()
	for name, ask := range map[string]func() (number uint64, answer any, err error){
		"best paths": func() (uint64, any, error) {
			a, err := s.in(w.workspace).BestPaths(t.Context(), report.BestPaths{Funnel: f, Depth: 3})
			return a.Number, a, err
		},
		"paths between steps": func() (uint64, any, error) {
			a, err := s.in(w.workspace).FunnelBetween(t.Context(), report.FunnelBetween{Funnel: f, Step: 1, Depth: 3, Dropped: true})
			return a.Number, a, err
		},
	} {
		s.reader.CountAtMostWays(1000)
		number, want, err := ask()
		if err != nil || number < 2 {
			t.Fatalf("%s: %d ways, %v: the test is too weak", name, number, err)
		}
		s.reader.CountAtMostWays(int(number))
		if _, got, err := ask(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: with just as many ways: %+v, %v; want %+v", name, got, err, want)
		}
		s.reader.CountAtMostWays(int(number) - 1)
		if _, got, err := ask(); schema.KindOf(err) != schema.KindLimited {
			t.Errorf("%s: with one way too many: %+v, %v; want a refusal", name, got, err)
		}
	}
}
