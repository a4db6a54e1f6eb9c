package control

import "context"

// NoteMerge writes into the audit log that somebody keeps two contacts apart, or
// no longer does. The evidence names the claim that says which.
func (s *Store) NoteMerge(ctx context.Context, who Principal, apart bool, evidence string) error {
	const op = "decide on a merge"
	if err := who.Require(op, UndoMerges); err != nil {
		return err
	}
	action := "merge undone"
	if !apart {
		action = "merge allowed again"
	}
	return s.update(ctx, op, func(t *tx) error { return t.audit(ctx, who, action, evidence) })
}
