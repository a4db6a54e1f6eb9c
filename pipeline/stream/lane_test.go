package stream_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// scripted is a worker made of functions.
type scripted struct {
	process func(ctx context.Context, records []*stream.Record) error
}

func (s *scripted) Process(ctx context.Context, records []*stream.Record) error {
	return s.process(ctx, records)
}
func (s *scripted) Skip(context.Context, *stream.Record) error { return nil }
func (s *scripted) Close()                                     {}

// oneKey appends values to one partition, one after another.
func oneKey(t *testing.T, l *stream.Log, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := l.Append(t.Context(), schema.TopicLeads, [][]byte{[]byte("one")}, [][]byte{[]byte(v)}); err != nil {
			t.Fatal(err)
		}
	}
}

func onePartition() int32 { return stream.Partition([]byte("one"), schema.LeadsPartitions) }

// TestAStretchInWorkIsFinishedAndCommittedOnAStop stops a group while its
// worker is busy: what it was doing is neither cut off nor repeated.
func TestAStretchInWorkIsFinishedAndCommittedOnAStop(t *testing.T) {
	each(t, func(t *testing.T, addrs []string) {
		l := openLog(t, addrs)
		began, goOn := make(chan struct{}), make(chan struct{})
		var mu sync.Mutex
		seen := make(map[string]int)
		newWorker := func(context.Context, stream.Assignment) (stream.Worker, error) {
			return &scripted{process: func(ctx context.Context, records []*stream.Record) error {
				if string(records[0].Value) == "busy" {
					close(began)
					<-goOn
				}
				mu.Lock()
				defer mu.Unlock()
				for _, r := range records {
					seen[string(r.Value)]++
				}
				return ctx.Err()
			}}, nil
		}
		config := stream.GroupConfig{Name: "test", Topic: schema.TopicLeads, Stage: "test", New: newWorker, MaxBatch: 1}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.NewGroup(config).Run(ctx) }()
		oneKey(t, l, "busy", "waiting")
		<-began
		cancel()
		close(goOn)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		again := openLog(t, addrs)
		start(t, again.NewGroup(config))
		until(t, "the record that waited", func() bool { mu.Lock(); defer mu.Unlock(); return seen["waiting"] > 0 })
		mu.Lock()
		defer mu.Unlock()
		if seen["busy"] != 1 || seen["waiting"] != 1 {
			t.Errorf("processed %v, want each once", seen)
		}
	})
}

// TestAnOwnerConfirmsWhatItProcessed fences a worker before its marks were
// committed: the next one is told the offset after the last processed record,
// not the older one that the broker has.
func TestAnOwnerConfirmsWhatItProcessed(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l := openLog(t, cluster.ListenAddrs())
	var mu sync.Mutex
	var confirmed []int64
	processed, fencedOnce := 0, false
	start(t, l.NewGroup(stream.GroupConfig{
		Name: "test", Topic: schema.TopicLeads, Stage: "test", MaxBatch: 1,
		New: func(ctx context.Context, a stream.Assignment) (stream.Worker, error) {
			at, err := a.Confirm(ctx)
			if err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			if a.Partition == onePartition() {
				confirmed = append(confirmed, at)
			}
			return &scripted{process: func(context.Context, []*stream.Record) error {
				mu.Lock()
				defer mu.Unlock()
				if processed == 3 && !fencedOnce {
					fencedOnce = true
					return stream.ErrFenced
				}
				processed++
				return nil
			}}, nil
		},
	}))
	oneKey(t, l, "a", "b", "c", "d")
	until(t, "4 records", func() bool { mu.Lock(); defer mu.Unlock(); return processed == 4 })
	mu.Lock()
	defer mu.Unlock()
	if len(confirmed) != 2 || confirmed[0] != 0 || confirmed[1] != 3 {
		t.Errorf("confirmed %v, want 0 at the start and 3 after the fence", confirmed)
	}
}

// TestAnOffsetThatCannotBeReadIsNotTakenForNone makes the broker answer an
// error for the partition once: nobody may go on from offset 0.
func TestAnOffsetThatCannotBeReadIsNotTakenForNone(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l := openLog(t, cluster.ListenAddrs())
	r := &recorder{seen: make(map[string]int)}
	stop := run(t, l, r)
	oneKey(t, l, "a", "b")
	until(t, "2 records", func() bool { return r.has(2) })
	stop()

	again := openLog(t, cluster.ListenAddrs())
	var mu sync.Mutex
	var confirmed []int64
	failures, done := 0, false
	start(t, again.NewGroup(stream.GroupConfig{
		Name: "test", Topic: schema.TopicLeads, Stage: "test",
		New: func(ctx context.Context, a stream.Assignment) (stream.Worker, error) {
			at, err := a.Confirm(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures++
				return nil, err
			}
			if a.Partition == onePartition() {
				confirmed = append(confirmed, at)
			}
			return &scripted{process: func(context.Context, []*stream.Record) error {
				mu.Lock()
				defer mu.Unlock()
				if failures == 0 {
					failOffsets(cluster)
					return stream.ErrFenced
				}
				done = true
				return nil
			}}, nil
		},
	}))
	oneKey(t, again, "c")
	until(t, "the record to be processed", func() bool { mu.Lock(); defer mu.Unlock(); return done })
	mu.Lock()
	defer mu.Unlock()
	if failures != 1 || !slices.Equal(confirmed, []int64{2, 2}) {
		t.Errorf("confirmed %v with %d failures, want 2 twice and one failure", confirmed, failures)
	}
}

// failOffsets makes the next question for committed offsets fail for every
// partition.
func failOffsets(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.OffsetFetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		asked := req.(*kmsg.OffsetFetchRequest)
		resp := asked.ResponseKind().(*kmsg.OffsetFetchResponse)
		for _, g := range asked.Groups {
			group := kmsg.NewOffsetFetchResponseGroup()
			group.Group = g.Group
			topic := kmsg.NewOffsetFetchResponseGroupTopic()
			topic.Topic = schema.TopicLeads
			for p := range int32(schema.LeadsPartitions) {
				partition := kmsg.NewOffsetFetchResponseGroupTopicPartition()
				partition.Partition, partition.Offset = p, -1
				partition.ErrorCode = kerr.TopicAuthorizationFailed.Code
				topic.Partitions = append(topic.Partitions, partition)
			}
			group.Topics = append(group.Topics, topic)
			resp.Groups = append(resp.Groups, group)
		}
		return resp, nil, true
	})
}

// TestAStuckLaneDoesNotTakeTheRoomOfOthers keeps one partition failing with
// more records than fit into memory: the others go on, and its lag is seen.
func TestAStuckLaneDoesNotTakeTheRoomOfOthers(t *testing.T) {
	addrs := broker(t)
	registry := prometheus.NewRegistry()
	l, err := stream.OpenLog(t.Context(), stream.Config{Brokers: addrs, Log: slog.New(slog.DiscardHandler), Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	r := &recorder{seen: make(map[string]int)}
	stuck := true
	r.fail = func(value string, _ int) error {
		if stuck && value == "stuck" {
			return errors.New("the engine is away")
		}
		return nil
	}
	start(t, l.NewGroup(stream.GroupConfig{
		Name: "test", Topic: schema.TopicLeads, Stage: "test", MaxBatch: 5, MaxBuffered: 50,
		New: func(context.Context, stream.Assignment) (stream.Worker, error) { return &worker{r: r}, nil },
	}))
	for range 20 {
		oneKey(t, l, "stuck", "stuck", "stuck", "stuck", "stuck", "stuck", "stuck", "stuck", "stuck", "stuck")
	}
	appendValues(t, l, 0, 300)
	mine := 0
	for i := range 300 {
		if stream.Partition(appendKey(i), schema.LeadsPartitions) == onePartition() {
			mine++
		}
	}
	until(t, "the records of the other partitions", func() bool { return r.has(300 - mine) })
	until(t, "the lag of the stuck lane", func() bool { return lagOf(t, registry) >= 200 })
	r.mu.Lock()
	stuck = false
	r.mu.Unlock()
	until(t, "the records that waited", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.seen["stuck"] == 200 && len(r.seen) == 301
	})
}

// TestALaneThatBeganWithTroubleIsFetchedAgain: engines that are away when a
// partition is taken over, before anything was fetched for it, hold up nothing
// once they are back.
func TestALaneThatBeganWithTroubleIsFetchedAgain(t *testing.T) {
	l := openLog(t, broker(t))
	r := &recorder{seen: make(map[string]int)}
	made := make(chan struct{})
	troubles := 0
	start(t, l.NewGroup(stream.GroupConfig{
		Name: "test", Topic: schema.TopicLeads, Stage: "test",
		New: func(_ context.Context, a stream.Assignment) (stream.Worker, error) {
			if a.Partition != onePartition() {
				return &worker{r: r}, nil
			}
			if troubles++; troubles < 3 {
				return nil, errors.New("the engine is away")
			}
			close(made)
			return &worker{r: r}, nil
		},
	}))
	<-made
	oneKey(t, l, "afterwards")
	until(t, "the record that came afterwards", func() bool { return r.has(1) })
}

func lagOf(t *testing.T, registry *prometheus.Registry) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "sourceloop_stage_lag_records" {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetGauge().GetValue()
		}
	}
	return sum
}

// TestAppendEndsWithItsContext: a broker that takes records and never answers
// must not keep a lane, and with it the shutdown, for ever.
func TestAppendEndsWithItsContext(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l := openLog(t, cluster.ListenAddrs())
	oneKey(t, l, "first")
	asked := make(chan struct{})
	var once sync.Once
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		once.Do(func() { close(asked) })
		return nil, errors.New("cut"), true
	})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		failed <- l.Append(ctx, schema.TopicLeads, [][]byte{[]byte("one")}, [][]byte{[]byte("second")})
	}()
	<-asked
	cancel()
	select {
	case err := <-failed:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that the context ended", err)
		}
	case <-time.After(patience):
		t.Fatal("Append did not end with its context")
	}
}

func TestAGroupLeavesNoGoroutines(t *testing.T) {
	before := goleak.IgnoreCurrent()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	l, err := stream.OpenLog(t.Context(), stream.Config{
		Brokers: cluster.ListenAddrs(), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{seen: make(map[string]int)}
	stop := run(t, l, r)
	appendValues(t, l, 0, 100)
	until(t, "100 records", func() bool { return r.has(100) })
	stop()
	l.Close()
	cluster.Close()
	until(t, "all goroutines to end", func() bool { return goleak.Find(before) == nil })
}
