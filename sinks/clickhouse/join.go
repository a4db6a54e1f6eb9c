package clickhouse

import (
	"context"
	"sync/atomic"
	"time"
)

// entry is one caller of Write, waiting.
type entry struct {
	batch *Batch
	// taken is set by whoever is first: the flush that reads the batch, or
	// the caller that gives up. After a flush took it the caller waits, since
	// the batch is being read.
	taken atomic.Bool
	done  chan error
}

// joiner turns the calls of many goroutines into one flush an interval.
type joiner struct {
	every time.Duration
	rows  int
	flush func([]*Batch) error
	in    chan *entry
	stop  chan struct{}
	ended chan struct{}
}

func newJoiner(every time.Duration, rows int, flush func([]*Batch) error) *joiner {
	j := &joiner{
		every: every, rows: rows, flush: flush,
		in: make(chan *entry), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go j.run()
	return j
}

// write hands a batch over and waits for its fate.
func (j *joiner) write(ctx context.Context, batch *Batch) error {
	e := &entry{batch: batch, done: make(chan error, 1)}
	select {
	case j.in <- e:
	case <-j.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		if e.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-e.done
	}
}

// close lets the flush that runs, and what was handed over before, end.
func (j *joiner) close() {
	close(j.stop)
	<-j.ended
}

func (j *joiner) run() {
	defer close(j.ended)
	var last time.Time
	for {
		var entries []*entry
		select {
		case e := <-j.in:
			entries = append(entries, e)
		case <-j.stop:
			return
		}
		entries = j.gather(entries, j.every-time.Since(last))
		last = time.Now()
		j.settle(entries)
	}
}

// gather waits for more callers until the interval since the last flush is
// over or enough rows have come. Whoever is waiting already comes along.
func (j *joiner) gather(entries []*entry, wait time.Duration) []*entry {
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	rows := entries[0].batch.Len()
	due := false
	for rows < j.rows {
		if due {
			select {
			case e := <-j.in:
				entries, rows = append(entries, e), rows+e.batch.Len()
				continue
			default:
				return entries
			}
		}
		select {
		case e := <-j.in:
			entries, rows = append(entries, e), rows+e.batch.Len()
		case <-timer.C:
			due = true
		case <-j.stop:
			due = true
		}
	}
	return entries
}

func (j *joiner) settle(entries []*entry) {
	live := make([]*entry, 0, len(entries))
	batches := make([]*Batch, 0, len(entries))
	for _, e := range entries {
		if e.taken.CompareAndSwap(false, true) {
			live = append(live, e)
			batches = append(batches, e.batch)
		}
	}
	if len(live) == 0 {
		return
	}
	err := j.flush(batches)
	for _, e := range live {
		e.done <- err
	}
}
