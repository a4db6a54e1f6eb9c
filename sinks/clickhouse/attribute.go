package clickhouse

import (
	"context"
	_ "embed" // the statement
	"encoding/hex"
	"slices"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/schema"
)

//go:embed sql/attribute.sql
var attributeSQL string

// attributeAtOnce is how many contacts one statement takes.
const attributeAtOnce = 1000

// Attribute computes which touches earned the conversions of these contacts,
// or of everybody when contacts is nil, from what is stored, and appends a row
// to the table conversions where that differs from the newest: also a row that
// says deleted, for a conversion that counts no longer. Calling it again
// changes nothing.
//
// contacts must hold every contact that a conversion may have moved from or
// to. version orders the rows of one conversion; it must grow with every
// change of what they are computed from, and calls for one workspace must not
// overlap, which is so when the owner of the workspace's leads makes them.
func (s *Sink) Attribute(ctx context.Context, workspace uint32, contacts []schema.ID, version uint64) error {
	if contacts == nil {
		return s.attribute(ctx, workspace, nil, version)
	}
	for some := range slices.Chunk(contacts, attributeAtOnce) {
		if err := s.attribute(ctx, workspace, some, version); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sink) attribute(ctx context.Context, workspace uint32, contacts []schema.ID, version uint64) error {
	asked := make([]string, len(contacts))
	for i, id := range contacts {
		asked[i] = hex.EncodeToString(id[:])
	}
	err := s.conn.Exec(ctx, attributeSQL,
		driver.Named("workspace", workspace),
		driver.Named("contacts", asked),
		driver.Named("everybody", contacts == nil),
		driver.Named("version", version))
	return explain("attribute conversions", err)
}
