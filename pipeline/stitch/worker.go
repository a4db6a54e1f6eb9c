package stitch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/failpoint"
	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// Stage is the name of this stage in metrics and dead letters.
const Stage = "stitch"

// Rows is what one stretch makes durable, in this order.
type Rows struct {
	Claims     []schema.ClaimRow
	Facts      []schema.FactRow
	Identities []schema.IdentityRow
	Contacts   []schema.ContactRow
}

// Sink makes rows durable and credits conversions. Writing a row again, or
// crediting again, changes nothing.
type Sink interface {
	WriteLeads(ctx context.Context, rows *Rows) error
	// Attribute credits the conversions of these contacts, of everybody when
	// there is no list, from the sessions that are stored, and keeps what
	// differs from before.
	Attribute(ctx context.Context, workspace uint32, contacts []schema.Recredit, version uint64) error
	// AttributeAnew credits conversions of some contacts and keeps that also
	// where it is as before.
	AttributeAnew(ctx context.Context, workspace uint32, contacts []schema.ID, version uint64) error
	// EraseOwners deletes whose nodes were below a version, and gives the
	// contacts whose conversions were ever credited from the browsers.
	EraseOwners(ctx context.Context, e *schema.ErasedLeads) (credited []schema.ID, err error)
	// EraseLeads deletes the other rows below a version.
	EraseLeads(ctx context.Context, e *schema.ErasedLeads) error
	// NoteStep says how far an order has come.
	NoteStep(ctx context.Context, step *schema.TaskStep) error
}

// Past is the identity truth of one workspace.
type Past struct {
	Claims   []*schema.Claim
	Facts    []*schema.ConversionFact
	Contacts []schema.ID // every id that was ever written
}

// History reads what was written before.
type History interface {
	// WorkspacesWithClaims lists the workspaces that any claim belongs to.
	WorkspacesWithClaims(ctx context.Context) ([]uint32, error)
	Leads(ctx context.Context, workspace uint32) (Past, error)
	HighestEpoch(ctx context.Context) (uint32, error)
}

// Dead is where records go that can't be processed.
type Dead interface {
	AppendDead(ctx context.Context, letters []*schema.DeadRecord) error
}

// Log is where it goes who was credited, and leads that are to be looked at
// again.
type Log interface {
	Append(ctx context.Context, topic string, keys, values [][]byte) error
}

// Erasures knows what was erased, so that nothing brings it back.
type Erasures interface {
	Erased(workspace uint32, node schema.Node, at, arrived schema.Millis) bool
}

// Deps are what the workers of this stage share.
type Deps struct {
	State    *state.Store
	Sink     Sink
	History  History
	Erasures Erasures // nil: nothing was erased
	Dead     Dead
	Log      Log
	Slog     *slog.Logger
	Now      func() time.Time
	Fail     failpoint.Reach // for tests
}

// Stager makes the workers of one process.
type Stager struct {
	deps    Deps
	metrics *metrics
}

type metrics struct {
	claims, conversions, joined, strays prometheus.Counter
	refused                             *prometheus.CounterVec
	durable                             prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "sourceloop_stitch_" + name, Help: help})
		reg.MustRegister(c)
		return c
	}
	m := &metrics{
		claims:      counter("claims_total", "Claims read from the log."),
		conversions: counter("conversions_total", "Conversions read from the log."),
		strays:      counter("stray_components_total", "Components whose rows were written after the partition had another owner, and looked at again."),
		joined:      counter("components_joined_total", "Components of the identity graph that new claims connected."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_identity_refusals_total", Help: "Joins and ids refused in the components touched, by reason.",
		}, []string{"reason"}),
		durable: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sourceloop_lead_durable_seconds", Help: "From a webhook's arrival until its contact can be queried.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 16),
		}),
	}
	reg.MustRegister(m.refused, m.durable)
	return m
}

// NewStager registers the metrics of the stage.
func NewStager(deps Deps, reg prometheus.Registerer) *Stager {
	return &Stager{deps: deps, metrics: newMetrics(reg)}
}

// Worker owns the identity graphs of the workspaces in one partition of leads.
type Worker struct {
	deps    Deps
	metrics *metrics
	owner   *state.Owner
	tag     string

	unconfirmed map[place]*schema.LeadRecord // components whose rows may have come after somebody else's
}

func tag(partition int32) string { return "l" + strconv.Itoa(int(partition)) }

// New takes the partition over, and refills it when Redis was lost.
func (s *Stager) New(ctx context.Context, a stream.Assignment) (stream.Worker, error) {
	owner, err := s.deps.State.Claim(ctx, tag(a.Partition), s.deps.Now(), s.deps.History.HighestEpoch)
	if err != nil {
		return nil, err
	}
	if err := s.deps.Fail.At("stitch.takeover"); err != nil {
		return nil, err
	}
	committed, err := a.Confirm(ctx)
	if err != nil {
		return nil, err
	}
	old, err := owner.Settle(ctx, committed)
	if err != nil {
		return nil, fenced(err)
	}
	w := &Worker{deps: s.deps, metrics: s.metrics, owner: owner, tag: tag(a.Partition), unconfirmed: make(map[place]*schema.LeadRecord)}
	if owner.Cold() {
		if err := w.refill(ctx, a.Partition, old); err != nil {
			return nil, fenced(err)
		}
	}
	return w, nil
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

// Process makes the effect of a stretch of records durable: evidence together,
// and every order alone.
func (w *Worker) Process(ctx context.Context, records []*stream.Record) error {
	read := readAll(records)
	for len(read) > 0 {
		n := 1
		if !read[0].isOrder() {
			for n < len(read) && !read[n].isOrder() {
				n++
			}
		}
		if err := w.part(ctx, read[:n]); err != nil {
			if errors.Is(err, stream.ErrFenced) {
				w.disown(ctx)
			}
			return err
		}
		read = read[n:]
	}
	return nil
}

func (w *Worker) part(ctx context.Context, read []message) error {
	if read[0].isOrder() {
		return fenced(w.obey(ctx, read[0].lead, read[0].record.Offset))
	}
	return w.stitch(ctx, read)
}

func (w *Worker) stitch(ctx context.Context, read []message) error {
	st, dead := w.sort(read)
	if err := st.load(ctx, w.owner); err != nil {
		return w.distrust(ctx, err)
	}
	w.metrics.joined.Add(float64(st.join()))
	version := w.owner.NextVersion()
	rows := st.resolve(version)
	pairs, deletions, err := st.stored()
	if err != nil {
		return err
	}
	last := read[len(read)-1].record.Offset + 1
	if err := w.owner.Save(ctx, last, schema.Millis(st.received), pairs, deletions); err != nil {
		return fenced(err)
	}
	if err := w.deps.Fail.At("stitch.after-redis"); err != nil {
		return err
	}
	if err := w.write(ctx, st, rows, version); err != nil {
		return err
	}
	if err := w.deps.Dead.AppendDead(ctx, dead); err != nil {
		return err
	}
	w.observe(st)
	return nil
}

// distrust starts the partition over from ClickHouse when Redis lost a part of
// it. Only its owner does, since others may see it while it changes.
func (w *Worker) distrust(ctx context.Context, err error) error {
	if !errors.Is(err, errTorn) {
		return err
	}
	if err := w.owner.Save(ctx, w.owner.Applied(), w.owner.Progress(), nil, nil); err != nil {
		return fenced(err)
	}
	w.deps.Slog.Warn("Redis lost a part of the identity map; starting cold from ClickHouse", "partition", w.tag)
	if err := w.deps.State.Forget(ctx, w.tag); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w", stream.ErrFenced, err)
}

func (w *Worker) write(ctx context.Context, st *stretch, rows *Rows, version uint64) error {
	st.own(w.unconfirmed)
	if err := w.deps.Sink.WriteLeads(ctx, rows); err != nil {
		return err
	}
	if err := w.deps.Fail.At("stitch.after-rows"); err != nil {
		return err
	}
	for workspace, contacts := range st.recredits() {
		if err := w.deps.Sink.Attribute(ctx, workspace, contacts, version); err != nil {
			return err
		}
	}
	if err := w.deps.Fail.At("stitch.after-attribution"); err != nil {
		return err
	}
	for workspace, contacts := range st.contacts() {
		if err := w.tell(ctx, workspace, contacts); err != nil {
			return err
		}
	}
	return fenced(w.confirm(ctx))
}

// message is a record as it was read; reason says why it can have no effect.
type message struct {
	record *stream.Record
	lead   *schema.LeadRecord // nil with a reason
	reason string
}

func (m *message) isOrder() bool { return m.lead.GetRebuild() != nil || m.lead.GetErase() != nil }

func readAll(records []*stream.Record) []message {
	read := make([]message, len(records))
	for i, r := range records {
		read[i].record = r
		read[i].lead, read[i].reason = decodeLead(r.Value)
	}
	return read
}

func (w *Worker) sort(read []message) (*stretch, []*schema.DeadRecord) {
	st := newStretch()
	var dead []*schema.DeadRecord
	for _, m := range read {
		if m.reason != "" {
			dead = append(dead, stream.DeadLetter(m.record, Stage, m.reason, "", schema.MillisOf(w.deps.Now())))
			continue
		}
		arrived(m.lead)
		if lead := w.unerased(m.lead); lead != nil {
			st.add(lead)
		}
	}
	return st, dead
}

// decodeLead reads a record, or says why it can have no effect. What is let
// through can be stored: an id of another length no table takes, however often
// it is tried, and a row of another workspace would be nobody's to see.
func decodeLead(value []byte) (lead *schema.LeadRecord, reason string) {
	lead = &schema.LeadRecord{}
	if err := proto.Unmarshal(value, lead); err != nil || lead.GetBody() == nil {
		return nil, schema.DeadMalformed
	}
	sound := func(id []byte, workspace uint32, nodes ...string) bool {
		return len(id) == len(schema.ID{}) && workspace == lead.GetWorkspace() && len(nodes) > 0 && !slices.Contains(nodes, "")
	}
	for _, c := range lead.GetEvidence().GetClaims() {
		if !sound(c.GetId(), c.GetWorkspace(), c.GetNodes()...) {
			return nil, schema.DeadIncomplete
		}
	}
	if f := lead.GetEvidence().GetConversion(); f != nil && !sound(f.GetId(), f.GetWorkspace(), f.GetNode()) {
		return nil, schema.DeadIncomplete
	}
	if order := lead.GetRebuild(); order != nil && !sound(order.GetTask(), order.GetWorkspace(), "order") {
		return nil, schema.DeadIncomplete
	}
	if order := lead.GetErase(); order != nil && !sound(order.GetTask(), order.GetWorkspace(), "order") {
		return nil, schema.DeadIncomplete
	}
	for _, id := range lead.GetErase().GetContacts() {
		if !sound(id, lead.GetWorkspace(), "contact") {
			return nil, schema.DeadIncomplete
		}
	}
	return lead, ""
}

func (w *Worker) observe(st *stretch) {
	w.metrics.claims.Add(float64(st.claims))
	w.metrics.conversions.Add(float64(st.facts))
	for _, reason := range st.refusals {
		w.metrics.refused.WithLabelValues(reason).Inc()
	}
	now := w.deps.Now()
	for _, at := range st.arrivals {
		w.metrics.durable.Observe(now.Sub(at.Time()).Seconds())
	}
}
