package control

import "context"

// FreeLeases gives back whatever is held under a lease: pushes, webhooks, tasks,
// looks, the turn to renew a token. It is for a process that knows that no other
// works on this database and that begins its own work after it: what its former
// self held when it was killed need not wait for the leases to run out. A push
// whose attempt was open stays open.
func (s *Store) FreeLeases(ctx context.Context) error {
	return s.updateOutbox(ctx, "free what an ended process held", func(t *tx) error {
		now := int64(t.now)
		for _, name := range []string{"leases_outbox", "leases_stages"} {
			if _, err := t.exec(ctx, name, now); err != nil {
				return err
			}
		}
		for _, name := range []string{"leases_inbox", "leases_tasks", "leases_looks", "leases_tokens"} {
			if _, err := t.exec(ctx, name, now, []byte{}); err != nil {
				return err
			}
		}
		return nil
	})
}
