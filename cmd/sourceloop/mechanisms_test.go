package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/journeys"
	"sourceloop/pipeline/sessionize"
	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stitch"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// switches are the mechanisms that a test switches off.
type switches struct {
	state      state.Unsafe
	sessionize sessionize.Unsafe
}

// withAndWithout runs a history that was made for a mechanism twice on real
// engines: with it, the sessions must be those of the naive reference; without,
// they must not, or the history, and with it the check, would be worth nothing.
func withAndWithout(t *testing.T, off switches, history func(*rig)) {
	t.Run("with", func(t *testing.T) {
		r := newRig(t, switches{})
		history(r)
		if difference := r.difference(); difference != "" {
			t.Errorf("sessions are not what they must be:\n%s", difference)
		}
	})
	t.Run("without", func(t *testing.T) {
		r := newRig(t, off)
		history(r)
		difference := r.difference()
		if difference == "" {
			t.Error("nothing broke without the mechanism")
		}
		t.Logf("as expected:\n%s", difference)
	})
}

// rig is a partition of hits on real engines, with owners that are driven by
// hand, several at a time.
type rig struct {
	t         *testing.T
	bench     *bench
	workspace *schema.Workspace
	stager    *sessionize.Stager
	sink      *heldSink
	hits      []*schema.Hit // of the log, by offset
	committed int64
}

// heldSink is ClickHouse, where a write can be held up before it happens.
type heldSink struct {
	hitStore
	fail bool          // the next write does not happen
	hold chan struct{} // a write waits until it is closed; nil for none
	held chan struct{} // gets one when a write begins to wait
}

func (s *heldSink) WriteHits(ctx context.Context, hits []*schema.Hit, sessions []schema.SessionRow) error {
	if s.fail {
		s.fail = false
		return errAway
	}
	if hold := s.hold; hold != nil {
		s.hold = nil
		s.held <- struct{}{}
		<-hold
	}
	return s.hitStore.WriteHits(ctx, hits, sessions)
}

// newRig has engines of its own, so that the first owner starts warm.
func newRig(t *testing.T, off switches) *rig {
	t.Helper()
	b := newBench(t)
	b.workspace = 1
	store, err := state.Open(t.Context(), state.Config{
		Addrs: []string{embeddedtest.Redis(t)}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Unsafe: off.state,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b.state = store
	r := &rig{
		t: t, bench: b, sink: &heldSink{hitStore: hitStore{b.sink}, held: make(chan struct{}, 1)},
		workspace: &schema.Workspace{ID: b.workspace, Zone: time.UTC, Currency: "USD", Settings: []schema.Settings{schema.DefaultSettings()}},
	}
	r.stager = sessionize.NewStager(sessionize.Deps{
		State: store, Workspaces: oneWorkspace{r.workspace}, Classifier: b.channels, Normalizer: identity.Rules{},
		Sink: r.sink, History: r.sink, Conversions: stitch.Lookup{State: store}, Log: &twoLogs{plan: &faults{}},
		Slog: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(1_790_000_000, 0) }, Unsafe: off.sessionize,
	}, prometheus.NewRegistry())
	return r
}

// arrive appends a page view to the log.
func (r *rig) arrive(visitor, clock string) {
	r.t.Helper()
	at, err := time.Parse(time.DateTime, "2026-03-01 "+clock+":00")
	if err != nil {
		r.t.Fatal(err)
	}
	id := schema.NewHitID(schema.MillisOf(at), [10]byte{byte(r.workspace.ID), byte(len(r.hits))})
	r.hits = append(r.hits, &schema.Hit{
		Id: id[:], Workspace: r.workspace.ID, Visitor: visitor, At: int64(schema.MillisOf(at)),
		Received: int64(schema.MillisOf(time.Date(2026, 3, 2, 0, 0, len(r.hits), 0, time.UTC))),
		Type:     schema.HitType_HIT_TYPE_PAGEVIEW, Url: "https://site.example/" + clock, Device: "desktop", Country: "DE",
	})
}

// takeOver makes an owner of the partition.
func (r *rig) takeOver() stream.Worker {
	r.t.Helper()
	w, err := r.stager.New(r.t.Context(), stream.Assignment{
		Partition: 5, Confirm: func(context.Context) (int64, error) { return r.committed, nil },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

// process hands the records from one offset up to another to an owner.
func (r *rig) process(w stream.Worker, from, to int) error {
	r.t.Helper()
	var records []*stream.Record
	for i := from; i < to; i++ {
		value := wire(r.t, &schema.HitRecord{Body: &schema.HitRecord_Hit{Hit: r.hits[i]}})
		records = append(records, &stream.Record{Topic: schema.TopicHits, Value: value, Offset: int64(i)})
	}
	return w.Process(context.Background(), records)
}

// commit processes the rest of the log, with a new owner where the present one
// is fenced, and commits it.
func (r *rig) commit(w stream.Worker, from int) stream.Worker {
	r.t.Helper()
	err := r.process(w, from, len(r.hits))
	for tries := 0; errors.Is(err, stream.ErrFenced) && tries < 3; tries++ {
		w = r.takeOver()
		err = r.process(w, from, len(r.hits))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.committed = int64(len(r.hits))
	return w
}

// difference compares the sessions in ClickHouse with those of the naive
// reference.
func (r *rig) difference() string {
	r.t.Helper()
	var want, got []string
	for _, visitor := range []string{"ann", "bob"} {
		var mine []*schema.Hit
		for _, h := range r.hits {
			if h.GetVisitor() == visitor {
				mine = append(mine, h)
			}
		}
		for _, s := range journeys.Sessions(r.workspace, visitor, mine, r.bench.channels) {
			want = append(want, fmt.Sprintf("%s from %s to %s, %d pages", visitor, s.StartedAt.Time().Format("15:04"), s.EndedAt.Time().Format("15:04"), len(s.Items)))
		}
	}
	rows, err := r.bench.conn.Query(r.t.Context(), `
		SELECT concat(visitor, ' from ', formatDateTime(started_at, '%H:%i'), ' to ', formatDateTime(ended_at, '%H:%i'), ', ', toString(length(items_at)), ' pages')
		FROM sessions FINAL WHERE workspace = {workspace:UInt32}`, driver.Named("workspace", r.workspace.ID))
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			r.t.Fatal(err)
		}
		got = append(got, text)
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
	slices.SortFunc(want, cmp.Compare[string])
	slices.SortFunc(got, cmp.Compare[string])
	if slices.Equal(want, got) {
		return ""
	}
	return "got  " + strings.Join(got, "\n     ") + "\nwant " + strings.Join(want, "\n     ")
}

// TestWithoutEpochs: Redis is lost while an owner is stopped. Its successor
// starts cold; then the stopped one goes on, with an applied offset that fits
// and the belief that nothing is missing in Redis. Without epochs it writes
// that belief over the successor's.
func TestWithoutEpochs(t *testing.T) {
	withAndWithout(t, switches{state: state.Unsafe{NoEpochs: true}}, func(r *rig) {
		r.arrive("ann", "10:00")
		r.arrive("bob", "10:00")
		stopped := r.commit(r.takeOver(), 0)
		if err := r.bench.state.Forget(r.t.Context(), "h5"); err != nil {
			r.t.Fatal(err)
		}
		successor := r.takeOver()
		r.arrive("bob", "10:05")
		if err := r.process(stopped, 2, 3); err != nil && !errors.Is(err, stream.ErrFenced) {
			r.t.Fatal(err)
		}
		r.arrive("ann", "10:10") // Of the session that began at 10:00, which Redis has lost.
		r.commit(successor, 2)
	})
}

// TestWithoutRecordedKeys: an owner is killed after it wrote a session's row
// and before it committed. The repetition reads an earlier hit of the session
// along, so that the session has another key. Who did not record the first key
// before it was written leaves that row.
func TestWithoutRecordedKeys(t *testing.T) {
	withAndWithout(t, switches{sessionize: sessionize.Unsafe{NoKeys: true}}, func(r *rig) {
		r.arrive("ann", "10:00")
		if err := r.process(r.takeOver(), 0, 1); err != nil { // It is killed then.
			r.t.Fatal(err)
		}
		r.arrive("ann", "09:50")
		r.commit(r.takeOver(), 0)
	})
}

// TestWithoutAcknowledgedHashes: an owner is killed after it stored its state
// and before it wrote the row. Who took the row for written does not write it
// when the records are repeated.
func TestWithoutAcknowledgedHashes(t *testing.T) {
	withAndWithout(t, switches{sessionize: sessionize.Unsafe{NoHashes: true}}, func(r *rig) {
		r.arrive("ann", "10:00")
		r.sink.fail = true
		if err := r.process(r.takeOver(), 0, 1); !errors.Is(err, errAway) { // It is killed then.
			r.t.Fatal(err)
		}
		r.commit(r.takeOver(), 0)
	})
}

// TestWithoutVersions: an owner is stopped after it stored its state and before
// it wrote the row. Its successor repeats that, reads on, and writes the row
// with one page more; then the stopped one goes on and writes its own.
func TestWithoutVersions(t *testing.T) {
	withAndWithout(t, switches{state: state.Unsafe{NoVersions: true}}, func(r *rig) {
		r.arrive("ann", "10:00")
		goOn := make(chan struct{})
		r.sink.hold = goOn
		stopped, ended := r.takeOver(), make(chan error, 1)
		go func() { ended <- r.process(stopped, 0, 1) }()
		<-r.sink.held
		r.arrive("ann", "10:10")
		r.commit(r.takeOver(), 0)
		close(goOn)
		if err := <-ended; err != nil && !errors.Is(err, stream.ErrFenced) {
			r.t.Fatal(err)
		}
	})
}
