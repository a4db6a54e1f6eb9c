package spool

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/pipeline/failpoint"
	"sourceloop/schema"
)

// Log is where records belong: Kafka. Append returns nil when all of them are
// acknowledged, and at the latest when the context ends. After an error the
// slices are the log's for good. An error of schema.KindInvalid says that it
// will never take one of them.
type Log interface {
	Append(ctx context.Context, topic string, keys, values [][]byte) error
}

// Config says where the spool is and how large it may grow.
type Config struct {
	Dir      string          // a folder of this process's own
	Topics   []string        // that may be appended to
	MaxBytes int64           // on the disk; DefaultMaxBytes when 0
	Fail     failpoint.Reach // for tests

	// For tests of this package.
	files         files         // instead of Dir
	unsynced      bool          // leaves fsync out: what must not be done, to see that it is missed
	diskPatience  time.Duration // how long a write may take
	drainPatience time.Duration // how long the log may take for what is drained
	pause         time.Duration // between attempts to drain
	segmentBytes  int64
}

const (
	// DefaultMaxBytes is room for ten minutes of 20,000 hits a second.
	DefaultMaxBytes = 4 << 30
	// MinBytes is the least that a spool must have: one request may be as large.
	MinBytes = 1 << 20

	defaultSegmentBytes  = 16 << 20
	defaultDiskPatience  = 10 * time.Second // a busy disk is slow; who waits no longer sends it again
	defaultDrainPatience = 10 * time.Second // nobody waits for it
	defaultPause         = 250 * time.Millisecond

	// remorse is for how long the spool counts as broken after a disk error.
	remorse = 10 * time.Second
	// headroom is what must be left for the spool to count as having room.
	headroom = 2 << 20
	// asideFor is how long files are kept that were set aside: as long as
	// Kafka keeps what is personal.
	asideFor = 14 * 24 * time.Hour
)

func (c *Config) defaults() {
	c.MaxBytes = orElse(c.MaxBytes, DefaultMaxBytes)
	c.segmentBytes = orElse(c.segmentBytes, min(defaultSegmentBytes, max(c.MaxBytes/8, 1)))
	c.diskPatience = orElse(c.diskPatience, defaultDiskPatience)
	c.drainPatience = orElse(c.drainPatience, defaultDrainPatience)
	c.pause = orElse(c.pause, defaultPause)
}

func orElse[T int64 | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}

// Spool keeps what the log does not acknowledge. It is safe for concurrent use.
type Spool struct {
	config  Config
	files   files
	log     Log
	slog    *slog.Logger
	metrics *metrics
	queues  map[string]*queue // by topic; fixed
	loans   sync.Pool         // of *loan
	salt    uint64
	code    code // of this process's segments
	release func() error

	bytes      atomic.Int64 // of all segments, and of groups that wait to be written
	diskFailed atomic.Int64 // ns since 1970, of the latest disk error
	refusing   atomic.Bool  // the latest record that was not for the log was refused
}

// New takes the folder over with what a former process left there. Run drains
// it. The folder of another running process gives an error that says so.
func New(config Config, log Log, reg prometheus.Registerer, logger *slog.Logger) (*Spool, error) {
	if config.MaxBytes != 0 && config.MaxBytes < MinBytes {
		return nil, schema.E("spool.New", schema.KindInvalid,
			"The spool cannot be smaller than %d bytes, since one request may be as large. Give it more with --spool-bytes.", MinBytes)
	}
	config.defaults()
	s := &Spool{
		config: config, files: config.files, log: log, slog: logger, queues: make(map[string]*queue),
		release: func() error { return nil },
	}
	s.loans.New = func() any { return new(loan) }
	var salt [8]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return nil, fmt.Errorf("cannot make a salt: %w", err)
	}
	s.salt = binary.BigEndian.Uint64(salt[:])
	s.code = newCode(s.salt)
	if s.files == nil {
		release, err := take(config.Dir)
		if err != nil {
			return nil, err
		}
		s.files, s.release = folder{config.Dir}, release
	}
	if err := s.adopt(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot read the spool's folder: %w", err), s.release())
	}
	s.metrics = newMetrics(reg, s)
	for _, q := range s.queues {
		s.metrics.watch(reg, q)
	}
	return s, nil
}

// adopt makes the queues, with what a former process left. Topics that are
// appended to no more are drained, too.
func (s *Spool) adopt() error {
	for _, topic := range s.config.Topics {
		s.queues[topic] = newQueue(s, topic)
	}
	all, err := s.files.list()
	if err != nil {
		return err
	}
	for _, f := range all {
		n, ending, ok := parseName(f.name)
		if !ok {
			continue
		}
		if s.queues[n.topic] == nil {
			s.queues[n.topic] = newQueue(s, n.topic)
		}
		q := s.queues[n.topic]
		q.number = max(q.number, n.number)
		if ending == waiting {
			q.segments = append(q.segments, &segment{name: n, code: newCode(n.salt), size: f.size})
			s.bytes.Add(f.size)
		}
	}
	if waiting := s.bytes.Load(); waiting > 0 {
		s.slog.Info("the spool holds what a former process did not bring to Kafka; it is drained now", "bytes", waiting)
	}
	return nil
}

// Append returns nil when the records are durable: acknowledged by the log, or
// fsynced in the spool. The context bounds how long it waits for the log; the
// disk gets its own time. An error of schema.KindUnavailable means that neither
// is possible now; some of the records may have been kept, and sending them
// again is harmless. The slices are the caller's again when it returns.
func (s *Spool) Append(ctx context.Context, topic string, keys, values [][]byte) error {
	q := s.queues[topic]
	if q == nil {
		return schema.E("spool.Append", schema.KindInternal, "The spool was not told of the topic %q.", topic)
	}
	if len(keys) == 0 {
		return nil
	}
	return q.append(ctx, keys, values)
}

// Run drains until the context ends. Then, if Kafka acknowledges, it takes a
// moment to drain the rest.
func (s *Spool) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, q := range s.queues {
		all.Go(func() { q.run(ctx) })
	}
	all.Go(func() { s.expireUntil(ctx) })
	all.Wait()
	return nil
}

// Check tells whether the spool would keep records now: an error says why not.
func (s *Spool) Check(context.Context) error {
	if failed := s.diskFailed.Load(); failed != 0 && time.Since(time.Unix(0, failed)) < remorse {
		return errors.New("the disk of the spool failed a moment ago")
	}
	if left := s.config.MaxBytes - s.bytes.Load(); left < min(headroom, s.config.MaxBytes/4) {
		return errors.New("the spool is full")
	}
	return nil
}

// Close waits for what is being written and gives the folder free. End Run
// before. What has not been drained is drained by the next process.
func (s *Spool) Close() error {
	var all []error
	for _, q := range s.queues {
		all = append(all, q.close())
	}
	return errors.Join(append(all, s.release())...)
}

// expireUntil deletes what was set aside long ago, now and every hour.
func (s *Spool) expireUntil(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := s.expire(time.Now()); err != nil {
			s.slog.Error("cannot delete files of the spool that were set aside long ago; trying again in an hour", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Spool) expire(now time.Time) error {
	all, err := s.files.list()
	if err != nil {
		return err
	}
	for _, f := range all {
		if _, ending, ok := parseName(f.name); ok && ending == setAside && now.Sub(f.modified) > asideFor {
			err = errors.Join(err, s.files.remove(f.name))
		}
	}
	return err
}

// loan is a copy of records that is the log's while it appends them: it may
// read them long after it was given up, and then the copy is not used again.
type loan struct {
	arena        []byte
	keys, values [][]byte
}

// keptLoan is up to what size a copy's memory is used again.
const keptLoan = 256 << 10

func (l *loan) copy(keys, values [][]byte) {
	size := 0
	for i := range keys {
		size += len(keys[i]) + len(values[i])
	}
	l.arena, l.keys, l.values = slices.Grow(l.arena[:0], size), l.keys[:0], l.values[:0]
	for i := range keys {
		l.keys = append(l.keys, l.add(keys[i]))
		l.values = append(l.values, l.add(values[i]))
	}
}

func (l *loan) add(b []byte) []byte {
	start := len(l.arena)
	l.arena = append(l.arena, b...)
	return l.arena[start:len(l.arena):len(l.arena)]
}

// ask appends a copy to the log.
func (s *Spool) ask(ctx context.Context, topic string, keys, values [][]byte) error {
	l, ok := s.loans.Get().(*loan)
	if !ok {
		l = new(loan)
	}
	l.copy(keys, values)
	if err := s.log.Append(ctx, topic, l.keys, l.values); err != nil {
		return err
	}
	if cap(l.arena) <= keptLoan {
		s.loans.Put(l)
	}
	return nil
}

// reserve takes room on the disk, if there is any.
func (s *Spool) reserve(size int64) bool {
	if s.bytes.Add(size) <= s.config.MaxBytes {
		return true
	}
	s.bytes.Add(-size)
	return false
}

// path is a file of the spool as an operator finds it.
func (s *Spool) path(name string) string { return filepath.Join(s.config.Dir, name) }
