package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/schema"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func pingKafka(t *testing.T, e *engines) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(e.kafka...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestACommandReachesTheEnginesOfARunningProcess: beside a process that holds
// the folder a command finds its engines, and starts its own where there is none.
func TestACommandReachesTheEnginesOfARunningProcess(t *testing.T) {
	dir := t.TempDir()
	running, err := startEngines(t.Context(), needRedis|needKafka, engineFlags{NoSync: true}, dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(addressesFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others may read %s: %v", info.Name(), info.Mode())
	}
	beside, err := reachEngines(t.Context(), needKafka, engineFlags{}, dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if beside.kafka[0] != running.kafka[0] || beside.trimming || beside.topicConfigs == nil {
		t.Errorf("got %+v, want the running broker at %s", beside, running.kafka[0])
	}
	pingKafka(t, beside)
	if err := errors.Join(beside.Close(), running.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(addressesFile(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the addresses are still there: %v", err)
	}
	alone, err := reachEngines(t.Context(), needKafka, engineFlags{NoSync: true}, dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	pingKafka(t, alone)
	if len(alone.redis) != 0 {
		t.Error("a Redis was started that nobody needs")
	}
	if err := alone.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAddressesOfAKilledProcessAreNotBelieved: they are left behind, the lock is not.
func TestAddressesOfAKilledProcessAreNotBelieved(t *testing.T) {
	dir := t.TempDir()
	left := addresses{Kafka: "127.0.0.1:1"}
	if err := left.write(dir); err != nil {
		t.Fatal(err)
	}
	e, err := reachEngines(t.Context(), needKafka, engineFlags{NoSync: true}, dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	pingKafka(t, e)
}

func TestReachSaysWhatIsMissing(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	_, err := reachEngines(t.Context(), needKafka, engineFlags{}, nowhere, quiet())
	if schema.KindOf(err) != schema.KindInvalid || !strings.Contains(err.Error(), "--data") {
		t.Errorf("got %v, want that there is no such folder", err)
	}
	if _, err := os.Stat(nowhere); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder was made")
	}
	e, err := reachEngines(t.Context(), needKafka, engineFlags{Kafka: []string{"kafka:9092"}}, nowhere, quiet())
	if err != nil || e.kafka[0] != "kafka:9092" {
		t.Errorf("got %v and %v, want the address that was given", e, err)
	}
	dir := t.TempDir()
	running, err := startEngines(t.Context(), needRedis|needKafka, engineFlags{Kafka: []string{"kafka:9092"}}, dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	if _, err := reachEngines(t.Context(), needKafka, engineFlags{}, dir, quiet()); schema.KindOf(err) != schema.KindInvalid {
		t.Errorf("got %v, want that Kafka is elsewhere", err)
	}
}
