package spool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sourceloop/schema"
)

// TestWhatKafkaAcknowledgesLeavesNoTrace: with Kafka there, nothing is written.
func TestWhatKafkaAcknowledgesLeavesNoTrace(t *testing.T) {
	d, k := newDisk(), &kafka{}
	s := open(t, d, k)
	s.put(t, numbered(0, 10)...)
	equal(t, "Kafka", k.values(topic), numbered(0, 10))
	if names := d.names(""); len(names) > 0 {
		t.Errorf("there are files: %v", names)
	}
}

// TestNobodyWaitsForAKafkaThatIsKnownToBeAway: the first request finds out by
// waiting as long as its context lasts, the others do not wait.
func TestNobodyWaitsForAKafkaThatIsKnownToBeAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kafka{away: true, hangs: true}
		s := open(t, newDisk(), k)
		began := time.Now()
		s.put(t, "value 0000")
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("the first waited %s, not as long as its context lasts", waited)
		}
		began = time.Now()
		s.put(t, numbered(1, 1000)...)
		if waited := time.Since(began); waited > 0 || k.timesAsked() != 1 {
			t.Errorf("the others waited %s, and Kafka was asked %d times", waited, k.timesAsked())
		}
		stop := s.running(t)
		wait(t.Context(), 10*time.Minute)
		if asked := k.timesAsked(); asked > 100 {
			t.Errorf("Kafka was asked %d times in ten minutes", asked)
		}
		if age := s.metric(t, "oldest_seconds"); age < 600 || age > 610 {
			t.Errorf("the oldest record is %v s old, after ten minutes", age)
		}
		k.set(false)
		wait(t.Context(), time.Minute)
		synctest.Wait()
		equal(t, "Kafka", once(k.values(topic)), numbered(0, 1000))
		if bytes, age := s.metric(t, "backlog_bytes"), s.metric(t, "oldest_seconds"); bytes != 0 || age != 0 {
			t.Errorf("%v bytes wait, the oldest for %v s", bytes, age)
		}
		stop()
	})
}

// TestManyWritersShareAnFsync: requests that come while the disk is busy are
// written together.
func TestManyWritersShareAnFsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDisk(), &kafka{away: true}
		d.syncing = func() error { wait(t.Context(), 5*time.Millisecond); return nil }
		s := open(t, d, k)
		const writers, each = 500, 20
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range each {
					s.put(t, fmt.Sprint("value ", w*each+i))
				}
			})
		}
		all.Wait()
		if d.syncs > 2*each+2 || s.metric(t, "syncs_total") != float64(d.syncs) {
			t.Errorf("%d fsyncs for %d requests of %d writers", d.syncs, writers*each, writers)
		}
		k.set(false)
		s.drained(t)
		if got := len(once(k.values(topic))); got != writers*each {
			t.Errorf("%d of %d records arrived", got, writers*each)
		}
	})
}

// TestFsyncKeepsWhatWasAcknowledged: with fsync nothing is lost by a loss of
// power; and without it something is, so it is fsync that does it.
func TestFsyncKeepsWhatWasAcknowledged(t *testing.T) {
	for _, test := range []struct {
		name     string
		unsynced bool
	}{{"with fsync", false}, {"without fsync", true}} {
		t.Run(test.name, func(t *testing.T) {
			random := seeded(t)
			d, k := newDisk(), &kafka{away: true}
			s := open(t, d, k, func(c *Config) { c.unsynced, c.segmentBytes = test.unsynced, 1000 })
			s.put(t, numbered(0, 200)...)
			k.set(false)
			open(t, d.losePower(random), k).drained(t)
			if got := once(k.values(topic)); slices.Equal(got, numbered(0, 200)) == test.unsynced {
				t.Errorf("%d of 200 acknowledged records are there", len(got))
			}
		})
	}
}

// TestOrderIsKept: whatever Kafka does, what a sender had acknowledged is there
// before what it sent later.
func TestOrderIsKept(t *testing.T) {
	random := seeded(t)
	for range 20 {
		seed := random.Uint64()
		synctest.Test(t, func(t *testing.T) { orderIsKept(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func orderIsKept(t *testing.T, random *rand.Rand) {
	var mu sync.Mutex
	dice := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
	d := newDisk()
	d.syncing = func() error { wait(t.Context(), time.Duration(dice(3000))*time.Microsecond); return nil }
	k := &kafka{hangs: dice(2) == 0, latency: 3 * time.Millisecond, lossy: func() bool { return dice(50) == 0 }}
	s := open(t, d, k, func(c *Config) { c.segmentBytes = int64(500 + dice(5000)) })
	stop := s.running(t)
	const writers, each = 8, 150
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			key := fmt.Sprint("key ", w)
			for i := range each {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				if err := s.Append(ctx, topic, [][]byte{[]byte(key)}, [][]byte{fmt.Appendf(nil, "%s %04d", key, i)}); err != nil {
					t.Error(err)
				}
				cancel()
				wait(t.Context(), time.Duration(dice(5))*time.Millisecond)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for working := true; working; {
		k.set(dice(3) == 0)
		select {
		case <-done:
			working = false
		case <-time.After(time.Duration(dice(2000)) * time.Millisecond):
		}
	}
	k.set(false)
	wait(t.Context(), time.Minute)
	stop()
	byKey := map[string][]string{}
	for _, v := range once(k.values(topic)) {
		key := v[:strings.LastIndexByte(v, ' ')]
		byKey[key] = append(byKey[key], v)
	}
	if len(byKey) != writers {
		t.Errorf("%d writers", len(byKey))
	}
	for key, values := range byKey {
		if len(values) != each || !slices.IsSorted(values) {
			t.Errorf("%s: %d values of %d, in order: %v", key, len(values), each, slices.IsSorted(values))
		}
	}
}

// TestAQueueEmptiesUnderASteadyLoad: Kafka takes longer than the disk, so that
// whenever something is drained something new is there. All the same requests go
// straight to Kafka soon after it is back.
func TestAQueueEmptiesUnderASteadyLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDisk(), &kafka{away: true, latency: 20 * time.Millisecond}
		d.syncing = func() error { wait(t.Context(), time.Millisecond); return nil }
		s := open(t, d, k)
		s.running(t)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for w := range 50 {
			all.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					s.put(t, fmt.Sprint("value ", w, " ", i))
					wait(ctx, 20*time.Millisecond)
				}
			})
		}
		wait(ctx, time.Second)
		k.set(false)
		wait(ctx, 3*time.Second)
		spooled := s.metric(t, "records_total")
		wait(ctx, 3*time.Second)
		if now := s.metric(t, "records_total"); now != spooled || spooled == 0 {
			t.Errorf("requests still go to the disk 3 s after Kafka is back: %v, then %v", spooled, now)
		}
		cancel()
		all.Wait()
	})
}

// TestTheLogKeepsItsBytesWhenItWasGivenUp: the edge uses its buffers again once
// a record is acknowledged, by whomever; the log may still hold on to it.
func TestTheLogKeepsItsBytesWhenItWasGivenUp(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k)
	key, value := []byte("key"), []byte("the value as it was sent")
	if err := s.Append(within(t), topic, [][]byte{key}, [][]byte{value}); err != nil {
		t.Fatal(err)
	}
	copy(value, "something quite different")
	k.set(false)
	s.drained(t)
	s.put(t, "straight to Kafka", "and once more")
	equal(t, "Kafka", k.values(topic), []string{"the value as it was sent", "straight to Kafka", "and once more"})
	for i, held := range k.held {
		if string(held) != k.heldCopy[i] {
			t.Errorf("what Kafka was given is now %q", held)
		}
	}
}

// TestAFullSpoolRefusesUntilItIsDrained: nothing is taken that does not fit, the
// process says that it has no room, and recovers by itself.
func TestAFullSpoolRefusesUntilItIsDrained(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k, func(c *Config) { c.MaxBytes = MinBytes })
	var taken []string
	for i := range 1000 {
		v := fmt.Sprintf("%04d %s", i, strings.Repeat("x", 10_000))
		if err := s.Append(within(t), topic, [][]byte{[]byte("key")}, [][]byte{[]byte(v)}); err != nil {
			break
		}
		taken = append(taken, v)
	}
	if d.used() > MinBytes || len(taken) < 100 {
		t.Errorf("%d records in %d bytes", len(taken), d.used())
	}
	s.refused(t, strings.Repeat("x", 10_000))
	if err := s.Check(t.Context()); err == nil || s.metric(t, "refused_total") < 2 {
		t.Errorf("check %v, %v refused", err, s.metric(t, "refused_total"))
	}
	if n := strings.Count(s.words.String(), "records are refused"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
	k.set(false)
	s.drained(t)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	s.put(t, "again")
	equal(t, "Kafka", k.values(topic), append(taken, "again"))
}

// TestAFullDiskRefusesUntilThereIsRoom: a write that did not fit leaves nothing,
// and spoils nothing that was written before.
func TestAFullDiskRefusesUntilThereIsRoom(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k)
	s.put(t, numbered(0, 10)...)
	before := d.used()
	d.space = before + 5
	for range 3 {
		s.refused(t, "does not fit")
	}
	if d.used() != before || s.bytes.Load() != int64(before) || s.Check(t.Context()) == nil {
		t.Errorf("%d bytes became %d, counted as %d; check: %v", before, d.used(), s.bytes.Load(), s.Check(t.Context()))
	}
	d.space = 0
	s.put(t, numbered(10, 20)...)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	k.set(false)
	open(t, d.kill(), k).drained(t)
	equal(t, "Kafka", k.values(topic), numbered(0, 20))
}

// TestAFailedFsyncAcknowledgesNothing: and its file is not written any more,
// since nobody knows what the disk has of it.
func TestAFailedFsyncAcknowledgesNothing(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k)
	s.put(t, numbered(0, 5)...)
	d.syncing = func() error { return errDisk }
	s.refused(t, "on a broken disk")
	d.syncing = nil
	s.put(t, numbered(5, 10)...)
	if n := len(d.names(waiting)); n != 2 {
		t.Errorf("%d segments", n)
	}
	k.set(false)
	s.drained(t)
	equal(t, "Kafka", k.values(topic), numbered(0, 10))
}

func TestADiskThatHangsIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDisk(), &kafka{away: true}
		goOn := make(chan struct{})
		d.syncing = func() error { <-goOn; return nil }
		s := open(t, d, k)
		began := time.Now()
		s.refused(t, "value 0000")
		if waited := time.Since(began); waited != defaultDiskPatience {
			t.Errorf("waited %s", waited)
		}
		close(goOn)
		synctest.Wait()
		s.put(t, "value 0001")
		k.set(false)
		s.drained(t)
		equal(t, "Kafka", k.values(topic), numbered(0, 2))
	})
}

func TestARecordThatKafkaCanNeverTakeIsRefused(t *testing.T) {
	s := open(t, newDisk(), &kafka{away: true})
	err := s.Append(within(t), topic, [][]byte{[]byte("key")}, [][]byte{make([]byte, maxPayload)})
	if schema.KindOf(err) != schema.KindInvalid {
		t.Errorf("got %v", err)
	}
	if err := s.Append(within(t), "leads", [][]byte{nil}, [][]byte{nil}); err == nil {
		t.Error("a topic was taken that the spool was not told of")
	}
}

// TestNothingIsTakenAfterClose: and what was being written is.
func TestNothingIsTakenAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, k := newDisk(), &kafka{away: true}
		d.syncing = func() error { wait(t.Context(), time.Second); return nil }
		s := open(t, d, k)
		var all sync.WaitGroup
		all.Go(func() { s.put(t, "value 0000") })
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
		s.refused(t, "too late")
		k.set(false)
		open(t, d.kill(), k).drained(t)
		equal(t, "Kafka", k.values(topic), numbered(0, 1))
	})
}
