package spool

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/deploy/servers/serverstest"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// patience bounds every wait for a real server.
const patience = time.Minute

// TestARealKafkaThatStopsAndIsKilled: what was acknowledged is in it, and in the
// order of its sender, though it was stopped, continued, killed and started
// anew, and what was given up may have arrived all the same.
func TestARealKafkaThatStopsAndIsKilled(t *testing.T) {
	kafka := serverstest.NewKafka(t)
	registry, quiet := prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	log, err := stream.NewLog(stream.Config{Brokers: []string{kafka.Addr}, Log: quiet, Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Dir: t.TempDir(), Topics: []string{schema.TopicHits}}, log, registry, quiet)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Spool: s, registry: registry}
	stop := r.running(t)
	w := writing(t, s)
	for _, step := range []struct {
		do   func() error
		more int // records acknowledged before the next step
	}{
		{func() error { return nil }, 200}, {kafka.Pause, 3000}, {kafka.Resume, 300},
		{kafka.Kill, 500}, {func() error { return kafka.Start(t.Context()) }, 300},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		w.await(t, step.more)
	}
	sent := w.end()
	until(t, "the spool to be drained", func() bool { return r.metric(t, "backlog_bytes") == 0 })
	stop()
	if r.metric(t, "records_total") == 0 {
		t.Error("nothing went through the spool")
	}
	got := firstOfEach(t, kafka.Addr, sent)
	for key, values := range sent {
		equal(t, key, got[key], values)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		wait(t.Context(), 5*time.Millisecond)
	}
}

// writers each append one record after another under a key of their own.
type writers struct {
	stop    context.CancelFunc
	working sync.WaitGroup
	mu      sync.Mutex
	sent    map[string][]string // acknowledged values by key
	total   int
}

func writing(t *testing.T, s *Spool) *writers {
	ctx, stop := context.WithCancel(context.Background())
	w := &writers{stop: stop, sent: map[string][]string{}}
	t.Cleanup(stop)
	for i := range 8 {
		key := fmt.Sprint("key ", i)
		w.working.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				value := fmt.Sprintf("%s %06d", key, n)
				asking, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
				err := s.Append(asking, schema.TopicHits, [][]byte{[]byte(key)}, [][]byte{[]byte(value)})
				cancel()
				if err != nil {
					t.Error(err)
					return
				}
				w.mu.Lock()
				w.sent[key] = append(w.sent[key], value)
				w.total++
				w.mu.Unlock()
			}
		})
	}
	return w
}

// await waits until so many more are acknowledged.
func (w *writers) await(t *testing.T, more int) {
	t.Helper()
	count := func() int { w.mu.Lock(); defer w.mu.Unlock(); return w.total }
	from := count()
	until(t, fmt.Sprintf("%d more records to be acknowledged", more), func() bool { return count() >= from+more })
}

func (w *writers) end() map[string][]string {
	w.stop()
	w.working.Wait()
	return w.sent
}

// firstOfEach reads the topic until it has seen all of these values, and gives
// by key the first of each, in the order of the topic.
func firstOfEach(t *testing.T, addr string, sent map[string][]string) map[string][]string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(schema.TopicHits), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	missing := map[string]bool{}
	for _, values := range sent {
		for _, v := range values {
			missing[v] = true
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all := map[string][]string{}
	for len(missing) > 0 && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			delete(missing, string(r.Value))
			all[string(r.Key)] = append(all[string(r.Key)], string(r.Value))
		})
	}
	if len(missing) > 0 {
		t.Errorf("%d acknowledged records are missing", len(missing))
	}
	for key, values := range all {
		all[key] = slices.Clip(once(values))
	}
	return all
}
