package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// The test binary is a member of the consumer group, a process that can die,
// when these say where the broker is and where to write what was processed.
const (
	memberOf   = "STREAM_TEST_MEMBER_OF"
	memberName = "STREAM_TEST_MEMBER_NAME"
	memberSeen = "STREAM_TEST_MEMBER_SEEN"
	// memberLives is after how many records it dies anyhow; it lives on when empty.
	memberLives = "STREAM_TEST_MEMBER_LIVES"
)

func TestMain(m *testing.M) {
	if broker := os.Getenv(memberOf); broker != "" {
		if err := member(broker, os.Getenv(memberSeen)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killed is how a member ends that gets a poison.
const killed = 3

// member processes records until its standard input ends. A poison ends it at
// once, as running out of memory does.
func member(broker, seen string) error {
	file, err := os.OpenFile(seen, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	l, err := stream.OpenLog(context.Background(), stream.Config{
		Brokers: []string{broker}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Registerer: prometheus.NewRegistry(),
		Options: []kgo.Opt{kgo.ClientID(os.Getenv(memberName))},
	})
	if err != nil {
		return err
	}
	defer l.Close()
	var left atomic.Int64
	left.Store(math.MaxInt64)
	if n, err := strconv.ParseInt(os.Getenv(memberLives), 10, 64); err == nil {
		left.Store(n)
	}
	worker := &scripted{process: func(_ context.Context, records []*stream.Record) error {
		for _, r := range records {
			if string(r.Value) == "poison" || left.Add(-1) < 0 {
				os.Exit(killed)
			}
			if _, err := fmt.Fprintln(file, string(r.Value)); err != nil {
				return err
			}
			if string(r.Value) == "stop" {
				if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
					return err
				}
			}
		}
		return nil
	}}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return l.NewGroup(stream.GroupConfig{
		Name: "test", Topic: schema.TopicLeads, Stage: "test",
		New: func(context.Context, stream.Assignment) (stream.Worker, error) { return worker, nil },
	}).Run(ctx)
}

// mortal is a member of the group that is started again whenever it ends.
type mortal struct {
	t      *testing.T
	broker string
	seen   string
	lives  string
	admin  *kadm.Client
	client *kgo.Client
	deaths int
	lived  int // how many were started

	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
}

func newMortal(t *testing.T, addrs []string) *mortal {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &mortal{t: t, broker: addrs[0], seen: filepath.Join(t.TempDir(), "seen"), client: client, admin: kadm.NewClient(client)}
}

func (m *mortal) start() {
	m.t.Helper()
	m.lived++
	m.cmd = exec.Command(os.Args[0])
	m.cmd.Env = append(os.Environ(), memberOf+"="+m.broker, memberName+"="+m.name(), memberSeen+"="+m.seen, memberLives+"="+m.lives)
	m.cmd.Stderr = os.Stderr
	stdin, err := m.cmd.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	m.stdin = stdin
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // How it ended is in its state.
		close(ended)
	}(m.cmd, m.ended)
	m.t.Cleanup(func() { _ = m.cmd.Process.Kill() })
}

func (m *mortal) name() string { return fmt.Sprint("member ", m.lived) }

// bury takes members out of the group that are dead, whose sessions would end
// by themselves after a while.
func (m *mortal) bury() {
	m.t.Helper()
	groups, err := m.admin.DescribeGroups(m.t.Context(), "test")
	if err != nil {
		m.t.Fatal(err)
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = "test"
	for _, member := range groups["test"].Members {
		if member.ClientID != m.name() {
			one := kmsg.NewLeaveGroupRequestMember()
			one.MemberID = member.MemberID
			req.Members = append(req.Members, one)
		}
	}
	if len(req.Members) == 0 {
		return
	}
	if _, err := req.RequestWith(m.t.Context(), m.client); err != nil {
		m.t.Fatal(err)
	}
}

// stop ends it in good order.
func (m *mortal) stop() {
	m.t.Helper()
	_ = m.stdin.Close()
	m.await("the member to stop")
	// What it is given once more while it stops may be the record after which it dies.
	if code := m.cmd.ProcessState.ExitCode(); code != 0 && (code != killed || m.lives == "") {
		m.t.Fatalf("the member stopped with %d", code)
	}
}

func (m *mortal) await(what string) {
	m.t.Helper()
	until(m.t, what, func() bool {
		select {
		case <-m.ended:
			return true
		default:
			return false
		}
	})
}

// processed counts what was processed, each value once.
func (m *mortal) processed() int {
	text, err := os.ReadFile(m.seen)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.t.Fatal(err)
	}
	values := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		values[line] = true
	}
	return len(values)
}

// liveUntil starts the member again whenever it died, until that many values
// were processed, then stops it.
func (m *mortal) liveUntil(values int) {
	m.t.Helper()
	for {
		m.start()
		dead := false
		until(m.t, fmt.Sprintf("%d values or a death", values), func() bool {
			select {
			case <-m.ended:
				dead = true
				return true
			default:
				m.bury()
				return m.processed() >= values
			}
		})
		if !dead {
			m.stop()
			return
		}
		if code := m.cmd.ProcessState.ExitCode(); code != killed {
			m.t.Fatalf("the member ended with %d", code)
		}
		if m.deaths++; m.deaths > 1000 {
			m.t.Fatal("it died a thousand times")
		}
	}
}

// TestARecordThatKillsTheProcessThreeTimesIsSetAside: a member that dies by a
// record is started again until it gets past it.
func TestARecordThatKillsTheProcessThreeTimesIsSetAside(t *testing.T) {
	for _, test := range []struct {
		name          string
		before, after int // records of the poison's partition
		elsewhere     int // records of all partitions
		deaths        [2]int
	}{
		{"alone", 0, 0, 0, [2]int{3, 3}},
		{"among a few", 4, 11, 0, [2]int{3, 3}},
		{"among many", 20, 300, 0, [2]int{4, 4}},
		{"under load everywhere", 50, 50, 2000, [2]int{3, 5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			addrs := broker(t)
			l := openLog(t, addrs)
			var keys, values [][]byte
			add := func(key, value []byte) { keys, values = append(keys, key), append(values, value) }
			for i := range test.before {
				add([]byte("one"), fmt.Append(nil, "before ", i))
			}
			add([]byte("one"), []byte("poison"))
			for i := range test.after {
				add([]byte("one"), fmt.Append(nil, "after ", i))
			}
			for i := range test.elsewhere {
				add(appendKey(i), fmt.Append(nil, "elsewhere ", i))
			}
			if err := l.Append(t.Context(), schema.TopicLeads, keys, values); err != nil {
				t.Fatal(err)
			}
			m := newMortal(t, addrs)
			m.liveUntil(len(values) - 1)
			oneKey(t, l, "the next one")
			m.liveUntil(len(values))
			if m.deaths < test.deaths[0] || m.deaths > test.deaths[1] {
				t.Errorf("the member died %d times, want %v", m.deaths, test.deaths)
			}
			dead := deadLetter(t, addrs)
			if dead.GetReason() != schema.DeadKilled || string(dead.GetValue()) != "poison" || dead.GetOffset() != int64(test.before) || dead.GetStage() != "test" {
				t.Errorf("got %v", dead)
			}
			if n := deadLetters(t, addrs); n != 1 {
				t.Errorf("%d dead letters", n)
			}
		})
	}
}

// deadLetters counts the records of the topic dead.
func deadLetters(t *testing.T, addrs []string) int64 {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), schema.TopicDead)
	if err != nil {
		t.Fatal(err)
	}
	end, ok := ends.Lookup(schema.TopicDead, 0)
	if !ok || end.Err != nil {
		t.Fatal("no end of the dead letters", end.Err)
	}
	return end.Offset
}

// TestProcessesThatDieAnyhowSetNothingAside: whoever kills a process from
// outside, again and again after a few records, makes none of them guilty.
func TestProcessesThatDieAnyhowSetNothingAside(t *testing.T) {
	for _, test := range []struct {
		lives         string
		partitions, n int
	}{{"5", 1, 60}, {"7", 2, 60}, {"30", 16, 300}} {
		t.Run(test.lives, func(t *testing.T) {
			addrs := broker(t)
			l := openLog(t, addrs)
			for i := range test.n {
				if err := l.Append(t.Context(), schema.TopicLeads, [][]byte{appendKey(i % test.partitions)}, [][]byte{fmt.Append(nil, i)}); err != nil {
					t.Fatal(err)
				}
			}
			m := newMortal(t, addrs)
			m.lives = test.lives
			m.liveUntil(test.n)
			if dead := deadLetters(t, addrs); dead != 0 || m.deaths < 3 {
				t.Errorf("%d records were set aside after %d deaths", dead, m.deaths)
			}
		})
	}
}

// TestAGhostCommitsNothing: a member that was stopped in the middle and
// continues after another has done everything can neither take its offsets back
// nor make anything suspect.
func TestAGhostCommitsNothing(t *testing.T) {
	addrs := broker(t)
	l := openLog(t, addrs)
	ghost := newMortal(t, addrs)
	oneKey(t, l, "first", "stop")
	ghost.start()
	until(t, "the ghost to stop", func() bool { return ghost.processed() == 2 })
	oneKey(t, l, "second", "third")
	r := &recorder{seen: make(map[string]int)}
	ghost.lived++ // So that it counts as dead.
	ghost.bury()
	stop := run(t, l, r)
	until(t, "the successor to process all", func() bool { return r.has(4) })
	stop()
	if err := ghost.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	oneKey(t, l, "fourth")
	until(t, "the ghost to go on as a new member", func() bool {
		at := committedOffset(t, addrs)
		if at < 4 {
			t.Fatalf("the committed offset went back to %d", at)
		}
		return at == 5
	})
	ghost.stop()
	if dead := deadLetters(t, addrs); dead != 0 || marked(t, addrs, "zone") != 0 {
		t.Errorf("the ghost left %d dead letters, %d suspected stretches", dead, marked(t, addrs, "zone"))
	}
}

// committedOffset is that of the partition of oneKey.
func committedOffset(t *testing.T, addrs []string) int64 {
	t.Helper()
	o, ok := commits(t, addrs).Lookup(schema.TopicLeads, onePartition())
	if !ok {
		t.Fatal("nothing is committed")
	}
	return o.At
}

// TestAStopInGoodOrderMakesNothingSuspect: the successor tries nothing.
func TestAStopInGoodOrderMakesNothingSuspect(t *testing.T) {
	addrs := broker(t)
	l := openLog(t, addrs)
	r := &recorder{seen: make(map[string]int)}
	stop := run(t, l, r)
	appendValues(t, l, 0, 100)
	until(t, "100 records", func() bool { return r.has(100) })
	if n := marked(t, addrs, `"open":true`); n == 0 {
		t.Error("no owner says that it is at work")
	}
	stop()
	for _, word := range []string{"open", "zone", "until"} {
		if n := marked(t, addrs, word); n != 0 {
			t.Errorf("%d partitions are left with %s", n, word)
		}
	}
}

// marked counts the partitions whose commits hold a word.
func marked(t *testing.T, addrs []string, word string) int {
	t.Helper()
	n := 0
	commits(t, addrs).Each(func(o kadm.OffsetResponse) {
		if strings.Contains(o.Metadata, word) {
			n++
		}
	})
	return n
}

func commits(t *testing.T, addrs []string) kadm.OffsetResponses {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	offsets, err := kadm.NewClient(client).FetchOffsets(ctx, "test")
	if err != nil {
		t.Fatal(err)
	}
	return offsets
}
