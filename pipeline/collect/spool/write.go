package spool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sourceloop/schema"
)

// group is what is written with one fsync. Who joins waits for done.
type group struct {
	frames  []byte
	records int
	first   int64 // arrival of its first record
	done    chan struct{}
	err     error // set before done is closed
}

// openSegment is the segment that groups are written to.
type openSegment struct {
	file    file
	segment *segment
}

// keep writes records to the spool and returns when they are fsynced.
func (s *Spool) keep(ctx context.Context, topic string, keys, values [][]byte) error {
	now := time.Now().UnixMilli()
	var frames []byte
	for i := range keys {
		frames = appendFrame(frames, s.castagnoli, entry{now, topic, keys[i], values[i]})
	}
	g, err := s.join(frames, len(keys), now)
	if err != nil {
		return err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return s.diskError(ctx.Err(), len(keys))
	}
}

// join puts frames into the next group. The first one starts its writing, which
// waits for the group before; until then others join.
func (s *Spool) join(frames []byte, records int, now int64) (*group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(len(frames))
	switch {
	case s.closed:
		return nil, schema.E("spool.Append", schema.KindUnavailable, "This process is stopping; send this to another one, or again later.")
	case int64(len(magic))+size > s.config.segmentBytes:
		return nil, schema.E("spool.Append", schema.KindInvalid, "These records are larger than the spool keeps at once; send fewer.")
	case s.bytes+size+int64(len(magic)) > s.config.MaxBytes:
		s.metrics.refused.WithLabelValues(refusedFull).Add(float64(records))
		return nil, schema.E("spool.Append", schema.KindUnavailable,
			"Kafka does not acknowledge and the spool is full. Nothing more is taken until Kafka answers: bring it back, or give the spool more room with SOURCELOOP_SPOOL_MAX.")
	}
	s.bytes += size
	if g := s.next; g != nil && int64(len(magic)+len(g.frames))+size <= s.config.segmentBytes {
		g.frames, g.records = append(g.frames, frames...), g.records+records
		return g, nil
	}
	g := &group{frames: frames, records: records, first: now, done: make(chan struct{})}
	s.next = g
	s.groups.Go(func() { s.flush(g) })
	return g, nil
}

// flush writes a group. From when it is its turn nobody joins any more.
func (s *Spool) flush(g *group) {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	if s.next == g {
		s.next = nil
	}
	s.mu.Unlock()
	size := int64(len(g.frames))
	if err := s.write(g); err != nil {
		s.mu.Lock()
		s.bytes -= size
		s.mu.Unlock()
		g.err = s.diskError(err, g.records)
	} else {
		s.metrics.records.Add(float64(g.records))
		s.metrics.bytes.Add(float64(size))
	}
	close(g.done)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Spool) diskError(err error, records int) error {
	s.diskFailed.Store(time.Now().UnixNano())
	s.metrics.refused.WithLabelValues(refusedDisk).Add(float64(records))
	return &schema.Error{
		Op: "spool.Append", Kind: schema.KindUnavailable, Err: err,
		Text: "Kafka does not acknowledge and the spool cannot be written; nothing is lost that is sent again. Bring Kafka back, or look at the disk of the data folder",
	}
}

// write appends a group to the current segment and syncs it. A segment that a
// write or an fsync failed on is given up: what is there of it is unknown
// behind its last good byte.
func (s *Spool) write(g *group) error {
	if s.current != nil && s.current.segment.size+int64(len(g.frames)) > s.config.segmentBytes {
		if err := s.seal(); err != nil {
			return err
		}
	}
	if s.current == nil {
		if err := s.begin(g.first); err != nil {
			return err
		}
	}
	c := s.current
	if err := s.writeAll(c.file, g.frames); err != nil {
		return errors.Join(err, s.abandon())
	}
	s.mu.Lock()
	c.segment.size += int64(len(g.frames))
	s.mu.Unlock()
	return nil
}

func (s *Spool) writeAll(f file, data []byte) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	if s.config.unsynced {
		return nil
	}
	return f.Sync()
}

// begin starts a segment. Its magic is synced with the first group.
func (s *Spool) begin(first int64) error {
	s.mu.Lock()
	s.number++
	name := segmentName(s.number)
	s.mu.Unlock()
	f, err := s.files.create(name)
	if err != nil {
		return fmt.Errorf("cannot start a segment: %w", err)
	}
	if _, err := f.Write([]byte(magic)); err != nil {
		return errors.Join(fmt.Errorf("cannot start a segment: %w", err), f.Close(), s.files.remove(name))
	}
	c := &openSegment{file: f, segment: &segment{name: name, size: int64(len(magic)), first: first}}
	s.mu.Lock()
	s.segments = append(s.segments, c.segment)
	s.bytes += c.segment.size
	s.mu.Unlock()
	s.current = c
	return nil
}

// seal ends the current segment. All of it is synced.
func (s *Spool) seal() error {
	c := s.current
	if c == nil {
		return nil
	}
	s.current = nil
	return c.file.Close()
}

// abandon ends the current segment after an error and frees what was written
// behind its last good byte. A tail that stays is of records that were not
// acknowledged; sending them is harmless.
func (s *Spool) abandon() error {
	g := s.current.segment
	err := s.seal()
	if g.size > int64(len(magic)) {
		return errors.Join(err, s.files.truncate(g.name, g.size))
	}
	s.forget(g)
	return errors.Join(err, s.files.remove(g.name))
}

// forget takes a segment out of the backlog, if it is still there.
func (s *Spool) forget(g *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.segments, g); i >= 0 {
		s.segments = slices.Delete(s.segments, i, i+1)
		s.bytes -= g.size
	}
}
