package stream

import (
	"fmt"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"sourceloop/schema"
)

// TestReadingDeadLettersEnds: also when they are deleted between being found and being read, or do not come.
func TestReadingDeadLettersEnds(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l, err := OpenLog(t.Context(), Config{Brokers: cluster.ListenAddrs(), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	for i := range 5 {
		letter := &schema.DeadRecord{Topic: schema.TopicHits, Offset: int64(i), Value: []byte(fmt.Sprint(i))}
		if err := l.AppendDead(t.Context(), []*schema.DeadRecord{letter}); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	count := func(*schema.DeadRecord) error { read++; return nil }
	if _, err := l.ReadDead(t.Context(), count); err != nil || read != 5 {
		t.Fatalf("%d of 5 letters were read, %v", read, err)
	}
	open, at, err := l.deadRange(t.Context())
	if err != nil || len(open) == 0 {
		t.Fatalf("letters lie in %d partitions, %v", len(open), err)
	}
	beyond := map[int32]int64{}
	for partition, end := range open {
		beyond[partition] = end + 1
	}
	for quiet := time.Second; read != 10; quiet *= 2 { // A busy machine may be quiet before the first letter comes.
		read = 5
		if _, err := l.readDead(t.Context(), maps.Clone(beyond), at, quiet, count); schema.KindOf(err) != schema.KindUnavailable || quiet > 4*time.Minute {
			t.Fatalf("of one letter more than there are %d were read, and then %v", read-5, err)
		}
	}
	var all kadm.Offsets
	for partition, end := range open {
		all.Add(kadm.Offset{Topic: schema.TopicDead, Partition: partition, At: end})
	}
	if _, err := l.admin.DeleteRecords(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if _, err := l.readDead(t.Context(), open, at, time.Second, count); err != nil || read != 10 {
		t.Errorf("of deleted letters %d were read, %v", read-10, err)
	}
}
