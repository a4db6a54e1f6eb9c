package deliver

import (
	"context"
	"fmt"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

// Stages plans pushes for contacts that reached a stage.
type Stages struct {
	Deps *Deps
	// Every is how often it is looked for them; one second when 0.
	Every time.Duration
}

const (
	stagesAtOnce = 100
	stageLease   = 30 * time.Second
	// stagePatience is how long a contact that reached a stage may wait for its
	// conversion to be known. It is looked for whenever the lease ends.
	stagePatience = 10 * time.Minute
)

// Run works until ctx ends. What fails is taken again when its lease is over.
func (s *Stages) Run(ctx context.Context) error {
	every := s.Every
	if every <= 0 {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := s.Work(ctx); err != nil && ctx.Err() == nil {
			s.Deps.Slog.Warn("stages that contacts reached could not be looked at; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Work looks at the changes that nobody has looked at.
func (s *Stages) Work(ctx context.Context) error {
	changes, err := s.Deps.Stages.TakeStageChanges(ctx, stagesAtOnce, stageLease)
	if err != nil {
		return err
	}
	var done []control.StageChange
	for i := range changes {
		c := &changes[i]
		found, err := s.look(ctx, c)
		if err != nil {
			return fmt.Errorf("workspace %d: %w", c.Workspace, err)
		}
		if found || s.Deps.now().Sub(c.At) > stagePatience {
			done = append(done, *c)
		}
	}
	if len(done) == 0 {
		return nil
	}
	return s.Deps.Stages.FinishStageChanges(ctx, done)
}

// look plans what a stage fires, and tells whether nothing is left to wait for.
func (s *Stages) look(ctx context.Context, c *control.StageChange) (bool, error) {
	all, err := s.Deps.Destinations.ActiveDestinations(ctx, c.Workspace)
	if err != nil {
		return false, err
	}
	var firing []control.Destination
	for _, d := range all {
		if d.Trigger == control.OnStage && d.Stage == c.Stage && c.At >= d.From {
			firing = append(firing, d)
		}
	}
	if len(firing) == 0 {
		return true, nil
	}
	contact, err := s.Deps.Reader.Owner(ctx, c.Workspace, c.Node)
	if err != nil || contact.IsZero() {
		return false, err
	}
	standing, err := s.Deps.Reader.Standing(ctx, c.Workspace, []schema.ID{contact}, 0)
	if err != nil {
		return false, err
	}
	return s.fire(ctx, c, firing, contact, standing)
}

func (s *Stages) fire(ctx context.Context, c *control.StageChange, firing []control.Destination, contact schema.ID, standing []schema.Standing) (bool, error) {
	var pushes []control.Push
	for i := range firing {
		d := &firing[i]
		if conversion := reached(d, standing, contact, c.At); conversion != nil {
			pushes = append(pushes, planned(d, conversion, c.At, c.Stage))
		}
	}
	if len(pushes) == 0 {
		return false, nil
	}
	if err := s.Deps.wait(ctx, c.Workspace, pushes, nil); err != nil {
		return false, err
	}
	return len(pushes) == len(firing), s.Deps.Outbox.PlanPushes(ctx, pushes)
}
