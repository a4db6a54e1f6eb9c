package clickhouse

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"sourceloop/schema"
)

// Attribute computes which touches earned the conversions of these contacts,
// or of everybody when contacts is nil, from what is stored, and appends a row
// to the table conversions where that differs from the newest: also a row that
// says deleted, for a conversion that counts no longer. Calling it again
// changes nothing.
//
// contacts must hold every contact that a conversion may have moved from or
// to; a conversion that belongs to a contact which was not asked for is left
// alone. version orders the rows of one conversion; it must grow with every
// change of what they are computed from, and calls for one workspace must not
// overlap, which is so when the owner of the workspace's leads makes them.
// Each row says why it differs from the one before, as the contact's Recredit
// does; for everybody it is a change of rules.
func (s *Sink) Attribute(ctx context.Context, workspace uint32, contacts []schema.Recredit, version uint64) error {
	if contacts == nil {
		return s.attributeEverybody(ctx, workspace, version)
	}
	return s.crediting().attributeAll(ctx, workspace, contacts, version, false)
}

// crediting is how a few contacts are credited.
func (s *Sink) crediting() *crediting {
	return &crediting{conn: s.conn, goals: s.config.Goals, atOnce: s.attributeAtOnce}
}

// because are contacts that are all looked at for one cause.
func because(why schema.Cause, contacts []schema.ID) []schema.Recredit {
	all := make([]schema.Recredit, len(contacts))
	for i, id := range contacts {
		all[i] = schema.Recredit{Contact: id, Why: why}
	}
	return all
}

// AttributeAnew does the same for some contacts, and appends a row for each of
// their conversions, so that what was known of them before can go.
func (s *Sink) AttributeAnew(ctx context.Context, workspace uint32, contacts []schema.ID, version uint64) error {
	return s.crediting().attributeAll(ctx, workspace, because(schema.CauseErasure, contacts), version, true)
}

// askedTables writes conversions as the tables that the statement names.
func askedTables(conversions []conversion) ([]*ext.Table, error) {
	asked, err := ext.NewTable("asked", columns(
		"id", "FixedString(16)", "counts", "Bool", "happened", "Int64", "name", "String", "provider", "String", "external_id", "String",
		"url", "String", "value", "Float64", "currency", "String", "contact", "FixedString(16)", "identified", "Int64",
		"has_email", "Bool", "has_phone", "Bool", "own", "String")...)
	if err != nil {
		return nil, err
	}
	looks, err := ext.NewTable("looks", columns(
		"id", "FixedString(16)", "happened", "Int64", "contact", "FixedString(16)", "own", "Bool", "visitor", "String",
		"since", "Array(Int64)", "owners", "Array(FixedString(16))")...)
	if err != nil {
		return nil, err
	}
	for i := range conversions {
		c := &conversions[i]
		if err := asked.Append(raw(c.id), c.counts, int64(c.at), c.name, c.provider, c.external, c.url, c.value, c.currency,
			raw(c.contact), int64(c.identified), c.hasEmail, c.hasPhone, c.own); err != nil {
			return nil, err
		}
		for _, b := range c.browsers {
			if err := looks.Append(raw(c.id), int64(c.at), raw(c.contact), b.visitor == c.own, b.visitor, b.since, b.owners); err != nil {
				return nil, err
			}
		}
	}
	return []*ext.Table{asked, looks}, nil
}

// addCauses adds why the contacts are looked at.
func addCauses(tables []*ext.Table, contacts []schema.Recredit) ([]*ext.Table, error) {
	causes, err := ext.NewTable("causes", columns("contact", "FixedString(16)", "why", "String")...)
	if err != nil {
		return nil, err
	}
	for _, c := range contacts {
		if err := causes.Append(raw(c.Contact), string(c.Why)); err != nil {
			return nil, err
		}
	}
	return append(tables, causes), nil
}

// columns reads pairs of a name and a type.
func columns(pairs ...string) []func(*ext.Table) error {
	var all []func(*ext.Table) error
	for pair := range slices.Chunk(pairs, 2) {
		all = append(all, ext.Column(pair[0], column.Type(pair[1])))
	}
	return all
}

// raw are the bytes of an id, as a FixedString takes them.
func raw(id schema.ID) string { return string(id[:]) }
