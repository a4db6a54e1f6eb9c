package stream_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// TestWithoutDeadLetters: of records one of which panics, every one is
// processed or among the dead letters (I1). Where those are dropped one is
// neither, or the check would be worth nothing.
func TestWithoutDeadLetters(t *testing.T) {
	for name, off := range map[string]stream.Unsafe{"with": {}, "without": {NoDeadLetters: true}} {
		t.Run(name, func(t *testing.T) {
			addrs := broker(t)
			l, err := stream.OpenLog(t.Context(), stream.Config{
				Brokers: addrs, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Unsafe: off,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(l.Close)
			r := &recorder{seen: make(map[string]int)}
			r.fail = func(value string, _ int) error {
				if value == "value 7" {
					panic("poison")
				}
				return nil
			}
			appendValues(t, l, 0, 20)
			stop := run(t, l, r)
			until(t, "all to be processed or passed over", func() bool {
				r.mu.Lock()
				defer r.mu.Unlock()
				return len(r.seen)+len(r.skipped) >= 20
			})
			stop()
			lost := missing(t, l, r, 20)
			if (lost == "") != (off == stream.Unsafe{}) {
				t.Errorf("missing: %q", lost)
			}
		})
	}
}

// missing are the values that were neither processed nor set aside.
func missing(t *testing.T, l *stream.Log, r *recorder, n int) string {
	t.Helper()
	kept := make(map[string]bool)
	if _, err := l.ReadDead(t.Context(), func(d *schema.DeadRecord) error {
		kept[string(d.GetValue())] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := ""
	for i := range n {
		if v := fmt.Sprint("value ", i); r.seen[v] == 0 && !kept[v] {
			lost += v + ";"
		}
	}
	return lost
}
