package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/deploy/embedded"
	"sourceloop/deploy/embedded/embeddedtest"
)

// The test binary plays other processes when this variable says so: the ClickHouse child, and a sourceloop that gets
// killed.
const (
	roleVariable   = "SOURCELOOP_EMBEDDED_TEST_ROLE"
	folderVariable = "SOURCELOOP_EMBEDDED_TEST_FOLDER"
	roleParent     = "parent"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == embedded.ChildCommand {
		os.Exit(embedded.ChildMain(os.Args[2:]))
	}
	if os.Getenv(roleVariable) == roleParent {
		if err := playParent(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// running is what a parent tells about its services.
type running struct {
	DSN, Kafka string
	Child      int
}

// playParent runs services on the folder it is given until it is killed.
func playParent() error {
	dir := os.Getenv(folderVariable)
	ch, err := embedded.StartClickHouse(context.Background(), embedded.ClickHouseConfig{
		Dir: filepath.Join(dir, "clickhouse"), Engine: embedded.Engine{Library: os.Getenv(embedded.LibraryVariable)},
	})
	if err != nil {
		return err
	}
	k, err := embedded.StartKafka(context.Background(), embedded.KafkaConfig{Dir: filepath.Join(dir, "kafka"), Sync: true})
	if err != nil {
		return errors.Join(err, ch.Close())
	}
	if err := json.NewEncoder(os.Stdout).Encode(running{DSN: ch.DSN("default"), Kafka: k.Addr(), Child: ch.Pid()}); err != nil {
		return err
	}
	<-ch.Done()
	return errors.New("the ClickHouse child ended before its parent was killed")
}

// startParent starts another process with services on dir. kill ends it as a loss of its memory would.
func startParent(t *testing.T, dir, library string) (r running, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+roleParent, folderVariable+"="+dir, embedded.LibraryVariable+"="+library)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			// Its error is the kill.
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&r); err != nil {
		t.Fatalf("the other process told nothing: %v", err)
	}
	return r, kill
}

// startClickHouse starts an engine that this very test binary plays the child of.
func startClickHouse(t *testing.T, dir string) *embedded.ClickHouse {
	t.Helper()
	ch, err := embedded.StartClickHouse(t.Context(), clickHouseConfig(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeClickHouse(t, ch) })
	return ch
}

func clickHouseConfig(t *testing.T, dir string) embedded.ClickHouseConfig {
	return embedded.ClickHouseConfig{Dir: dir, Engine: embeddedtest.Engine(t), MaxMemory: 2 << 30}
}

func closeClickHouse(t *testing.T, ch *embedded.ClickHouse) {
	t.Helper()
	if err := ch.Close(); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, dsn string) driver.Conn {
	t.Helper()
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// eventually waits for a condition, with a deadline generous enough for a loaded machine.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited a minute in vain: %s", what)
		case <-tick.C:
		}
	}
}

func alive(pid int) bool {
	return syscall.Kill(pid, 0) == nil
}
