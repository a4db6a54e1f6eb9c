package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/schema"
)

// The pauses between repetitions grow from the first to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// stopGrace is how long a lane may go on with the stretch it is processing when
// it is stopped in good order. What is cut off is repeated by the next owner.
const stopGrace = 5 * time.Second

// lane processes the records of one partition, in order, on one goroutine.
type lane struct {
	group         *Group
	client        *kgo.Client
	partition     int32
	label         string
	highWatermark atomic.Int64
	next          atomic.Int64 // the offset after the last processed one, 0 before
	wake          chan struct{}
	done          chan struct{}

	taking    context.Context // ends when the lane is stopped
	endTaking context.CancelFunc
	working   context.Context // ends when what it works on is to be given up
	giveUp    context.CancelFunc

	stuck bool  // what it did last failed; guarded by the group's mu
	taken bool  // the former owner's position was read; of the lane's goroutine
	ahead bool  // its trials come before others'; likewise
	share int64 // how many suspected records are tried at once, 0 outside of trials; likewise

	mu        sync.Mutex
	queue     []*Record
	paused    bool   // no more is fetched
	member    string // as which the lane became the owner
	putOut    bool   // the group forgot that member
	position  position
	version   uint64     // counts the changes of the position
	committed uint64     // the last version that the broker has
	asked     chan error // waits for the commit of the present version
}

func newLane(ctx context.Context, g *Group, client *kgo.Client, partition int32) *lane {
	l := &lane{
		group: g, client: client, partition: partition, label: strconv.Itoa(int(partition)),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	l.ahead = true
	g.log.gate.goAhead()
	l.working, l.giveUp = context.WithCancel(ctx)
	l.taking, l.endTaking = context.WithCancel(l.working)
	return l
}

// put queues records. A lane that falls behind is fetched no more for a while,
// so that it does not take the room of the others.
func (l *lane) put(records []*Record) {
	l.mu.Lock()
	l.queue = append(l.queue, records...)
	if len(l.queue) >= 2*l.group.config.MaxBatch {
		l.pauseLocked()
	}
	l.mu.Unlock()
	l.wakeUp()
}

func (l *lane) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) itself() map[string][]int32 {
	return map[string][]int32{l.group.config.Topic: {l.partition}}
}

// pause fetches no more, until resume is called.
func (l *lane) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pauseLocked()
}

func (l *lane) pauseLocked() {
	if !l.paused {
		l.paused = true
		l.client.PauseFetchPartitions(l.itself())
	}
}

// resume fetches again when the queue is down to n.
func (l *lane) resume(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused && len(l.queue) <= n {
		l.paused = false
		l.client.ResumeFetchPartitions(l.itself())
	}
}

// stop lets the lane take no more, and gives up what it works on after a while.
func (l *lane) stop(grace time.Duration) {
	l.endTaking()
	timer := time.AfterFunc(grace, l.giveUp)
	context.AfterFunc(l.working, func() { timer.Stop() })
}

// left is how many records were never processed.
func (l *lane) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

// await takes the next stretch without removing it, and waits for one. It
// returns nil when the lane is stopped, or is an owner no more.
func (l *lane) await() []*Record {
	for l.taking.Err() == nil {
		l.mu.Lock()
		n, putOut := min(len(l.queue), l.group.config.MaxBatch), l.putOut
		batch := l.queue[:n:n]
		l.mu.Unlock()
		if putOut {
			return nil
		}
		if n > 0 {
			return batch
		}
		// With nothing to do it is not stuck: whoever failed before anything was fetched, when
		// the worker was made, would never be fetched anything.
		l.group.setStuck(l, false)
		l.resume(0)
		select {
		case <-l.wake:
		case <-l.taking.Done():
		}
	}
	return nil
}

func (l *lane) remove(n int) {
	l.mu.Lock()
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	l.mu.Unlock()
	l.resume(l.group.config.MaxBatch)
	l.group.release(l, n)
}

func (l *lane) run() {
	defer close(l.done)
	defer l.giveUp()
	defer l.resume(math.MaxInt)
	var worker Worker
	defer func() {
		if worker != nil {
			worker.Close()
		}
		l.rest()
	}()
	pause := firstPause
	for l.taking.Err() == nil {
		err := l.step(&worker)
		if err == nil {
			pause = firstPause
			continue
		}
		if l.taking.Err() != nil {
			return
		}
		l.group.setStuck(l, true)
		worker = l.recover(worker, err)
		wait(l.taking, pause)
		pause = min(2*pause, lastPause)
	}
}

// rest says that nothing is in work any more.
func (l *lane) rest() {
	l.goBehind()
	if l.share > 0 {
		l.group.log.gate.trying.Add(-1)
	}
	if l.taken {
		l.update(func(p *position) { p.mark.Open = false })
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
func (l *lane) step(worker *Worker) (err error) {
	if *worker == nil {
		if *worker, err = l.newWorker(); err != nil {
			return err
		}
	}
	batch := l.await()
	if batch == nil {
		return cmp.Or(l.taking.Err(), errPutOut)
	}
	start := time.Now()
	n, err := l.work(*worker, batch)
	if err != nil {
		return err
	}
	last := batch[n-1]
	l.group.setStuck(l, false)
	l.remove(n)
	l.group.metrics.batches.Observe(time.Since(start).Seconds())
	l.group.metrics.processed.Add(float64(n))
	l.group.setLag(l, l.highWatermark.Load()-last.Offset-1)
	return nil
}

// newWorker makes the worker. A panic is an error like others.
func (l *lane) newWorker() (w Worker, err error) {
	defer func() {
		if r := recover(); r != nil {
			l.group.slog.Error("making a worker panicked", "partition", l.partition, "stack", string(debug.Stack()))
			w, err = nil, fmt.Errorf("cannot make a worker: it panicked with a %T", r)
		}
	}()
	l.join()
	leave, err := l.group.log.gate.enter(l.taking, false) // What it reads and writes may kill, too.
	if err != nil {
		return nil, err
	}
	defer leave()
	w, err = l.group.config.New(l.taking, Assignment{
		Topic: l.group.config.Topic, Partition: l.partition,
		Confirm: func(ctx context.Context) (int64, error) { return l.group.recommit(ctx, l) },
	})
	if err != nil || l.taken {
		return w, err
	}
	if _, err := l.group.recommit(l.taking, l); err != nil { // A worker without state does not ask.
		w.Close()
		return nil, err
	}
	return w, nil
}

// process narrows a panic down to one record and sets that one aside.
func (l *lane) process(ctx context.Context, w Worker, batch []*Record) error {
	panicked, err := l.guarded(ctx, w, batch)
	if panicked == "" {
		return err
	}
	if len(batch) == 1 {
		if err := l.bury(ctx, batch[0], schema.DeadPanic, panicked); err != nil {
			return err
		}
		return w.Skip(ctx, batch[0])
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

func (l *lane) bury(ctx context.Context, r *Record, reason, detail string) error {
	return l.group.log.AppendDead(ctx, []*schema.DeadRecord{DeadLetter(r, l.group.config.Stage, reason, detail, schema.MillisOf(time.Now()))})
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
