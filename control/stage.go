package control

import (
	"cmp"
	"context"
	"strings"
	"unicode/utf8"

	"sourceloop/schema"
)

// Stage is a fact about a node: where its contact stands in the sale. Of a
// contact's nodes the newest fact counts.
type Stage struct {
	Name string
	At   schema.Millis
}

// NewestStage is where a contact stands, by the facts about its nodes: the newest
// counts, and of two at one moment the one whose name comes later, so that the
// order of the nodes plays no part. Without a fact it is the first stage.
func NewestStage(nodes []schema.Node, facts map[schema.Node]Stage) string {
	var newest Stage
	for _, n := range nodes {
		fact, ok := facts[n]
		if ok && (fact.At > newest.At || fact.At == newest.At && fact.Name > newest.Name) {
			newest = fact
		}
	}
	return cmp.Or(newest.Name, FirstStage)
}

// SetStage says where the contact of a node stands: at a stage of StageNames, or
// at a new one, which is then added to them.
func (s *Store) SetStage(ctx context.Context, who Principal, node schema.Node, name string) error {
	const op = "set the stage"
	if err := who.Require(op, EditStages); err != nil {
		return err
	}
	name = strings.TrimSpace(name)
	if node == "" || name == "" || utf8.RuneCountInString(name) > 50 {
		return schema.E(op, schema.KindInvalid, "A stage needs a contact and a name of at most 50 characters.")
	}
	return s.update(ctx, op, func(t *tx) error {
		if err := t.lockOutbox(ctx); err != nil {
			return err
		}
		if err := t.reachStage(ctx, who.Workspace, node, name); err != nil {
			return err
		}
		_, err := t.exec(ctx, "stage_put", int64(who.Workspace), string(node), name, int64(t.now), who.User)
		return err
	})
}

// Stages are all facts of a workspace. They are set by hand, so that they are
// few.
func (s *Store) Stages(ctx context.Context, workspace uint32) (map[schema.Node]Stage, error) {
	all := map[schema.Node]Stage{}
	err := s.reader().each(ctx, "stages_of", []any{int64(workspace)}, func(scan func(...any) error) error {
		var node string
		var stage Stage
		err := scan(&node, &stage.Name, &stage.At)
		all[schema.Node(node)] = stage
		return err
	})
	return all, failed("read the stages", err)
}

// FirstReached tells when nodes first came to a stage, under the name it had
// then, whatever was said of their contacts since.
func (s *Store) FirstReached(ctx context.Context, workspace uint32, stage string) (map[schema.Node]schema.Millis, error) {
	all := map[schema.Node]schema.Millis{}
	err := s.reader().each(ctx, "stage_firsts_of", []any{int64(workspace), stage}, func(scan func(...any) error) error {
		var node string
		var at schema.Millis
		err := scan(&node, &at)
		all[schema.Node(node)] = at
		return err
	})
	return all, failed("read when a stage was reached", err)
}
