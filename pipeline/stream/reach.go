package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Ends gives the next offset of every partition of a topic, by partition.
func (l *Log) Ends(ctx context.Context, topic string) (map[int32]int64, error) {
	listed, err := l.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the ends of %q: %w", topic, err)
	}
	ends := make(map[int32]int64)
	listed.Each(func(end kadm.ListedOffset) { ends[end.Partition] = end.Offset })
	return ends, nil
}

// Done gives the next offset that a group has to process, by partition: all
// before it has been processed.
func (l *Log) Done(ctx context.Context, group, topic string) (map[int32]int64, error) {
	starts, errStarts := l.admin.ListStartOffsets(ctx, topic)
	committed, errCommitted := l.admin.FetchOffsetsForTopics(ctx, group, topic)
	if errors.Is(errCommitted, kerr.GroupIDNotFound) { // Nobody ever joined it.
		committed, errCommitted = nil, nil
	}
	if err := errors.Join(errStarts, errCommitted, starts.Error()); err != nil {
		return nil, fmt.Errorf("cannot read what %q has processed of %q: %w", group, topic, err)
	}
	done := make(map[int32]int64)
	starts.Each(func(start kadm.ListedOffset) {
		done[start.Partition] = firstOffset(starts, committed, topic, start.Partition)
	})
	return done, nil
}
