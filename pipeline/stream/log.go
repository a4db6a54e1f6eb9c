package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

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
	Unsafe       Unsafe
}

// Unsafe switches a mechanism off, so that a test can see that it is needed.
// Nothing but tests may set it.
type Unsafe struct {
	NoDeadLetters bool // what should be set aside is dropped
}

// Log appends to topics. It is safe for concurrent use.
type Log struct {
	client  *kgo.Client
	admin   *kadm.Client
	config  Config
	metrics *logMetrics
	gate    *gate // of the lanes of all groups

	preparing sync.Mutex
	prepared  chan struct{} // closed when the topics are known to be what they must be
}

type logMetrics struct {
	appended *prometheus.CounterVec
	failed   *prometheus.CounterVec
	dead     *prometheus.CounterVec
}

func newLogMetrics(reg prometheus.Registerer, client *kgo.Client) *logMetrics {
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
	reg.MustRegister(m.appended, m.failed, m.dead,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sourceloop_log_waiting_records", Help: "Records that wait for Kafka's acknowledgement.",
		}, func() float64 { return float64(client.BufferedProduceRecords()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sourceloop_log_waiting_bytes", Help: "Bytes of records that wait for Kafka's acknowledgement.",
		}, func() float64 { return float64(client.BufferedProduceBytes()) }))
	return m
}

// OpenLog connects a producer and makes sure that the topics exist with the
// partition counts that hold for ever.
func OpenLog(ctx context.Context, config Config) (*Log, error) {
	l, err := NewLog(config)
	if err != nil {
		return nil, err
	}
	if err := l.Prepare(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// NewLog makes a log that has asked Kafka for nothing yet, so that a process
// can start while Kafka is away. Until Prepare or Run has found the topics it
// appends nothing, and its groups wait.
func NewLog(config Config) (*Log, error) {
	opts := append([]kgo.Opt{
		kgo.SeedBrokers(config.Brokers...),
		kgo.ClientID("sourceloop"),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		kgo.ProducerLinger(0),
		kgo.MetadataMinAge(time.Second), // so that a broker that comes back is found soon
		kgo.MaxBufferedRecords(200_000),
		kgo.MaxBufferedBytes(maxBuffered),
		kgo.ProducerBatchMaxBytes(maxRecord),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		// What its caller gave up leaves the client, also when it was sent and
		// not answered; else it would stay for as long as the broker is away.
		// It may have been written, and is written again when it comes again.
		kgo.AllowIdempotentProduceCancellation(),
	}, config.Options...)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("cannot make a Kafka client: %w", err)
	}
	return &Log{
		client: client, admin: kadm.NewClient(client), config: config,
		metrics: newLogMetrics(config.Registerer, client), prepared: make(chan struct{}),
		gate: newGate(),
	}, nil
}

// maxBuffered is how many bytes may wait for their acknowledgement. Who appends
// more waits for room.
const maxBuffered = 256 << 20

// maxRecord is how large a record may be: the largest body that the collector
// takes, 1 MiB, and a dead letter around it. Brokers refuse more than 1 MB
// unless the topic says otherwise.
const maxRecord = 2 << 20

// Close waits for what is being appended and disconnects.
func (l *Log) Close() { l.client.Close() }

// Ping asks a broker for its metadata.
func (l *Log) Ping(ctx context.Context) error { return l.client.Ping(ctx) }

// Append writes records with these keys and values and returns when all are
// acknowledged, or with the first error when one is not, or when the context
// ends. After an error some of them may have been written or may still be; the
// slices then stay with the log for good. The error is of schema.KindInvalid
// when Kafka will never take one of them, for example since it is too large.
func (l *Log) Append(ctx context.Context, topic string, keys, values [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	if !l.isPrepared() {
		l.metrics.failed.WithLabelValues(topic).Add(float64(len(keys)))
		return schema.E("stream.Append", schema.KindUnavailable, "Kafka has not answered since the start; nothing is lost that is sent again.")
	}
	p := &pending{open: len(keys), ended: make(chan struct{})}
	records := make([]kgo.Record, len(keys))
	for i := range keys {
		records[i] = kgo.Record{Topic: topic, Key: keys[i], Value: values[i]}
		l.client.Produce(ctx, &records[i], p.done)
	}
	if failed, err := p.wait(ctx); err != nil {
		l.metrics.failed.WithLabelValues(topic).Add(float64(failed))
		return appendError(err)
	}
	l.metrics.appended.WithLabelValues(topic).Add(float64(len(keys)))
	return nil
}

func appendError(err error) error {
	for _, forGood := range []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord} {
		if errors.Is(err, forGood) {
			return &schema.Error{
				Op: "stream.Append", Kind: schema.KindInvalid, Err: err,
				Text: "Kafka refuses a record for good; a topic's max.message.bytes must be " + strconv.Itoa(maxRecord),
			}
		}
	}
	return &schema.Error{
		Op: "stream.Append", Kind: schema.KindUnavailable, Err: err,
		Text: "Kafka did not acknowledge; nothing is lost that is sent again",
	}
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

// wait ends with the context at the latest. The client lets go of a record
// whose context ended when it next looks at it, which takes a while when the
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
	if l.config.Unsafe.NoDeadLetters {
		return nil
	}
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

// KeyOf finds a key that Partition puts into a partition.
func KeyOf(partition, partitions int32) []byte {
	for i := uint64(0); ; i++ {
		if key := strconv.AppendUint([]byte("partition "), i, 10); Partition(key, partitions) == partition {
			return key
		}
	}
}
