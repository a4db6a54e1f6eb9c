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
