package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// ReadDead hands over every record that the topic dead has now, in the order in
// which they were set aside: letters, the same one several times where its
// stretch was repeated, and marks of what was replayed (schema.DeadReplayed). A
// record that is no DeadRecord is counted and passed over. The call may keep
// what it gets; its error ends the reading.
func (l *Log) ReadDead(ctx context.Context, each func(*schema.DeadRecord) error) (unreadable int, err error) {
	open, at, err := l.deadRange(ctx)
	if err != nil || len(open) == 0 {
		return 0, err
	}
	return l.readDead(ctx, open, at, deadQuiet, each)
}

// deadQuiet is how long Kafka may give nothing of what it has said that it has.
const deadQuiet = 30 * time.Second

// readDead reads partitions up to their ends. What is deleted meanwhile, since it
// is too old, never comes: so it is asked again what there is when nothing comes
// for a while.
func (l *Log) readDead(ctx context.Context, open map[int32]int64, at map[int32]kgo.Offset, quiet time.Duration, each func(*schema.DeadRecord) error) (unreadable int, err error) {
	opts := append([]kgo.Opt{
		kgo.SeedBrokers(l.config.Brokers...), kgo.ClientID("sourceloop-dead"),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{schema.TopicDead: at}),
	}, l.config.Options...)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return 0, fmt.Errorf("cannot read the dead letters: %w", err)
	}
	defer client.Close()
	for len(open) > 0 {
		polling, cancel := context.WithTimeout(ctx, quiet)
		fetches := client.PollFetches(polling)
		nothing := polling.Err() != nil && ctx.Err() == nil && fetches.NumRecords() == 0
		cancel()
		if nothing {
			if err := l.closeDeleted(ctx, open); err != nil {
				return unreadable, err
			}
			continue
		}
		if err := errors.Join(ctx.Err(), fetches.Err()); err != nil {
			return unreadable, fmt.Errorf("cannot read the dead letters: %w", err)
		}
		for r := range fetches.RecordsAll() {
			end, reading := open[r.Partition]
			if !reading {
				continue // It came after the reading began.
			}
			if r.Offset >= end-1 {
				delete(open, r.Partition)
			}
			letter := new(schema.DeadRecord)
			if proto.Unmarshal(r.Value, letter) != nil {
				unreadable++
			} else if err := each(letter); err != nil {
				return unreadable, err
			}
		}
	}
	return unreadable, nil
}

// closeDeleted closes partitions of which all that is waited for was deleted. When
// there is none, what is there does not come.
func (l *Log) closeDeleted(ctx context.Context, open map[int32]int64) error {
	first, err := l.admin.ListStartOffsets(ctx, schema.TopicDead)
	if err := errors.Join(err, first.Error()); err != nil {
		return fmt.Errorf("cannot find the dead letters: %w", err)
	}
	before := len(open)
	maps.DeleteFunc(open, func(partition int32, end int64) bool {
		start, ok := first.Lookup(schema.TopicDead, partition)
		return ok && start.Offset >= end
	})
	if len(open) == before {
		return schema.E("read the dead letters", schema.KindUnavailable, "Kafka does not give the dead letters that it says it has, so not all were read; try again in a moment")
	}
	return nil
}

// deadRange tells, of partitions that hold dead letters, where they begin and
// before which offset they end.
func (l *Log) deadRange(ctx context.Context) (ends map[int32]int64, at map[int32]kgo.Offset, err error) {
	first, errFirst := l.admin.ListStartOffsets(ctx, schema.TopicDead)
	last, errLast := l.admin.ListEndOffsets(ctx, schema.TopicDead)
	if err := errors.Join(errFirst, errLast, first.Error(), last.Error()); err != nil {
		return nil, nil, fmt.Errorf("cannot find the dead letters: %w", err)
	}
	ends, at = make(map[int32]int64), make(map[int32]kgo.Offset)
	for partition, end := range last[schema.TopicDead] {
		if start, ok := first.Lookup(schema.TopicDead, partition); ok && start.Offset < end.Offset {
			ends[partition], at[partition] = end.Offset, kgo.NewOffset().At(start.Offset)
		}
	}
	return ends, at, nil
}

// Replay puts a record that was set aside back into its topic, byte for byte and
// under its key, and then marks the letter as replayed. Everything in it has the
// id it had; so a record that was processed after all, or is replayed twice,
// changes nothing.
func (l *Log) Replay(ctx context.Context, letter *schema.DeadRecord, now schema.Millis) error {
	if err := l.Append(ctx, letter.GetTopic(), [][]byte{letter.GetKey()}, [][]byte{letter.GetValue()}); err != nil {
		return err
	}
	mark, err := proto.Marshal(&schema.DeadRecord{Id: letter.GetId(), Reason: schema.DeadReplayed, At: int64(now)})
	if err != nil {
		return fmt.Errorf("cannot encode that a dead letter was replayed: %w", err)
	}
	return l.Append(ctx, schema.TopicDead, [][]byte{[]byte(letter.GetTopic())}, [][]byte{mark})
}
