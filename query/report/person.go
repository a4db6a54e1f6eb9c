package report

import (
	"cmp"
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Person is somebody whom a provider names, as far as they are known.
type Person struct {
	Contact  *Contact         // nil when nothing of theirs has arrived yet
	Sessions []JourneySession // all visits, oldest first; of the browser alone while there is no contact
}

// Person finds who a node is. visitor is the browser that the provider's record
// names, or "": by it the visits of somebody are known of whom nothing else has
// arrived, unless the browser is another contact's.
func (s Scoped) Person(ctx context.Context, node schema.Node, visitor string) (Person, error) {
	nodes := []string{string(node)}
	if visitor != "" {
		nodes = append(nodes, string(schema.NewNode(schema.NodeVisitor, visitor)))
	}
	owners, err := s.lastOwners(ctx, nodes)
	if err != nil {
		return Person{}, err
	}
	id, known := owners[string(node)]
	if !known {
		return s.stranger(ctx, owners, visitor)
	}
	contact, err := s.Contact(ctx, id)
	if schema.KindOf(err) == schema.KindUnknown {
		return s.stranger(ctx, owners, visitor)
	}
	if err != nil {
		return Person{}, err
	}
	journeys, err := s.journeys(ctx, []*Contact{&contact})
	if err != nil {
		return Person{}, err
	}
	return Person{Contact: &contact, Sessions: journeys[0].Sessions}, nil
}

// stranger has visits where the browser is nobody's.
func (s Scoped) stranger(ctx context.Context, owners map[string]schema.ID, visitor string) (Person, error) {
	if _, taken := owners[string(schema.NewNode(schema.NodeVisitor, visitor))]; visitor == "" || taken {
		return Person{}, nil
	}
	all, err := s.sessionsOf(ctx, []string{visitor})
	sessions := all[visitor]
	slices.SortFunc(sessions, func(a, b JourneySession) int {
		return cmp.Or(cmp.Compare(a.StartedAt, b.StartedAt), a.ID.Compare(b.ID))
	})
	return Person{Sessions: sessions}, err
}

// lastOwners tells whose nodes are now.
func (s Scoped) lastOwners(ctx context.Context, nodes []string) (map[string]schema.ID, error) {
	owners := make(map[string]schema.ID, len(nodes))
	err := s.query(ctx, "owners", nil, map[string]any{"nodes": nodes}, func(rows driver.Rows) error {
		var node string
		var since []int64
		var contacts []string
		err := rows.Scan(&node, &since, &contacts)
		if n := len(contacts); err == nil && n > 0 {
			owners[node] = schema.ID([]byte(contacts[n-1]))
		}
		return err
	})
	return owners, err
}
