package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// KafkaConfig says how to run the embedded Kafka. Only Dir is needed.
type KafkaConfig struct {
	Dir    string // Folder of its own: log, lock.
	Listen string // Loopback address, host:port; empty or port 0 picks a free port.

	// Sync makes the broker acknowledge a record only when it is fsynced, which takes some 4 ms. Without it a record
	// survives a killed process, but not a loss of power.
	Sync bool

	Log *slog.Logger // Nil logs nothing.
}

// Kafka is one broker in this process, spoken to over TCP.
type Kafka struct {
	cluster *kfake.Cluster
	addr    string
	log     *brokerLog
	release func()
	once    sync.Once
}

// KafkaTopicConfigs are the settings that every topic on the embedded broker must be created with: its own retention is
// off, because it could empty a partition, which then starts again at offset 0, and because it does not run after a
// restart. Trimmer takes its place; it frees whole segments, hence their small size.
func KafkaTopicConfigs() map[string]*string {
	off, segment := "-1", strconv.Itoa(16<<20)
	return map[string]*string{
		"retention.ms":    &off,
		"retention.bytes": &off,
		"segment.bytes":   &segment,
		"cleanup.policy":  new("delete"),
	}
}

// StartKafka starts the broker on cfg.Dir. A folder in use gives an error that says so. All segments are read at the
// start: run a Trimmer. Topics are created by their user, with KafkaTopicConfigs.
func StartKafka(_ context.Context, cfg KafkaConfig) (*Kafka, error) {
	k, err := startKafka(cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot start the embedded Kafka: %w", err)
	}
	return k, nil
}

func startKafka(cfg KafkaConfig) (*Kafka, error) {
	listen, err := loopback(cfg.Listen)
	if err != nil {
		return nil, err
	}
	release, err := LockFolder(cfg.Dir)
	if err != nil {
		return nil, err
	}
	log := &brokerLog{to: orElse(cfg.Log, slog.New(slog.DiscardHandler))}
	cluster, err := kfake.NewCluster(brokerOptions(cfg, listen, log)...)
	if err != nil {
		release()
		return nil, portError(listen, err)
	}
	return &Kafka{cluster: cluster, addr: cluster.ListenAddrs()[0], log: log, release: release}, nil
}

func brokerOptions(cfg KafkaConfig, listen string, log kfake.Logger) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("sourceloop-embedded"),
		kfake.DataDir(filepath.Join(cfg.Dir, "data")),
		kfake.WithLogger(log),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, listen) }),
	}
	if cfg.Sync {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}

// Addr is the host:port to bootstrap from. It changes between runs when no port was asked for.
func (k *Kafka) Addr() string { return k.addr }

// Close writes what the broker holds and ends it. Close the clients first. It may be called more than once.
func (k *Kafka) Close() error {
	var err error
	k.once.Do(func() {
		k.log.watch()
		k.cluster.Close()
		k.release()
		if words := k.log.problems(); words != nil {
			err = fmt.Errorf("cannot close the embedded Kafka cleanly: %w", words)
		}
	})
	return err
}

// brokerLog passes the broker's problems on, and keeps those that happen while it closes: they are the only trace of a
// state that could not be saved.
type brokerLog struct {
	to *slog.Logger

	mu       sync.Mutex
	watching bool
	kept     error
}

// Logf implements kfake.Logger. Requests, which it logs as information, could hold personal data; they are dropped.
func (l *brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.to.Error("embedded Kafka", "problem", fmt.Sprintf(format, args...))
		l.keep(fmt.Errorf(format, args...))
	case kfake.LogLevelWarn:
		l.to.Warn("embedded Kafka", "problem", fmt.Sprintf(format, args...))
	}
}

func (l *brokerLog) watch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watching = true
}

func (l *brokerLog) keep(problem error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watching {
		l.kept = errors.Join(l.kept, problem)
	}
}

func (l *brokerLog) problems() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept
}
