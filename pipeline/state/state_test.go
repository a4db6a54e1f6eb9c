package state_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	miniserver "github.com/alicebob/miniredis/v2/server"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"sourceloop/deploy/servers/serverstest"
	"sourceloop/pipeline/state"
)

func open(t *testing.T) (*state.Store, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	return connect(t, server.Addr()), server
}

// each runs a test on the embedded Redis and on a real one.
func each(t *testing.T, test func(t *testing.T, s *state.Store)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		s, _ := open(t)
		test(t, s)
	})
	t.Run("Redis", func(t *testing.T) { test(t, connect(t, serverstest.Redis(t).Addr)) })
}

func connect(t *testing.T, addr string) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), state.Config{
		Addrs: []string{addr}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func claim(t *testing.T, s *state.Store, committed int64) *state.Owner {
	t.Helper()
	o, err := s.Claim(t.Context(), "h7", time.Unix(1000, 0), func(context.Context) (uint32, error) { return 2000, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Settle(t.Context(), committed); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOwnerSavesAndReads(t *testing.T) {
	each(t, func(t *testing.T, s *state.Store) {
		o := claim(t, s, 0)
		if !o.Cold() {
			t.Error("a partition Redis never heard of must be cold")
		}
		var pairs []state.Pair
		var keys []string
		for i := range 2500 {
			k := fmt.Sprintf("v:1/%d", i)
			keys = append(keys, k)
			pairs = append(pairs, state.Pair{Key: k, Value: fmt.Append(nil, "value ", i)})
		}
		if err := o.Save(t.Context(), 10, 99, pairs, nil); err != nil {
			t.Fatal(err)
		}
		if err := o.Save(t.Context(), 11, 98, nil, keys[:1200]); err != nil {
			t.Fatal(err)
		}
		got, err := o.Get(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if (i < 1200) != (v == nil) {
				t.Fatalf("key %d: got %q", i, v)
			}
		}
		if string(got[2499]) != "value 2499" || o.Applied() != 11 || o.Progress() != 99 {
			t.Errorf("got %q, applied %d, progress %d", got[2499], o.Applied(), o.Progress())
		}
	})
}

func TestEpochsRiseAndFenceTheFormerOwner(t *testing.T) {
	each(t, func(t *testing.T, s *state.Store) {
		first := claim(t, s, 0)
		v1 := first.NextVersion()
		if v1>>32 != 2000 {
			t.Errorf("epoch %d, want the floor 2000", v1>>32)
		}
		if err := first.Save(t.Context(), 5, 1, []state.Pair{{Key: "a", Value: []byte("first")}}, nil); err != nil {
			t.Fatal(err)
		}
		if err := first.Check(t.Context()); err != nil {
			t.Errorf("the owner is told %v", err)
		}
		second := claim(t, s, 5)
		if err := first.Check(t.Context()); !errors.Is(err, state.ErrFenced) {
			t.Errorf("the former owner is told %v", err)
		}
		if err := second.Check(t.Context()); err != nil {
			t.Errorf("the new owner is told %v", err)
		}
		if second.Cold() != first.Cold() || second.NextVersion() <= v1 {
			t.Errorf("cold %v, version not above %d", second.Cold(), v1)
		}
		err := first.Save(t.Context(), 6, 1, []state.Pair{{Key: "a", Value: []byte("stale")}}, nil)
		if !errors.Is(err, state.ErrFenced) {
			t.Fatalf("the former owner wrote: %v", err)
		}
		if got, _ := second.Get(t.Context(), []string{"a"}); string(got[0]) != "first" {
			t.Errorf("got %q", got[0])
		}
	})
}

func TestOldSnapshotIsDetectedAndPurged(t *testing.T) {
	each(t, func(t *testing.T, s *state.Store) {
		o := claim(t, s, 0)
		if err := o.Save(t.Context(), 5, 1, []state.Pair{{Key: "v:1/a", Value: []byte("old")}}, nil); err != nil {
			t.Fatal(err)
		}
		later := claim(t, s, 9)
		got, err := later.Get(t.Context(), []string{"v:1/a"})
		if err != nil {
			t.Fatal(err)
		}
		if !later.Cold() || got[0] != nil || later.Applied() != 9 {
			t.Errorf("cold %v, value %q, applied %d", later.Cold(), got[0], later.Applied())
		}
	})
}

// TestARestartMayHaveLostSomething: a Redis that is started anew may have come
// back with what it held in the middle of a stretch that was not committed; the
// offset does not tell, and rows may have been written from what is missing.
func TestARestartMayHaveLostSomething(t *testing.T) {
	server := serverstest.Redis(t)
	s := connect(t, server.Addr)
	client := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { _ = client.Close() })
	o := claim(t, s, 5)
	if err := o.Save(t.Context(), 5, 1, []state.Pair{{Key: "v:1/a", Value: []byte("before")}}, nil); err != nil {
		t.Fatal(err)
	}
	if same := claim(t, s, 5); same.Applied() != 5 || string(value(t, same)) != "before" {
		t.Fatal("without a restart what is there is not kept")
	}
	if err := client.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	again := func() {
		t.Helper()
		if err := errors.Join(server.Kill(), server.Start(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	again()
	cutOff, err := s.Claim(t.Context(), "h7", time.Unix(1000, 0), func(context.Context) (uint32, error) { return 2000, nil })
	if err != nil || cutOff.Applied() != 5 {
		t.Fatalf("claimed %v at offset %d", err, cutOff.Applied())
	}
	if later := claim(t, s, 5); !later.Cold() || value(t, later) != nil || later.Applied() != 5 {
		t.Errorf("after a restart the partition is cold: %v, it holds %q, applied %d", later.Cold(), value(t, later), later.Applied())
	}
	later := claim(t, s, 5)
	if err := later.Save(t.Context(), 6, 2, []state.Pair{{Key: "v:1/a", Value: []byte("after")}}, nil); err != nil {
		t.Fatal(err)
	}
	if last := claim(t, s, 6); string(value(t, last)) != "after" {
		t.Errorf("what was saved after the restart is not kept: %q", value(t, last))
	}
}

// value is what stands under v:1/a.
func value(t *testing.T, o *state.Owner) []byte {
	t.Helper()
	got, err := o.Get(t.Context(), []string{"v:1/a"})
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

func TestFlushedRedisFencesTheOwner(t *testing.T) {
	s, server := open(t)
	o := claim(t, s, 0)
	server.FlushAll()
	if err := o.Check(t.Context()); !errors.Is(err, state.ErrFenced) {
		t.Errorf("with an empty Redis the owner is told %v", err)
	}
	if err := o.Save(t.Context(), 1, 1, nil, nil); !errors.Is(err, state.ErrFenced) {
		t.Fatalf("saved into a flushed Redis: %v", err)
	}
}

// take claims a partition without settling it.
func take(t *testing.T, s *state.Store, now int64, floor uint32) *state.Owner {
	t.Helper()
	o, err := s.Claim(t.Context(), "h7", time.Unix(now, 0), func(context.Context) (uint32, error) { return floor, nil })
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAClaimThatWasNeverSettledIsNoMemory(t *testing.T) {
	each(t, func(t *testing.T, s *state.Store) {
		take(t, s, 1000, 2000)
		if o := claim(t, s, 0); !o.Cold() {
			t.Error("a partition that only has an epoch must be cold")
		}
	})
}

func TestTheVeryFirstStartIsNotCold(t *testing.T) {
	each(t, func(t *testing.T, s *state.Store) {
		highest := uint32(0)
		settled := func() *state.Owner {
			o, err := s.Claim(t.Context(), "h7", time.Unix(1000, 0), func(context.Context) (uint32, error) { return highest, nil })
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.Settle(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			return o
		}
		if settled().Cold() {
			t.Error("nothing was ever written, and the partition counts as lacking something")
		}
		if err := s.Forget(t.Context(), "h7"); err != nil {
			t.Fatal(err)
		}
		highest = 7
		if !settled().Cold() {
			t.Error("rows were written and Redis was lost, and the partition counts as whole")
		}
	})
}

func TestAFencedOwnerPurgesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *state.Store) {
		first := claim(t, s, 0)
		if err := first.Save(t.Context(), 5, 1, []state.Pair{{Key: "v:1/a", Value: []byte("old")}}, nil); err != nil {
			t.Fatal(err)
		}
		stopped := take(t, s, 1000, 2000)
		successor := claim(t, s, 5)
		if err := successor.Save(t.Context(), 9, 1, []state.Pair{{Key: "v:1/b", Value: []byte("new")}}, nil); err != nil {
			t.Fatal(err)
		}
		// The stopped one continues with what it read before: Redis seems to be behind.
		if _, err := stopped.Settle(t.Context(), 9); !errors.Is(err, state.ErrFenced) {
			t.Fatalf("got %v, want that it is fenced", err)
		}
		got, err := successor.Get(t.Context(), []string{"v:1/a", "v:1/b"})
		if err != nil {
			t.Fatal(err)
		}
		if string(got[0]) != "old" || string(got[1]) != "new" {
			t.Errorf("the successor reads %q", got)
		}
	})
}

func TestAnOldSnapshotGivesNoOldEpoch(t *testing.T) {
	each(t, func(t *testing.T, s *state.Store) {
		o := claim(t, s, 0)
		if err := o.Save(t.Context(), 5, 1, nil, nil); err != nil {
			t.Fatal(err)
		}
		later := take(t, s, 1000, 7000) // ClickHouse has rows of the epoch 6999.
		old, err := later.Settle(t.Context(), 9)
		if err != nil {
			t.Fatal(err)
		}
		if v := later.NextVersion(); !old || v>>32 != 7000 {
			t.Errorf("old %v, epoch %d", old, v>>32)
		}
		if err := later.Save(t.Context(), 10, 1, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

// TestASaveStoresBeforeItDeletes cuts a save of several scripts off after
// every one of them: nothing is deleted while some pairs are not stored.
func TestASaveStoresBeforeItDeletes(t *testing.T) {
	for cut := range 6 {
		s, server := open(t)
		o := claim(t, s, 0)
		var gone, pairs []state.Pair
		var names []string
		for i := range 2500 {
			name := fmt.Sprintf("old/%d", i)
			names, gone = append(names, name), append(gone, state.Pair{Key: name, Value: []byte("x")})
			pairs = append(pairs, state.Pair{Key: fmt.Sprintf("new/%d", i), Value: []byte("x")})
		}
		if err := o.Save(t.Context(), 1, 1, gone, nil); err != nil {
			t.Fatal(err)
		}
		scripts := 0
		server.Server().SetPreHook(func(p *miniserver.Peer, cmd string, _ ...string) bool {
			if cmd != "EVALSHA" && cmd != "EVAL" {
				return false
			}
			if scripts++; scripts <= cut {
				return false
			}
			p.WriteError("ERR cut off")
			return true
		})
		err := o.Save(t.Context(), 2, 1, pairs, names)
		server.Server().SetPreHook(nil)
		if (err != nil) != (scripts > cut) {
			t.Fatal(err)
		}
		last, err := o.Get(t.Context(), []string{"new/2499", "old/0"})
		if err != nil {
			t.Fatal(err)
		}
		if last[0] == nil && last[1] == nil {
			t.Errorf("after %d scripts something is deleted and not all is stored", cut)
		}
	}
}

func TestWhatIsColdIsNotWarm(t *testing.T) {
	s, server := open(t)
	warm := func() bool {
		_, warm, err := s.GetWarm(t.Context(), "h7", []string{"a"})
		if err != nil {
			t.Fatal(err)
		}
		return warm
	}
	if warm() {
		t.Error("a partition that nobody owned is warm")
	}
	o := claim(t, s, 3)
	if warm() {
		t.Error("a cold partition is warm")
	}
	if err := o.Warmed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !warm() {
		t.Error("a warmed partition is not warm")
	}
	server.FlushAll()
	if warm() {
		t.Error("a lost partition is warm")
	}
}
