package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	defaultTrimPeriod = time.Minute
	// trimPatience is how many rounds in a row may fail before that is an error: unnoticed, the disk fills.
	trimPatience = 10
)

// TrimmerConfig says what a Trimmer may delete.
type TrimmerConfig struct {
	Admin *kadm.Client

	// Groups are, by topic, the consumer groups that must have committed a record before it may go. A topic that is not
	// here, or has no groups, is not trimmed by reading: nobody says that its records were read.
	Groups map[string][]string
	// Keep says, by topic, for how long records stay that no group reads.
	Keep map[string]time.Duration

	Every time.Duration // Time between two rounds; 0 means 1 minute.
	Log   *slog.Logger  // Nil logs nothing.
}

// Trimmer deletes what all readers of a topic have finished with, in place of the broker's own retention. It never
// empties a partition: an empty one starts again at offset 0 after a restart, behind the offsets committed on it.
type Trimmer struct{ cfg TrimmerConfig }

// NewTrimmer makes a Trimmer; nothing happens until Run or Trim is called.
func NewTrimmer(cfg TrimmerConfig) *Trimmer {
	cfg.Every = orElse(cfg.Every, defaultTrimPeriod)
	cfg.Log = orElse(cfg.Log, slog.New(slog.DiscardHandler))
	return &Trimmer{cfg: cfg}
}

// Run trims now and then every period, until ctx is done; then it returns nil. A round that fails is tried again with
// the next; after ten in a row Run gives up and returns their error.
func (t *Trimmer) Run(ctx context.Context) error {
	ticker := time.NewTicker(t.cfg.Every)
	defer ticker.Stop()
	failed := 0
	for {
		switch _, err := t.Trim(ctx); {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failed = 0
		case failed+1 >= trimPatience:
			return fmt.Errorf("cannot free the space of the embedded Kafka, %d times in a row; it will fill the disk: %w", trimPatience, err)
		default:
			failed++
			t.cfg.Log.Warn("embedded Kafka was not trimmed, trying again", "error", err, "in", t.cfg.Every)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Trim is one round. It gives the new first offset by topic and partition, of those that moved.
func (t *Trimmer) Trim(ctx context.Context) (map[string]map[int32]int64, error) {
	topics := t.topics()
	if len(topics) == 0 {
		return nil, nil
	}
	old, err := t.old(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot trim: %w", err)
	}
	committed, err := t.committed(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot trim: %w", err)
	}
	// The end is read after the commits, so it is never behind them.
	starts, err := t.cfg.Admin.ListStartOffsets(ctx, topics...)
	if err := errors.Join(err, starts.Error()); err != nil {
		return nil, fmt.Errorf("cannot trim: cannot read the first offsets: %w", err)
	}
	ends, err := t.cfg.Admin.ListEndOffsets(ctx, topics...)
	if err := errors.Join(err, ends.Error()); err != nil {
		return nil, fmt.Errorf("cannot trim: cannot read the last offsets: %w", err)
	}
	return t.delete(ctx, t.plan(committed, old, starts, ends))
}

func (t *Trimmer) topics() []string {
	var topics []string
	for _, topic := range slices.Sorted(maps.Keys(t.cfg.Groups)) {
		if len(t.cfg.Groups[topic]) > 0 {
			topics = append(topics, topic)
		}
	}
	return append(topics, slices.Sorted(maps.Keys(t.cfg.Keep))...)
}

// old finds, in topics that are kept for a time, the first offsets that are to stay.
func (t *Trimmer) old(ctx context.Context) (map[string]kadm.ListedOffsets, error) {
	old := make(map[string]kadm.ListedOffsets, len(t.cfg.Keep))
	for topic, keep := range t.cfg.Keep {
		offsets, err := t.cfg.Admin.ListOffsetsAfterMilli(ctx, time.Now().Add(-keep).UnixMilli(), topic)
		if err := errors.Join(err, offsets.Error()); err != nil {
			return nil, fmt.Errorf("cannot find what is old in %s: %w", topic, err)
		}
		old[topic] = offsets
	}
	return old, nil
}

// committed reads what every group on the broker has committed, the named ones and any other.
func (t *Trimmer) committed(ctx context.Context) (map[string]kadm.OffsetResponses, error) {
	listed, err := t.cfg.Admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot list the consumer groups: %w", err)
	}
	names := listed.Groups()
	for _, groups := range t.cfg.Groups {
		names = append(names, groups...)
	}
	slices.Sort(names)
	names = slices.Compact(names)

	fetched := t.cfg.Admin.FetchManyOffsets(ctx, names...)
	committed := make(map[string]kadm.OffsetResponses, len(names))
	for group, response := range fetched {
		err := errors.Join(response.Err, response.Fetched.Error())
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // A group that has not begun has committed nothing.
			return nil, fmt.Errorf("cannot read the offsets of group %s: %w", group, err)
		}
		committed[group] = response.Fetched
	}
	return committed, nil
}

// plan gives the offset before which each partition may lose its records.
func (t *Trimmer) plan(committed map[string]kadm.OffsetResponses, old map[string]kadm.ListedOffsets, starts, ends kadm.ListedOffsets) kadm.Offsets {
	plan := make(kadm.Offsets)
	ends.Each(func(end kadm.ListedOffset) {
		start, ok := starts.Lookup(end.Topic, end.Partition)
		if !ok {
			return
		}
		to := finished(committed, t.cfg.Groups[end.Topic], end.Topic, end.Partition)
		if kept, ok := old[end.Topic].Lookup(end.Topic, end.Partition); ok {
			to = kept.Offset
		}
		to = min(to, end.Offset-1)
		if to > start.Offset {
			plan.AddOffset(end.Topic, end.Partition, to, -1)
		}
	})
	return plan
}

// finished is the offset that all groups have reached: 0 when one of the required has none.
func finished(committed map[string]kadm.OffsetResponses, required []string, topic string, partition int32) int64 {
	least := int64(-1)
	for group, offsets := range committed {
		offset, ok := offsets.Lookup(topic, partition)
		if !ok || offset.At < 0 {
			if slices.Contains(required, group) {
				return 0
			}
			continue
		}
		if least < 0 || offset.At < least {
			least = offset.At
		}
	}
	return max(least, 0)
}

func (t *Trimmer) delete(ctx context.Context, plan kadm.Offsets) (map[string]map[int32]int64, error) {
	if len(plan) == 0 {
		return nil, nil
	}
	responses, err := t.cfg.Admin.DeleteRecords(ctx, plan)
	if err := errors.Join(err, responses.Error()); err != nil {
		return nil, fmt.Errorf("cannot trim: cannot delete records: %w", err)
	}
	moved := make(map[string]map[int32]int64)
	responses.Each(func(r kadm.DeleteRecordsResponse) {
		if moved[r.Topic] == nil {
			moved[r.Topic] = make(map[int32]int64)
		}
		moved[r.Topic][r.Partition] = r.LowWatermark
	})
	return moved, nil
}
