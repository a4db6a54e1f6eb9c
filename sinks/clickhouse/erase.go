package clickhouse

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// do runs a named statement that gives no rows.
func (s *Sink) do(ctx context.Context, name string, args ...any) error {
	sql, err := statements.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return fmt.Errorf("cannot find the statement %s: %w", name, err)
	}
	return explain(name, s.conn.Exec(ctx, string(sql), args...))
}

func texts(nodes []schema.Node) []string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = string(n)
	}
	return all
}

// EraseHits deletes hits and former rows of sessions of one browser. Nobody
// sees them when it returns; ApplyDeletions takes them off the disk.
func (s *Sink) EraseHits(ctx context.Context, e *schema.ErasedHits) error {
	begins, ends := make([]int64, len(e.Stretches)), make([]int64, len(e.Stretches))
	for i, stretch := range e.Stretches {
		begins[i], ends[i] = stretch.GetFrom(), stretch.GetTo()
	}
	whose := []any{driver.Named("workspace", e.Workspace), driver.Named("visitor", e.Visitor)}
	if err := s.do(ctx, "erase_hits", append(whose, driver.Named("until", int64(e.Until)), driver.Named("begins", begins),
		driver.Named("ends", ends), driver.Named("ids", hexadecimal(e.IDs)))...); err != nil {
		return err
	}
	if err := s.do(ctx, "erase_sessions", append(whose, driver.Named("version", e.Version))...); err != nil {
		return err
	}
	return s.eraseJourneys(ctx, whose)
}

// eraseJourneys deletes a browser's rows from all copies in journeys: what is
// left of it is read from sessions from now on. A copy that is under way sees the
// mark and takes its day once more, so that no note has to keep who it was.
func (s *Sink) eraseJourneys(ctx context.Context, whose []any) error {
	for _, statement := range []string{"erase_journeys_mark", "erase_journeys_note", "erase_journeys", "erase_journey_changes"} {
		if err := s.do(ctx, statement, whose...); err != nil {
			return err
		}
	}
	return nil
}

// EraseOwners deletes whose nodes were, so that nothing is credited by it any
// more, and gives the contacts that were credited from the browsers.
func (s *Sink) EraseOwners(ctx context.Context, e *schema.ErasedLeads) (credited []schema.ID, err error) {
	for _, statement := range []string{"erase_identities", "erase_contacts"} {
		if err := s.do(ctx, statement, eraseArgs(e, nil)...); err != nil {
			return nil, err
		}
	}
	if len(e.Browsers) == 0 {
		return nil, nil
	}
	return s.ids(ctx, "credited_from", driver.Named("workspace", e.Workspace), driver.Named("browsers", e.Browsers))
}

// EraseLeads deletes former rows of conversions and claims. Claims go last: they
// are what the others would be made from again.
func (s *Sink) EraseLeads(ctx context.Context, e *schema.ErasedLeads) error {
	facts, err := s.ids(ctx, "facts_of", driver.Named("workspace", e.Workspace), driver.Named("nodes", texts(e.Nodes)))
	if err != nil {
		return err
	}
	facts = slices.DeleteFunc(append(facts, e.Facts...), func(id schema.ID) bool { return slices.Contains(e.Kept, id) })
	for _, statement := range []string{"erase_conversions", "erase_facts", "erase_claims"} {
		if err := s.do(ctx, statement, eraseArgs(e, facts)...); err != nil {
			return err
		}
	}
	return nil
}

func eraseArgs(e *schema.ErasedLeads, facts []schema.ID) []any {
	return []any{
		driver.Named("workspace", e.Workspace), driver.Named("version", e.Version), driver.Named("nodes", texts(e.Nodes)),
		driver.Named("contacts", hexadecimal(e.Contacts)), driver.Named("gone", hexadecimal(e.Gone)), driver.Named("facts", hexadecimal(facts)),
		driver.Named("credited", hexadecimal(e.Credited)), driver.Named("browsers", e.Browsers),
	}
}

// ids reads a column of ids.
func (s *Sink) ids(ctx context.Context, name string, args ...any) (ids []schema.ID, err error) {
	err = s.each(ctx, name, func(rows chdriver.Rows) error {
		id, err := scanID(rows)
		ids = append(ids, id)
		return err
	}, args...)
	return ids, err
}

func scanID(rows chdriver.Rows) (schema.ID, error) {
	var text string
	if err := rows.Scan(&text); err != nil {
		return schema.ID{}, err
	}
	return schema.IDFromBytes([]byte(text))
}

// ApplyDeletions takes what was erased off the disk: it begins one mutation for
// every table. Pages that only the erased had seen go along.
func (s *Sink) ApplyDeletions(ctx context.Context) error {
	if err := s.do(ctx, "erase_journey_items"); err != nil {
		return err
	}
	for _, table := range []string{
		"hits", "sessions", "identities", "contacts", "conversions", "conversion_facts", "claims", "journeys", "journey_items", "journey_changes",
	} {
		if err := s.do(ctx, "apply_deletions", driver.Named("table", table)); err != nil {
			return err
		}
	}
	return nil
}

// Owner gives the contact that a node belongs to now, zero when it is nobody's.
func (s *Sink) Owner(ctx context.Context, workspace uint32, node schema.Node) (schema.ID, error) {
	var owner schema.ID
	err := s.each(ctx, "person_owner", func(rows chdriver.Rows) (err error) {
		owner, err = scanID(rows)
		return err
	}, driver.Named("workspace", workspace), driver.Named("node", string(node)))
	return owner, err
}

// Contact gives a contact, or the one that it became part of, with its nodes
// and every id that it ever had; nil when there is none.
func (s *Sink) Contact(ctx context.Context, workspace uint32, id schema.ID) (contact *schema.Contact, ids []schema.ID, err error) {
	for hops := 0; contact == nil && hops < 10; hops++ {
		var redirect schema.ID
		var found bool
		var nodes []string
		err := s.each(ctx, "person_contact", func(rows chdriver.Rows) (err error) {
			var text string
			if err = rows.Scan(&text, &nodes); err == nil {
				redirect, err = schema.IDFromBytes([]byte(text))
			}
			found = true
			return err
		}, driver.Named("workspace", workspace), driver.Named("contact", hex.EncodeToString(id[:])))
		if err != nil || !found {
			return nil, nil, err
		}
		if !redirect.IsZero() {
			id = redirect
			continue
		}
		contact = &schema.Contact{ID: id, Workspace: workspace}
		for _, n := range nodes {
			contact.Nodes = append(contact.Nodes, schema.Node(n))
		}
	}
	ids, err = s.ids(ctx, "person_ids", driver.Named("workspace", workspace), driver.Named("contact", hex.EncodeToString(id[:])))
	return contact, ids, err
}

// Browsers gives the visitors that are a contact's, if only at times.
func (s *Sink) Browsers(ctx context.Context, workspace uint32, contact schema.ID) ([]schema.Identity, error) {
	var all []schema.Identity
	err := s.each(ctx, "person_browsers", func(rows chdriver.Rows) error {
		i := schema.Identity{Workspace: workspace}
		var since []int64
		var contacts []string
		if err := rows.Scan((*string)(&i.Node), &since, &contacts); err != nil {
			return err
		}
		for k, text := range contacts {
			id, err := schema.IDFromBytes([]byte(text))
			if err != nil {
				return err
			}
			i.Since, i.Contacts = append(i.Since, schema.Millis(since[k])), append(i.Contacts, id)
		}
		all = append(all, i)
		return nil
	}, driver.Named("workspace", workspace), driver.Named("contact", hex.EncodeToString(contact[:])))
	return all, err
}

// Traits hands every combination of traits that the workspace's hits have to
// yield, as a hit with visitor, traits and country.
func (s *Sink) Traits(ctx context.Context, workspace uint32, yield func(*schema.Hit)) error {
	return s.each(ctx, "person_traits", func(rows chdriver.Rows) error {
		h := &schema.Hit{Workspace: workspace, Traits: &schema.Traits{}}
		if err := rows.Scan(&h.Visitor, &h.Traits.Email, &h.Traits.Phone, &h.Traits.UserId, &h.Country); err != nil {
			return err
		}
		yield(h)
		return nil
	}, driver.Named("workspace", workspace))
}
