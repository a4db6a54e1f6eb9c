package stream_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// measuring runs a Progress of the topic leads until the end of the test.
func measuring(t *testing.T, l *stream.Log) *stream.Progress {
	t.Helper()
	p := l.NewProgress(map[string]string{schema.TopicLeads: "test"})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p
}

// TestProgressStandsAtTheFirstRecordThatWaits: while a worker cannot go on, what
// was processed is as of the record that it stands at; afterwards as of now.
func TestProgressStandsAtTheFirstRecordThatWaits(t *testing.T) {
	l := openLog(t, broker(t))
	var away atomic.Bool
	r := &recorder{seen: make(map[string]int)}
	r.fail = func(string, int) error {
		if away.Load() {
			return errors.New("the engine is away")
		}
		return nil
	}
	run(t, l, r)
	oneKey(t, l, "done")
	until(t, "the first record", func() bool { return r.has(1) })
	away.Store(true)
	before := time.Now()
	oneKey(t, l, "stuck", "behind it")
	after := time.Now()
	p := measuring(t, l)
	until(t, "progress to stand at the record that is stuck", func() bool {
		at, known := p.AsOf()
		return known && !at.Before(before.Truncate(time.Millisecond)) && !at.After(after)
	})
	away.Store(false)
	until(t, "all records", func() bool { return r.has(3) })
	released := time.Now()
	until(t, "progress to go on", func() bool {
		at, _ := p.AsOf()
		return at.After(released)
	})
}

// TestProgressIsUnknownUntilMeasuredAndStandsWhileKafkaIsAway.
func TestProgressIsUnknownUntilMeasuredAndStandsWhileKafkaIsAway(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	l, err := stream.OpenLog(t.Context(), stream.Config{
		Brokers: cluster.ListenAddrs(), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if at, known := l.NewProgress(nil).AsOf(); known {
		t.Errorf("known as of %v before it was measured", at)
	}
	p := measuring(t, l)
	until(t, "a measurement", func() bool { _, known := p.AsOf(); return known })
	cluster.Close()
	closed := time.Now()
	if at, _ := p.AsOf(); at.After(closed) {
		t.Errorf("as of %v, after Kafka went away at %v", at, closed)
	}
}
