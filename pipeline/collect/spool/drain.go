package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"sourceloop/schema"
)

// A chunk is what the drain appends at once, at most: it tries with less when
// the log does not acknowledge, so that a log that is away is asked for a single
// record, and a slow one is not asked for the same again and again.
const (
	chunkRecords = 2_000
	chunkBytes   = 1 << 20
)

// windowBytes is the most of a segment that is read at once, where a chunk is
// not enough.
const windowBytes = 16 << 20

// farewell is how long the rest may take that is drained when a process stops.
const farewell = 5 * time.Second

// run drains until the context ends, and then the rest, if Kafka acknowledged
// the last time that it was asked.
func (q *queue) run(ctx context.Context) {
	away, pause := false, q.spool.config.pause
	for ctx.Err() == nil {
		err := q.drain(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			q.spool.slog.Debug("the spool is not drained yet", "topic", q.topic, "err", err)
			away = true
			wait(ctx, pause)
			pause = min(2*pause, 8*q.spool.config.pause)
		default:
			away, pause = false, q.spool.config.pause
			select {
			case <-ctx.Done():
			case <-q.wake:
			}
		}
	}
	if away {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := q.drain(ctx); err != nil {
		q.spool.slog.Warn("the spool could not be drained; the next process on this folder does it", "topic", q.topic, "err", err)
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// drain sends records to the log until nothing is left. After an error it goes
// on where it stopped.
func (q *queue) drain(ctx context.Context) error {
	defer q.openGate()
	drained := 0
	for {
		g, size := q.front()
		if g == nil {
			if drained > 0 {
				q.spool.slog.Info("Kafka acknowledges again; the spool is drained", "topic", q.topic, "records", drained)
			}
			return nil
		}
		if g.at >= size {
			if err := q.retire(g); err != nil {
				return err
			}
			continue
		}
		n, err := q.drainChunk(ctx, g, size)
		drained += n
		if err != nil {
			return err
		}
		q.shutGate()
	}
}

// front is the oldest segment, and how far it may be read.
func (q *queue) front() (*segment, int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.segments) == 0 {
		return nil, 0
	}
	return q.segments[0], q.segments[0].size
}

// shutGate lets new records wait when there is no more than a chunk left.
func (q *queue) shutGate() {
	q.mu.Lock()
	defer q.mu.Unlock()
	var left int64
	for _, g := range q.segments {
		left += g.size - g.at
	}
	if q.gate == nil && left <= chunkBytes {
		q.gate = make(chan struct{})
	}
}

// openGate lets records that waited go on: to the log when the queue is empty,
// else to its end.
func (q *queue) openGate() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gate != nil {
		close(q.gate)
		q.gate = nil
	}
}

// drainChunk sends the next records of a segment, or skips what is no record.
func (q *queue) drainChunk(ctx context.Context, g *segment, size int64) (records int, err error) {
	entries, used, err := q.next(g, size)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.EOF) {
		q.spool.slog.Error("a file of the spool was deleted or shortened by somebody else", "file", q.spool.path(g.name.file(waiting)))
		g.at, g.aside = size, true
		return 0, nil
	}
	if err != nil {
		q.spool.slog.Error("cannot read a file of the spool; trying again", "file", q.spool.path(g.name.file(waiting)), "err", err)
		return 0, err
	}
	if len(entries) > 0 {
		q.mu.Lock()
		q.oldest = entries[0].at
		q.mu.Unlock()
		if err := q.send(ctx, g, entries); err != nil {
			q.chunk = max(1, q.chunk/4)
			return 0, err
		}
		q.chunk = min(2*q.chunk, chunkRecords)
		if err := q.spool.config.Fail.At("spool.after-drain"); err != nil {
			return 0, err
		}
		q.spool.metrics.drained.WithLabelValues(q.topic).Add(float64(len(entries)))
	}
	g.at += used
	return len(entries), nil
}

// next reads the next records of a segment, into memory of their own. When
// there are none, used is how many bytes are none.
func (q *queue) next(g *segment, size int64) (entries []entry, used int64, err error) {
	for _, window := range []int64{chunkBytes, windowBytes} {
		data := make([]byte, min(window, size-g.at))
		if err := q.spool.files.read(g.name.file(waiting), data, g.at); err != nil {
			return nil, 0, err
		}
		if entries, n := g.code.frames(data, q.chunk); n > 0 {
			return entries, int64(n), nil
		}
		if window == windowBytes || int64(len(data)) == size-g.at {
			return nil, q.skip(g, data, size), nil
		}
	}
	return nil, 0, nil // Not reached: the last window ends above.
}

// skip passes over bytes that are no whole frame, to the next one that is.
func (q *queue) skip(g *segment, data []byte, size int64) int64 {
	n, sure := g.code.nextFrame(data)
	atEnd := int64(len(data)) == size-g.at
	if n == len(data) && !atEnd { // A frame may begin in this window and end behind it.
		n = max(1, len(data)-frameHead-maxPayload)
	}
	name := g.name.file(waiting)
	if n == len(data) && atEnd && sure && !g.own {
		q.spool.metrics.cut.Add(float64(n))
		q.spool.slog.Warn("the end of a file of the spool was torn and is left out; it was never acknowledged",
			"file", q.spool.path(name), "at", g.at, "bytes", n)
		return int64(n)
	}
	g.aside = true
	q.spool.metrics.damaged.Inc()
	q.spool.metrics.damagedBytes.Add(float64(n))
	q.spool.slog.Error("a file of the spool is damaged; what can be read behind the damage is drained, and the file is set aside. Look at this disk",
		"file", q.spool.path(name), "at", g.at, "bytes", n)
	return int64(n)
}

// send appends records to the log. Of records that it refuses for good, the
// smallest part that it refuses is left out.
func (q *queue) send(ctx context.Context, g *segment, entries []entry) error {
	err := q.sendAll(ctx, entries)
	if schema.KindOf(err) != schema.KindInvalid {
		return err
	}
	if half := len(entries) / 2; half > 0 {
		if err := q.send(ctx, g, entries[:half]); err != nil {
			return err
		}
		return q.send(ctx, g, entries[half:])
	}
	g.aside = true
	q.spool.metrics.aside.Inc()
	q.spool.slog.Error("Kafka refuses a record of the spool for good; its file is set aside. Once Kafka takes it, give the file its old name and start again",
		"file", q.spool.path(g.name.file(setAside)), "bytes", len(entries[0].value), "err", err)
	return nil
}

func (q *queue) sendAll(ctx context.Context, entries []entry) error {
	ctx, cancel := context.WithTimeout(ctx, q.spool.config.drainPatience)
	defer cancel()
	keys, values := make([][]byte, len(entries)), make([][]byte, len(entries))
	for i, e := range entries {
		keys[i], values[i] = e.key, e.value
	}
	return q.spool.log.Append(ctx, q.topic, keys, values)
}

// retire removes a segment that is drained, if it has not grown meanwhile.
func (q *queue) retire(g *segment) error {
	defer q.lockFile()()
	q.mu.Lock()
	grown := g.size > g.at
	q.mu.Unlock()
	if grown {
		return nil
	}
	if q.current != nil && q.current.segment == g {
		if err := q.seal(); err != nil {
			return fmt.Errorf("cannot close a segment: %w", err)
		}
	}
	var err error
	if g.aside {
		err = q.spool.files.rename(g.name.file(waiting), g.name.file(setAside))
	} else {
		err = q.spool.files.remove(g.name.file(waiting))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove a drained segment: %w", err)
	}
	q.forget(g)
	return nil
}
