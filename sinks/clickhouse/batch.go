package clickhouse

import "sourceloop/schema"

// Batch is what one worker wants to be durable. Any part may be empty.
type Batch struct {
	Hits       []*schema.Hit
	Sessions   []schema.SessionRow
	Claims     []schema.ClaimRow
	Facts      []schema.FactRow
	Identities []schema.IdentityRow
	Contacts   []schema.ContactRow
	Late       []schema.LateRow
	Dead       []*schema.DeadRecord
}

// Len is the number of rows.
func (b *Batch) Len() int {
	return len(b.Hits) + len(b.Sessions) + len(b.Claims) + len(b.Facts) + len(b.Identities) + len(b.Contacts) + len(b.Late) + len(b.Dead)
}
