package deliver

import (
	"context"

	"sourceloop/control"
	"sourceloop/schema"
)

// amend makes good what was planned or sent for conversions that changed since:
// what counts no longer is withdrawn, and what was sent is noted, since no
// platform takes an event back. It comes before planning, which has pushes
// follow their contacts.
func (p *Planner) amend(ctx context.Context, workspace uint32, standing []schema.Standing, there []control.Push) error {
	if len(there) == 0 {
		return nil
	}
	now := make(map[schema.ID]*schema.Standing, len(standing))
	for i := range standing {
		now[standing[i].ID] = &standing[i]
	}
	var gone, moved []schema.ID
	movedFrom := make(map[schema.ID]schema.ID)
	for i := range there {
		push := &there[i]
		switch c := now[push.Conversion]; {
		case c == nil || push.Contact.IsZero():
		case c.Deleted:
			gone = append(gone, c.ID)
		case push.Contact != c.Contact && wasSent(push):
			movedFrom[c.ID] = push.Contact
			moved = append(moved, push.Contact)
		}
	}
	if err := p.withdraw(ctx, workspace, gone); err != nil {
		return err
	}
	return p.noteMoved(ctx, workspace, now, movedFrom, moved)
}

func wasSent(p *control.Push) bool {
	return p.State == schema.PushSent || p.State == schema.PushDuplicate
}

func (p *Planner) withdraw(ctx context.Context, workspace uint32, gone []schema.ID) error {
	if len(gone) == 0 {
		return nil
	}
	if err := p.Deps.Outbox.WithdrawPushes(ctx, workspace, gone); err != nil {
		return err
	}
	for _, id := range gone {
		if err := p.Deps.Outbox.NotePushes(ctx, workspace, id, noteGone); err != nil {
			return err
		}
	}
	return nil
}

// noteMoved tells of conversions that belong to another person now. That their
// contact became part of another is no news: the person is the same.
func (p *Planner) noteMoved(ctx context.Context, workspace uint32, now map[schema.ID]*schema.Standing, from map[schema.ID]schema.ID, former []schema.ID) error {
	if len(from) == 0 {
		return nil
	}
	heirs, err := p.Deps.Reader.Heirs(ctx, workspace, former)
	if err != nil {
		return err
	}
	for conversion, contact := range from {
		if heirs[contact] == now[conversion].Contact {
			continue
		}
		if err := p.Deps.Outbox.NotePushes(ctx, workspace, conversion, noteMoved); err != nil {
			return err
		}
	}
	return nil
}

// What is noted of pushes that were sent. Which id it is there stands beside it.
const (
	noteGone = "After this was sent, the conversion ceased to count: it was deleted, or its contact has neither email nor phone any more. " +
		"The platform offers no way to take it back from here; look for this push's id there if it must go."
	noteMoved = "After this was sent, it turned out to be another person's: a merge was undone. " +
		"The platform was given what was known of both, and offers no way to take it back from here; look for this push's id there if it must go."
)
