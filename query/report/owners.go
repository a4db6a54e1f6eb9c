package report

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// ContactsOf finds the live contacts that have some of these nodes, each with
// all its nodes.
func (s Scoped) ContactsOf(ctx context.Context, nodes []schema.Node) (map[schema.ID][]schema.Node, error) {
	owners := make(map[schema.ID][]schema.Node)
	if len(nodes) == 0 {
		return owners, nil
	}
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = string(n)
	}
	err := s.query(ctx, "contacts_of", nil, map[string]any{"nodes": texts}, func(rows driver.Rows) error {
		var id string
		var held []string
		if err := rows.Scan(&id, &held); err != nil {
			return err
		}
		for _, n := range held {
			owners[schema.ID([]byte(id))] = append(owners[schema.ID([]byte(id))], schema.Node(n))
		}
		return nil
	})
	return owners, err
}

// Owners finds whose nodes were at a moment each, and gives for every contact
// the earliest of them.
func (s Scoped) Owners(ctx context.Context, moments map[schema.Node]schema.Millis) (map[schema.ID]schema.Millis, error) {
	earliest := make(map[schema.ID]schema.Millis)
	if len(moments) == 0 {
		return earliest, nil
	}
	texts := make([]string, 0, len(moments))
	for n := range moments {
		texts = append(texts, string(n))
	}
	err := s.query(ctx, "owners", nil, map[string]any{"nodes": texts}, func(rows driver.Rows) error {
		var identity schema.Identity
		var node string
		var since []int64
		var contacts []string
		if err := rows.Scan(&node, &since, &contacts); err != nil {
			return err
		}
		for i := range contacts {
			identity.Since = append(identity.Since, schema.Millis(since[i]))
			identity.Contacts = append(identity.Contacts, schema.ID([]byte(contacts[i])))
		}
		moment := moments[schema.Node(node)]
		if owner := identity.Owner(moment); !owner.IsZero() && (earliest[owner] == 0 || moment < earliest[owner]) {
			earliest[owner] = moment
		}
		return nil
	})
	return earliest, err
}
