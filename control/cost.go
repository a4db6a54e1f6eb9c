package control

import "context"

// NoteCosts writes into the audit log what was done with the cost of ads. The
// subject tells days and numbers, nobody's name.
func (s *Store) NoteCosts(ctx context.Context, who Principal, action, subject string) error {
	const op = "change what ads cost"
	if err := who.Require(op, EditCosts); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error { return t.audit(ctx, who, action, subject) })
}
