package notify

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/pipeline/failpoint"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// Stage is the name of this stage in metrics and dead letters.
const Stage = "notify"

// leadsAtOnce is how many contacts are looked at together: one transaction.
const leadsAtOnce = 200

// Lead is a contact whose email or phone is known, as a receiver sees it.
type Lead struct {
	ID      schema.ID
	Former  []schema.ID   // contacts that became part of it
	Since   schema.Millis // when the first email or phone came
	Changed schema.Millis // when the newest happened of what is known of it
	Data    []byte        // JSON; personal
}

// fingerprint stands for what a receiver sees.
func (l *Lead) fingerprint() schema.ID { return schema.Derive("lead", string(l.Data)) }

// Leads reads leads from where they can be queried.
type Leads interface {
	// Leads gives those of some contacts, or of those that these became part of,
	// who live and are leads; each once.
	Leads(ctx context.Context, workspace uint32, contacts []schema.ID) ([]Lead, error)
}

// Plans keeps what is to be told; *control.Store does.
type Plans interface {
	Listening(ctx context.Context, workspace uint32) (bool, error)
	PlanDeliveries(ctx context.Context, workspace uint32, leads []control.LeadSeen, settle time.Duration) error
}

// Dead is where records go that can't be processed.
type Dead interface {
	AppendDead(ctx context.Context, letters []*schema.DeadRecord) error
}

// Stager makes the workers of the topic credited. They have no state.
type Stager struct {
	Leads Leads
	Plans Plans
	Dead  Dead
	// Settle is how long a delivery waits at first, so that what arrives together
	// is told of together: a chat, its email and the visits before it.
	Settle time.Duration
	Slog   *slog.Logger
	Now    func() time.Time
	Fail   failpoint.Reach // for tests
}

// New takes a partition over.
func (s *Stager) New(context.Context, stream.Assignment) (stream.Worker, error) { return s, nil }

// Skip has no state to move on.
func (s *Stager) Skip(context.Context, *stream.Record) error { return nil }

// Close has nothing to release.
func (s *Stager) Close() {}

// Process plans what is to be told of the contacts of a stretch. A record
// without contacts means everybody, after a rebuild: an operator's work on the
// past is told to nobody until something else happens to a contact.
func (s *Stager) Process(ctx context.Context, records []*stream.Record) error {
	contacts, dead := s.read(records)
	if err := s.Dead.AppendDead(ctx, dead); err != nil {
		return err
	}
	for workspace, ids := range contacts {
		if err := s.plan(ctx, workspace, ids); err != nil {
			return err
		}
	}
	return s.Fail.At("notify.after-plan")
}

// read gives each workspace's contacts once, in their order.
func (s *Stager) read(records []*stream.Record) (map[uint32][]schema.ID, []*schema.DeadRecord) {
	contacts, seen := map[uint32][]schema.ID{}, map[schema.ID]bool{}
	var dead []*schema.DeadRecord
	for _, r := range records {
		record := new(schema.CreditedRecord)
		if len(r.Value) == 0 {
			continue // It says nothing: put there so that what was before it can go.
		}
		if err := proto.Unmarshal(r.Value, record); err != nil {
			dead = append(dead, stream.DeadLetter(r, Stage, schema.DeadMalformed, "", schema.MillisOf(s.Now())))
			continue
		}
		for _, b := range record.GetContacts() {
			if len(b) != len(schema.ID{}) || seen[schema.ID(b)] {
				continue
			}
			seen[schema.ID(b)] = true
			contacts[record.GetWorkspace()] = append(contacts[record.GetWorkspace()], schema.ID(b))
		}
	}
	return contacts, dead
}

func (s *Stager) plan(ctx context.Context, workspace uint32, ids []schema.ID) error {
	listening, err := s.Plans.Listening(ctx, workspace)
	if err != nil || !listening {
		return err
	}
	for len(ids) > 0 {
		n := min(len(ids), leadsAtOnce)
		leads, err := s.Leads.Leads(ctx, workspace, ids[:n])
		if err != nil {
			return fmt.Errorf("cannot read leads of workspace %d: %w", workspace, err)
		}
		seen := make([]control.LeadSeen, len(leads))
		for i := range leads {
			l := &leads[i]
			seen[i] = control.LeadSeen{Contact: l.ID, Former: l.Former, Fingerprint: l.fingerprint(), Since: l.Since, Changed: l.Changed}
		}
		if err := s.Plans.PlanDeliveries(ctx, workspace, seen, s.Settle); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}
