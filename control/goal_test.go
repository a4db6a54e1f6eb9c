package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

func testGoals(t *testing.T, dsn string) {
	ctx := t.Context()
	s := controltest.Open(t, dsn, control.Options{})
	ann, ben := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "ben@example.com")
	save := func(g schema.Goal) schema.Goal {
		t.Helper()
		saved, task, err := s.SaveGoal(ctx, ann, g)
		ok(t, err)
		if task.Kind != control.CreditTask || task.Workspace != ann.Workspace {
			t.Fatalf("the past is credited by %+v", task)
		}
		return saved
	}
	pricing := save(schema.Goal{Name: " Pricing ", Kind: schema.PageGoal, Operator: "starts_with", Value: "/pricing", Worth: 5, From: 7, Stage: "Lost", Event: "no"})
	event := save(schema.Goal{Name: "Trial", Kind: schema.EventGoal, Event: "trial", Properties: []schema.GoalProperty{{Key: "plan", Operator: "equals", Value: "pro"}}})
	won := save(schema.Goal{Name: "Won", Kind: schema.StageGoal, Stage: "Converted"})
	want := []schema.Goal{
		{ID: pricing.ID, Name: "Pricing", Kind: schema.PageGoal, Operator: "starts_with", Value: "/pricing", Worth: 5, From: 7}, event, won,
	}
	if got := must[[]schema.Goal](t)(s.Goals(ctx, ann)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("the goals are %+v, not %+v", got, want)
	}
	controltest.Within(t, "every process knows the goals", func() bool {
		w, _ := s.Directory().Workspace(ann.Workspace)
		return fmt.Sprint(w.Goals) == fmt.Sprint(want)
	})
	if all := must[[]schema.Goal](t)(s.Goals(ctx, ben)); len(all) != 0 {
		t.Fatalf("another workspace has %+v", all)
	}

	change := want[0]
	change.Value = "/preise"
	save(change)
	if got := must[[]schema.Goal](t)(s.Goals(ctx, ann)); got[0].Value != "/preise" || len(got) != 3 {
		t.Fatalf("the goals are %+v", got)
	}
	_, _, err := s.SaveGoal(ctx, ben, change)
	wantKind(t, err, schema.KindUnknown)
	_, err = s.DeleteGoal(ctx, ben, change.ID)
	wantKind(t, err, schema.KindUnknown)
	viewer := ann
	viewer.Role = control.Viewer
	_, _, err = s.SaveGoal(ctx, viewer, change)
	wantKind(t, err, schema.KindDenied)
	_, err = s.DeleteGoal(ctx, viewer, change.ID)
	wantKind(t, err, schema.KindDenied)
	_, _, err = s.SaveGoal(ctx, ann, schema.Goal{Name: "pricing", Kind: schema.APIGoal})
	wantKind(t, err, schema.KindConflict)

	refusesBadGoals(t, s, ann)
	if _, err := s.DeleteGoal(ctx, ann, event.ID); err != nil {
		t.Fatal(err)
	}
	if rebuilds := must[[]control.Task](t)(s.Rebuilds(ctx, ann, 10)); len(rebuilds) != 5 || rebuilds[0].Kind != control.CreditTask || rebuilds[0].ID < rebuilds[4].ID {
		t.Fatalf("what was changed is credited by %+v", rebuilds)
	}
	if got := must[[]schema.Goal](t)(s.Goals(ctx, ann)); len(got) != 2 {
		t.Fatalf("one deleted, they are %+v", got)
	}
}

func refusesBadGoals(t *testing.T, s *control.Store, who control.Principal) {
	t.Helper()
	for what, bad := range map[string]schema.Goal{
		"no name":        {Kind: schema.APIGoal},
		"a long name":    {Name: strings.Repeat("x", 121), Kind: schema.APIGoal},
		"a found name":   {Name: "intercom_conversation", Kind: schema.APIGoal},
		"no kind":        {Name: "a"},
		"no page":        {Name: "a", Kind: schema.PageGoal, Operator: "equals"},
		"no operator":    {Name: "a", Kind: schema.PageGoal, Operator: "is", Value: "/"},
		"a bad pattern":  {Name: "a", Kind: schema.PageGoal, Operator: "regex", Value: "("},
		"no event":       {Name: "a", Kind: schema.EventGoal, Event: " "},
		"no property":    {Name: "a", Kind: schema.EventGoal, Event: "e", Properties: []schema.GoalProperty{{Operator: "equals", Value: "x"}}},
		"no such stage":  {Name: "a", Kind: schema.StageGoal, Stage: "Nowhere"},
		"the first":      {Name: "a", Kind: schema.StageGoal, Stage: control.FirstStage},
		"negative worth": {Name: "a", Kind: schema.APIGoal, Worth: -1},
	} {
		if _, _, err := s.SaveGoal(t.Context(), who, bad); err == nil || schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("a goal with %s is answered with %v", what, err)
		}
	}
}

// A stage that is renamed keeps its goal, with whoever came there before; one
// that a goal counts cannot be removed.
func testGoalStages(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	ann := controltest.NewOwner(t, s, "ann@example.com")
	node := schema.NewNode(schema.NodeEmail, "c@example.com")
	ok(t, s.SetStage(ctx, ann, node, "Demo"))
	came := must[map[schema.Node]schema.Millis](t)(s.FirstReached(ctx, ann.Workspace, "Demo"))[node]
	clock.Advance(time.Hour)
	_, _, err := s.SaveGoal(ctx, ann, schema.Goal{Name: "Demo held", Kind: schema.StageGoal, Stage: "Demo"})
	ok(t, err)
	list := func(own control.StageName) []control.StageName {
		var all []control.StageName
		for _, name := range control.BuiltInStages() {
			all = append(all, control.StageName{Name: name})
		}
		if own.Name != "" {
			all = append(all, own)
		}
		return all
	}
	_, err = s.SaveStages(ctx, ann, list(control.StageName{}))
	wantKind(t, err, schema.KindConflict)
	_, err = s.SaveStages(ctx, ann, list(control.StageName{Name: "Shown", Was: "Demo"}))
	ok(t, err)
	if goals := must[[]schema.Goal](t)(s.Goals(ctx, ann)); goals[0].Stage != "Shown" {
		t.Fatalf("the goal is at %q", goals[0].Stage)
	}
	if at := must[map[schema.Node]schema.Millis](t)(s.FirstReached(ctx, ann.Workspace, "Shown"))[node]; at != came || at == 0 {
		t.Fatalf("the contact came there at %d, not %d", at, came)
	}
	_, err = s.DeleteGoal(ctx, ann, must[[]schema.Goal](t)(s.Goals(ctx, ann))[0].ID)
	ok(t, err)
	_, err = s.SaveStages(ctx, ann, list(control.StageName{}))
	ok(t, err)
	if at := must[map[schema.Node]schema.Millis](t)(s.FirstReached(ctx, ann.Workspace, "Shown"))[node]; at != came {
		t.Fatalf("who came to a stage that was removed came there at %d, not %d", at, came)
	}
}
