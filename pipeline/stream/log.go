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
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// Config says where Kafka is and how topics are made there.
type Config struct {
	Brokers      []string
	Replication  int16              // of new topics; 0 means the broker's default
	TopicConfigs map[string]*string // of new topics, for example retention.ms
	Log          *slog.Logger
	Registerer   prometheus.Registerer
	Options      []kgo.Opt // for example TLS and SASL
}

// Log appends to topics. It is safe for concurrent use.
type Log struct {
	client  *kgo.Client
	admin   *kadm.Client
	config  Config
	metrics *logMetrics
}

type logMetrics struct {
	appended *prometheus.CounterVec
	failed   *prometheus.CounterVec
	dead     *prometheus.CounterVec
}

func newLogMetrics(reg prometheus.Registerer) *logMetrics {
	m := &logMetrics{
		appended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_log_appended_total", Help: "Records acknowledged by Kafka.",
		}, []string{"topic"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_log_failed_total", Help: "Records that Kafka did not acknowledge.",
		}, []string{"topic"}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_dead_letters_total", Help: "Records set aside, by stage and reason.",
		}, []string{"stage", "reason"}),
	}
	reg.MustRegister(m.appended, m.failed, m.dead)
	return m
}

// OpenLog connects a producer and makes sure that the topics exist with the
// partition counts that hold for ever.
func OpenLog(ctx context.Context, config Config) (*Log, error) {
	opts := append([]kgo.Opt{
		kgo.SeedBrokers(config.Brokers...),
		kgo.ClientID("sourceloop"),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		kgo.ProducerLinger(0),
		kgo.MaxBufferedRecords(200_000),
		kgo.ProducerBatchMaxBytes(maxRecord),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	}, config.Options...)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("cannot make a Kafka client: %w", err)
	}
	l := &Log{client: client, admin: kadm.NewClient(client), config: config, metrics: newLogMetrics(config.Registerer)}
	if err := l.ensureTopics(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return l, nil
}

// maxRecord is how large a record may be: the largest body that the collector
// takes, 1 MiB, and a dead letter around it. Brokers refuse more than 1 MB
// unless the topic says otherwise.
const maxRecord = 2 << 20

// Close waits for what is being appended and disconnects.
func (l *Log) Close() { l.client.Close() }

func topicCounts() map[string]int32 {
	return map[string]int32{
		schema.TopicHits:     schema.HitsPartitions,
		schema.TopicWebhooks: schema.WebhooksPartitions,
		schema.TopicLeads:    schema.LeadsPartitions,
		schema.TopicDead:     schema.DeadPartitions,
	}
}

func (l *Log) ensureTopics(ctx context.Context) error {
	replication := l.config.Replication
	if replication == 0 {
		replication = -1
	}
	configs := map[string]*string{"max.message.bytes": kadm.StringPtr(strconv.Itoa(maxRecord))}
	maps.Copy(configs, l.config.TopicConfigs)
	for topic, count := range topicCounts() {
		_, err := l.admin.CreateTopic(ctx, count, replication, configs, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("cannot create the Kafka topic %q: %w", topic, err)
		}
	}
	return l.checkTopics(ctx)
}

// checkTopics refuses another partition count: keys would change their owner.
func (l *Log) checkTopics(ctx context.Context) error {
	details, err := l.admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("cannot list the Kafka topics: %w", err)
	}
	var wrong []string
	for topic, want := range topicCounts() {
		if got := len(details[topic].Partitions); got != int(want) {
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

// Ping asks a broker for its metadata.
func (l *Log) Ping(ctx context.Context) error { return l.client.Ping(ctx) }

// Append writes records with these keys and values and returns when all are
// acknowledged, or with the first error when one is not, or when the context
// ends. After an error some of them may have been written or may still be; the
// slices then stay with the log for good.
func (l *Log) Append(ctx context.Context, topic string, keys, values [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	p := &pending{open: len(keys), ended: make(chan struct{})}
	records := make([]kgo.Record, len(keys))
	for i := range keys {
		records[i] = kgo.Record{Topic: topic, Key: keys[i], Value: values[i]}
		l.client.Produce(ctx, &records[i], p.done)
	}
	if failed, err := p.wait(ctx); err != nil {
		l.metrics.failed.WithLabelValues(topic).Add(float64(failed))
		return &schema.Error{
			Op: "stream.Append", Kind: schema.KindUnavailable, Err: err,
			Text: "Kafka did not acknowledge; nothing is lost that is sent again",
		}
	}
	l.metrics.appended.WithLabelValues(topic).Add(float64(len(keys)))
	return nil
}

// pending is records that are being written.
type pending struct {
	ended chan struct{} // closed when none is open

	mu     sync.Mutex
	open   int
	failed int
	err    error
}

func (p *pending) done(_ *kgo.Record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed++
		if p.err == nil {
			p.err = err
		}
	}
	if p.open--; p.open == 0 {
		close(p.ended)
	}
}

// wait ends with the context at the latest: a record that was sent and not
// answered cannot be taken back, and would keep its caller as long as the
// broker is away.
func (p *pending) wait(ctx context.Context) (failed int, err error) {
	select {
	case <-p.ended:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open > 0 {
		return p.failed + p.open, context.Cause(ctx)
	}
	return p.failed, p.err
}

// AppendDead sets records aside and returns when they are acknowledged.
func (l *Log) AppendDead(ctx context.Context, letters []*schema.DeadRecord) error {
	keys, values := make([][]byte, len(letters)), make([][]byte, len(letters))
	for i, d := range letters {
		value, err := proto.Marshal(d)
		if err != nil {
			return fmt.Errorf("cannot encode a dead letter: %w", err)
		}
		keys[i], values[i] = []byte(d.GetTopic()), value
	}
	if err := l.Append(ctx, schema.TopicDead, keys, values); err != nil {
		return err
	}
	for _, d := range letters {
		l.metrics.dead.WithLabelValues(d.GetStage(), d.GetReason()).Inc()
	}
	return nil
}

// Partition tells where Kafka's default partitioner puts a key.
func Partition(key []byte, partitions int32) int32 {
	by := kgo.StickyKeyPartitioner(nil).ForTopic("")
	return int32(by.Partition(&kgo.Record{Key: key}, int(partitions)))
}
