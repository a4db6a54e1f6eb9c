package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// How often progress is measured, and how long one measurement may take.
const (
	progressEvery = 2 * time.Second
	progressLimit = 10 * time.Second
)

// Progress knows up to which moment everything that was appended has been
// processed, by whatever process: it compares what groups committed with the
// ends of their topics. It is for those who read what the groups write.
type Progress struct {
	log     *Log
	readers map[string]string // topic → the group that reads it
	ends    map[place]int64   // of the measurement before
	waiting map[place]waiting // the first record that is not processed
	asOf    atomic.Pointer[time.Time]
}

type place struct {
	topic     string
	partition int32
}

type waiting struct {
	offset int64
	since  time.Time
}

// NewProgress makes one for topics, each with the group that reads it. Run
// measures.
func (l *Log) NewProgress(readers map[string]string) *Progress {
	return &Progress{log: l, readers: readers, ends: make(map[place]int64), waiting: make(map[place]waiting)}
}

// AsOf is the moment up to which everything appended has been processed, as far
// as is known: while Kafka is away it stands still. It tells false before the
// first measurement.
func (p *Progress) AsOf() (time.Time, bool) {
	if t := p.asOf.Load(); t != nil {
		return *t, true
	}
	return time.Time{}, false
}

// Run measures until the context ends.
func (p *Progress) Run(ctx context.Context) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		if err := p.measure(ctx); err != nil && ctx.Err() == nil {
			p.log.config.Log.Warn("cannot measure how far the pipeline is; reports name the last moment known", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// measure takes the oldest record that stood in a topic at the measurement
// before and is not processed yet. What came since is on its way.
func (p *Progress) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, progressLimit)
	defer cancel()
	now := time.Now()
	ends, behind := make(map[place]int64), make(map[place]int64)
	for topic, group := range p.readers {
		if err := p.compare(ctx, topic, group, ends, behind); err != nil {
			return err
		}
	}
	if err := p.date(ctx, behind); err != nil {
		return err
	}
	oldest := now
	for _, w := range p.waiting {
		if w.since.Before(oldest) {
			oldest = w.since
		}
	}
	p.ends = ends
	p.asOf.Store(&oldest)
	return nil
}

// compare finds the ends of a topic's partitions, and the next offset of those
// that had not been processed up to the end before.
func (p *Progress) compare(ctx context.Context, topic, group string, ends, behind map[place]int64) error {
	admin := p.log.admin
	listed, errEnds := admin.ListEndOffsets(ctx, topic)
	starts, errStarts := admin.ListStartOffsets(ctx, topic)
	committed, errCommitted := admin.FetchOffsetsForTopics(ctx, group, topic)
	if errors.Is(errCommitted, kerr.GroupIDNotFound) { // Nobody ever joined it.
		committed, errCommitted = nil, nil
	}
	if err := errors.Join(errEnds, errStarts, errCommitted); err != nil {
		return fmt.Errorf("cannot compare %q with what %q committed: %w", topic, group, err)
	}
	var failed error
	listed.Each(func(end kadm.ListedOffset) {
		if end.Err != nil {
			failed = errors.Join(failed, end.Err)
			return
		}
		at := place{topic, end.Partition}
		ends[at] = end.Offset
		before, known := p.ends[at]
		if !known {
			before = end.Offset
		}
		if next := firstOffset(starts, committed, topic, end.Partition); next < before {
			behind[at] = next
		}
	})
	return failed
}

// date finds when the records that wait were appended.
func (p *Progress) date(ctx context.Context, behind map[place]int64) error {
	dated := make(map[place]waiting, len(behind))
	wanted := make(map[string]map[int32]kgo.Offset)
	for at, offset := range behind {
		if w, ok := p.waiting[at]; ok && w.offset == offset {
			dated[at] = w
			continue
		}
		if wanted[at.topic] == nil {
			wanted[at.topic] = make(map[int32]kgo.Offset)
		}
		wanted[at.topic][at.partition] = kgo.NewOffset().At(offset)
	}
	first, err := p.log.firstRecords(ctx, wanted)
	for at, r := range first {
		dated[at] = waiting{behind[at], r.Timestamp}
	}
	if err == nil {
		p.waiting = dated
	}
	return err
}

// firstRecords reads one record at or after an offset of each partition.
func (l *Log) firstRecords(ctx context.Context, wanted map[string]map[int32]kgo.Offset) (map[place]*Record, error) {
	first, left := make(map[place]*Record), 0
	for _, partitions := range wanted {
		left += len(partitions)
	}
	if left == 0 {
		return first, nil
	}
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(l.config.Brokers...), kgo.ClientID("sourceloop-progress"), kgo.ConsumePartitions(wanted),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxPartitionBytes(1 << 10),
		kgo.FetchMaxWait(250 * time.Millisecond),
	}, l.config.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot read what waits: %w", err)
	}
	defer client.Close()
	for len(first) < left {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("cannot read what waits: %w", err)
		}
		fetches.EachRecord(func(r *Record) {
			at := place{r.Topic, r.Partition}
			if first[at] == nil {
				first[at] = r
				client.PauseFetchPartitions(map[string][]int32{r.Topic: {r.Partition}})
			}
		})
	}
	return first, nil
}
