package api

import (
	"context"

	"sourceloop/control"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// stageFacts say of nodes where their contact stands.
type stageFacts map[schema.Node]control.Stage

// of is the contact's stage: of the facts about its nodes the newest.
func (f stageFacts) of(c *report.Contact) string {
	nodes := make([]schema.Node, len(c.Evidence))
	for i, e := range c.Evidence {
		nodes[i] = e.Node
	}
	return control.NewestStage(nodes, f)
}

// stageNode is the node that a fact about a contact is written on: what names
// the person best.
func stageNode(c *report.Contact) schema.Node {
	var best schema.Node
	for _, e := range c.Evidence {
		if best == "" || e.Node.Rank() < best.Rank() || e.Node.Rank() == best.Rank() && e.Node < best {
			best = e.Node
		}
	}
	return best
}

// ListStages lists the stages in their order.
func (s *service) ListStages(ctx context.Context, in ListStagesRequestObject) (ListStagesResponseObject, error) {
	who := callerOf(ctx)
	names, err := s.Store.StageNames(ctx, who.Principal)
	if err != nil {
		return nil, err
	}
	var counts map[string]int64
	if yes(in.Params.Count) {
		if counts, err = s.stageCounts(ctx, who); err != nil {
			return nil, err
		}
	}
	return ListStages200JSONResponse{Items: stagesOf(names, counts)}, nil
}

// stagesOf are stages as the API tells them; counts is nil where nobody asked.
func stagesOf(names []control.StageName, counts map[string]int64) []Stage {
	all := make([]Stage, 0, len(names))
	for _, name := range names {
		stage := Stage{Name: name.Name, BuiltIn: name.BuiltIn}
		if counts != nil && name.Name != control.FirstStage {
			stage.Contacts = new(counts[name.Name])
		}
		all = append(all, stage)
	}
	return all
}

// stageCounts says how many contacts are in each stage but the first, in which
// are all the others.
func (s *service) stageCounts(ctx context.Context, who caller) (map[string]int64, error) {
	facts, owners, err := s.staged(ctx, who)
	counts := map[string]int64{}
	for _, held := range owners {
		counts[control.NewestStage(held, facts)]++
	}
	return counts, err
}

// staged are the facts of a workspace, and the contacts that they are about
// with their nodes.
func (s *service) staged(ctx context.Context, who caller) (stageFacts, map[schema.ID][]schema.Node, error) {
	facts, err := s.Store.Stages(ctx, who.Workspace)
	if err != nil {
		return nil, nil, err
	}
	nodes := make([]schema.Node, 0, len(facts))
	for n := range facts {
		nodes = append(nodes, n)
	}
	owners, err := s.reports(who).ContactsOf(ctx, nodes)
	return facts, owners, err
}

// ReplaceStages changes the list of stages.
func (s *service) ReplaceStages(ctx context.Context, in ReplaceStagesRequestObject) (ReplaceStagesResponseObject, error) {
	stages := make([]control.StageName, len(in.Body.Items))
	for i, item := range in.Body.Items {
		stages[i] = control.StageName{Name: item.Name, Was: text(item.Was)}
	}
	saved, err := s.Store.SaveStages(ctx, callerOf(ctx).Principal, stages)
	return ReplaceStages200JSONResponse{Items: stagesOf(saved, nil)}, err
}

// inStage narrows a query to the contacts in a stage. Everybody is in the
// first one who is in no other.
func (s *service) inStage(ctx context.Context, who caller, stage string, q *report.ContactQuery) error {
	facts, owners, err := s.staged(ctx, who)
	if err != nil {
		return err
	}
	q.Only = []schema.ID{}
	for id, held := range owners {
		there := control.NewestStage(held, facts) == stage
		switch {
		case there && stage != control.FirstStage:
			q.Only = append(q.Only, id)
		case !there && stage == control.FirstStage:
			q.Except = append(q.Except, id)
		}
	}
	if stage == control.FirstStage {
		q.Only = nil
	}
	return nil
}
