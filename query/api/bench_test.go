package api_test

import (
	"slices"
	"testing"
	"time"

	"sourceloop/control"
)

// BenchmarkWhatTheAPIAdds times an operation that reads nothing but the
// settings database: routing, the gate, the contract and the encoding are the
// rest. The median of a request over loopback must stay below a millisecond.
func BenchmarkWhatTheAPIAdds(b *testing.B) {
	w := newWorld(b)
	keyed := w.keyed(w.ann, control.Editor)
	body := map[string]string{"id": "1", "name": "p", "at": "2026-09-20T10:00:00Z", "email": "a@b.example"}
	for _, one := range []struct {
		name, method, path string
		body               any
	}{
		{"session", "GET", "/api/v1/session", nil},
		{"tracking", "GET", "/api/v1/tracking", nil},
		{"conversion", "POST", "/api/v1/conversions", body},
	} {
		b.Run(one.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				keyed.ask(one.method, one.path, one.body)
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs/median")
		})
	}
}
