package control

import (
	"context"
	"time"
)

// KeepDeliveries is how long what a provider delivered is kept as it came, and
// what was noted about its coming: product rule, also after disconnecting.
const KeepDeliveries = 30 * 24 * time.Hour

// TakeChore tells whether something that is done every so often is to be done
// now, by the caller and nobody else. A new chore is first due after that time.
func (s *Store) TakeChore(ctx context.Context, name string, every time.Duration) (mine bool, err error) {
	err = s.update(ctx, "take a chore", func(t *tx) error {
		made, err := t.exec(ctx, "chore_begin", name, int64(t.now))
		if err != nil || made > 0 {
			return err
		}
		taken, err := t.exec(ctx, "chore_take", name, int64(t.now), int64(t.now.Add(-every)))
		mine = taken > 0
		return err
	})
	return mine, err
}

// ForgetDeliveries deletes webhooks that have waited for KeepDeliveries, the log
// of those that were sent, and what was noted of connections that were closed that long ago, with the log of
// what was sent through them. What was captured is elsewhere, and stays.
func (s *Store) ForgetDeliveries(ctx context.Context) error {
	forgotten := int64(0)
	err := s.updateOutbox(ctx, "forget deliveries", func(t *tx) error {
		for _, step := range []string{"inbox_expire", "attempts_expire", "pushes_expire", "pushes_forgotten", "connections_expire", "deliveries_expire"} {
			n, err := t.exec(ctx, step, int64(t.now.Add(-KeepDeliveries)))
			if err != nil {
				return err
			}
			if step == "inbox_expire" || step == "pushes_expire" {
				forgotten += n
			}
		}
		return nil
	})
	if err != nil || forgotten == 0 {
		return err
	}
	return failed("forget deliveries", s.scrub(ctx))
}
