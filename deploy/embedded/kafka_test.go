package embedded_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/deploy/embedded"
)

const topic = "hits"

func startKafka(t *testing.T, dir string) *embedded.Kafka {
	t.Helper()
	k, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Dir: dir, Sync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeKafka(t, k) })
	return k
}

func closeKafka(t *testing.T, k *embedded.Kafka) {
	t.Helper()
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func kafkaClient(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// produce creates the topic with one partition where it is missing, and appends n records of about 1 KB, numbered from
// the end of the log.
func produce(t *testing.T, addr string, n int) {
	t.Helper()
	client := kafkaClient(t, addr, kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !topics.Has(topic) {
		if _, err := admin.CreateTopic(t.Context(), 1, 1, embedded.KafkaTopicConfigs(), topic); err != nil {
			t.Fatal(err)
		}
	}
	_, end := bounds(t, admin)
	records := make([]*kgo.Record, n)
	for i := range records {
		value := fmt.Sprintf("%d %s", end+int64(i), strings.Repeat("x", 1000))
		records[i] = &kgo.Record{Topic: topic, Value: []byte(value)}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func bounds(t *testing.T, admin *kadm.Client) (start, end int64) {
	t.Helper()
	starts, err := admin.ListStartOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	ends, err := admin.ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := starts.Lookup(topic, 0)
	e, _ := ends.Lookup(topic, 0)
	return s.Offset, e.Offset
}

// wantRecords reads the topic from its first offset, and wants records with their own offsets as values up to end.
func wantRecords(t *testing.T, addr string, end int64) {
	t.Helper()
	client := kafkaClient(t, addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for last := int64(-1); last < end-1; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read up to offset %d of %d: %v", last, end, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if number, _, _ := strings.Cut(string(r.Value), " "); number != fmt.Sprint(r.Offset) {
				t.Fatalf("the record at offset %d says %q", r.Offset, number)
			}
			last = r.Offset
		})
	}
}

func commit(t *testing.T, admin *kadm.Client, group string, at int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, at, -1)
	if err := admin.CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatal(err)
	}
}

func committedAt(t *testing.T, admin *kadm.Client, group string) int64 {
	t.Helper()
	offsets, err := admin.FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := offsets.Lookup(topic, 0)
	return o.At
}

func TestKafkaKeepsRecordsAndCommitsOverARestart(t *testing.T) {
	dir := t.TempDir()
	first := startKafka(t, dir)
	produce(t, first.Addr(), 100)
	client := kafkaClient(t, first.Addr())
	commit(t, kadm.NewClient(client), "sessionize", 60)
	client.Close()
	closeKafka(t, first)
	closeKafka(t, first)

	// Something else takes the port of the first run, so that the second has another.
	taken, err := net.Listen("tcp", first.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	second := startKafka(t, dir)
	wantRecords(t, second.Addr(), 100)
	produce(t, second.Addr(), 50)
	wantRecords(t, second.Addr(), 150)
	client = kafkaClient(t, second.Addr())
	defer client.Close()
	if at := committedAt(t, kadm.NewClient(client), "sessionize"); at != 60 {
		t.Errorf("committed offset after the restart is %d, want 60", at)
	}
}

func TestKafkaRefusesAFolderInUse(t *testing.T) {
	dir := t.TempDir()
	startKafka(t, dir)
	_, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another sourceloop is running") {
		t.Errorf("error %v, want it to say that the folder is in use", err)
	}
}

func TestKafkaListensOnTheAddressItIsGiven(t *testing.T) {
	free := startKafka(t, t.TempDir())
	addr := free.Addr()
	_, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Dir: t.TempDir(), Listen: addr})
	if err == nil || !strings.Contains(err.Error(), "another program listens on "+addr) {
		t.Errorf("error %v, want it to name %s as in use", err, addr)
	}
	closeKafka(t, free)
	k, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Dir: t.TempDir(), Listen: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer closeKafka(t, k)
	if k.Addr() != addr {
		t.Errorf("listens on %s, want %s", k.Addr(), addr)
	}
	produce(t, addr, 1)
}

func TestTrimmerFreesWhatAllGroupsHaveRead(t *testing.T) {
	tests := []struct {
		name    string
		groups  []string         // Those that must have read the topic.
		commits map[string]int64 // By group, after 10 records.
		start   int64            // The first offset that must be left.
	}{
		{"nobody has read", []string{"sessionize"}, nil, 0},
		{"one group", []string{"sessionize"}, map[string]int64{"sessionize": 4}, 4},
		{"the slower of two", []string{"sessionize", "archive"}, map[string]int64{"sessionize": 9, "archive": 3}, 3},
		{"one of two has not begun", []string{"sessionize", "archive"}, map[string]int64{"sessionize": 9}, 0},
		{"a group that is not named counts too", []string{"sessionize"}, map[string]int64{"sessionize": 9, "rebuild": 2}, 2},
		{"the last record stays", []string{"sessionize"}, map[string]int64{"sessionize": 10}, 9},
		{"a topic without groups is left alone", nil, map[string]int64{"sessionize": 10}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := startKafka(t, t.TempDir())
			produce(t, k.Addr(), 10)
			client := kafkaClient(t, k.Addr())
			defer client.Close()
			admin := kadm.NewClient(client)
			for _, group := range slices.Sorted(maps.Keys(tt.commits)) {
				commit(t, admin, group, tt.commits[group])
			}
			trimmer := embedded.NewTrimmer(embedded.TrimmerConfig{Admin: admin, Groups: map[string][]string{topic: tt.groups}})
			for range 2 { // The second round has nothing left to do.
				if _, err := trimmer.Trim(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if start, end := bounds(t, admin); start != tt.start || end != 10 {
				t.Errorf("offsets %d to %d are left, want %d to 10", start, end, tt.start)
			}
		})
	}
}

// A partition that was emptied starts again at offset 0 after a restart. The trimmer's last record prevents it; the
// first case shows that there is something to prevent.
// TestTrimmerKeepsForATimeWhatNobodyReads: what is older goes, whether a group has committed or not.
func TestTrimmerKeepsForATimeWhatNobodyReads(t *testing.T) {
	k := startKafka(t, t.TempDir())
	produce(t, k.Addr(), 10)
	client := kafkaClient(t, k.Addr())
	defer client.Close()
	admin := kadm.NewClient(client)
	for _, tt := range []struct {
		keep time.Duration
		want int64
	}{{time.Hour, 0}, {-time.Hour, 9}} {
		trimmer := embedded.NewTrimmer(embedded.TrimmerConfig{Admin: admin, Keep: map[string]time.Duration{topic: tt.keep}})
		if _, err := trimmer.Trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		starts, err := admin.ListStartOffsets(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := starts.Lookup(topic, 0); !ok || start.Offset != tt.want {
			t.Errorf("kept for %s: the first offset is %d, want %d", tt.keep, start.Offset, tt.want)
		}
	}
}

func TestTrimmedPartitionGoesOnAfterARestart(t *testing.T) {
	tests := []struct {
		name string
		trim func(t *testing.T, admin *kadm.Client)
		end  int64
	}{
		{"everything deleted, without the trimmer", func(t *testing.T, admin *kadm.Client) {
			offsets := kadm.Offsets{}
			offsets.AddOffset(topic, 0, 10, -1)
			if _, err := admin.DeleteRecords(t.Context(), offsets); err != nil {
				t.Fatal(err)
			}
		}, 0},
		{"everything read, with the trimmer", func(t *testing.T, admin *kadm.Client) {
			trimmer := embedded.NewTrimmer(embedded.TrimmerConfig{Admin: admin, Groups: map[string][]string{topic: {"sessionize"}}})
			moved, err := trimmer.Trim(t.Context())
			if err != nil || moved[topic][0] != 9 {
				t.Fatalf("trimmed to %v, %v; want offset 9", moved, err)
			}
		}, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			k := startKafka(t, dir)
			produce(t, k.Addr(), 10)
			client := kafkaClient(t, k.Addr())
			admin := kadm.NewClient(client)
			commit(t, admin, "sessionize", 10)
			tt.trim(t, admin)
			client.Close()
			closeKafka(t, k)

			k = startKafka(t, dir)
			client = kafkaClient(t, k.Addr())
			defer client.Close()
			if _, end := bounds(t, kadm.NewClient(client)); end != tt.end {
				t.Errorf("the partition goes on at offset %d, want %d", end, tt.end)
			}
		})
	}
}

// Space on disk is what trimming is for.
func TestTrimmerFreesSegments(t *testing.T) {
	dir := t.TempDir()
	k := startKafka(t, dir)
	const records = 50_000 // Of 1 KB: three segments of 16 MiB and some.
	produce(t, k.Addr(), records)
	before := folderSize(t, dir)
	client := kafkaClient(t, k.Addr())
	defer client.Close()
	admin := kadm.NewClient(client)
	commit(t, admin, "sessionize", records)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	trimmer := embedded.NewTrimmer(embedded.TrimmerConfig{
		Admin: admin, Groups: map[string][]string{topic: {"sessionize"}}, Every: 10 * time.Millisecond,
	})
	go func() { ended <- trimmer.Run(ctx) }()
	eventually(t, "the trimmer frees space", func() bool { return folderSize(t, dir) < 18<<20 })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run ended with %v, want nil", err)
	}
	if before < 48<<20 {
		t.Errorf("only %d bytes before trimming, want segments to free", before)
	}
	wantRecords(t, k.Addr(), records)
}

func TestTrimmerGivesUpWhenItNeverSucceeds(t *testing.T) {
	k := startKafka(t, t.TempDir())
	client := kafkaClient(t, k.Addr())
	defer client.Close()
	trimmer := embedded.NewTrimmer(embedded.TrimmerConfig{
		Admin: kadm.NewClient(client), Groups: map[string][]string{"missing": {"sessionize"}}, Every: time.Millisecond,
	})
	if err := trimmer.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "fill the disk") {
		t.Errorf("Run ended with %v, want it to say what it means", err)
	}
}
