package report

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Merge is another contact and the node by which it was first known.
type Merge struct {
	Contact schema.ID
	Node    schema.Node
}

// Merges are the contacts that became part of one, and those from which Admins
// keep it apart.
type Merges struct {
	Self   Merge
	Merged []Merge
	Apart  []Apart
}

// Apart is a contact that is kept apart, by words about pairs of nodes.
type Apart struct {
	Merge
	Pairs [][]schema.Node
}

// Merges tells with whom a contact became one, and from whom it is kept apart.
// An id of a contact that became part of it is one of its own.
func (s Scoped) Merges(ctx context.Context, id schema.ID) (Merges, error) {
	c, err := s.Contact(ctx, id)
	if err != nil {
		return Merges{}, err
	}
	nodes := c.nodes()
	byID := make(map[schema.ID]schema.Node, len(nodes))
	for _, n := range nodes {
		byID[schema.ContactID(s.workspace, n)] = n
	}
	m := Merges{Self: Merge{c.ID, byID[c.ID]}}
	former := make([]schema.ID, 0, len(byID))
	for id := range byID {
		former = append(former, id)
	}
	rows, err := s.contactsByID(ctx, former)
	if err != nil {
		return m, err
	}
	for id, row := range rows {
		if id != c.ID && !row.deleted && row.Redirect == c.ID {
			m.Merged = append(m.Merged, Merge{id, byID[id]})
		}
	}
	slices.SortFunc(m.Merged, func(a, b Merge) int { return a.Contact.Compare(b.Contact) })
	m.Apart, err = s.keptApart(ctx, nodes)
	return m, err
}

// nodes are the contact's, without browsers, each once.
func (c *Contact) nodes() []schema.Node {
	var nodes []schema.Node
	for _, e := range c.Evidence {
		if e.Node.Kind() != schema.NodeVisitor && !slices.Contains(nodes, e.Node) {
			nodes = append(nodes, e.Node)
		}
	}
	return nodes
}

// keptApart reads the newest word on every pair of nodes of which one is among
// these, and finds whose the other is.
func (s Scoped) keptApart(ctx context.Context, nodes []schema.Node) ([]Apart, error) {
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = string(n)
	}
	pairs := make(map[schema.Node][][]schema.Node)
	var others []schema.Node
	err := s.query(ctx, "kept_apart", nil, map[string]any{"nodes": texts}, func(rows driver.Rows) error {
		var two []string
		if err := rows.Scan(&two); err != nil || len(two) != 2 {
			return err
		}
		pair := []schema.Node{schema.Node(two[0]), schema.Node(two[1])}
		for _, n := range pair {
			if !slices.Contains(nodes, n) {
				pairs[n] = append(pairs[n], pair)
				others = append(others, n)
			}
		}
		return nil
	})
	if err != nil || len(others) == 0 {
		return nil, err
	}
	owners, err := s.ContactsOf(ctx, others)
	if err != nil {
		return nil, err
	}
	var all []Apart
	for id, held := range owners {
		a := Apart{Merge: Merge{Contact: id}}
		for _, n := range held {
			a.Pairs = append(a.Pairs, pairs[n]...)
			if a.Node == "" && pairs[n] != nil {
				a.Node = n
			}
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Apart) int { return a.Contact.Compare(b.Contact) })
	return all, nil
}
