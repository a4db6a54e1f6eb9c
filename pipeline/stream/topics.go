package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"sourceloop/schema"
)

func topicCounts() map[string]int32 {
	return map[string]int32{
		schema.TopicHits:     schema.HitsPartitions,
		schema.TopicWebhooks: schema.WebhooksPartitions,
		schema.TopicLeads:    schema.LeadsPartitions,
		schema.TopicCredited: schema.CreditedPartitions,
		schema.TopicDead:     schema.DeadPartitions,
	}
}

// Partitions is how many partitions a topic has.
func Partitions(topic string) int32 { return topicCounts()[topic] }

// Prepare makes sure that the topics exist with the partition counts that hold
// for ever. When they have others the error is of schema.KindInvalid, and
// nothing is ever appended. Any other error may be gone the next time.
func (l *Log) Prepare(ctx context.Context) error {
	l.preparing.Lock()
	defer l.preparing.Unlock()
	if l.isPrepared() {
		return nil
	}
	if err := l.ensureTopics(ctx); err != nil {
		return err
	}
	close(l.prepared)
	return nil
}

// Run prepares the log as soon as Kafka answers. It returns then, or when the
// context ends, or with an error when the topics cannot be used.
func (l *Log) Run(ctx context.Context) error {
	again := time.NewTimer(0)
	defer again.Stop()
	for level := slog.LevelWarn; ; level = slog.LevelDebug { // It is said once.
		select {
		case <-ctx.Done():
			return nil
		case <-l.prepared:
			return nil
		case <-again.C:
		}
		asking, cancel := context.WithTimeout(ctx, preparePatience)
		err := l.Prepare(asking)
		cancel()
		if schema.KindOf(err) == schema.KindInvalid {
			return err
		}
		if err != nil && ctx.Err() == nil {
			l.config.Log.Log(ctx, level, "Kafka does not answer; asking again until it does", "err", err)
		}
		again.Reset(preparePause)
	}
}

// How long Kafka may take to tell about the topics, and after what time it is
// asked again; and how long a process that cannot go on without them waits until
// those that were just made are there, which takes a busy Kafka a while.
const (
	preparePatience = 10 * time.Second
	topicsPatience  = time.Minute
	preparePause    = time.Second
)

func (l *Log) isPrepared() bool {
	select {
	case <-l.prepared:
		return true
	default:
		return false
	}
}

// await waits until the log is prepared; false means that the context ended.
func (l *Log) await(ctx context.Context) bool {
	select {
	case <-l.prepared:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *Log) ensureTopics(ctx context.Context) error {
	replication := l.config.Replication
	if replication == 0 {
		replication = -1
	}
	configs := map[string]*string{
		"max.message.bytes": kadm.StringPtr(strconv.Itoa(maxRecord)),
		"retention.ms":      kadm.StringPtr(strconv.FormatInt(schema.Kept.Milliseconds(), 10)),
		"segment.ms":        kadm.StringPtr(strconv.FormatInt((24 * time.Hour).Milliseconds(), 10)),
	}
	maps.Copy(configs, l.config.TopicConfigs)
	for topic, count := range topicCounts() {
		_, err := l.admin.CreateTopic(ctx, count, replication, configs, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("cannot create the Kafka topic %q: %w", topic, err)
		}
	}
	return l.awaitTopics(ctx)
}

// errUnseen says that a topic was made a moment ago, by this process or another,
// and that the broker which was asked has not heard of it.
var errUnseen = errors.New("not to be seen yet")

// awaitTopics asks until the broker has heard of all topics. Only the embedded
// Kafka knows at once.
func (l *Log) awaitTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, topicsPatience)
	defer cancel()
	for {
		err := l.checkTopics(ctx)
		if !errors.Is(err, errUnseen) {
			return err
		}
		wait(ctx, preparePause/10)
		if ctx.Err() != nil {
			return err
		}
	}
}

// checkTopics refuses another partition count: keys would change their owner.
func (l *Log) checkTopics(ctx context.Context) error {
	details, err := l.admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("cannot list the Kafka topics: %w", err)
	}
	var wrong []string
	for topic, want := range topicCounts() {
		switch got := len(details[topic].Partitions); got {
		case int(want):
		case 0:
			return fmt.Errorf("cannot use the Kafka topic %q: %w", topic, errUnseen)
		default:
			wrong = append(wrong, fmt.Sprintf("%s has %d partitions instead of %d", topic, got, want))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	sort.Strings(wrong)
	return schema.E("stream.OpenLog", schema.KindInvalid,
		"Kafka topics do not fit: %s. A visitor's owner is found by the partition count, so it can never change. "+
			"Delete and re-create these topics, or point SOURCELOOP_KAFKA at another cluster.", strings.Join(wrong, "; "))
}
