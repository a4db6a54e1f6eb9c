package stream_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

const patience = time.Minute

func broker(t *testing.T) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()
}

func openLog(t *testing.T, addrs []string) *stream.Log {
	t.Helper()
	l, err := stream.OpenLog(t.Context(), stream.Config{
		Brokers: addrs, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// recorder is what the workers of one test saw.
type recorder struct {
	mu      sync.Mutex
	seen    map[string]int
	workers int
	skipped []string
	fail    func(value string, worker int) error
}

func (r *recorder) has(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen) >= n
}

type worker struct {
	r  *recorder
	no int
}

func (w *worker) Close() {}

func (w *worker) Skip(_ context.Context, record *stream.Record) error {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	w.r.skipped = append(w.r.skipped, string(record.Value))
	return nil
}

func (w *worker) Process(_ context.Context, records []*stream.Record) error {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	for _, rec := range records {
		if w.r.fail != nil {
			if err := w.r.fail(string(rec.Value), w.no); err != nil {
				return err
			}
		}
	}
	for _, rec := range records {
		w.r.seen[string(rec.Value)]++
	}
	return nil
}

func run(t *testing.T, l *stream.Log, r *recorder) (stop func()) {
	t.Helper()
	g := l.NewGroup(stream.GroupConfig{
		Name: "test", Topic: schema.TopicLeads, Stage: "test", SessionTimeout: 10 * time.Second,
		New: func(ctx context.Context, a stream.Assignment) (stream.Worker, error) {
			if _, err := a.Confirm(ctx); err != nil {
				return nil, err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.workers++
			return &worker{r, r.workers}, nil
		},
	})
	return start(t, g)
}

// start runs a group until it is stopped, at the end of the test at the latest.
func start(t *testing.T, g *stream.Group) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for: %s", what)
		}
		<-tick.C
	}
}

func appendKey(i int) []byte { return fmt.Append(nil, "key ", i) }

func appendValues(t *testing.T, l *stream.Log, from, to int) {
	t.Helper()
	var keys, values [][]byte
	for i := from; i < to; i++ {
		keys, values = append(keys, appendKey(i)), append(values, fmt.Append(nil, "value ", i))
	}
	if err := l.Append(t.Context(), schema.TopicLeads, keys, values); err != nil {
		t.Fatal(err)
	}
}

func TestTwoMembersShareAndTakeOver(t *testing.T) {
	each(t, func(t *testing.T, addrs []string) {
		r := &recorder{seen: make(map[string]int)}
		first := openLog(t, addrs)
		stopFirst := run(t, first, r)
		appendValues(t, first, 0, 500)
		until(t, "the first member to see 500 records", func() bool { return r.has(500) })
		second := openLog(t, addrs)
		run(t, second, r)
		appendValues(t, first, 500, 1000)
		until(t, "both members to see 1000 records", func() bool { return r.has(1000) })
		stopFirst()
		appendValues(t, second, 1000, 1500)
		until(t, "the second member to see 1500 records", func() bool { return r.has(1500) })
	})
}

func TestCommittedRecordsAreNotRepeatedAfterACleanStop(t *testing.T) {
	each(t, func(t *testing.T, addrs []string) {
		l := openLog(t, addrs)
		r := &recorder{seen: make(map[string]int)}
		stop := run(t, l, r)
		appendValues(t, l, 0, 100)
		until(t, "100 records", func() bool { return r.has(100) })
		stop()
		again := openLog(t, addrs)
		run(t, again, r)
		appendValues(t, again, 100, 110)
		until(t, "10 more", func() bool { return r.has(110) })
		for v, n := range r.seen {
			if n != 1 {
				t.Errorf("%s was processed %d times", v, n)
			}
		}
	})
}

func TestAnErrorIsRepeatedAndAFenceMakesANewWorker(t *testing.T) {
	each(t, func(t *testing.T, addrs []string) {
		l := openLog(t, addrs)
		away, fencedOnce := 2, false
		r := &recorder{seen: make(map[string]int)}
		r.fail = func(value string, _ int) error {
			switch {
			case value == "value 3" && away > 0:
				away--
				return errors.New("the engine is away")
			case value == "value 5" && !fencedOnce:
				fencedOnce = true
				return fmt.Errorf("someone else: %w", stream.ErrFenced)
			}
			return nil
		}
		run(t, l, r)
		appendValues(t, l, 0, 20)
		until(t, "20 records", func() bool { return r.has(20) })
		r.mu.Lock()
		defer r.mu.Unlock()
		if away != 0 || r.workers != int(schema.LeadsPartitions)+1 {
			t.Errorf("away %d, %d workers: want one more than the %d partitions", away, r.workers, schema.LeadsPartitions)
		}
	})
}

func TestARecordThatPanicsIsSetAsideAlone(t *testing.T) {
	each(t, func(t *testing.T, addrs []string) {
		l := openLog(t, addrs)
		r := &recorder{seen: make(map[string]int)}
		r.fail = func(value string, _ int) error {
			if value == "value 7" {
				panic("poison")
			}
			return nil
		}
		appendValues(t, l, 0, 50)
		run(t, l, r)
		until(t, "the 49 others", func() bool { return r.has(49) })
		dead := deadLetter(t, addrs)
		if string(dead.GetValue()) != "value 7" || dead.GetReason() != schema.DeadPanic || dead.GetStage() != "test" {
			t.Errorf("got %v", dead)
		}
		until(t, "the worker to move on past it", func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return slices.Equal(r.skipped, []string{"value 7"})
		})
	})
}

func deadLetter(t *testing.T, addrs []string) *schema.DeadRecord {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.ConsumeTopics(schema.TopicDead),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	records := c.PollRecords(ctx, 1).Records()
	if len(records) != 1 {
		t.Fatal("no dead letter")
	}
	dead := new(schema.DeadRecord)
	if err := proto.Unmarshal(records[0].Value, dead); err != nil {
		t.Fatal(err)
	}
	return dead
}

func TestAnotherPartitionCountIsRefused(t *testing.T) {
	addrs := broker(t)
	c, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := kadm.NewClient(c).CreateTopic(t.Context(), 12, 1, nil, schema.TopicHits); err != nil {
		t.Fatal(err)
	}
	_, err = stream.OpenLog(t.Context(), stream.Config{
		Brokers: addrs, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if schema.KindOf(err) != schema.KindInvalid {
		t.Fatalf("got %v", err)
	}
}

// TestALargestBodyFits: a record as large as the largest body that the
// collector takes, and a dead letter around it, are acknowledged.
func TestALargestBodyFits(t *testing.T) {
	each(t, func(t *testing.T, addrs []string) {
		l := openLog(t, addrs)
		noise := make([]byte, 1<<20)
		if _, err := rand.Read(noise); err != nil {
			t.Fatal(err)
		}
		if err := l.Append(t.Context(), schema.TopicWebhooks, [][]byte{[]byte("intercom/abc")}, [][]byte{noise}); err != nil {
			t.Error(err)
		}
		letter := &schema.DeadRecord{Topic: schema.TopicWebhooks, Value: noise, Stage: "test", Reason: "large"}
		if err := l.AppendDead(t.Context(), []*schema.DeadRecord{letter}); err != nil {
			t.Error(err)
		}
	})
}
