package control_test

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/deploy/servers/serverstest"
	"sourceloop/schema"
)

// TestOutboxAtOnce lets many send at once through two processes, of whom some
// die. No push is ever two senders', and in the end the platform has each once.
func TestOutboxAtOnce(t *testing.T) {
	controltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		dsn := fresh(t)
		w := newOutboxWorld(t, dsn)
		other := controltest.Open(t, dsn, control.Options{Now: w.clock.Now})
		const destinations, each = 3, 40
		for n := range destinations {
			w.plan(t, w.destination(t, n), each)
		}
		c := &crowd{t: t, world: w, left: destinations * each, held: map[schema.ID]bool{}, there: map[schema.ID]bool{}, died: map[schema.ID]bool{}}
		var senders sync.WaitGroup
		for n := range 8 {
			random, store := rand.New(rand.NewPCG(uint64(n), 7)), []*control.Store{w.store, other}[n%2]
			senders.Go(func() {
				for c.round(store, random) {
				}
			})
		}
		senders.Wait()
		counts := must[map[int64]map[schema.PushState]int](t)(w.store.PushCounts(t.Context(), w.ann))
		sent := 0
		for _, of := range counts {
			sent += of[schema.PushSent]
			if len(of) != 1 {
				t.Errorf("not all were sent: %v", of)
			}
		}
		if sent != destinations*each || len(c.there) != sent {
			t.Errorf("%d were sent and the platform has %d, want %d", sent, len(c.there), destinations*each)
		}
	})
}

// crowd is what senders that work at once have in common.
type crowd struct {
	t     *testing.T
	world *outboxWorld
	time  sync.RWMutex // held to write while leases end: nobody is sending then

	mu    sync.Mutex
	left  int
	held  map[schema.ID]bool // by a sender, at this moment
	there map[schema.ID]bool // at the platform
	died  map[schema.ID]bool // an attempt was begun and never ended
}

// round sends what is due, and tells whether anything may be left.
func (c *crowd) round(store *control.Store, random *rand.Rand) bool {
	c.time.RLock()
	pushes, err := store.TakePushes(c.t.Context(), 1+random.IntN(20), 1+random.IntN(10), time.Minute)
	if err == nil && len(pushes) > 0 {
		err = c.send(store, random, pushes)
	}
	c.time.RUnlock()
	if err != nil {
		c.t.Error(err)
		return false
	}
	if len(pushes) == 0 {
		c.time.Lock()
		c.world.clock.Advance(61 * time.Second) // Of the dead the leases end.
		c.time.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left > 0
}

func (c *crowd) send(store *control.Store, random *rand.Rand, pushes []control.Push) error {
	c.hold(pushes, true)
	begun, err := store.BeginPushes(c.t.Context(), pushes)
	if err != nil {
		return err
	}
	if len(begun) != len(pushes) {
		c.t.Errorf("of %d that were taken %d could be begun", len(pushes), len(begun))
	}
	var results []control.PushResult
	c.mu.Lock()
	for _, p := range begun {
		switch fate := random.IntN(10); {
		case fate == 0: // Nobody knows whether it arrived.
			c.there[p.ID] = c.there[p.ID] || random.IntN(2) == 0
			c.died[p.ID] = true
		case fate < 4:
			results = append(results, control.PushResult{Push: p, State: schema.PushPending, Outcome: schema.OutcomeLater})
		default:
			c.there[p.ID] = true
			c.left--
			results = append(results, control.PushResult{Push: p, State: schema.PushSent, Outcome: schema.OutcomeSent})
		}
	}
	c.mu.Unlock()
	// What is given back may be the next one's before EndPushes returns; what is not is nobody's until its lease ends.
	c.hold(pushes, false)
	return store.EndPushes(c.t.Context(), results)
}

// hold notes who has what.
func (c *crowd) hold(pushes []control.Push, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range pushes {
		if mine && c.held[p.ID] {
			c.t.Errorf("push %s is held by two", p.ID)
		}
		if mine && p.Open != c.died[p.ID] {
			c.t.Errorf("push %s is taken as open: %t, an attempt of it was lost: %t", p.ID, p.Open, c.died[p.ID])
		}
		c.held[p.ID] = mine
	}
}

// BenchmarkOutbox takes 10,000 pushes through all they go through, 2,000 at a
// time, and says how long each step takes a push. As many were sent before, and
// PostgreSQL counted its rows while nothing waited, which is what its plans go by.
func BenchmarkOutbox(b *testing.B) {
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": controltest.SQLite, "postgres": func(t testing.TB) string {
		serverstest.Postgres(t)
		return serverstest.Database(t)
	}} {
		b.Run(name, func(b *testing.B) {
			took := map[string]time.Duration{}
			for range b.N {
				benchmarkOutbox(b, fresh(b), took)
			}
			for step, d := range took {
				b.ReportMetric(float64(d.Microseconds())/float64(b.N)/benchmarked, step+"-µs/push")
			}
		})
	}
}

const benchmarked = 10_000

func benchmarkOutbox(b *testing.B, dsn string, took map[string]time.Duration) {
	w := newOutboxWorld(b, dsn)
	d := w.destination(b, 1)
	outboxPass(b, w, d, 0, map[string]time.Duration{})
	countRows(b, dsn)
	outboxPass(b, w, d, benchmarked, took)
	if counts, err := w.store.PushCounts(b.Context(), w.ann); err != nil || counts[d.ID][schema.PushSent] != 2*benchmarked {
		b.Fatalf("in the end there are %v, %v", counts, err)
	}
}

// outboxPass plans pushes from a number on, plans them once more, and has all
// sent.
func outboxPass(b *testing.B, w *outboxWorld, d control.Destination, first int, took map[string]time.Duration) {
	const batch, atOnce = 2_000, 200
	ctx := b.Context()
	measure := func(step string, do func() error) {
		begun := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		took[step] += time.Since(begun)
	}
	for _, step := range []string{"plan", "repeat"} {
		for from := first; from < first+benchmarked; from += batch {
			var plan []control.Push
			for n := from; n < from+batch; n++ {
				plan = append(plan, w.push(d, n))
			}
			measure(step, func() error { return w.store.PlanPushes(ctx, plan) })
		}
	}
	for range benchmarked / atOnce {
		var pushes []control.Push
		measure("take", func() (err error) { pushes, err = w.store.TakePushes(ctx, batch, atOnce, time.Minute); return err })
		measure("begin", func() (err error) { pushes, err = w.store.BeginPushes(ctx, pushes); return err })
		results := make([]control.PushResult, len(pushes))
		for i, p := range pushes {
			results[i] = control.PushResult{Push: p, State: schema.PushSent, Outcome: schema.OutcomeSent, Words: "Google has it."}
		}
		measure("end", func() error { return w.store.EndPushes(ctx, results) })
	}
}

// countRows has PostgreSQL look at how many rows of which kind there are, as it
// does by itself from time to time.
func countRows(b *testing.B, dsn string) {
	if !strings.HasPrefix(dsn, "postgres") {
		return
	}
	db, err := sql.Open("pgx", dsn)
	if err == nil {
		_, err = db.ExecContext(b.Context(), "ANALYZE")
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		b.Fatal(err)
	}
}
