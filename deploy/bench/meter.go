package bench

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// meter reads what is new in the topic of hits, and weighs it.
type meter struct {
	client *kgo.Client
	admin  *kadm.Client
	read   int64 // records so far
	bytes  atomic.Int64
}

// weight is what was new.
type weight struct {
	hits    int
	records int
	bytes   int64 // as they travelled and lie on the disk, the batches' own headers included
}

func (w *weight) add(more weight) {
	w.hits += more.hits
	w.records += more.records
	w.bytes += more.bytes
}

func (w *weight) perHit() float64 { return float64(w.bytes) / float64(max(w.hits, 1)) }

func newMeter(address string) (*meter, error) {
	m := &meter{}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(address), kgo.ConsumeTopics(schema.TopicHits), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.WithHooks(m),
	)
	if err != nil {
		return nil, fmt.Errorf("cannot read Kafka: %w", err)
	}
	m.client, m.admin = client, kadm.NewClient(client)
	return m, nil
}

func (m *meter) close() error {
	m.client.Close()
	return nil
}

// batchHeader is the size of a record batch without its records.
const batchHeader = 61

// OnFetchBatchRead is called by the client for every batch.
func (m *meter) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, b kgo.FetchBatchMetrics) {
	m.bytes.Add(int64(b.CompressedBytes) + batchHeader)
}

// weigh reads up to the present end.
func (m *meter) weigh(ctx context.Context) (weight, error) {
	ends, err := m.admin.ListEndOffsets(ctx, schema.TopicHits)
	if err != nil {
		return weight{}, fmt.Errorf("cannot find the end of Kafka's topic: %w", err)
	}
	var end int64
	ends.Each(func(o kadm.ListedOffset) { end += o.Offset })
	var w weight
	from := m.bytes.Load()
	for m.read < end {
		fetches := m.client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return w, fmt.Errorf("cannot read Kafka: %w", err)
		}
		for _, r := range fetches.Records() {
			n, err := hitsIn(r.Value)
			if err != nil {
				return w, err
			}
			m.read++
			w.records++
			w.hits += n
		}
	}
	w.bytes = m.bytes.Load() - from
	return w, nil
}

// hitsIn counts the hits of a record.
func hitsIn(value []byte) (int, error) {
	var record schema.HitRecord
	if err := proto.Unmarshal(value, &record); err != nil {
		return 0, fmt.Errorf("cannot read a record: %w", err)
	}
	if record.GetHit() == nil {
		return 0, fmt.Errorf("cannot read a record: it holds no hit")
	}
	return 1, nil
}
