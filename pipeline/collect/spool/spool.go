package spool

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/schema"
)

// Log is where records belong: Kafka.
type Log interface {
	// AppendAsync hands records over without waiting. It calls done once, on
	// any goroutine and perhaps before it returns: with nil when all of them
	// are acknowledged, with an error of schema.KindInvalid when one never will
	// be, or with another error. It may give up when the context ends. The
	// slices are the log's until then.
	AppendAsync(ctx context.Context, topic string, keys, values [][]byte, done func(error))
}

// Config says where the spool is and how large it may grow. Only Dir is needed.
type Config struct {
	Dir      string        // a folder of this process's own
	MaxBytes int64         // on the disk; 1 GiB when 0
	Patience time.Duration // how long the log may take; 2 s when 0: a webhook's sender waits 5 s in all
	Probe    time.Duration // how often the log is tried while it is away; 1 s when 0
	Retry    time.Duration // the drain's pause after a failure; 250 ms when 0

	// For tests of this package.
	files        files
	segmentBytes int64 // 16 MiB when 0
	unsynced     bool  // leaves fsync out: what must not be done, to see that it is missed
}

const (
	defaultMaxBytes     = 1 << 30
	defaultSegmentBytes = 16 << 20
	defaultPatience     = 2 * time.Second
	defaultProbe        = time.Second
	defaultRetry        = 250 * time.Millisecond

	// drainPatience is how long the log may take for what is drained. Nobody
	// waits for it.
	drainPatience = 10 * time.Second

	// remorse is for how long the spool counts as broken after a disk error.
	remorse = 10 * time.Second
)

func (c *Config) defaults() {
	c.MaxBytes = orElse(c.MaxBytes, defaultMaxBytes)
	c.segmentBytes = orElse(c.segmentBytes, defaultSegmentBytes)
	c.Patience = orElse(c.Patience, defaultPatience)
	c.Probe = orElse(c.Probe, defaultProbe)
	c.Retry = orElse(c.Retry, defaultRetry)
}

func orElse[T int64 | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}

// Spool keeps what the log does not acknowledge. It is safe for concurrent use.
type Spool struct {
	config     Config
	files      files
	log        Log
	slog       *slog.Logger
	metrics    *metrics
	circuit    circuit
	castagnoli *crc32.Table
	release    func() error
	wake       chan struct{} // to the drain: there is a backlog
	diskFailed atomic.Int64  // ns since 1970, of the latest disk error

	flushing sync.Mutex   // held while a group is written; before mu
	current  *openSegment // guarded by flushing; nil when the next group starts a segment

	mu       sync.Mutex
	closed   bool
	next     *group     // that may still be joined
	segments []*segment // oldest first; current's is the last
	number   uint64     // of the newest segment
	bytes    int64      // of all segments, and of groups that are about to be written
	groups   sync.WaitGroup
}

// segment is a file of the backlog.
type segment struct {
	name  string
	size  int64 // of whole frames and the magic
	first int64 // arrival of its first record, ms since 1970
	sent  int   // records that were drained; only the drain uses it
}

// New takes the folder over with what a former process left there. Run drains
// it. The folder of another running process gives an error that says so.
func New(config Config, log Log, reg prometheus.Registerer, logger *slog.Logger) (*Spool, error) {
	config.defaults()
	s := &Spool{
		config: config, files: config.files, log: log, slog: logger, circuit: circuit{probe: config.Probe},
		castagnoli: crc32.MakeTable(crc32.Castagnoli), wake: make(chan struct{}, 1), release: func() error { return nil },
	}
	if s.files == nil {
		release, err := take(config.Dir)
		if err != nil {
			return nil, err
		}
		s.files, s.release = folder{config.Dir}, release
	}
	s.metrics = newMetrics(reg, s)
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

// Append returns nil when the records are durable: acknowledged by the log, or
// fsynced in the spool. An error of schema.KindUnavailable means that neither
// is possible now; some of the records may have been kept, and sending them
// again is harmless. The slices are the caller's again when it returns.
func (s *Spool) Append(ctx context.Context, topic string, keys, values [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	if s.circuit.try(time.Now()) {
		err := s.ask(ctx, s.config.Patience, topic, keys, values)
		if err == nil || schema.KindOf(err) == schema.KindInvalid {
			return err
		}
	}
	return s.keep(ctx, topic, keys, values)
}

var errPatience = errors.New("the log has not acknowledged in time")

// ask appends to the log, and learns for the circuit. The log gets copies: it
// may read them long after it was given up.
func (s *Spool) ask(ctx context.Context, patience time.Duration, topic string, keys, values [][]byte) error {
	keys, values = clone(keys, values)
	answer := make(chan error, 1)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	s.log.AppendAsync(ctx, topic, keys, values, func(err error) { answer <- err })
	var err error
	select {
	case err = <-answer:
	case <-timer.C:
		err = errPatience
	case <-ctx.Done():
		err = ctx.Err()
	}
	switch {
	case err == nil:
		if s.circuit.answered() {
			s.slog.Info("Kafka acknowledges again")
		}
	case schema.KindOf(err) != schema.KindInvalid:
		if s.circuit.failed(time.Now()) {
			s.slog.Warn("Kafka does not acknowledge; records are kept in the spool until it does", "err", err)
		}
	}
	return err
}

// clone copies records into memory of their own.
func clone(keys, values [][]byte) (k, v [][]byte) {
	size := 0
	for i := range keys {
		size += len(keys[i]) + len(values[i])
	}
	arena, slices := make([]byte, 0, size), make([][]byte, 2*len(keys))
	copied := func(from, to [][]byte) [][]byte {
		for i, b := range from {
			start := len(arena)
			arena = append(arena, b...)
			to[i] = arena[start:len(arena):len(arena)]
		}
		return to
	}
	return copied(keys, slices[:len(keys)]), copied(values, slices[len(keys):])
}

// Backlog is how many bytes wait for the log.
func (s *Spool) Backlog() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Room tells whether the spool would keep records now: it is not full, and the
// disk has not failed lately.
func (s *Spool) Room() bool {
	failed := s.diskFailed.Load()
	if failed != 0 && time.Since(time.Unix(0, failed)) < remorse {
		return false
	}
	return s.Backlog() < s.config.MaxBytes
}

// age is for how long the oldest segment has been waiting.
func (s *Spool) age(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == 0 || s.segments[0].first == 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(s.segments[0].first)))
}

// Close waits for what is being written and gives the folder free. End Run
// before. What has not been drained is drained by the next process.
func (s *Spool) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.groups.Wait()
	s.flushing.Lock()
	defer s.flushing.Unlock()
	return errors.Join(s.seal(), s.release())
}

// recover reads what a former process left: whole frames are kept, segments
// with a damaged tail are cut.
func (s *Spool) recover() error {
	names, err := s.files.list()
	if err != nil {
		return fmt.Errorf("cannot list the spool: %w", err)
	}
	for _, name := range names {
		number, ok := segmentNumber(name)
		if !ok {
			continue
		}
		s.number = max(s.number, number)
		if name != segmentName(number) {
			continue
		}
		if err := s.recoverSegment(name); err != nil {
			return fmt.Errorf("cannot read the spool's segment %s: %w", name, err)
		}
	}
	if len(s.segments) > 0 {
		s.wake <- struct{}{}
	}
	return nil
}

func (s *Spool) recoverSegment(name string) error {
	data, err := s.files.read(name)
	if err != nil {
		return err
	}
	entries, good := parse(data)
	if good < len(data) {
		s.countCut(name, len(data)-good)
	}
	if len(entries) == 0 {
		return s.files.remove(name)
	}
	if good < len(data) {
		if err := s.files.truncate(name, int64(good)); err != nil {
			return err
		}
	}
	s.segments = append(s.segments, &segment{name: name, size: int64(good), first: entries[0].at})
	s.bytes += int64(good)
	return nil
}

func (s *Spool) countCut(name string, bytes int) {
	s.metrics.cut.Inc()
	s.metrics.cutBytes.Add(float64(bytes))
	s.slog.Warn("a segment of the spool was cut at a torn or damaged frame", "segment", name, "bytes", bytes)
}
