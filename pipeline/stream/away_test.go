package stream_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/deploy/ports"
	"sourceloop/deploy/servers/serverstest"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// gate is a listener whose connections stand still while it is shut: what is
// sent to them is neither read nor refused.
type gate struct {
	net.Listener
	mu   sync.Mutex
	open *sync.Cond
	shut bool
}

func newGate(l net.Listener) *gate {
	g := &gate{Listener: l}
	g.open = sync.NewCond(&g.mu)
	return g
}

func (g *gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &gatedConn{c, g}, nil
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	g.open.Broadcast()
}

func (g *gate) wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.shut {
		g.open.Wait()
	}
}

type gatedConn struct {
	net.Conn
	gate *gate
}

func (c *gatedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.gate.wait()
	return n, err
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(free[0]))
}

// clusterAt starts a broker at an address, on a folder that may hold its past.
func clusterAt(t *testing.T, addr, dir string, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.DataDir(dir), kfake.ListenFn(func(network, _ string) (net.Listener, error) {
		return net.Listen(network, addr)
	})}, opts...)
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// measured is a log with its metrics.
func measured(t *testing.T, addr string) (*stream.Log, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	l, err := stream.NewLog(stream.Config{Brokers: []string{addr}, Log: slog.New(slog.DiscardHandler), Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, registry
}

func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// giveUp appends to every partition with a deadline that no broker meets now.
func giveUp(t *testing.T, l *stream.Log, appends int) {
	t.Helper()
	var all sync.WaitGroup
	for i := range appends {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			err := l.Append(ctx, schema.TopicHits, [][]byte{appendKey(i)}, [][]byte{fmt.Append(nil, "given up ", i)})
			if schema.KindOf(err) != schema.KindUnavailable {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
}

func sent(t *testing.T, l *stream.Log, value string) {
	t.Helper()
	until(t, "an append to be acknowledged", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return l.Append(ctx, schema.TopicHits, [][]byte{appendKey(0)}, [][]byte{[]byte(value)}) == nil
	})
}

// outage is a broker with a way to go away and to come back.
type outage struct {
	addr       string
	away, back func()
}

func brokerThatIsDown(t *testing.T) outage {
	addr, dir := freeAddress(t), t.TempDir()
	cluster := clusterAt(t, addr, dir)
	return outage{addr, cluster.Close, func() { clusterAt(t, addr, dir) }}
}

func brokerThatSwallows(t *testing.T) outage {
	addr := freeAddress(t)
	var g *gate
	clusterAt(t, addr, t.TempDir(), kfake.ListenFn(func(network, _ string) (net.Listener, error) {
		l, err := net.Listen(network, addr)
		g = newGate(l)
		return g, err
	}))
	t.Cleanup(func() { g.set(false) })
	return outage{addr, func() { g.set(true) }, func() { g.set(false) }}
}

func apacheKafkaThatIsStopped(t *testing.T) outage {
	kafka := serverstest.NewKafka(t)
	must := func(do func() error) func() {
		return func() {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return outage{kafka.Addr, must(kafka.Pause), must(kafka.Resume)}
}

// TestWhatIsGivenUpLeavesTheClient: while a broker is away, or does not answer
// what it was sent, nothing is kept of appends that were given up; and when it
// is back the same log goes on.
func TestWhatIsGivenUpLeavesTheClient(t *testing.T) {
	for name, start := range map[string]func(*testing.T) outage{
		"the broker is down": brokerThatIsDown, "the broker swallows": brokerThatSwallows, "Apache Kafka is stopped": apacheKafkaThatIsStopped,
	} {
		t.Run(name, func(t *testing.T) {
			broker := start(t)
			l, registry := measured(t, broker.addr)
			if err := l.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			sent(t, l, "before")
			broker.away()
			for range 2 {
				giveUp(t, l, 300)
				until(t, "the client to let go", func() bool { return gauge(t, registry, "sourceloop_log_waiting_records") == 0 })
			}
			if bytes := gauge(t, registry, "sourceloop_log_waiting_bytes"); bytes != 0 {
				t.Errorf("%v bytes are still held", bytes)
			}
			broker.back()
			sent(t, l, "after")
		})
	}
}

// TestALogThatStartsWithoutKafkaWorksOnceItIsThere: it refuses at once, waits,
// and refuses for good when the topics do not fit.
func TestALogThatStartsWithoutKafkaWorksOnceItIsThere(t *testing.T) {
	addr, dir := freeAddress(t), t.TempDir()
	l, _ := measured(t, addr)
	err := l.Append(t.Context(), schema.TopicHits, [][]byte{appendKey(0)}, [][]byte{[]byte("early")})
	if schema.KindOf(err) != schema.KindUnavailable {
		t.Errorf("got %v, want that Kafka is away", err)
	}
	r := &recorder{seen: make(map[string]int)}
	run(t, l, r)
	ran := make(chan error, 1)
	go func() { ran <- l.Run(t.Context()) }()
	clusterAt(t, addr, dir)
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	sent(t, l, "now")
	appendValues(t, l, 0, 10)
	until(t, "the group that waited to see them", func() bool { return r.has(10) })
}

func TestALogRefusesTopicsThatDoNotFitAlsoWhenItFindsThemLate(t *testing.T) {
	addr := freeAddress(t)
	l, _ := measured(t, addr)
	cluster := clusterAt(t, addr, t.TempDir())
	c, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := kadm.NewClient(c).CreateTopic(t.Context(), 12, 1, nil, schema.TopicHits); err != nil {
		t.Fatal(err)
	}
	if err := l.Run(t.Context()); schema.KindOf(err) != schema.KindInvalid {
		t.Errorf("got %v", err)
	}
	err = l.Append(t.Context(), schema.TopicHits, [][]byte{appendKey(0)}, [][]byte{[]byte("misplaced")})
	if schema.KindOf(err) != schema.KindUnavailable {
		t.Errorf("a record was appended to topics that do not fit: %v", err)
	}
}
