package stream

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sourceloop/schema"
)

// The pauses between repetitions grow from the first to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// lane processes the records of one partition, in order, on one goroutine.
type lane struct {
	group         *Group
	partition     int32
	label         string
	highWatermark atomic.Int64
	wake          chan struct{}
	quit          chan struct{}
	done          chan struct{}

	mu    sync.Mutex
	queue []*Record
}

func newLane(g *Group, partition int32) *lane {
	return &lane{
		group: g, partition: partition, label: strconv.Itoa(int(partition)),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
}

func (l *lane) put(records []*Record) {
	l.mu.Lock()
	l.queue = append(l.queue, records...)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) stop() { close(l.quit) }

// left is how many records were never processed.
func (l *lane) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

// next takes the next stretch without removing it, and waits for one. It
// returns nil when the lane ends.
func (l *lane) next(ctx context.Context) []*Record {
	for {
		l.mu.Lock()
		n := min(len(l.queue), l.group.config.MaxBatch)
		batch := l.queue[:n:n]
		l.mu.Unlock()
		if n > 0 {
			return batch
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *lane) remove(n int) {
	l.mu.Lock()
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	l.mu.Unlock()
	l.group.release(n)
}

func (l *lane) run(parent context.Context) {
	defer close(l.done)
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	go func() {
		select {
		case <-l.quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	var worker Worker
	defer func() {
		if worker != nil {
			worker.Close()
		}
	}()
	pause := firstPause
	for ctx.Err() == nil {
		err := l.step(ctx, &worker)
		if err == nil {
			pause = firstPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		worker = l.recover(worker, err)
		wait(ctx, pause)
		pause = min(2*pause, lastPause)
	}
}

// recover decides whether the worker can go on after an error.
func (l *lane) recover(worker Worker, err error) Worker {
	l.group.metrics.retries.Inc()
	fenced := errors.Is(err, ErrFenced)
	l.group.slog.Warn("cannot process; trying again", "partition", l.partition, "fenced", fenced, "err", err)
	if !fenced || worker == nil {
		return worker
	}
	l.group.metrics.fenced.Inc()
	worker.Close()
	return nil
}

// step makes the worker if there is none, and processes one stretch.
func (l *lane) step(ctx context.Context, worker *Worker) error {
	if *worker == nil {
		w, err := l.group.config.New(ctx, Assignment{
			Topic: l.group.config.Topic, Partition: l.partition,
			Confirm: func(ctx context.Context) (int64, error) { return l.group.recommit(ctx, l.partition) },
		})
		if err != nil {
			return err
		}
		*worker = w
	}
	batch := l.next(ctx)
	if batch == nil {
		return ctx.Err()
	}
	start := time.Now()
	if err := l.process(ctx, *worker, batch); err != nil {
		return err
	}
	last := batch[len(batch)-1]
	l.group.client.MarkCommitRecords(last)
	l.remove(len(batch))
	l.group.metrics.batches.Observe(time.Since(start).Seconds())
	l.group.metrics.processed.Add(float64(len(batch)))
	l.group.metrics.lag.WithLabelValues(l.label).Set(float64(max(0, l.highWatermark.Load()-last.Offset-1)))
	return nil
}

// process narrows a panic down to one record and sets that one aside.
func (l *lane) process(ctx context.Context, w Worker, batch []*Record) error {
	panicked, err := l.guarded(ctx, w, batch)
	if panicked == "" {
		return err
	}
	if len(batch) == 1 {
		return l.bury(ctx, batch[0], panicked)
	}
	half := len(batch) / 2
	if err := l.process(ctx, w, batch[:half]); err != nil {
		return err
	}
	return l.process(ctx, w, batch[half:])
}

func (l *lane) guarded(ctx context.Context, w Worker, batch []*Record) (panicked string, err error) {
	defer func() {
		if r := recover(); r != nil {
			panicked = fmt.Sprintf("%T", r)
			l.group.slog.Error("a record made the worker panic", "partition", l.partition,
				"offset", batch[0].Offset, "records", len(batch), "stack", string(debug.Stack()))
		}
	}()
	return "", w.Process(ctx, batch)
}

func (l *lane) bury(ctx context.Context, r *Record, detail string) error {
	return l.group.log.AppendDead(ctx, []*schema.DeadRecord{DeadLetter(r, l.group.config.Stage, "panic", detail, schema.MillisOf(time.Now()))})
}

// DeadLetter describes a record that is to be set aside. The detail must not
// hold personal data.
func DeadLetter(r *Record, stage, reason, detail string, at schema.Millis) *schema.DeadRecord {
	id := schema.Derive("dead", r.Topic, strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10), string(r.Value))
	return &schema.DeadRecord{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value,
		Stage: stage, Reason: reason, Detail: detail, At: int64(at), Id: id[:],
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func commitResult(refused *error) func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error) {
	return func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			*refused = err
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					*refused = err
				}
			}
		}
	}
}
