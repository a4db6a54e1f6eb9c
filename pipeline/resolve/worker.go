package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/failpoint"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// Stage is the name of this stage in metrics and dead letters.
const Stage = "resolve"

// Log is where evidence and dead letters go.
type Log interface {
	Append(ctx context.Context, topic string, keys, values [][]byte) error
	AppendDead(ctx context.Context, letters []*schema.DeadRecord) error
}

// Erasures knows what was erased, so that nothing brings it back.
type Erasures interface {
	Erased(workspace uint32, node schema.Node, at, arrived schema.Millis) bool
}

// Outlet passes on what webhooks led to. It is safe for concurrent use.
type Outlet struct {
	// Erasures are consulted before anything is passed on; nil: nothing was
	// erased.
	Erasures Erasures

	log      Log
	now      func() time.Time
	outcomes *prometheus.CounterVec
	refused  *prometheus.CounterVec
}

// NewOutlet registers the metrics of the stage.
func NewOutlet(log Log, now func() time.Time, reg prometheus.Registerer) *Outlet {
	o := &Outlet{
		log: log, now: now,
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_webhooks_resolved_total", Help: "Webhooks by topic and outcome.",
		}, []string{"topic", "outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_webhook_values_refused_total", Help: "Values in providers' records that were not believed.",
		}, []string{"field"}),
	}
	reg.MustRegister(o.outcomes, o.refused)
	return o
}

// Deliver produces the evidence of a result and returns when it is durable. An
// unknown topic is kept with the dead letters.
func (o *Outlet) Deliver(ctx context.Context, rec *schema.WebhookRecord, result *Result) error {
	evidence := o.unerased(rec, result.Evidence)
	keys := make([][]byte, len(evidence))
	values := make([][]byte, len(evidence))
	for i, e := range evidence {
		value, err := proto.Marshal(&schema.LeadRecord{
			Workspace: rec.GetWorkspace(), Received: rec.GetReceived(), Body: &schema.LeadRecord_Evidence{Evidence: e},
		})
		if err != nil {
			return fmt.Errorf("cannot encode a lead: %w", err)
		}
		keys[i], values[i] = schema.LeadKey(rec.GetWorkspace()), value
	}
	if err := o.log.Append(ctx, schema.TopicLeads, keys, values); err != nil {
		return err
	}
	if result.Outcome == Aside {
		if err := o.bury(ctx, rec, schema.DeadUnknownTopic, ""); err != nil {
			return err
		}
	}
	o.outcomes.WithLabelValues(result.Topic, string(result.Outcome)).Inc()
	for _, r := range result.Refused {
		o.refused.WithLabelValues(r.Field).Inc()
	}
	return nil
}

// unerased leaves out whom an erasure names that was asked for after the
// webhook had arrived: it may have waited, or be replayed. What a look found
// says itself when it arrived.
func (o *Outlet) unerased(rec *schema.WebhookRecord, all []*schema.Evidence) []*schema.Evidence {
	if o.Erasures == nil {
		return all
	}
	var left []*schema.Evidence
	for _, e := range all {
		e = identity.Forget(e, func(node schema.Node, at, arrived schema.Millis) bool {
			return o.Erasures.Erased(rec.GetWorkspace(), node, at, cmp.Or(arrived, schema.Millis(rec.GetReceived())))
		})
		if e != nil {
			left = append(left, e)
		}
	}
	return left
}

// Bury makes a webhook a dead letter and returns when that is durable.
func (o *Outlet) Bury(ctx context.Context, rec *schema.WebhookRecord, reason error) error {
	kind := schema.DeadRefused
	var later *ErrLater
	if errors.As(reason, &later) {
		kind = schema.DeadGivenUp
	}
	o.outcomes.WithLabelValues("unknown", kind).Inc()
	return o.bury(ctx, rec, kind, reason.Error())
}

func (o *Outlet) bury(ctx context.Context, rec *schema.WebhookRecord, reason, detail string) error {
	value, err := proto.Marshal(rec)
	if err != nil {
		return fmt.Errorf("cannot encode a webhook: %w", err)
	}
	id := schema.Derive("dead", schema.TopicWebhooks, string(value))
	return o.log.AppendDead(ctx, []*schema.DeadRecord{{
		Topic: schema.TopicWebhooks, Partition: -1, Offset: -1, Key: schema.WebhookKey(rec.GetProvider(), rec.GetApp()),
		Value: value, Stage: Stage, Reason: reason, Detail: detail, At: int64(schema.MillisOf(o.now())), Id: id[:],
	}})
}

// Waiting is where webhooks wait that can't be finished now.
type Waiting interface {
	PutInbox(ctx context.Context, rec *schema.WebhookRecord, after time.Duration, why string) error
}

// Stager makes the workers of the topic webhooks. They have no state.
type Stager struct {
	Resolver Resolver
	Outlet   *Outlet
	Waiting  Waiting
	Log      Log
	Now      func() time.Time
	Fail     failpoint.Reach // for tests
}

// New takes a partition over.
func (s *Stager) New(context.Context, stream.Assignment) (stream.Worker, error) { return s, nil }

// Skip has no state to move on.
func (s *Stager) Skip(context.Context, *stream.Record) error { return nil }

// Close has nothing to release.
func (s *Stager) Close() {}

// MaxBatch is how many webhooks a stretch should have at most: each takes a
// few questions to the provider, and a stretch that is cut off is repeated
// whole.
const MaxBatch = 100

// connectionsAtOnce bounds how many connections of a stretch are asked side by
// side.
const connectionsAtOnce = 8

// Process resolves a stretch of webhooks: connections side by side, the
// webhooks of one in their order. What can't be finished goes to the inbox, so
// that one connection never holds up the others.
func (s *Stager) Process(ctx context.Context, records []*stream.Record) error {
	queues, dead := s.queues(records)
	if err := s.Log.AppendDead(ctx, dead); err != nil {
		return err
	}
	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		failures error
		panicked any
	)
	slots := make(chan struct{}, connectionsAtOnce)
	for _, queue := range queues {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			caught, err := s.resolveGuarded(ctx, queue)
			mu.Lock()
			defer mu.Unlock()
			failures = errors.Join(failures, err)
			if caught != nil {
				panicked = caught
			}
		})
	}
	group.Wait()
	if panicked != nil {
		panic(panicked) // The lane finds out which record it was.
	}
	return failures
}

// resolveGuarded hands a panic over, since one in a goroutine of its own would
// end the process.
func (s *Stager) resolveGuarded(ctx context.Context, queue []*schema.WebhookRecord) (caught any, err error) {
	defer func() { caught = recover() }()
	return nil, s.resolveAll(ctx, queue)
}

func (s *Stager) queues(records []*stream.Record) (queues map[string][]*schema.WebhookRecord, dead []*schema.DeadRecord) {
	queues = make(map[string][]*schema.WebhookRecord)
	for _, r := range records {
		if len(r.Value) == 0 {
			continue // It was put there so that the one before it can go.
		}
		rec := new(schema.WebhookRecord)
		if err := proto.Unmarshal(r.Value, rec); err != nil || rec.GetProvider() == "" {
			dead = append(dead, stream.DeadLetter(r, Stage, schema.DeadMalformed, "", schema.MillisOf(s.Now())))
			continue
		}
		key := rec.GetProvider() + "/" + strconv.FormatInt(rec.GetConnection(), 10)
		queues[key] = append(queues[key], rec)
	}
	return queues, dead
}

func (s *Stager) resolveAll(ctx context.Context, queue []*schema.WebhookRecord) error {
	for _, rec := range queue {
		if err := s.resolve(ctx, rec); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stager) resolve(ctx context.Context, rec *schema.WebhookRecord) error {
	result, err := s.Resolver.Resolve(ctx, rec)
	var later *ErrLater
	switch {
	case err == nil:
		return s.deliver(ctx, rec, result)
	case errors.As(err, &later):
		return s.Waiting.PutInbox(ctx, rec, later.After, later.Reason)
	case schema.KindOf(err) == schema.KindInvalid:
		return s.Outlet.Bury(ctx, rec, err)
	}
	return err
}

func (s *Stager) deliver(ctx context.Context, rec *schema.WebhookRecord, result *Result) error {
	if err := s.Fail.At("resolve.after-asking"); err != nil {
		return err
	}
	if err := s.Outlet.Deliver(ctx, rec, result); err != nil {
		return err
	}
	return s.Fail.At("resolve.after-produce")
}
