package sessionize

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/failpoint"
	"sourceloop/pipeline/session"
	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// Stage is the name of this stage in metrics and dead letters.
const Stage = "sessionize"

// MaxHits is how many hits of unsealed sessions a visitor may have. Beyond it
// is flagged as flooded and no longer sessionized; its hits are still stored.
const MaxHits = 2000

// MaxPast is how many hits of a visitor are read back from ClickHouse, most of
// which belong to sessions that are sealed again at once. A visitor with more
// is flooded.
const MaxPast = 20_000

// newWorkspace is how long hits of a workspace wait that is not known here:
// the collector may have heard of it a moment earlier.
const newWorkspace = 10 * time.Second

// Workspaces knows the settings in force.
type Workspaces interface {
	Workspace(id uint32) (*schema.Workspace, bool)
}

// Sink makes rows durable. Writing a row again changes nothing.
type Sink interface {
	WriteHits(ctx context.Context, hits []*schema.Hit, sessions []schema.SessionRow) error
	// WriteLate queues visitors for a re-derivation, or takes them off the queue.
	WriteLate(ctx context.Context, rows []schema.LateRow) error
	// EraseHits deletes hits, and sessions as they were.
	EraseHits(ctx context.Context, e *schema.ErasedHits) error
	// NoteStep says how far an order has come.
	NoteStep(ctx context.Context, step *schema.TaskStep) error
}

// Visitor names one browser of one workspace.
type Visitor struct {
	Workspace uint32
	ID        string
}

// Past is what ClickHouse knows of a visitor: each hit once, in any order, up
// to one more than MaxPast, and the keys of the sessions that stand.
type Past struct {
	Hits     []*schema.Hit
	Sessions []*schema.WrittenKey
}

// History reads what was written before, for a partition that is cold and for
// sessions that are derived anew.
type History interface {
	Visitors(ctx context.Context, visitors []Visitor) (map[Visitor]Past, error)
	// Pick gives the next visitors of a partition in the order of workspace and
	// id, and tells whether there may be more.
	Pick(ctx context.Context, s Selection) (visitors []Visitor, more bool, err error)
	HighestEpoch(ctx context.Context) (uint32, error)
}

// Selection says which visitors of a partition to pick.
type Selection struct {
	Partition int32
	Workspace uint32        // 0: of all
	Late      bool          // only those that wait for a re-derivation
	From, To  schema.Millis // only those with a hit in [From, To); 0 is no bound
	After     Visitor       // only those behind this one
	Limit     int           // how many at most
	Hits      int           // how many hits they have together at most, unless one has more
}

// Conversions tells which of a workspace's visitors have conversions.
type Conversions interface {
	HaveConversions(ctx context.Context, workspace uint32, visitors []string) ([]string, error)
}

// Erasures knows what was erased, so that nothing brings it back.
type Erasures interface {
	Erased(workspace uint32, node schema.Node, at, arrived schema.Millis) bool
	// ErasedUntil is the latest arrival that can have been erased.
	ErasedUntil(workspace uint32) schema.Millis
}

// Log is where leads and dead letters go.
type Log interface {
	Append(ctx context.Context, topic string, keys, values [][]byte) error
	AppendDead(ctx context.Context, letters []*schema.DeadRecord) error
}

// Deps are what the workers of this stage share.
type Deps struct {
	State       *state.Store
	Workspaces  Workspaces
	Classifier  session.Classifier
	Normalizer  session.Normalizer
	Sink        Sink
	History     History
	Conversions Conversions
	Erasures    Erasures // nil: nothing was erased
	Log         Log
	Slog        *slog.Logger
	Now         func() time.Time
	Unsafe      Unsafe
	MaxVisitors int             // kept in memory per partition; 1,000 when 0, some 6 MB
	Fail        failpoint.Reach // for tests
}

// Unsafe switches mechanisms off, so that a test can see that each is needed.
// Nothing but tests may set it.
type Unsafe struct {
	NoKeys   bool // keys are stored once their rows were written, not before
	NoHashes bool // rows are believed to be in ClickHouse before they are
}

// Stager makes the workers of one process.
type Stager struct {
	deps    Deps
	metrics *metrics
}

type metrics struct {
	hits, late, duplicates, flooded, cold, rebuilt, strays, swept, erased prometheus.Counter
	rows                                                                  *prometheus.CounterVec
	durable                                                               prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "sourceloop_sessionize_" + name, Help: help})
		reg.MustRegister(c)
		return c
	}
	m := &metrics{
		strays:     counter("stray_visitors_total", "Visitors whose rows were written after the partition had another owner, and derived anew."),
		swept:      counter("swept_visitors_total", "Visitors that Redis holds no more, since they were idle for days."),
		erased:     counter("erased_hits_total", "Hits that were dropped since an erasure names them."),
		rebuilt:    counter("rebuilt_visitors_total", "Visitors whose sessions were derived anew from all of their hits."),
		hits:       counter("hits_total", "Hits read from the log."),
		late:       counter("late_hits_total", "Hits from before the seal: stored, and their visitors queued for a re-derivation."),
		duplicates: counter("duplicate_hits_total", "Hits that were already known."),
		flooded:    counter("flooded_visitors_total", "Visitors that passed the limit of hits."),
		cold:       counter("cold_visitors_total", "Visitors read from ClickHouse."),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_sessionize_rows_total", Help: "Session rows written.",
		}, []string{"kind"}),
		durable: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sourceloop_hit_durable_seconds", Help: "From a hit's arrival at the collector until it can be queried.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 16),
		}),
	}
	reg.MustRegister(m.rows, m.durable)
	return m
}

// NewStager registers the metrics of the stage.
func NewStager(deps Deps, reg prometheus.Registerer) *Stager {
	if deps.MaxVisitors == 0 {
		deps.MaxVisitors = 1_000
	}
	return &Stager{deps: deps, metrics: newMetrics(reg)}
}

// Worker owns the visitors of one partition of hits.
type Worker struct {
	deps      Deps
	metrics   *metrics
	partition int32
	owner     *state.Owner
	visitors  *lru.LRU[Visitor, *schema.VisitorState]
	unknown   map[uint32]time.Time // workspaces, and when they were first missed

	days        []int32          // of progress of which Redis remembers who was touched, the oldest first
	unconfirmed map[Visitor]bool // their rows may have come after somebody else's
}

// New takes the partition over.
func (s *Stager) New(ctx context.Context, a stream.Assignment) (stream.Worker, error) {
	tag := "h" + strconv.Itoa(int(a.Partition))
	owner, err := s.deps.State.Claim(ctx, tag, s.deps.Now(), s.deps.History.HighestEpoch)
	if err != nil {
		return nil, err
	}
	if err := s.deps.Fail.At("sessionize.takeover"); err != nil {
		return nil, err
	}
	committed, err := a.Confirm(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := owner.Settle(ctx, committed); err != nil {
		return nil, fenced(err)
	}
	days, err := owner.Days(ctx)
	if err != nil {
		return nil, err
	}
	visitors, err := lru.NewLRU[Visitor, *schema.VisitorState](s.deps.MaxVisitors, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot make the visitors' map: %w", err)
	}
	return &Worker{
		deps: s.deps, metrics: s.metrics, partition: a.Partition, owner: owner, visitors: visitors, unknown: make(map[uint32]time.Time),
		days: days, unconfirmed: make(map[Visitor]bool),
	}, nil
}

// Skip counts a record as applied that was set aside.
func (w *Worker) Skip(ctx context.Context, record *stream.Record) error {
	return fenced(w.owner.Save(ctx, record.Offset+1, w.owner.Progress(), nil, nil))
}

func fenced(err error) error {
	if errors.Is(err, state.ErrFenced) {
		return fmt.Errorf("%w: %w", stream.ErrFenced, err)
	}
	return err
}

// Process makes the effect of a stretch of records durable. After an error or
// a panic the worker forgets what it had in memory, since some of it may not be
// stored.
func (w *Worker) Process(ctx context.Context, records []*stream.Record) error {
	durable := false
	defer func() {
		if !durable {
			w.visitors.Purge()
		}
	}()
	if err := w.process(ctx, records); err != nil {
		if errors.Is(err, state.ErrFenced) {
			w.disown(ctx)
		}
		return fenced(err)
	}
	durable = true
	return nil
}

// process works on hits together, and on every order alone: how much an order
// asks for is bounded by itself.
func (w *Worker) process(ctx context.Context, records []*stream.Record) error {
	read := readAll(records)
	for len(read) > 0 {
		n := 1
		if read[0].order == nil {
			for n < len(read) && read[n].order == nil {
				n++
			}
		}
		if err := w.part(ctx, read[:n]); err != nil {
			return err
		}
		read = read[n:]
	}
	return w.sweep(ctx)
}

func (w *Worker) part(ctx context.Context, read []message) error {
	if order := read[0].order; order != nil {
		return w.obey(ctx, order, read[0].record.Offset)
	}
	return w.sessionize(ctx, read)
}

func (w *Worker) sessionize(ctx context.Context, read []message) error {
	st, err := w.sort(read)
	if err != nil {
		return err
	}
	if err := w.load(ctx, st); err != nil {
		return err
	}
	st.derive(w)
	if err := w.keep(ctx, st, read[len(read)-1].record.Offset+1); err != nil {
		return err
	}
	if err := w.deps.Fail.At("sessionize.after-produce"); err != nil {
		return err
	}
	if err := w.deps.Log.AppendDead(ctx, st.dead); err != nil {
		return err
	}
	for _, v := range st.visitors {
		w.visitors.Add(v.name, v.state)
	}
	st.acknowledge()
	w.observe(st)
	return nil
}

// keep makes durable what was derived: the states, with other values, then the
// rows, then what they mean for contacts. DESIGN.md says why in this order.
func (w *Worker) keep(ctx context.Context, st *stretch, applied int64, others ...state.Pair) error {
	if err := w.save(ctx, st, applied, others...); err != nil {
		return err
	}
	if err := w.deps.Fail.At("sessionize.after-redis"); err != nil {
		return err
	}
	if err := w.write(ctx, st); err != nil {
		return err
	}
	if err := w.deps.Fail.At("sessionize.after-clickhouse"); err != nil {
		return err
	}
	return w.announce(ctx, st)
}

// write makes the rows of a stretch durable.
func (w *Worker) write(ctx context.Context, st *stretch) error {
	for i := range st.rows {
		w.unconfirmed[Visitor{st.rows[i].Workspace, st.rows[i].Visitor}] = true
	}
	if len(st.hits)+len(st.rows) > 0 {
		if err := w.deps.Sink.WriteHits(ctx, st.hits, st.rows); err != nil {
			return err
		}
	}
	if late := st.late(w); len(late) > 0 {
		if err := w.deps.Sink.WriteLate(ctx, late); err != nil {
			return err
		}
	}
	return w.confirm(ctx)
}

// stretch is what one call of Process works on.
type stretch struct {
	hits     []*schema.Hit
	visitors []*visit
	byName   map[Visitor]*visit
	rows     []schema.SessionRow
	dead     []*schema.DeadRecord
	progress schema.Millis
	why      schema.Cause // of what changes; empty: hits came
}

// visit is one visitor of a stretch.
type visit struct {
	name      Visitor
	workspace *schema.Workspace
	hits      []*schema.Hit // of this stretch
	state     *schema.VisitorState
	before    []*schema.WrittenKey // written before this stretch
	claims    []*schema.Claim
	changed   bool        // session rows are written
	late      bool        // a hit came after the seal
	anew      bool        // derived from everything that is stored
	order     *erasing    // what of the visitor is to go
	erased    []schema.ID // hits in ClickHouse that an erasure names
	strays    []schema.ID // those of them that are in none of its stretches
	read      bool        // from ClickHouse: nobody knows yet whether its rows stand
}

// sort finds whose the hits are. A record that is none, or of no workspace,
// becomes a dead letter.
func (w *Worker) sort(read []message) (*stretch, error) {
	st := &stretch{byName: make(map[Visitor]*visit), progress: w.owner.Progress()}
	for _, m := range read {
		reason := m.reason
		var ws *schema.Workspace
		if reason == "" {
			var known bool
			if ws, known = w.deps.Workspaces.Workspace(m.hit.GetWorkspace()); !known {
				if w.mayAppear(m.hit) {
					return nil, fmt.Errorf("cannot find the workspace %d yet", m.hit.GetWorkspace())
				}
				reason = schema.DeadUnknownWorkspace
			}
		}
		if reason != "" {
			st.dead = append(st.dead, stream.DeadLetter(m.record, Stage, reason, "", schema.MillisOf(w.deps.Now())))
			continue
		}
		if w.erased(m.hit) {
			w.metrics.erased.Inc()
			continue
		}
		st.add(m.hit, ws)
	}
	return st, nil
}

// mayAppear tells whether to wait for a workspace: when it was not missed for
// long, and the hit arrived lately.
func (w *Worker) mayAppear(hit *schema.Hit) bool {
	now := w.deps.Now()
	first, missed := w.unknown[hit.GetWorkspace()]
	if !missed {
		first = now
		w.unknown[hit.GetWorkspace()] = now
	}
	return now.Sub(first) < newWorkspace && now.Sub(schema.Millis(hit.GetReceived()).Time()) < time.Minute
}

// message is a record as it was read: a hit, an order, or the reason why it is
// neither.
type message struct {
	record *stream.Record
	hit    *schema.Hit
	order  *schema.HitRecord
	reason string
}

func readAll(records []*stream.Record) []message {
	read := make([]message, len(records))
	for i, r := range records {
		read[i] = readRecord(r)
	}
	return read
}

func readRecord(r *stream.Record) message {
	body := new(schema.HitRecord)
	if err := proto.Unmarshal(r.Value, body); err != nil {
		return message{record: r, reason: schema.DeadMalformed}
	}
	if isOrder(body) {
		if !isWhole(body) {
			return message{record: r, reason: schema.DeadIncomplete}
		}
		return message{record: r, order: body}
	}
	hit := body.GetHit()
	if hit == nil || len(hit.GetId()) != 16 || hit.GetVisitor() == "" {
		return message{record: r, reason: schema.DeadIncomplete}
	}
	return message{record: r, hit: hit}
}

func (st *stretch) add(hit *schema.Hit, ws *schema.Workspace) {
	st.progress = max(st.progress, schema.Millis(hit.GetReceived()))
	st.hits = append(st.hits, hit)
	name := Visitor{hit.GetWorkspace(), hit.GetVisitor()}
	v := st.byName[name]
	if v == nil {
		v = &visit{name: name, workspace: ws}
		st.byName[name] = v
		st.visitors = append(st.visitors, v)
	}
	v.hits = append(v.hits, hit)
}

func (w *Worker) observe(st *stretch) {
	now := w.deps.Now()
	w.metrics.hits.Add(float64(len(st.hits)))
	for _, h := range st.hits {
		w.metrics.durable.Observe(now.Sub(schema.Millis(h.GetReceived()).Time()).Seconds())
	}
}
