package api

import (
	"cmp"
	"context"
	"slices"

	"sourceloop/control"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// firstStage is where a contact stands of whom nobody said anything.
const firstStage = "New"

// builtInStages come before a workspace's own.
func builtInStages() []string {
	return []string{firstStage, "Contacted", "In Progress", "Converted", "Lost"}
}

// stageFacts say of nodes where their contact stands.
type stageFacts map[schema.Node]control.Stage

// of is the contact's stage: of the facts about its nodes the newest.
func (f stageFacts) of(c *report.Contact) string {
	nodes := make([]schema.Node, len(c.Evidence))
	for i, e := range c.Evidence {
		nodes[i] = e.Node
	}
	return f.newest(nodes)
}

func (f stageFacts) newest(nodes []schema.Node) string {
	var newest control.Stage
	for _, n := range nodes {
		fact, ok := f[n]
		if ok && (fact.At > newest.At || fact.At == newest.At && fact.Name > newest.Name) {
			newest = fact
		}
	}
	return cmp.Or(newest.Name, firstStage)
}

// stageNode is the node that a fact about a contact is written on: what names
// the person best, since a browser may become somebody else's.
func stageNode(c *report.Contact) schema.Node {
	rank := func(n schema.Node) int {
		switch {
		case n.IsProvider():
			return 0
		case n.Kind() == schema.NodeEmail:
			return 1
		case n.Kind() == schema.NodeUser:
			return 2
		case n.Kind() == schema.NodePhone:
			return 3
		}
		return 4
	}
	var best schema.Node
	for _, e := range c.Evidence {
		if best == "" || rank(e.Node) < rank(best) || rank(e.Node) == rank(best) && e.Node < best {
			best = e.Node
		}
	}
	return best
}

// ListStages lists the stages: the built-in ones, then the workspace's own by
// name.
func (s *service) ListStages(ctx context.Context, _ ListStagesRequestObject) (ListStagesResponseObject, error) {
	facts, err := s.Store.Stages(ctx, callerOf(ctx).Workspace)
	if err != nil {
		return nil, err
	}
	names := builtInStages()
	var own []string
	for _, fact := range facts {
		if !slices.Contains(names, fact.Name) {
			own = append(own, fact.Name)
		}
	}
	slices.Sort(own)
	all := ListStages200JSONResponse{}
	for _, name := range append(names, slices.Compact(own)...) {
		all.Items = append(all.Items, Stage{Name: name})
	}
	return all, nil
}

// inStage narrows a query to the contacts in a stage. Everybody is in the
// first one who is in no other.
func (s *service) inStage(ctx context.Context, who caller, stage string, q *report.ContactQuery) error {
	facts, err := s.Store.Stages(ctx, who.Workspace)
	if err != nil {
		return err
	}
	nodes := make([]schema.Node, 0, len(facts))
	for n := range facts {
		nodes = append(nodes, n)
	}
	owners, err := s.reports(who).ContactsOf(ctx, nodes)
	if err != nil {
		return err
	}
	q.Only = []schema.ID{}
	for id, held := range owners {
		there := stageFacts(facts).newest(held) == stage
		switch {
		case there && stage != firstStage:
			q.Only = append(q.Only, id)
		case !there && stage == firstStage:
			q.Except = append(q.Except, id)
		}
	}
	if stage == firstStage {
		q.Only = nil
	}
	return nil
}
