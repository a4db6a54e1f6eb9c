package sessionize_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/sessionize"
	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// now is the arrival of what the tests send.
func now() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

// world is everything around a worker.
type world struct {
	t         *testing.T
	clock     time.Time
	redis     *miniredis.Miniredis
	known     map[uint32]*schema.Workspace
	past      map[sessionize.Visitor]sessionize.Past
	rows      map[schema.ID]schema.SessionRow // the newest
	writes    int
	hits      []*schema.Hit // as they were written
	late      []schema.LateRow
	pick      []string // visitors to be rebuilt, sorted
	picked    int      // times one was asked for
	steps     []schema.TaskStep
	erased    []*schema.ErasedHits
	names     *erased  // by an erasure
	appended  [][]byte // to hits
	dead      []string
	panics    bool // on a URL with the word poison
	virgin    bool // nothing was ever written
	onWrite   func()
	stager    *sessionize.Stager
	worker    stream.Worker
	offset    int64
	committed int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := miniredis.RunT(t)
	store, err := state.Open(t.Context(), state.Config{
		Addrs: []string{server.Addr()}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &world{
		t: t, clock: now(), redis: server, known: make(map[uint32]*schema.Workspace),
		past: make(map[sessionize.Visitor]sessionize.Past), rows: make(map[schema.ID]schema.SessionRow), names: &erased{},
	}
	w.add(1)
	w.stager = sessionize.NewStager(sessionize.Deps{
		State: store, Workspaces: w, Classifier: w, Normalizer: identity.Rules{}, Sink: w, History: w, Conversions: w, Log: w, Erasures: w.names,
		Slog: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.clock },
	}, prometheus.NewRegistry())
	w.take()
	return w
}

func (w *world) add(id uint32) {
	settings := schema.DefaultSettings()
	w.known[id] = &schema.Workspace{ID: id, Zone: time.UTC, Settings: []schema.Settings{settings}}
}

func (w *world) Workspace(id uint32) (*schema.Workspace, bool) {
	ws, ok := w.known[id]
	return ws, ok
}

func (w *world) Classify(hit *schema.Hit, _ *schema.Settings) *schema.Source {
	if w.panics && hit.GetUrl() == "https://site.example/?poison" {
		panic("poison")
	}
	return &schema.Source{Channel: schema.ChannelDirect, Direct: true}
}

func (w *world) WriteHits(_ context.Context, hits []*schema.Hit, sessions []schema.SessionRow) error {
	if w.onWrite != nil {
		on := w.onWrite
		w.onWrite = nil
		on()
	}
	w.hits = append(w.hits, hits...)
	for _, r := range sessions {
		w.writes++
		if r.Version > w.rows[r.Session.ID].Version {
			w.rows[r.Session.ID] = r
		}
	}
	return nil
}

func (w *world) Visitors(_ context.Context, visitors []sessionize.Visitor) (map[sessionize.Visitor]sessionize.Past, error) {
	pasts := make(map[sessionize.Visitor]sessionize.Past)
	for _, v := range visitors {
		pasts[v] = w.past[v]
	}
	return pasts, nil
}

// Pick gives one visitor at a time of those listed.
func (w *world) Pick(_ context.Context, s sessionize.Selection) (visitors []sessionize.Visitor, more bool, err error) {
	w.picked++
	for i, id := range w.pick {
		if id > s.After.ID {
			return []sessionize.Visitor{{Workspace: 1, ID: id}}, i+1 < len(w.pick), nil
		}
	}
	return nil, false, nil
}

func (w *world) WriteLate(_ context.Context, rows []schema.LateRow) error {
	w.late = append(w.late, rows...)
	return nil
}

func (w *world) EraseHits(_ context.Context, e *schema.ErasedHits) error {
	w.erased = append(w.erased, e)
	return nil
}

func (w *world) NoteStep(_ context.Context, step *schema.TaskStep) error {
	w.steps = append(w.steps, *step)
	return nil
}

// HighestEpoch says whether rows were written before, so that an empty Redis is a lost one.
func (w *world) HighestEpoch(context.Context) (uint32, error) {
	if w.virgin {
		return 0, nil
	}
	return 1, nil
}

func (w *world) HaveConversions(context.Context, uint32, []string) ([]string, error) { return nil, nil }

func (w *world) Append(_ context.Context, topic string, _, values [][]byte) error {
	if topic == schema.TopicHits {
		w.appended = append(w.appended, values...)
	}
	return nil
}

func (w *world) AppendDead(_ context.Context, letters []*schema.DeadRecord) error {
	for _, d := range letters {
		w.dead = append(w.dead, d.GetReason())
	}
	return nil
}

func (w *world) take() {
	w.t.Helper()
	worker, err := w.stager.New(w.t.Context(), stream.Assignment{
		Partition: 3, Confirm: func(context.Context) (int64, error) { return w.committed, nil },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.worker = worker
}

// hit is a page view of ann, the n-th by its id.
func hit(n int, at time.Time, url string) *schema.Hit {
	id := schema.NewHitID(schema.MillisOf(at), [10]byte{byte(n >> 16), byte(n >> 8), byte(n)})
	return &schema.Hit{
		Id: id[:], Workspace: 1, Visitor: "ann", At: int64(schema.MillisOf(at)), Received: int64(schema.MillisOf(now())),
		Type: schema.HitType_HIT_TYPE_PAGEVIEW, Url: url,
	}
}

func (w *world) record(h *schema.Hit) *stream.Record {
	w.t.Helper()
	return w.encode(&schema.HitRecord{Body: &schema.HitRecord_Hit{Hit: h}})
}

func (w *world) encode(body *schema.HitRecord) *stream.Record {
	w.t.Helper()
	value, err := proto.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.offset++
	return &stream.Record{Topic: schema.TopicHits, Value: value, Offset: w.offset - 1}
}

func (w *world) process(hits ...*schema.Hit) {
	w.t.Helper()
	records := make([]*stream.Record, len(hits))
	for i, h := range hits {
		records[i] = w.record(h)
	}
	if err := w.worker.Process(w.t.Context(), records); err != nil {
		w.t.Fatal(err)
	}
	w.committed = w.offset
}

// truth is what ClickHouse has of ann by now.
func (w *world) truth() sessionize.Past { return w.truthOf("ann") }

func (w *world) truthOf(visitor string) sessionize.Past {
	var past sessionize.Past
	for _, h := range w.hits {
		if h.GetVisitor() == visitor {
			past.Hits = append(past.Hits, h)
		}
	}
	for id, r := range w.rows {
		if !r.Deleted && r.Session.Visitor == visitor {
			past.Sessions = append(past.Sessions, &schema.WrittenKey{Day: r.StartedAt.Day(), Session: id[:]})
		}
	}
	return past
}

func (w *world) standing() (sessions, pages int) {
	for _, r := range w.rows {
		if !r.Deleted {
			sessions++
			pages += len(r.Session.Items)
		}
	}
	return sessions, pages
}

// TestNothingStaysOfAHitThatPanicked: what the worker had in memory of the
// visitor when it panicked is forgotten, or every later hit would panic too.
func TestNothingStaysOfAHitThatPanicked(t *testing.T) {
	w := newWorld(t)
	w.panics = true
	w.process(hit(1, now(), "https://site.example/"))
	poison := w.record(hit(2, now().Add(time.Second), "https://site.example/?poison"))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the poison did not panic")
			}
		}()
		_ = w.worker.Process(t.Context(), []*stream.Record{poison})
	}()
	if err := w.worker.Skip(t.Context(), poison); err != nil {
		t.Fatal(err)
	}
	w.process(hit(3, now().Add(2*time.Second), "https://site.example/pricing"))
	if sessions, pages := w.standing(); sessions != 1 || pages != 2 {
		t.Errorf("%d sessions with %d pages, want 1 with 2", sessions, pages)
	}
}

func TestHitsOfANewWorkspaceWaitForIt(t *testing.T) {
	w := newWorld(t)
	h := hit(1, now(), "https://site.example/")
	h.Workspace = 2
	records := []*stream.Record{w.record(h)}
	if err := w.worker.Process(t.Context(), records); err == nil {
		t.Fatal("a hit of a workspace that is not known yet was processed")
	}
	w.add(2)
	if err := w.worker.Process(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if sessions, _ := w.standing(); sessions != 1 || len(w.dead) != 0 {
		t.Errorf("%d sessions, dead letters %v", sessions, w.dead)
	}
}

func TestHitsOfNoWorkspaceAreSetAsideAfterAWhile(t *testing.T) {
	w := newWorld(t)
	h := hit(1, now(), "https://site.example/")
	h.Workspace = 2
	records := []*stream.Record{w.record(h)}
	if err := w.worker.Process(t.Context(), records); err == nil {
		t.Fatal("it did not wait")
	}
	w.clock = w.clock.Add(11 * time.Second)
	if err := w.worker.Process(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	old := proto.CloneOf(h)
	old.Workspace, old.Received = 3, int64(schema.MillisOf(now().Add(-time.Hour)))
	w.process(old)
	if !slices.Equal(w.dead, []string{schema.DeadUnknownWorkspace, schema.DeadUnknownWorkspace}) {
		t.Errorf("dead letters %v", w.dead)
	}
}

// TestRecordsThatAreNoHitsAreSetAside: the hits around them are processed.
func TestRecordsThatAreNoHitsAreSetAside(t *testing.T) {
	w := newWorld(t)
	nobody := hit(2, now(), "https://site.example/")
	nobody.Visitor = ""
	records := []*stream.Record{
		w.record(hit(1, now(), "https://site.example/")), w.record(nobody), {Topic: schema.TopicHits, Value: []byte("\xff"), Offset: 2},
	}
	if err := w.worker.Process(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.dead, []string{schema.DeadIncomplete, schema.DeadMalformed}) {
		t.Errorf("dead letters %v", w.dead)
	}
	if sessions, pages := w.standing(); sessions != 1 || pages != 1 {
		t.Errorf("%d sessions with %d pages", sessions, pages)
	}
}

// remember makes ClickHouse know n hits of ann, a day apart, and the sessions
// they made.
func (w *world) remember(n int) {
	w.t.Helper()
	var past sessionize.Past
	for i := range n {
		h := hit(i, now().AddDate(0, 0, i-n), "https://site.example/")
		h.Received = h.At
		past.Hits = append(past.Hits, h)
		id := schema.SessionID(1, "ann", schema.ID(h.GetId()))
		past.Sessions = append(past.Sessions, &schema.WrittenKey{Day: schema.Millis(h.At).Day(), Session: id[:]})
	}
	w.past[sessionize.Visitor{Workspace: 1, ID: "ann"}] = past
}

// TestALongPastIsNoFlood: after Redis was lost, a visitor of many years keeps
// all sessions and goes on.
func TestALongPastIsNoFlood(t *testing.T) {
	w := newWorld(t)
	w.remember(sessionize.MaxHits + 500)
	w.process(hit(1<<20, now(), "https://site.example/"))
	if sessions, _ := w.standing(); sessions != sessionize.MaxHits+501 || len(w.rows) != sessions {
		t.Errorf("%d sessions stand of %d rows, want %d", sessions, len(w.rows), sessionize.MaxHits+501)
	}
	before := w.writes
	w.process(hit(1<<20+1, now().Add(time.Second), "https://site.example/"))
	w.process(hit(1<<20+2, now().Add(2*time.Second), "https://site.example/"))
	if w.writes != before+2 {
		t.Errorf("%d rows were written for two more hits of one session", w.writes-before)
	}
}

// TestOfAPastThatIsTooLongNothingIsDeleted: from a part of the hits no session
// may be derived.
func TestOfAPastThatIsTooLongNothingIsDeleted(t *testing.T) {
	w := newWorld(t)
	w.remember(sessionize.MaxPast + 1)
	w.process(hit(1<<20, now(), "https://site.example/"))
	if len(w.rows) != 0 {
		t.Errorf("%d rows were written", len(w.rows))
	}
}

// TestDeletedRowsAreForgottenWithTheSeal: an early hit that arrives late takes
// the place of a session's first hit, so that the row is deleted, at every
// touch until its day is sealed.
func TestDeletedRowsAreForgottenWithTheSeal(t *testing.T) {
	w := newWorld(t)
	w.process(hit(2, now(), "https://site.example/"))
	w.process(hit(1, now().Add(-time.Minute), "https://site.example/"))
	if sessions, pages := w.standing(); sessions != 1 || pages != 2 || len(w.rows) != 2 {
		t.Fatalf("%d sessions, %d pages, %d rows", sessions, pages, len(w.rows))
	}
	for day := range 3 {
		at := now().AddDate(0, 0, 10+day)
		h := hit(10+day, at, "https://site.example/")
		h.Received = int64(schema.MillisOf(at))
		w.process(h)
	}
	before := w.writes
	h := hit(20, now().AddDate(0, 0, 12).Add(time.Second), "https://site.example/")
	h.Received = h.At
	w.process(h)
	if w.writes != before+1 {
		t.Errorf("%d rows were written for one hit after the seal, want its session only", w.writes-before)
	}
}

// TestAnErrorIsRepeatedWithoutATrace fails a write after the states were
// stored: the repetition writes the same rows.
func TestAnErrorIsRepeatedWithoutATrace(t *testing.T) {
	w := newWorld(t)
	w.process(hit(1, now(), "https://site.example/"))
	records := []*stream.Record{w.record(hit(2, now().Add(time.Second), "https://site.example/"))}
	w.redis.SetError("ERR away")
	err := w.worker.Process(t.Context(), records)
	w.redis.SetError("")
	if err == nil || errors.Is(err, stream.ErrFenced) {
		t.Fatalf("got %v", err)
	}
	if err := w.worker.Process(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if sessions, pages := w.standing(); sessions != 1 || pages != 2 {
		t.Errorf("%d sessions, %d pages", sessions, pages)
	}
}
