package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sourceloop/schema"
)

// FirstStage is where a contact stands of whom nobody said anything.
const FirstStage = "New"

const (
	maxStages    = 50
	maxStageName = 50 // characters
)

// BuiltInStages are always there, in this order until somebody changes it.
func BuiltInStages() []string {
	return []string{FirstStage, "Contacted", "In Progress", "Converted", "Lost"}
}

// StageName is a stage of a workspace.
type StageName struct {
	Name    string
	BuiltIn bool
	Was     string // to SaveStages: the name it had, when it is renamed
}

// StageNames are the stages of a workspace in their order: FirstStage, then the
// built-in ones and its own as they were put.
func (s *Store) StageNames(ctx context.Context, who Principal) ([]StageName, error) {
	const op = "list the stages"
	if err := who.Require(op, Read); err != nil {
		return nil, err
	}
	all, err := s.reader().stageList(ctx, who.Workspace)
	return all, failed(op, err)
}

func (r runner) stageList(ctx context.Context, workspace uint32) ([]StageName, error) {
	var stored []string
	err := r.each(ctx, "stage_list", []any{int64(workspace)}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		stored = append(stored, name)
		return err
	})
	return inOrder(stored), err
}

// inOrder completes stored names with the built-in ones. Those that were never
// put anywhere come first.
func inOrder(stored []string) []StageName {
	var all []StageName
	for _, name := range BuiltInStages() {
		if name == FirstStage || !slices.Contains(stored, name) {
			all = append(all, StageName{Name: name, BuiltIn: true})
		}
	}
	for _, name := range stored {
		if name != FirstStage {
			all = append(all, StageName{Name: name, BuiltIn: slices.Contains(BuiltInStages(), name)})
		}
	}
	return all
}

// SaveStages puts a workspace's stages into an order, adds what is new, renames
// what has a Was, and removes what is missing. Built-in ones cannot be missing or
// renamed; one that a destination needs cannot be missing. Contacts at a stage
// that is renamed stay at it; those at one that is removed are New again.
func (s *Store) SaveStages(ctx context.Context, who Principal, stages []StageName) ([]StageName, error) {
	const op = "save the stages"
	if err := who.Require(op, EditStages); err != nil {
		return nil, err
	}
	stages, err := checkStages(op, stages)
	if err != nil {
		return nil, err
	}
	var saved []StageName
	err = s.updateOutbox(ctx, op, func(t *tx) error {
		was, err := t.stageList(ctx, who.Workspace)
		if err != nil {
			return err
		}
		if err = t.replaceStages(ctx, op, who, was, stages); err != nil {
			return err
		}
		if saved, err = t.stageList(ctx, who.Workspace); err != nil {
			return err
		}
		if err = t.audit(ctx, who, "stages changed", fmt.Sprintf("%d stages", len(saved))); err != nil {
			return err
		}
		return t.change(ctx, who.Workspace, "stages")
	})
	return saved, err
}

// checkStages judges a list by itself.
func checkStages(op string, stages []StageName) ([]StageName, error) {
	refuse := func(format string, args ...any) ([]StageName, error) {
		return nil, schema.E(op, schema.KindInvalid, format, args...)
	}
	if len(stages) > maxStages {
		return refuse("A workspace may have %d stages at most.", maxStages)
	}
	all := make([]StageName, len(stages))
	seen := map[string]bool{}
	for i, stage := range stages {
		stage.Name, stage.Was = strings.TrimSpace(stage.Name), strings.TrimSpace(stage.Was)
		if stage.Name == "" || utf8.RuneCountInString(stage.Name) > maxStageName {
			return refuse("A stage needs a name of at most %d characters.", maxStageName)
		}
		if folded := strings.ToLower(stage.Name); seen[folded] {
			return refuse("Two stages are named %q. Give each its own name.", stage.Name)
		} else {
			seen[folded] = true
		}
		stage.BuiltIn = slices.Contains(BuiltInStages(), stage.Name)
		if stage.Was == stage.Name {
			stage.Was = ""
		}
		if stage.Was != "" && (stage.BuiltIn || slices.Contains(BuiltInStages(), stage.Was)) {
			return refuse("The built-in stages keep their names, and no other stage can take one.")
		}
		all[i] = stage
	}
	for _, name := range BuiltInStages() {
		if !slices.ContainsFunc(all, func(s StageName) bool { return s.Name == name }) {
			return refuse("The stage %q is built in and cannot be removed.", name)
		}
	}
	if all[0].Name != FirstStage {
		return refuse("The stage %q comes first: everybody begins there.", FirstStage)
	}
	return all, nil
}

// replaceStages renames, removes and orders.
func (t *tx) replaceStages(ctx context.Context, op string, who Principal, was, stages []StageName) error {
	kept := map[string]string{} // of the names there were: what each is now
	for _, stage := range stages {
		old := stage.Name
		if stage.Was != "" {
			old = stage.Was
		}
		if _, twice := kept[old]; twice {
			return schema.E(op, schema.KindInvalid, "Two stages are to take the place of %q. Let one do so.", old)
		}
		kept[old] = stage.Name
	}
	for _, old := range was {
		name, stays := kept[old.Name]
		if stays && name == old.Name {
			continue
		}
		if !stays {
			if err := t.stageNeeded(ctx, op, who.Workspace, old.Name); err != nil {
				return err
			}
		}
	}
	if err := t.moveStages(ctx, who.Workspace, was, kept); err != nil {
		return err
	}
	if _, err := t.exec(ctx, "stage_list_clear", int64(who.Workspace)); err != nil {
		return err
	}
	for place, stage := range stages {
		if _, err := t.exec(ctx, "stage_list_add", int64(who.Workspace), stage.Name, int64(place)); err != nil {
			return err
		}
	}
	return nil
}

// stageNeeded refuses to remove a stage by which something is sent or counted.
func (t *tx) stageNeeded(ctx context.Context, op string, workspace uint32, stage string) error {
	all, err := t.destinations(ctx, "destinations_of", int64(workspace))
	if err != nil {
		return err
	}
	for _, d := range all {
		if _, valued := d.Value.ByStage[stage]; valued || d.Stage == stage {
			return schema.E(op, schema.KindConflict, "The destination %q sends by the stage %q. Change it there first, then remove the stage.", d.Name, stage)
		}
	}
	var goal string
	found, err := t.one(ctx, "goal_at_stage", []any{int64(workspace), stage}, &goal)
	if err == nil && found {
		err = schema.E(op, schema.KindConflict, "The goal %q counts who reaches the stage %q. Change it first, then remove the stage.", goal, stage)
	}
	return err
}

// moveStages carries along all that names a stage. Names go through ones that
// nobody can give, so that two may change places.
func (t *tx) moveStages(ctx context.Context, workspace uint32, was []StageName, kept map[string]string) error {
	type move struct{ from, by, to string }
	var moves []move
	for i, old := range was {
		to, stays := kept[old.Name]
		if stays && to == old.Name {
			continue
		}
		if !stays {
			to = FirstStage
			if _, err := t.exec(ctx, "stage_changes_drop", int64(workspace), old.Name); err != nil {
				return err
			}
		}
		moves = append(moves, move{from: old.Name, by: fmt.Sprintf("\x01%d", i), to: to})
	}
	for _, step := range []func(m move) (from, to string){
		func(m move) (string, string) { return m.from, m.by },
		func(m move) (string, string) { return m.by, m.to },
	} {
		for _, m := range moves {
			from, to := step(m)
			if err := t.renameStage(ctx, workspace, from, to, m.to != FirstStage); err != nil {
				return err
			}
		}
	}
	return nil
}

// renameStage renames a stage wherever it is named. Who came to one that is no more
// came there all the same: of a stage that is only renamed, reached says.
func (t *tx) renameStage(ctx context.Context, workspace uint32, from, to string, reached bool) error {
	steps := []string{"stage_facts_rename", "stage_changes_rename", "stage_pushes_rename", "goal_stages_rename"}
	if reached {
		steps = append(steps, "stage_firsts_copy")
	}
	for _, step := range steps {
		if _, err := t.exec(ctx, step, int64(workspace), from, to); err != nil {
			return err
		}
	}
	if reached {
		if _, err := t.exec(ctx, "stage_firsts_drop", int64(workspace), from); err != nil {
			return err
		}
	}
	all, err := t.destinations(ctx, "destinations_of", int64(workspace))
	if err != nil {
		return err
	}
	for _, d := range all {
		value, valued := d.Value.ByStage[from]
		if !valued && d.Stage != from {
			continue
		}
		if valued {
			delete(d.Value.ByStage, from)
			d.Value.ByStage[to] = value
		}
		if d.Stage == from {
			d.Stage = to
		}
		if _, err = t.exec(ctx, "destination_stages", d.ID, d.Stage, asJSON(d.Value)); err != nil {
			return err
		}
	}
	return nil
}

// StageChange says that somebody put a contact at a stage.
type StageChange struct {
	Serial    int64
	Workspace uint32
	Node      schema.Node // of the contact
	Stage     string
	At        schema.Millis
	lease     string
}

// reachStage notes that a node comes to another stage than it was at, for who
// sends conversions by it, and adds a stage that nobody knows.
func (t *tx) reachStage(ctx context.Context, workspace uint32, node schema.Node, stage string) error {
	var was string
	if _, err := t.one(ctx, "stage_of", []any{int64(workspace), string(node)}, &was); err != nil || was == stage {
		return err
	}
	if !slices.Contains(BuiltInStages(), stage) {
		if _, err := t.exec(ctx, "stage_list_add", int64(workspace), stage, int64(maxStages)); err != nil {
			return err
		}
	}
	serial, err := t.serial(ctx, "stage_changes")
	if err != nil {
		return err
	}
	if _, err = t.exec(ctx, "stage_first_put", int64(workspace), string(node), stage, int64(t.now)); err != nil {
		return err
	}
	_, err = t.exec(ctx, "stage_change_insert", serial, int64(workspace), string(node), stage, int64(t.now))
	return err
}

// TakeStageChanges takes the oldest changes that nobody looked at. For as long as
// lease nobody else gets them.
func (s *Store) TakeStageChanges(ctx context.Context, limit int, lease time.Duration) ([]StageChange, error) {
	mark := newSecret("")
	var all []StageChange
	err := s.update(ctx, "take changes of stages", func(t *tx) error {
		args := []any{int64(t.now), mark, int64(t.now.Add(lease)), int64(limit)}
		return t.each(ctx, "stage_changes_take", args, func(scan func(...any) error) error {
			c := StageChange{lease: mark}
			var workspace int64
			err := scan(&c.Serial, &workspace, &c.Node, &c.Stage, &c.At)
			c.Workspace = uint32(workspace)
			all = append(all, c)
			return err
		})
	})
	slices.SortFunc(all, func(a, b StageChange) int { return int(a.Serial - b.Serial) })
	return all, err
}

// FinishStageChanges forgets changes that were looked at. Losing a lease
// meanwhile is no error: whoever has it looks again.
func (s *Store) FinishStageChanges(ctx context.Context, changes []StageChange) error {
	return s.update(ctx, "finish changes of stages", func(t *tx) error {
		for _, c := range changes {
			if _, err := t.exec(ctx, "stage_change_finish", c.Serial, c.lease); err != nil {
				return err
			}
		}
		return nil
	})
}
