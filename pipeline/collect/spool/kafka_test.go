package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/schema"
)

const topic = "hits"

// kafka is a log that can be away, slow, or refuse records for good.
type kafka struct {
	mu          sync.Mutex
	away        bool
	hangs       bool                    // does not answer while it is away, until the context ends
	latency     time.Duration           // of an acknowledgement
	latencyEach time.Duration           // of each record's
	refuses     func(value []byte) bool // for good
	lossy       func() bool             // it has the records, but the answer is lost
	asked       int
	log         []record // in order
	held        [][]byte // values that were given up; they are the log's for good
	heldCopy    []string // what they were
}

type record struct{ topic, key, value string }

func (k *kafka) Append(ctx context.Context, topic string, keys, values [][]byte) error {
	k.mu.Lock()
	k.asked++
	away, hangs, latency := k.away, k.hangs, k.latency+k.latencyEach*time.Duration(len(keys))
	k.mu.Unlock()
	if away && hangs {
		<-ctx.Done()
	} else if latency > 0 {
		wait(ctx, latency)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if away || ctx.Err() != nil {
		for _, v := range values {
			k.held, k.heldCopy = append(k.held, v), append(k.heldCopy, string(v))
		}
		return schema.E("test", schema.KindUnavailable, "away")
	}
	for _, v := range values {
		if k.refuses != nil && k.refuses(v) {
			return schema.E("test", schema.KindInvalid, "refused")
		}
	}
	for i := range keys {
		k.log = append(k.log, record{topic, string(keys[i]), string(values[i])})
	}
	if k.lossy != nil && k.lossy() {
		return schema.E("test", schema.KindUnavailable, "the answer was lost")
	}
	return nil
}

func (k *kafka) set(away bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.away = away
}

func (k *kafka) timesAsked() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked
}

// values are what it has of a topic, in order, with repetitions.
func (k *kafka) values(topic string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for _, r := range k.log {
		if r.topic == topic {
			all = append(all, r.value)
		}
	}
	return all
}

// once are the values without repetitions, in the order of their first.
func once(values []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			all = append(all, v)
		}
	}
	return all
}

func numbered(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("value %04d", i))
	}
	return all
}

// rig is a spool with its surroundings.
type rig struct {
	*Spool
	registry *prometheus.Registry
	words    *words
}

func open(t *testing.T, files files, k *kafka, change ...func(*Config)) *rig {
	t.Helper()
	config := Config{Topics: []string{topic, "webhooks", "dead"}, files: files}
	for _, c := range change {
		c(&config)
	}
	r := &rig{registry: prometheus.NewRegistry(), words: &words{}}
	s, err := New(config, k, r.registry, slog.New(slog.NewTextHandler(r.words, nil)))
	if err != nil {
		t.Fatal(err)
	}
	r.Spool = s
	return r
}

// words are what was logged.
type words struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// running runs the drain until it is stopped, at the end of the test at the latest.
func (r *rig) running(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

// drained drains all there is, without Run.
func (r *rig) drained(t *testing.T) {
	t.Helper()
	for _, q := range r.queues {
		if err := q.drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// within is a context as the edge gives one.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (r *rig) put(t *testing.T, values ...string) {
	t.Helper()
	for _, v := range values {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		err := r.Append(ctx, topic, [][]byte{[]byte("key")}, [][]byte{[]byte(v)})
		cancel()
		if err != nil {
			t.Error(err)
		}
	}
}

// refused tells that a record was not taken, and that the sender may try again.
func (r *rig) refused(t *testing.T, value string) {
	t.Helper()
	err := r.Append(within(t), topic, [][]byte{[]byte("key")}, [][]byte{[]byte(value)})
	if schema.KindOf(err) != schema.KindUnavailable {
		t.Errorf("got %v, want that it is unavailable", err)
	}
}

// metric sums a metric up over its labels.
func (r *rig) metric(t *testing.T, name string) (sum float64) {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range families {
		if f.GetName() != "sourceloop_spool_"+name {
			continue
		}
		found = true
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	if !found {
		t.Fatalf("there is no metric %s", name)
	}
	return sum
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %d values %q, want %d %q", what, len(got), cut(got), len(want), cut(want))
	}
}

func cut(values []string) []string { return values[:min(len(values), 12)] }

var errDisk = errors.New("the disk is broken")
