package spool

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/schema"
)

// answer is a log that always says the same.
type answer struct{ err error }

func (a answer) Append(context.Context, string, [][]byte, [][]byte) error { return a.err }

// BenchmarkAppend is what a request with one hit costs: while Kafka acknowledges
// (at once, here), and while it is away and the hit goes to a real disk. Beside
// the time: spooled hits a second, and how many shared an fsync.
func BenchmarkAppend(b *testing.B) {
	for name, log := range map[string]answer{
		"acknowledged": {}, "spooled": {schema.E("test", schema.KindUnavailable, "away")},
	} {
		b.Run(name, func(b *testing.B) {
			s, err := New(Config{Dir: b.TempDir(), Topics: []string{topic}}, log, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.SetParallelism(256)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				key, value := []byte("1/0123456789abcdef0123456789abcdef"), []byte(strings.Repeat("v", 350))
				keys, values := [][]byte{key}, [][]byte{value}
				for pb.Next() {
					if err := s.Append(b.Context(), topic, keys, values); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hits/s")
			if syncs := syncsOf(b, s); syncs > 0 {
				b.ReportMetric(float64(b.N)/syncs, "hits/fsync")
			}
		})
	}
}

func syncsOf(b *testing.B, s *Spool) float64 {
	b.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.metrics.syncs)
	families, err := registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	return families[0].GetMetric()[0].GetCounter().GetValue()
}
