package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// Dead is where records go that can't be processed.
type Dead interface {
	AppendDead(ctx context.Context, letters []*schema.DeadRecord) error
}

// Planner makes the workers of the topic credited. They have no state.
type Planner struct {
	Deps *Deps
	Dead Dead
}

// New takes a partition over.
func (p *Planner) New(context.Context, stream.Assignment) (stream.Worker, error) { return p, nil }

// Skip has no state to move on.
func (p *Planner) Skip(context.Context, *stream.Record) error { return nil }

// Close has nothing to release.
func (p *Planner) Close() {}

const (
	// MaxBatch is how many records a stretch should have at most.
	MaxBatch = 500
	// contactsAtOnce bounds a question about contacts, pageOf one about everybody.
	contactsAtOnce = 1000
	pageOf         = 1000
)

// Process plans pushes for whoever was credited: contacts of one workspace
// together.
func (p *Planner) Process(ctx context.Context, records []*stream.Record) error {
	credited, dead := p.read(records)
	if err := p.Dead.AppendDead(ctx, dead); err != nil {
		return err
	}
	var failures error
	for workspace, c := range credited {
		if err := p.plan(ctx, workspace, c); err != nil {
			failures = errors.Join(failures, fmt.Errorf("workspace %d: %w", workspace, err))
		}
	}
	if failures != nil {
		return failures
	}
	return p.Deps.Fail.At("deliver.after-plan")
}

// credited is whom a stretch names of one workspace.
type credited struct {
	contacts  []schema.ID
	everybody bool
}

func (p *Planner) read(records []*stream.Record) (map[uint32]*credited, []*schema.DeadRecord) {
	all := make(map[uint32]*credited)
	var dead []*schema.DeadRecord
	for _, r := range records {
		if len(r.Value) == 0 {
			continue // It was put there so that the one before it can go.
		}
		rec := &schema.CreditedRecord{}
		ids, err := idsOf(r.Value, rec)
		if err != nil {
			dead = append(dead, stream.DeadLetter(r, Stage, schema.DeadMalformed, "", p.Deps.now()))
			continue
		}
		c := all[rec.GetWorkspace()]
		if c == nil {
			c = &credited{}
			all[rec.GetWorkspace()] = c
		}
		c.contacts = append(c.contacts, ids...)
		c.everybody = c.everybody || len(ids) == 0
	}
	return all, dead
}

func idsOf(value []byte, into *schema.CreditedRecord) ([]schema.ID, error) {
	if err := proto.Unmarshal(value, into); err != nil {
		return nil, err
	}
	ids := make([]schema.ID, len(into.GetContacts()))
	for i, b := range into.GetContacts() {
		id, err := schema.IDFromBytes(b)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

func (p *Planner) plan(ctx context.Context, workspace uint32, c *credited) error {
	destinations, err := p.Deps.Destinations.ActiveDestinations(ctx, workspace)
	if err != nil || len(destinations) == 0 {
		return err
	}
	since := p.since(destinations)
	if c.everybody {
		return p.planEverybody(ctx, workspace, destinations, since)
	}
	slices.SortFunc(c.contacts, schema.ID.Compare)
	for some := range slices.Chunk(slices.Compact(c.contacts), contactsAtOnce) {
		standing, err := p.Deps.Reader.Standing(ctx, workspace, some, since)
		if err != nil {
			return err
		}
		if err := p.planStanding(ctx, workspace, destinations, standing); err != nil {
			return err
		}
	}
	return nil
}

// since is before everything that may be sent: an event that happened later
// than any destination's From, and that some platform still takes.
func (p *Planner) since(destinations []control.Destination) schema.Millis {
	from := destinations[0].From
	for _, d := range destinations {
		if d.Trigger == control.OnStage {
			return p.Deps.horizon() // The conversion may be older than what fires it.
		}
		from = min(from, d.From)
	}
	return max(from, p.Deps.horizon())
}

func (p *Planner) planEverybody(ctx context.Context, workspace uint32, destinations []control.Destination, since schema.Millis) error {
	after, more := schema.Place{At: since}, true
	for more {
		var standing []schema.Standing
		var err error
		if standing, after, more, err = p.Deps.Reader.StandingAfter(ctx, workspace, after, pageOf); err != nil {
			return err
		}
		if err = p.planStanding(ctx, workspace, destinations, standing); err != nil {
			return err
		}
	}
	return nil
}

// planStanding plans what follows from some conversions.
func (p *Planner) planStanding(ctx context.Context, workspace uint32, destinations []control.Destination, standing []schema.Standing) error {
	if len(standing) == 0 {
		return nil
	}
	ids := make([]schema.ID, len(standing))
	for i := range standing {
		ids[i] = standing[i].ID
	}
	there, err := p.Deps.Outbox.PushesAbout(ctx, workspace, ids)
	if err != nil {
		return err
	}
	if err := p.amend(ctx, workspace, standing, there); err != nil {
		return err
	}
	pushes := plan(destinations, standing, there)
	if len(pushes) == 0 {
		return nil
	}
	if err := p.Deps.wait(ctx, workspace, pushes, there); err != nil {
		return err
	}
	return p.Deps.Outbox.PlanPushes(ctx, pushes)
}
