package spool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sourceloop/schema"
)

// groupBytes is up to what size requests are written together.
const groupBytes = 4 << 20

// queue keeps the records of one topic in order.
type queue struct {
	spool *Spool
	topic string
	chunk int           // how many records the drain appends at once
	wake  chan struct{} // to the drain: there is more

	file    chan struct{} // full while the current segment is written or closed; before mu
	current *current      // nil when the next group starts a segment

	mu       sync.Mutex
	segments []*segment    // what the log has not acknowledged, oldest first; current's is the last
	groups   []*group      // that wait to be written, the first one perhaps being written
	writing  bool          // a goroutine writes groups
	spare    []byte        // memory for the next group's frames
	stopped  chan struct{} // not nil when closed; closed when nothing is being written
	number   uint64        // of the newest segment
	oldest   int64         // arrival of the oldest record or a little before, ms since 1970; 0 when not known
	gate     chan struct{} // not nil while the last records are drained; closed when new ones may go on
}

// current is the segment that groups are written to.
type current struct {
	file    file
	segment *segment
}

// group is what is written with one fsync. Who joins waits for done.
type group struct {
	frames  []byte
	records int
	sealed  bool // being written: nobody may join
	done    chan struct{}
	err     error // set before done is closed
}

func newQueue(s *Spool, topic string) *queue {
	return &queue{spool: s, topic: topic, chunk: chunkRecords, wake: make(chan struct{}, 1), file: make(chan struct{}, 1)}
}

// append brings records to the log, or else to the end of the queue.
func (q *queue) append(ctx context.Context, keys, values [][]byte) error {
	for {
		behind, gate := q.state()
		if !behind {
			err := q.spool.ask(ctx, q.topic, keys, values)
			if err == nil {
				return nil
			}
			return q.keep(keys, values, err)
		}
		if gate == nil {
			return q.keep(keys, values, nil)
		}
		select {
		case <-gate:
		case <-ctx.Done():
			return q.keep(keys, values, nil)
		}
	}
}

// state tells whether older records wait here, and whether one may wait until
// they are drained.
func (q *queue) state() (behind bool, gate <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.segments)+len(q.groups) > 0, q.gate
}

// keep writes records to the queue and returns when they are fsynced. cause is
// why the log did not take them, if it was asked.
func (q *queue) keep(keys, values [][]byte, cause error) error {
	g, first, err := q.join(keys, values)
	if err != nil {
		return err
	}
	if first && cause != nil {
		q.spool.slog.Warn("Kafka does not acknowledge; records are kept on the disk until it does", "topic", q.topic, "err", cause)
	}
	timer := time.NewTimer(q.spool.config.diskPatience)
	defer timer.Stop()
	select {
	case <-g.done:
		if g.err != nil {
			return g.err
		}
		return q.spool.config.Fail.At("spool.after-fsync")
	case <-timer.C:
		return q.spool.diskError(errors.New("the disk takes too long"), len(keys))
	}
}

// join puts records into a group that is going to be written. first tells that
// the queue was empty.
func (q *queue) join(keys, values [][]byte) (g *group, first bool, err error) {
	size := 0
	for i := range keys {
		n := frameSize(keys[i], values[i])
		if n > frameHead+maxPayload {
			return nil, false, schema.E("spool.Append", schema.KindInvalid, "A record is larger than %d bytes, and Kafka would not take it.", maxPayload)
		}
		size += n
	}
	now := time.Now().UnixMilli()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped != nil {
		return nil, false, q.spool.refuse(refusedStopped, len(keys))
	}
	if !q.spool.reserve(int64(size)) {
		return nil, false, q.spool.refuse(refusedFull, len(keys))
	}
	first = len(q.segments)+len(q.groups) == 0
	if q.oldest == 0 {
		q.oldest = now
	}
	g = q.group(size)
	for i := range keys {
		g.frames = q.spool.code.appendFrame(g.frames, entry{now, keys[i], values[i]})
	}
	g.records += len(keys)
	return g, first, nil
}

// group gives the group that a number of bytes are to join, and sees to it that
// it is written.
func (q *queue) group(size int) *group {
	if n := len(q.groups); n > 0 {
		if g := q.groups[n-1]; !g.sealed && len(g.frames)+size <= groupBytes {
			return g
		}
	}
	g := &group{frames: q.spare[:0], done: make(chan struct{})}
	q.spare = nil
	q.groups = append(q.groups, g)
	if !q.writing {
		q.writing = true
		go q.write()
	}
	return g
}

// write writes groups until there are none.
func (q *queue) write() {
	for {
		g := q.nextGroup()
		if g == nil {
			return
		}
		if err := q.writeGroup(g); err != nil {
			q.spool.bytes.Add(-int64(len(g.frames)))
			g.err = q.spool.diskError(err, g.records)
		} else {
			q.spool.kept(q.topic, g)
		}
		q.mu.Lock()
		q.groups = slices.Delete(q.groups, 0, 1)
		if cap(g.frames) <= 2*groupBytes {
			q.spare = g.frames
		}
		g.frames = nil
		q.mu.Unlock()
		close(g.done)
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// nextGroup takes the group to be written; when there is none writing ends.
func (q *queue) nextGroup() *group {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.groups) > 0 {
		q.groups[0].sealed = true
		return q.groups[0]
	}
	q.writing = false
	if q.stopped != nil {
		close(q.stopped)
	}
	return nil
}

// writeGroup appends a group to the current segment and syncs it.
func (q *queue) writeGroup(g *group) error {
	defer q.lockFile()()
	if c := q.current; c != nil && c.segment.size+int64(len(g.frames)) > q.spool.config.segmentBytes {
		if err := q.seal(); err != nil {
			return err
		}
	}
	if q.current == nil {
		if err := q.begin(); err != nil {
			return err
		}
	}
	c := q.current
	if err := q.spool.writeSynced(c.file, g.frames); err != nil {
		return errors.Join(err, q.abandon())
	}
	q.mu.Lock()
	c.segment.size += int64(len(g.frames))
	q.mu.Unlock()
	return nil
}

// lockFile waits until nobody writes the current segment.
func (q *queue) lockFile() (unlock func()) {
	q.file <- struct{}{}
	return func() { <-q.file }
}

func (s *Spool) writeSynced(f file, data []byte) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	if s.config.unsynced {
		return nil
	}
	s.metrics.syncs.Inc()
	return f.Sync()
}

// begin starts a segment.
func (q *queue) begin() error {
	q.mu.Lock()
	q.number++
	name := segmentName{q.topic, q.number, q.spool.salt}
	q.mu.Unlock()
	f, err := q.spool.files.create(name.file(waiting))
	if err != nil {
		return fmt.Errorf("cannot start a segment: %w", err)
	}
	q.current = &current{f, &segment{name: name, code: q.spool.code, own: true}}
	q.mu.Lock()
	q.segments = append(q.segments, q.current.segment)
	q.mu.Unlock()
	return nil
}

// seal ends the current segment. All of it is synced.
func (q *queue) seal() error {
	c := q.current
	if c == nil {
		return nil
	}
	q.current = nil
	return c.file.Close()
}

// abandon ends the current segment after an error, and frees what was written
// behind its last good byte. A tail that stays is of records that were not
// acknowledged; sending them is harmless.
func (q *queue) abandon() error {
	g := q.current.segment
	err := q.seal()
	if g.size > 0 {
		return errors.Join(err, q.spool.files.truncate(g.name.file(waiting), g.size))
	}
	q.forget(g)
	return errors.Join(err, q.spool.files.remove(g.name.file(waiting)))
}

// forget takes a segment out of the backlog.
func (q *queue) forget(g *segment) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.segments, g); i >= 0 {
		q.segments = slices.Delete(q.segments, i, i+1)
		q.spool.bytes.Add(-g.size)
	}
	if len(q.segments)+len(q.groups) == 0 {
		q.oldest = 0
	}
}

// close waits for what is being written and takes no more.
func (q *queue) close() error {
	q.mu.Lock()
	if q.stopped == nil {
		q.stopped = make(chan struct{})
		if !q.writing {
			close(q.stopped)
		}
	}
	q.mu.Unlock()
	<-q.stopped
	defer q.lockFile()()
	return q.seal()
}

// backlog is how many bytes wait for the log.
func (q *queue) backlog() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	var bytes int64
	for _, g := range q.segments {
		bytes += g.size
	}
	return bytes
}

// age is for how long the oldest record has been waiting.
func (q *queue) age(now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.oldest == 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(q.oldest)))
}

// kept counts what was written.
func (s *Spool) kept(topic string, g *group) {
	s.metrics.records.WithLabelValues(topic).Add(float64(g.records))
	s.metrics.bytes.WithLabelValues(topic).Add(float64(len(g.frames)))
	s.diskFailed.Store(0)
	if s.refusing.Load() && s.refusing.Swap(false) {
		s.slog.Info("the spool takes records again")
	}
}

// refuse counts records that were not taken, and says so once.
func (s *Spool) refuse(reason string, records int) error {
	s.metrics.refused.WithLabelValues(reason).Add(float64(records))
	if reason == refusedStopped {
		return schema.E("spool.Append", schema.KindUnavailable, "This process is stopping. Send this to another one, or again later.")
	}
	err := schema.E("spool.Append", schema.KindUnavailable,
		"Kafka does not acknowledge and the spool is full, so nothing more is taken. Bring Kafka back, or give the spool more room with --spool-bytes.")
	s.refused(err)
	return err
}

func (s *Spool) diskError(err error, records int) error {
	s.diskFailed.Store(time.Now().UnixNano())
	s.metrics.refused.WithLabelValues(refusedDisk).Add(float64(records))
	err = &schema.Error{
		Op: "spool.Append", Kind: schema.KindUnavailable, Err: err,
		Text: "Kafka does not acknowledge and the spool cannot be written, so nothing is taken; nothing is lost that is sent again. Bring Kafka back, or look at the disk of the data folder",
	}
	s.refused(err)
	return err
}

func (s *Spool) refused(err error) {
	if !s.refusing.Swap(true) {
		s.slog.Error("records are refused", "err", err)
	}
}
