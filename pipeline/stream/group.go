package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/pipeline/failpoint"
)

// Record is a record as it was read. Its bytes may be kept.
type Record = kgo.Record

// ErrFenced is what a worker returns when its partition's state belongs to
// someone else.
var ErrFenced = errors.New("the partition's state belongs to another owner")

// Assignment is one partition given to this process.
type Assignment struct {
	Topic     string
	Partition int32
	// Confirm commits the next offset to process again under the group's
	// generation and returns it. Only a member that the broker still believes in
	// can; a worker with state calls it after taking an epoch and before relying
	// on what it reads.
	Confirm func(ctx context.Context) (int64, error)
}

// Worker owns one partition. Process is called by one goroutine at a time with
// consecutive records and must be repeatable; it returns when their effect is
// durable. It may be called again after it panicked, and must not rely on
// anything that it held in memory then. Skip moves on past a record that was
// set aside, as if it had been processed. Close is called once, after the last
// Process.
type Worker interface {
	Process(ctx context.Context, records []*Record) error
	Skip(ctx context.Context, record *Record) error
	Close()
}

// GroupConfig describes a consumer group on one topic.
type GroupConfig struct {
	Name  string // group id
	Topic string
	Stage string // what its workers do, for metrics and dead letters
	// New makes the worker of an assigned partition.
	New func(ctx context.Context, a Assignment) (Worker, error)
	// MaxBatch is the most records of one Process call; 5,000 when 0.
	MaxBatch int
	// MaxBuffered is the most records fetched but not yet processed, over all
	// partitions; 100,000 when 0.
	MaxBuffered int
	// SessionTimeout after which a silent member loses its partitions; 45 s when 0.
	SessionTimeout time.Duration
	// Fail comes to the place Stage.before-commit when the effect of a stretch is durable and its offset is not committed.
	// After an error the stretch is repeated.
	Fail failpoint.Reach
}

func (c *GroupConfig) beforeCommit() error { return c.Fail.At(c.Stage + ".before-commit") }

// Group runs the lanes of one consumer group.
type Group struct {
	config  GroupConfig
	log     *Log
	slog    *slog.Logger
	metrics *groupMetrics

	mu       sync.Mutex
	lanes    map[int32]*lane
	members  map[string]bool // as which this process was in the group
	buffered int             // records that wait in lanes that are not stuck
	room     chan struct{}   // signalled when there are fewer of them
	commits  chan struct{}   // signalled when a lane waits for a commit
}

type groupMetrics struct {
	processed prometheus.Counter
	batches   prometheus.Histogram
	retries   prometheus.Counter
	fenced    prometheus.Counter
	lag       *prometheus.GaugeVec
	owned     prometheus.Gauge
}

func newGroupMetrics(reg prometheus.Registerer, stage string) *groupMetrics {
	labels := prometheus.Labels{"stage": stage}
	m := &groupMetrics{
		processed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sourceloop_stage_records_total", Help: "Records processed by a stage.", ConstLabels: labels,
		}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sourceloop_stage_batch_seconds", Help: "Time to process a stretch of records until durable.",
			ConstLabels: labels, Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sourceloop_stage_retries_total", Help: "Stretches that had to be repeated.", ConstLabels: labels,
		}),
		fenced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sourceloop_stage_fenced_total", Help: "Times a worker found that another owns its state.", ConstLabels: labels,
		}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sourceloop_stage_lag_records", Help: "Records in the log that are not processed yet.", ConstLabels: labels,
		}, []string{"partition"}),
		owned: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sourceloop_stage_partitions", Help: "Partitions owned by this process.", ConstLabels: labels,
		}),
	}
	reg.MustRegister(m.processed, m.batches, m.retries, m.fenced, m.lag, m.owned)
	return m
}

// NewGroup makes a group, which Run joins.
func (l *Log) NewGroup(config GroupConfig) *Group {
	if config.MaxBatch == 0 {
		config.MaxBatch = 5_000
	}
	if config.MaxBuffered == 0 {
		config.MaxBuffered = 100_000
	}
	if config.SessionTimeout == 0 {
		config.SessionTimeout = 45 * time.Second
	}
	return &Group{
		config: config, log: l, slog: l.config.Log.With("stage", config.Stage),
		metrics: newGroupMetrics(l.config.Registerer, config.Stage),
		lanes:   make(map[int32]*lane), members: make(map[string]bool), room: make(chan struct{}, 1), commits: make(chan struct{}, 1),
	}
}

func (g *Group) join() (*kgo.Client, error) {
	opts := append([]kgo.Opt{
		kgo.SeedBrokers(g.log.config.Brokers...),
		kgo.ClientID("sourceloop-" + g.config.Stage),
		kgo.ConsumerGroup(g.config.Name),
		kgo.ConsumeTopics(g.config.Topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.BlockRebalanceOnPoll(),
		kgo.DisableAutoCommit(), // commitLoop does
		kgo.SessionTimeout(g.config.SessionTimeout),
		kgo.HeartbeatInterval(g.config.SessionTimeout / 10),
		kgo.OnPartitionsAssigned(g.assigned),
		kgo.OnPartitionsRevoked(g.revoked),
		kgo.OnPartitionsLost(g.lost),
		kgo.FetchMaxWait(250 * time.Millisecond),
	}, g.log.config.Options...)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("cannot join the consumer group %q: %w", g.config.Name, err)
	}
	return client, nil
}

// Run joins the group once the log is prepared, and polls until the context
// ends, then stops the lanes, commits what was processed and leaves the group.
func (g *Group) Run(ctx context.Context) error {
	if !g.log.await(ctx) {
		return nil
	}
	client, err := g.join()
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	watching, stopWatching := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { g.watchLag(watching) })
	defer watch.Wait()
	defer stopWatching()
	stopCommits := make(chan struct{})
	watch.Go(func() { g.commitLoop(client, stopCommits) })
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, g.atOnce())
		if fetches.IsClientClosed() {
			break
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.Canceled) {
				g.slog.Warn("cannot fetch; trying again", "topic", topic, "partition", partition, "err", err)
			}
		})
		g.dispatch(fetches)
		client.AllowRebalance()
		g.waitForRoom(ctx)
	}
	stopped := g.stopLanes(g.owned(), stopGrace)
	close(stopCommits)
	g.commitLast(client, stopped)
	return nil
}

func (g *Group) dispatch(fetches kgo.Fetches) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		l := g.lanes[p.Partition]
		if l == nil {
			return
		}
		l.highWatermark.Store(p.HighWatermark)
		if len(p.Records) > 0 {
			if !l.stuck {
				g.buffered += len(p.Records)
			}
			l.put(p.Records)
		}
	})
}

// atOnce is how many records a poll may bring, which may all be of one lane.
func (g *Group) atOnce() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(1, min(g.config.MaxBuffered-g.buffered, 2*g.config.MaxBatch))
}

// setStuck remembers whether a lane cannot go on. What a stuck one holds is not
// counted, and nothing more is fetched for it: else a few of them would take
// all the room, and the others would get nothing to do. When all are stuck they
// hold what was fetched by then, and no more.
func (g *Group) setStuck(l *lane, stuck bool) {
	g.mu.Lock()
	changed := l.stuck != stuck && g.lanes[l.partition] == l
	if changed {
		l.stuck = stuck
		held := l.left()
		if stuck {
			held = -held
		}
		g.buffered += held
	}
	g.mu.Unlock()
	if changed && stuck {
		l.pause()
		g.signalRoom()
	}
}

func (g *Group) waitForRoom(ctx context.Context) {
	for ctx.Err() == nil {
		g.mu.Lock()
		full := g.buffered >= g.config.MaxBuffered
		g.mu.Unlock()
		if !full {
			return
		}
		select {
		case <-g.room:
		case <-ctx.Done():
		}
	}
}

// release counts n records of a lane as gone.
func (g *Group) release(l *lane, n int) {
	g.mu.Lock()
	if !l.stuck {
		g.buffered -= n
	}
	g.mu.Unlock()
	g.signalRoom()
}

func (g *Group) signalRoom() {
	select {
	case g.room <- struct{}{}:
	default:
	}
}

func (g *Group) assigned(ctx context.Context, client *kgo.Client, partitions map[string][]int32) {
	g.stopLanes(partitions[g.config.Topic], 0) // There are none, unless a loss went unnoticed.
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range partitions[g.config.Topic] {
		l := newLane(context.WithoutCancel(ctx), g, client, p)
		g.lanes[p] = l
		go l.run()
	}
	g.metrics.owned.Set(float64(len(g.lanes)))
}

func (g *Group) revoked(_ context.Context, client *kgo.Client, partitions map[string][]int32) {
	g.commitLast(client, g.stopLanes(partitions[g.config.Topic], stopGrace))
}

func (g *Group) lost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	g.stopLanes(partitions[g.config.Topic], 0)
}

func (g *Group) owned() []int32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Keys(g.lanes))
}

// stopLanes stops the lanes of these partitions and waits until none of them
// touches anything. A stretch that is being processed may be finished within
// the grace. It returns the lanes it stopped.
func (g *Group) stopLanes(partitions []int32, grace time.Duration) (stopping []*lane) {
	g.mu.Lock()
	for _, p := range partitions {
		l := g.lanes[p]
		if l == nil {
			continue
		}
		stopping = append(stopping, l)
		delete(g.lanes, p)
		g.metrics.lag.DeleteLabelValues(l.label)
	}
	g.metrics.owned.Set(float64(len(g.lanes)))
	g.mu.Unlock()
	for _, l := range stopping {
		l.stop(grace)
	}
	for _, l := range stopping {
		<-l.done
		g.release(l, l.left())
	}
	return stopping
}

// recommit finds the next offset to process, which the lane may know better
// than the broker, and commits it under the group's present generation. A
// member that the broker no longer believes in is refused. At the first time it
// also reads what the former owner left to know.
func (g *Group) recommit(ctx context.Context, l *lane) (int64, error) {
	offsets, err := g.log.admin.FetchOffsetsForTopics(ctx, g.config.Name, g.config.Topic)
	if err != nil {
		return 0, fmt.Errorf("cannot read the committed offset: %w", err)
	}
	at, left := l.next.Load(), mark{}
	if o, ok := offsets.Lookup(g.config.Topic, l.partition); ok {
		if o.Err != nil {
			return 0, fmt.Errorf("cannot read the committed offset: %w", o.Err)
		}
		at, left = max(at, o.At), parseMark(o.Metadata)
	}
	if err := l.takeOver(ctx, at, left); err != nil {
		return 0, err
	}
	// By itself: a lane that was stopped meanwhile is to hear from the broker that it is no owner.
	if err := g.commit(ctx, l.client, []*lane{l}, anyLane); err != nil {
		return 0, err
	}
	l.taken = true
	if l.where().mark.Proven == 0 {
		l.goBehind()
	}
	return at, nil
}
