package spool

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/schema"
)

// TestACrashBetweenAcknowledgementAndRemovalSendsAgain: a file goes only when
// Kafka has all of it, and what is sent twice is in the same order.
func TestACrashBetweenAcknowledgementAndRemovalSendsAgain(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k)
	s.put(t, numbered(0, 20)...)
	before := d.kill()
	k.set(false)
	s.drained(t)
	if names := d.names(""); len(names) > 0 {
		t.Errorf("drained files are there: %v", names)
	}
	again := open(t, before, k)
	again.drained(t)
	equal(t, "Kafka", k.values(topic), slices.Concat(numbered(0, 20), numbered(0, 20)))
}

// TestADrainThatIsCutOffRemovesNothing: of a file that Kafka has in part
// nothing is missing afterwards.
func TestADrainThatIsCutOffRemovesNothing(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k)
	big := strings.Repeat("x", chunkBytes/3)
	var sent []string
	for i := range 12 {
		sent = append(sent, fmt.Sprint(i, big))
	}
	s.put(t, sent...)
	k.set(false)
	acknowledged := 0
	k.lossy = func() bool { acknowledged++; return acknowledged > 2 }
	if err := s.queues[topic].drain(t.Context()); err == nil {
		t.Fatal("the drain did not notice that Kafka is away")
	}
	k.lossy = nil
	open(t, d.kill(), k).drained(t)
	equal(t, "Kafka", once(k.values(topic)), sent)
}

// TestWhatIsBeingWrittenIsNotRemoved: the drain comes by while the first record
// of a file is being synced.
func TestWhatIsBeingWrittenIsNotRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDisk(), &kafka{away: true}
		d.syncing = func() error { wait(t.Context(), time.Second); return nil }
		s := open(t, d, k)
		go s.put(t, "value 0000")
		synctest.Wait()
		k.set(false)
		s.drained(t)
		s.put(t, "value 0001")
		equal(t, "Kafka", k.values(topic), numbered(0, 2))
	})
}

// TestASlowKafkaIsAskedForLess: one that does not take a whole chunk in time
// gets there with less, and one that is away is asked for a single record.
func TestASlowKafkaIsAskedForLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kafka{away: true}
		s := open(t, newDisk(), k)
		var keys, values [][]byte
		for _, v := range numbered(0, 5000) {
			keys, values = append(keys, []byte("key")), append(values, []byte(v))
		}
		if err := s.Append(within(t), topic, keys, values); err != nil {
			t.Fatal(err)
		}
		stop := s.running(t)
		wait(t.Context(), time.Minute)
		k.mu.Lock()
		if last := len(k.held) - 1; string(k.held[last-1]) != string(k.held[last]) {
			t.Error("a Kafka that is away is asked for more than one record")
		}
		k.latencyEach, k.away = 100*time.Millisecond, false // A chunk takes 200 s, and the drain waits 10.
		k.mu.Unlock()
		wait(t.Context(), time.Hour)
		stop()
		equal(t, "Kafka", once(k.values(topic)), numbered(0, 5000))
	})
}

// TestTopicsDoNotWaitForEachOther: one that Kafka does not take holds up no other.
func TestTopicsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kafka{away: true}
		s := open(t, newDisk(), k)
		for _, topic := range []string{"dead", topic, "webhooks"} {
			if err := s.Append(within(t), topic, [][]byte{[]byte("key")}, [][]byte{[]byte(topic)}); err != nil {
				t.Fatal(err)
			}
		}
		k.lossy = func() bool { return k.log[len(k.log)-1].topic == "dead" }
		k.set(false)
		stop := s.running(t)
		wait(t.Context(), time.Minute)
		stop()
		equal(t, "hits", k.values(topic), []string{topic})
		equal(t, "webhooks", k.values("webhooks"), []string{"webhooks"})
		if len(k.values("dead")) < 2 {
			t.Error("the topic that fails is not tried again")
		}
	})
}

// TestARecordThatKafkaRefusesForGoodHoldsUpNobody: the others arrive, in order,
// and its file can be drained later.
func TestARecordThatKafkaRefusesForGoodHoldsUpNobody(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k)
	s.put(t, numbered(0, 100)...)
	k.refuses = func(v []byte) bool { return string(v) == "value 0042" || string(v) == "value 0077" }
	k.set(false)
	s.drained(t)
	others := slices.DeleteFunc(numbered(0, 100), func(v string) bool { return k.refuses([]byte(v)) })
	equal(t, "Kafka", k.values(topic), others)
	aside := d.names(setAside)
	if len(aside) != 1 || s.metric(t, "set_aside_total") != 2 || s.metric(t, "backlog_bytes") != 0 {
		t.Errorf("set aside: %v, %v records; %v bytes wait", aside, s.metric(t, "set_aside_total"), s.metric(t, "backlog_bytes"))
	}
	k.refuses = nil
	after := d.kill()
	if err := after.rename(aside[0], strings.TrimSuffix(aside[0], setAside)+waiting); err != nil {
		t.Fatal(err)
	}
	open(t, after, k).drained(t)
	if got := once(k.values(topic)); len(got) != 100 {
		t.Errorf("%d of 100 records arrived in the end", len(got))
	}
}

// TestWhatWasSetAsideIsDeletedInTheEnd: it is personal.
func TestWhatWasSetAsideIsDeletedInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDisk(), &kafka{away: true}
		k.refuses = func([]byte) bool { return true }
		s := open(t, d, k)
		s.put(t, "a record")
		k.set(false)
		stop := s.running(t)
		wait(t.Context(), 13*24*time.Hour)
		if n := len(d.names(setAside)); n != 1 {
			t.Errorf("%d files after 13 days", n)
		}
		wait(t.Context(), 2*24*time.Hour)
		if n := len(d.names("")); n != 0 {
			t.Errorf("%d files after 15 days", n)
		}
		stop()
	})
}

// TestTheRestIsDrainedWhenAProcessStops: but nobody waits for a Kafka that is away.
func TestTheRestIsDrainedWhenAProcessStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kafka{}
		s := open(t, newDisk(), k)
		stop := s.running(t)
		synctest.Wait()
		k.mu.Lock()
		k.latency = time.Second
		k.lossy = func() bool { k.lossy = nil; return true }
		k.mu.Unlock()
		s.put(t, "value 0000")
		stop()
		equal(t, "Kafka", once(k.values(topic)), numbered(0, 1))
		if bytes := s.metric(t, "backlog_bytes"); bytes != 0 {
			t.Errorf("%v bytes were left", bytes)
		}

		k.away, k.hangs = true, true
		s.put(t, "value 0001")
		again := s.running(t)
		wait(t.Context(), time.Minute)
		began := time.Now()
		again()
		if waited := time.Since(began); waited > farewell {
			t.Errorf("stopping took %s", waited)
		}
	})
}

// TestSegmentsAreOfBoundedSize, and are drained in their order.
func TestSegmentsAreOfBoundedSize(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k, func(c *Config) { c.segmentBytes = 500 })
	s.put(t, numbered(0, 100)...)
	for _, name := range d.names(waiting) {
		if size := len(d.files[name].data); size > 500 {
			t.Errorf("%s has %d bytes", name, size)
		}
	}
	if n := len(d.names(waiting)); n < 5 {
		t.Errorf("%d segments", n)
	}
	k.set(false)
	s.drained(t)
	equal(t, "Kafka", k.values(topic), numbered(0, 100))
}

// TestARecordLargerThanAChunkIsDrained, and one as large as can be.
func TestARecordLargerThanAChunkIsDrained(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k)
	sent := []string{"small", strings.Repeat("l", 2*chunkBytes), "small again", strings.Repeat("x", maxPayload-payloadHead-len("key")-1), "last"}
	s.put(t, sent...)
	k.set(false)
	open(t, d.kill(), k).drained(t)
	if got := k.values(topic); !slices.Equal(got, sent) {
		t.Errorf("%d of %d records", len(got), len(sent))
	}
}

// TestARealFolder: with real files, over a restart.
func TestARealFolder(t *testing.T) {
	dir, k := filepath.Join(t.TempDir(), "data", "spool"), &kafka{away: true}
	inFolder := func(c *Config) { c.Dir, c.files, c.segmentBytes = dir, nil, 2000 }
	s := open(t, nil, k, inFolder)
	s.put(t, numbered(0, 200)...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, nil, k, inFolder)
	s.put(t, numbered(200, 300)...)
	k.set(false)
	s.drained(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, "Kafka", k.values(topic), numbered(0, 300))
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0].Name() != "lock" {
		t.Errorf("left: %v", left)
	}
}

// spoolFolder is the variable that makes this test binary a process that holds
// a spool.
const spoolFolder = "TEST_SPOOL_FOLDER"

// TestTwoProcessesDoNotShareAFolder: the second is told so; and when the first
// was killed, the next one takes over what it left.
func TestTwoProcessesDoNotShareAFolder(t *testing.T) {
	if dir := os.Getenv(spoolFolder); dir != "" {
		open(t, nil, &kafka{away: true}, func(c *Config) { c.Dir, c.files = dir, nil }).put(t, numbered(0, 5)...)
		fmt.Println("holding")
		_, _ = io.Copy(io.Discard, os.Stdin) // Until it is killed.
		return
	}
	dir := filepath.Join(t.TempDir(), "spool")
	other := exec.Command(os.Args[0], "-test.run=^TestTwoProcessesDoNotShareAFolder$")
	other.Env = append(os.Environ(), spoolFolder+"="+dir)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, len("holding"))
	if _, err := io.ReadFull(stdout, said); err != nil || string(said) != "holding" {
		t.Fatalf("the other process said %q: %v", said, err)
	}
	config := Config{Dir: dir, Topics: []string{topic}}
	_, err = New(config, &kafka{}, prometheus.NewRegistry(), nil)
	if schema.KindOf(err) != schema.KindConflict || !strings.Contains(fmt.Sprint(err), "--data") {
		t.Errorf("got %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait() // Killed, as it was meant to be.
	k := &kafka{}
	open(t, nil, k, func(c *Config) { c.Dir, c.files = dir, nil }).drained(t)
	equal(t, "Kafka", k.values(topic), numbered(0, 5))
}

func TestASpoolThatIsTooSmallIsRefused(t *testing.T) {
	_, err := New(Config{files: newDisk(), MaxBytes: 1000}, &kafka{}, prometheus.NewRegistry(), nil)
	if schema.KindOf(err) != schema.KindInvalid {
		t.Errorf("got %v", err)
	}
}

// TestWhatAFormerProcessLeftIsCountedAsUsed: a full spool is full after a restart.
func TestWhatAFormerProcessLeftIsCountedAsUsed(t *testing.T) {
	d := newDisk()
	d.put(segmentName{topic, 1, 1}.file(waiting), make([]byte, MinBytes))
	s := open(t, d, &kafka{away: true}, func(c *Config) { c.MaxBytes = MinBytes })
	s.refused(t, "a record")
	if s.Check(context.Background()) == nil {
		t.Error("it says that it has room")
	}
}

// TestTheAgeOfWhatAFormerProcessLeft is known from its first record.
func TestTheAgeOfWhatAFormerProcessLeft(t *testing.T) {
	d := newDisk()
	data, _ := segmentOf("old") // of November 2023
	d.put(segmentName{topic, 1, testSalt}.file(waiting), data)
	s := open(t, d, &kafka{away: true})
	if err := s.queues[topic].drain(t.Context()); err == nil {
		t.Error("Kafka is away, and was not missed")
	}
	if age := s.metric(t, "oldest_seconds"); age < 365*24*3600 {
		t.Errorf("it is %v s old", age)
	}
}
