package control

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sourceloop/schema"
)

const (
	maxGoals        = 100
	maxGoalName     = 120 // characters, as of any conversion
	maxGoalValue    = 2000
	maxGoalProperty = 10
)

// goalBody is what is kept of a goal beside its columns.
type goalBody struct {
	Operator   string                `json:"operator,omitempty"`
	Value      string                `json:"value,omitempty"`
	Event      string                `json:"event,omitempty"`
	Properties []schema.GoalProperty `json:"properties,omitempty"`
	Worth      float64               `json:"worth,omitempty"`
}

// Goals are those of the principal's workspace, the oldest first.
func (s *Store) Goals(ctx context.Context, who Principal) ([]schema.Goal, error) {
	const op = "list the goals"
	if err := who.Require(op, Read); err != nil {
		return nil, err
	}
	all, err := s.reader().goals(ctx, "goals_of", int64(who.Workspace))
	return all[who.Workspace], failed(op, err)
}

// goals reads goals by workspace.
func (r runner) goals(ctx context.Context, statement string, args ...any) (map[uint32][]schema.Goal, error) {
	all := map[uint32][]schema.Goal{}
	err := r.each(ctx, statement, args, func(scan func(...any) error) error {
		var workspace int64
		var g schema.Goal
		var text string
		if err := scan(&g.ID, &workspace, &g.Name, &g.Kind, &g.Stage, &text, &g.From); err != nil {
			return err
		}
		var body goalBody
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			return fmt.Errorf("cannot read goal %d: %w", g.ID, err)
		}
		g.Operator, g.Value, g.Event, g.Properties, g.Worth = body.Operator, body.Value, body.Event, body.Properties, body.Worth
		all[uint32(workspace)] = append(all[uint32(workspace)], g)
		return nil
	})
	return all, err
}

func (n *snapshot) loadGoals(ctx context.Context, r runner) error {
	all, err := r.goals(ctx, "goals_all")
	for workspace, goals := range all {
		if w, ok := n.byID[workspace]; ok {
			w.Goals = goals
		}
	}
	return err
}

// SaveGoal makes a goal when its ID is 0, and changes it otherwise. What it
// changes of the past is credited by the task that it starts.
func (s *Store) SaveGoal(ctx context.Context, who Principal, g schema.Goal) (schema.Goal, Task, error) {
	const op = "save the goal"
	var task Task
	if err := who.Require(op, EditGoals); err != nil {
		return g, task, err
	}
	g, err := checkGoal(op, g)
	if err != nil {
		return g, task, err
	}
	err = s.updateOutbox(ctx, op, func(t *tx) error {
		if err := t.putGoal(ctx, op, who, &g); err != nil {
			return err
		}
		if err := t.audit(ctx, who, "goal saved", fmt.Sprintf("goal %d", g.ID)); err != nil {
			return err
		}
		task, err = t.creditAnew(ctx, who)
		return err
	})
	return g, task, err
}

func (t *tx) putGoal(ctx context.Context, op string, who Principal, g *schema.Goal) error {
	number, err := t.serial(ctx, "goals") // Orders two who take the same name.
	if err != nil {
		return err
	}
	all, err := t.goals(ctx, "goals_of", int64(who.Workspace))
	if err != nil {
		return err
	}
	if g.ID == 0 && len(all[who.Workspace]) >= maxGoals {
		return schema.E(op, schema.KindConflict, "This workspace has %d goals, which is as many as there can be. Delete one that nobody looks at.", maxGoals)
	}
	for _, other := range all[who.Workspace] {
		if other.ID != g.ID && strings.EqualFold(other.Name, g.Name) {
			return schema.E(op, schema.KindConflict, "Another goal is named %q. Choose another name, so that reports can tell them apart.", other.Name)
		}
	}
	if g.Kind == schema.StageGoal {
		if err := t.stageThere(ctx, op, who.Workspace, g.Stage); err != nil {
			return err
		}
	}
	body := asJSON(goalBody{Operator: g.Operator, Value: g.Value, Event: g.Event, Properties: g.Properties, Worth: g.Worth})
	if g.ID == 0 {
		g.ID = number
		_, err = t.exec(ctx, "goal_insert", g.ID, int64(who.Workspace), g.Name, string(g.Kind), g.Stage, body, int64(g.From))
		return err
	}
	changed, err := t.exec(ctx, "goal_update", int64(who.Workspace), g.ID, g.Name, string(g.Kind), g.Stage, body, int64(g.From))
	if err == nil && changed == 0 {
		err = noGoal(op)
	}
	return err
}

func (t *tx) stageThere(ctx context.Context, op string, workspace uint32, name string) error {
	stages, err := t.stageList(ctx, workspace)
	if err != nil {
		return err
	}
	if name == FirstStage || !slices.ContainsFunc(stages, func(s StageName) bool { return s.Name == name }) {
		return schema.E(op, schema.KindInvalid, "Nobody comes to a stage %q. Choose one of the workspace's stages, other than %s, where everybody begins.", name, FirstStage)
	}
	return nil
}

// creditAnew has all conversions of a workspace credited by what is saved now,
// and every process hear of it before.
func (t *tx) creditAnew(ctx context.Context, who Principal) (Task, error) {
	if err := t.change(ctx, who.Workspace, "goals"); err != nil {
		return Task{}, err
	}
	task, _, err := t.addTask(ctx, "", CreditTask, who.Workspace, TaskBody{}, who.User)
	return task, err
}

// DeleteGoal deletes a goal. Its conversions go with the task that this
// starts.
func (s *Store) DeleteGoal(ctx context.Context, who Principal, id int64) (Task, error) {
	const op = "delete the goal"
	var task Task
	if err := who.Require(op, EditGoals); err != nil {
		return task, err
	}
	err := s.update(ctx, op, func(t *tx) error {
		gone, err := t.exec(ctx, "goal_delete", int64(who.Workspace), id)
		if err != nil {
			return err
		}
		if gone == 0 {
			return noGoal(op)
		}
		if err := t.audit(ctx, who, "goal deleted", fmt.Sprintf("goal %d", id)); err != nil {
			return err
		}
		task, err = t.creditAnew(ctx, who)
		return err
	})
	return task, err
}

func noGoal(op string) error {
	return schema.E(op, schema.KindUnknown, "There is no such goal in this workspace. It may have been deleted; look at the list.")
}

// checkGoal judges a goal by itself, and takes out what its kind has no use for.
func checkGoal(op string, g schema.Goal) (schema.Goal, error) {
	refuse := func(format string, args ...any) (schema.Goal, error) {
		return g, schema.E(op, schema.KindInvalid, format, args...)
	}
	g.Name, g.Stage, g.Event = strings.TrimSpace(g.Name), strings.TrimSpace(g.Stage), strings.TrimSpace(g.Event)
	if g.Name == "" || utf8.RuneCountInString(g.Name) > maxGoalName {
		return refuse("A goal needs a name of at most %d characters. Its conversions carry it in reports.", maxGoalName)
	}
	if slices.Contains(schema.FoundNames(), g.Name) {
		return refuse("The name %s is that of what SourceLoop finds by itself. Choose another one.", g.Name)
	}
	if g.Worth < 0 || math.IsNaN(g.Worth) || g.Worth > 1e12 {
		return refuse("The value of a goal is a number from 0 to a million millions.")
	}
	kept := schema.Goal{ID: g.ID, Name: g.Name, Kind: g.Kind, Worth: g.Worth, From: max(g.From, 0)}
	switch g.Kind {
	case schema.PageGoal:
		if err := checkMatch(op, g.Operator, g.Value); err != nil {
			return g, err
		}
		kept.Operator, kept.Value = g.Operator, g.Value
	case schema.EventGoal:
		if g.Event == "" || len(g.Event) > maxGoalValue {
			return refuse("Say which event reaches the goal: its name, as the site sends it.")
		}
		if err := checkProperties(op, g.Properties); err != nil {
			return g, err
		}
		kept.Event, kept.Properties = g.Event, g.Properties
	case schema.StageGoal:
		if g.Stage == "" {
			return refuse("Say which stage reaches the goal.")
		}
		kept.Stage = g.Stage
	case schema.APIGoal:
		kept.From = 0
	default:
		return refuse("A goal is reached by a page, an event, a stage or a conversion that your server sends: page, event, stage or api.")
	}
	return kept, nil
}

func checkProperties(op string, properties []schema.GoalProperty) error {
	if len(properties) > maxGoalProperty {
		return schema.E(op, schema.KindInvalid, "A goal looks at %d properties of its event at most.", maxGoalProperty)
	}
	for _, p := range properties {
		if p.Key == "" || len(p.Key) > maxGoalValue {
			return schema.E(op, schema.KindInvalid, "A condition needs the name of the property that it looks at.")
		}
		if err := checkMatch(op, p.Operator, p.Value); err != nil {
			return err
		}
	}
	return nil
}

func checkMatch(op, operator, value string) error {
	pattern, known := schema.Pattern(operator, value)
	if !known {
		return schema.E(op, schema.KindInvalid, "The operator %q is unknown; it is equals, contains, starts_with, glob or regex.", operator)
	}
	if value == "" || len(value) > maxGoalValue {
		return schema.E(op, schema.KindInvalid, "Say what to look for, in at most %d bytes.", maxGoalValue)
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return schema.E(op, schema.KindInvalid, "The regular expression %q is not understood (%s); see github.com/google/re2/wiki/Syntax.", value, err)
	}
	return nil
}
