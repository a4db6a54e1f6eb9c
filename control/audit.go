package control

import (
	"context"
	"math"

	"sourceloop/schema"
)

// AuditEntry says who did what. Subject names things by number or kind.
type AuditEntry struct {
	ID      int64
	At      schema.Millis
	User    int64
	Action  string
	Subject string
}

// Audit are the newest entries of the principal's workspace older than before
// (an entry's ID; 0 for the newest of all), at most limit.
func (s *Store) Audit(ctx context.Context, who Principal, before int64, limit int) ([]AuditEntry, error) {
	const op = "read the audit log"
	if err := who.Require(op, ReadAudit); err != nil {
		return nil, err
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	var all []AuditEntry
	err := s.reader().each(ctx, "audit_list", []any{int64(who.Workspace), before, int64(limit)}, func(scan func(...any) error) error {
		var e AuditEntry
		err := scan(&e.ID, &e.At, &e.User, &e.Action, &e.Subject)
		all = append(all, e)
		return err
	})
	return all, failed(op, err)
}
