package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"sourceloop/schema"
)

// A chunk is what the drain appends at once.
const (
	chunkRecords = 2_000
	chunkBytes   = 1 << 20
)

// Run drains until the context ends.
func (s *Spool) Run(ctx context.Context) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-pause.C:
		}
		if err := s.drainAll(ctx); err != nil && ctx.Err() == nil {
			s.slog.Debug("the spool is not drained yet", "err", err)
			pause.Reset(s.config.Retry)
		}
	}
}

// drainAll drains until nothing is left.
func (s *Spool) drainAll(ctx context.Context) error {
	for {
		g := s.oldest()
		if g == nil {
			return nil
		}
		if err := s.drain(ctx, g); err != nil {
			return err
		}
	}
}

func (s *Spool) oldest() *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == 0 {
		return nil
	}
	return s.segments[0]
}

// drain sends a segment's records and deletes it. After an error it goes on
// where it stopped.
func (s *Spool) drain(ctx context.Context, g *segment) error {
	size, err := s.settle(g)
	if err != nil {
		return err
	}
	data, err := s.files.read(g.name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // Deleted by hand: all of it is cut.
		return fmt.Errorf("cannot read a segment: %w", err)
	}
	entries, good := parse(data[:min(int64(len(data)), size)])
	for g.sent < len(entries) {
		chunk := chunkOf(entries[g.sent:])
		if err := s.send(ctx, chunk); err != nil {
			return err
		}
		g.sent += len(chunk)
		s.metrics.drained.Add(float64(len(chunk)))
	}
	if err := s.files.remove(g.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot delete a drained segment: %w", err)
	}
	if lost := size - int64(good); lost > 0 {
		s.countCut(g.name, int(lost))
	}
	s.forget(g)
	return nil
}

// settle makes sure that a segment grows no more, and gives its size.
func (s *Spool) settle(g *segment) (int64, error) {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if s.current != nil && s.current.segment == g {
		if err := s.seal(); err != nil {
			return 0, fmt.Errorf("cannot close a segment: %w", err)
		}
	}
	return g.size, nil
}

// chunkOf takes records of one topic from the front.
func chunkOf(entries []entry) []entry {
	n, bytes := 0, 0
	for n < len(entries) && n < chunkRecords && entries[n].topic == entries[0].topic {
		bytes += len(entries[n].key) + len(entries[n].value)
		if n > 0 && bytes > chunkBytes {
			break
		}
		n++
	}
	return entries[:n]
}

// send appends a chunk to the log. Of a chunk that it refuses for good every
// record is sent alone, and those that it refuses again are set aside.
func (s *Spool) send(ctx context.Context, chunk []entry) error {
	err := s.sendAll(ctx, chunk)
	if schema.KindOf(err) != schema.KindInvalid {
		return err
	}
	var refused []byte
	count := 0
	for _, e := range chunk {
		err := s.sendAll(ctx, []entry{e})
		switch {
		case schema.KindOf(err) == schema.KindInvalid:
			refused, count = appendFrame(refused, s.castagnoli, e), count+1
		case err != nil:
			return err
		}
	}
	if count == 0 {
		return nil
	}
	return s.setAside(refused, count)
}

func (s *Spool) sendAll(ctx context.Context, chunk []entry) error {
	ctx, cancel := context.WithTimeout(ctx, drainPatience)
	defer cancel()
	keys, values := make([][]byte, len(chunk)), make([][]byte, len(chunk))
	for i, e := range chunk {
		keys[i], values[i] = e.key, e.value
	}
	if err := s.ask(ctx, drainPatience, chunk[0].topic, keys, values); err != nil {
		return fmt.Errorf("cannot drain: %w", err)
	}
	return nil
}

// setAside keeps frames that the log refuses for good in a file that is never
// drained.
func (s *Spool) setAside(frames []byte, count int) error {
	s.mu.Lock()
	s.number++
	name := segmentName(s.number)[:20] + setAside
	s.mu.Unlock()
	f, err := s.files.create(name)
	if err != nil {
		return fmt.Errorf("cannot set records aside: %w", err)
	}
	if err := errors.Join(s.writeAll(f, slices.Concat([]byte(magic), frames)), f.Close()); err != nil {
		return fmt.Errorf("cannot set records aside: %w", errors.Join(err, s.files.remove(name)))
	}
	s.metrics.setAside.Add(float64(count))
	s.slog.Error("Kafka refuses records of the spool for good; they were set aside", "file", name, "records", count)
	return nil
}
