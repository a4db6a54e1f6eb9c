package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// ListGoals lists what the workspace counts as conversions of its own.
func (s *service) ListGoals(ctx context.Context, _ ListGoalsRequestObject) (ListGoalsResponseObject, error) {
	who := callerOf(ctx)
	all, err := s.Store.Goals(ctx, who.Principal)
	if err != nil {
		return nil, err
	}
	list := ListGoals200JSONResponse{Items: make([]Goal, 0, len(all))}
	for i := range all {
		list.Items = append(list.Items, goalOf(who, &all[i]))
	}
	return list, nil
}

// CreateGoal makes a goal.
func (s *service) CreateGoal(ctx context.Context, in CreateGoalRequestObject) (CreateGoalResponseObject, error) {
	goal, err := s.saveGoal(ctx, 0, in.Body)
	return CreateGoal201JSONResponse(goal), err
}

// ReplaceGoal changes a goal.
func (s *service) ReplaceGoal(ctx context.Context, in ReplaceGoalRequestObject) (ReplaceGoalResponseObject, error) {
	id, err := strconv.ParseInt(in.Id, 10, 64)
	if err != nil || id < 1 {
		return nil, schema.E("save the goal", schema.KindUnknown, "There is no such goal in this workspace. It may have been deleted; look at the list.")
	}
	goal, err := s.saveGoal(ctx, id, in.Body)
	return ReplaceGoal200JSONResponse(goal), err
}

// DeleteGoal deletes a goal.
func (s *service) DeleteGoal(ctx context.Context, in DeleteGoalRequestObject) (DeleteGoalResponseObject, error) {
	id, err := strconv.ParseInt(in.Id, 10, 64)
	if err != nil {
		id = 0 // Nobody's.
	}
	_, err = s.Store.DeleteGoal(ctx, callerOf(ctx).Principal, id)
	return DeleteGoal204Response{}, err
}

func (s *service) saveGoal(ctx context.Context, id int64, in *GoalInput) (Goal, error) {
	who := callerOf(ctx)
	g := schema.Goal{
		ID: id, Name: in.Name, Kind: schema.GoalKind(in.Kind), Operator: text(in.Operator), Value: value(in.Value), Event: value(in.Event),
		Stage: value(in.Stage),
	}
	if in.Worth != nil {
		g.Worth = *in.Worth
	}
	if in.Properties != nil {
		for _, p := range *in.Properties {
			g.Properties = append(g.Properties, schema.GoalProperty{Key: p.Key, Operator: string(p.Operator), Value: p.Value})
		}
	}
	var err error
	if g.From, err = s.firstDay(who, in.From); err != nil {
		return Goal{}, err
	}
	g, task, err := s.Store.SaveGoal(ctx, who.Principal, g)
	if err != nil {
		return Goal{}, err
	}
	saved := goalOf(who, &g)
	saved.Rebuild = new(strconv.FormatInt(task.ID, 10))
	return saved, nil
}

// firstDay is when a day begins; 0 without one.
func (s *service) firstDay(who caller, day *string) (schema.Millis, error) {
	if value(day) == "" {
		return 0, nil
	}
	p, err := s.reports(who).Days(*day, *day)
	return p.Begin, err
}

func goalOf(who caller, g *schema.Goal) Goal {
	out := Goal{
		Id: strconv.FormatInt(g.ID, 10), Name: g.Name, Kind: GoalKind(g.Kind), Value: orNil(g.Value), Event: orNil(g.Event), Stage: orNil(g.Stage),
		From: dayOf(who, g.From),
	}
	if g.Operator != "" {
		out.Operator = new(Operator(g.Operator))
	}
	if g.Worth != 0 {
		out.Worth = new(g.Worth)
	}
	if len(g.Properties) > 0 {
		out.Properties = new([]PropertyFilter{})
		for _, p := range g.Properties {
			*out.Properties = append(*out.Properties, PropertyFilter{Key: p.Key, Operator: Operator(p.Operator), Value: p.Value})
		}
	}
	return out
}

// dayOf is a moment's day in the workspace's time zone; nil for none.
func dayOf(who caller, at schema.Millis) *string {
	if at == 0 {
		return nil
	}
	return new(at.Time().In(who.workspace.Zone).Format(time.DateOnly))
}

// orNil leaves out what is empty.
func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// goalStep is what a step that names a goal asks for: the page or the event that
// reaches it, also of visitors whom nobody knows. Other goals are conversions.
func goalStep(goals []schema.Goal, step report.Step) report.Step {
	i := slices.IndexFunc(goals, func(g schema.Goal) bool { return step.Type == "conversion" && g.Name == step.Name })
	if i < 0 {
		return step
	}
	switch g := &goals[i]; g.Kind {
	case schema.PageGoal:
		return report.Step{Type: "pageview", Operator: g.Operator, Value: g.Value}
	case schema.EventGoal:
		event := report.Step{Type: "event", Name: g.Event}
		for _, p := range g.Properties {
			event.Properties = append(event.Properties, report.Property(p))
		}
		return event
	}
	return step
}

func goalSteps(goals []schema.Goal, steps []report.Step) []report.Step {
	all := make([]report.Step, len(steps))
	for i := range steps {
		all[i] = goalStep(goals, steps[i])
	}
	return all
}

// creditStage has a contact's conversions credited anew when a goal counts who
// comes to a stage.
func (s *service) creditStage(ctx context.Context, who caller, node schema.Node, stage string) error {
	if !slices.ContainsFunc(who.workspace.Goals, func(g schema.Goal) bool { return g.Kind == schema.StageGoal && g.Stage == stage }) {
		return nil
	}
	record, err := proto.Marshal(&schema.LeadRecord{
		Workspace: who.Workspace, Received: int64(schema.MillisOf(s.Now())),
		Body: &schema.LeadRecord_Visitors{Visitors: &schema.VisitorsChanged{Nodes: []string{string(node)}}},
	})
	if err != nil {
		return fmt.Errorf("cannot encode who came to a stage: %w", err)
	}
	if err = s.Leads.Append(ctx, schema.TopicLeads, [][]byte{schema.LeadKey(who.Workspace)}, [][]byte{record}); err != nil {
		e := schema.E("set the stage", schema.KindUnavailable, "The stage is saved, but the goal that counts it may not have heard of it. Set it again.")
		e.Err = err
		return e
	}
	return nil
}

// ListRebuilds tells how far the past is derived anew.
func (s *service) ListRebuilds(ctx context.Context, _ ListRebuildsRequestObject) (ListRebuildsResponseObject, error) {
	who := callerOf(ctx)
	tasks, err := s.Store.Rebuilds(ctx, who.Principal, 20)
	if err != nil {
		return nil, err
	}
	list := ListRebuilds200JSONResponse{Items: make([]Rebuild, 0, len(tasks))}
	for i := range tasks {
		list.Items = append(list.Items, rebuildOf(who, &tasks[i]))
	}
	return list, nil
}

// StartRebuild derives the past anew.
func (s *service) StartRebuild(ctx context.Context, in StartRebuildRequestObject) (StartRebuildResponseObject, error) {
	who := callerOf(ctx)
	from, err := s.firstDay(who, in.Body.From)
	if err != nil {
		return nil, err
	}
	task, err := s.Store.Rebuild(ctx, who.Principal, from, yes(in.Body.KeepSettings))
	return StartRebuild202JSONResponse(rebuildOf(who, &task)), err
}

func rebuildOf(who caller, task *control.Task) Rebuild {
	p := task.Progress
	out := Rebuild{
		Id: strconv.FormatInt(task.ID, 10), What: RebuildWhatSessions, From: dayOf(who, task.Body.From), Finished: task.Finished, Doing: orNil(p.Doing),
		Parts: p.Parts, Done: p.Done(), CreatedAt: Moment(task.CreatedAt),
	}
	if task.Kind == control.CreditTask {
		out.What = RebuildWhatCredits
	}
	if n, counted := p.Counts["visitors"]; counted {
		out.Visitors = new(int64(n))
	}
	if task.Finished {
		out.FinishedAt = new(Moment(task.FinishedAt))
	}
	return out
}
