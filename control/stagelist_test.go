package control_test

import (
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

func testStageList(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	names := func(all []control.StageName) string {
		var parts []string
		for _, s := range all {
			parts = append(parts, s.Name)
		}
		return strings.Join(parts, ",")
	}
	list := func() string { return names(must[[]control.StageName](t)(w.store.StageNames(ctx, w.ann))) }
	save := func(text string) error {
		var all []control.StageName
		for _, name := range strings.Split(text, ",") {
			was, now, renamed := strings.Cut(name, ">")
			if !renamed {
				now = was
			}
			all = append(all, control.StageName{Name: now, Was: was})
		}
		_, err := w.store.SaveStages(ctx, w.ann, all)
		return err
	}
	const builtIn = "New,Contacted,In Progress,Converted,Lost"
	if got := list(); got != builtIn {
		t.Fatalf("at first the stages are %s", got)
	}
	node := schema.NewNode(schema.NodeEmail, "c@example.com")
	ok(t, w.store.SetStage(ctx, w.ann, node, "Demo"))
	if got := list(); got != builtIn+",Demo" {
		t.Fatalf("a new stage makes them %s", got)
	}
	ok(t, save("New,Demo,Offer,Contacted,In Progress,Converted,Lost"))
	if got := list(); got != "New,Demo,Offer,Contacted,In Progress,Converted,Lost" {
		t.Fatalf("put in order they are %s", got)
	}
	d := must[control.Destination](t)(w.store.CreateDestination(ctx, w.ann, control.Destination{
		Platform: "google", Account: "1234567890", Action: "1", Trigger: control.OnStage, Stage: "Demo",
		Value: control.ValueRule{Kind: control.StageValue, ByStage: map[string]float64{"Demo": 1, "Offer": 2}},
	}))
	wantKind(t, save("New,Demo,Contacted,In Progress,Converted,Lost"), schema.KindConflict)
	ok(t, save("New,Demo>Offer,Offer>Demo,Contacted,In Progress,Converted,Lost")) // They change names.
	all := must[[]control.Destination](t)(w.store.Destinations(ctx, w.ann))
	if all[0].Stage != "Offer" || all[0].Value.ByStage["Offer"] != 1 || all[0].Value.ByStage["Demo"] != 2 || len(all[0].Value.ByStage) != 2 {
		t.Fatalf("the destination has %+v", all[0])
	}
	fact := func() string {
		return must[map[schema.Node]control.Stage](t)(w.store.Stages(ctx, w.ann.Workspace))[node].Name
	}
	if fact() != "Offer" {
		t.Fatalf("the contact is at %s", fact())
	}
	ok(t, w.store.DeleteDestination(ctx, w.ann, d.ID))
	ok(t, save(builtIn))
	if fact() != "New" || list() != builtIn {
		t.Fatalf("the contact is at %s, the stages are %s", fact(), list())
	}
	for what, bad := range map[string]string{
		"missing":      "New,Contacted,In Progress,Converted",
		"renamed":      "New,Contacted,In Progress,Converted,Lost>Gone",
		"not first":    "Contacted,New,In Progress,Converted,Lost",
		"twice":        builtIn + ",Demo,demo",
		"empty":        builtIn + ", ",
		"long":         builtIn + "," + strings.Repeat("x", 51),
		"taken":        builtIn + ",Demo>New",
		"two for one":  builtIn + ",a>b,a",
		"nothing left": "New",
	} {
		if err := save(bad); schema.KindOf(err) != schema.KindInvalid || err == nil {
			t.Errorf("stages with one %s are answered with %v", what, err)
		}
	}
	viewer := w.ann
	viewer.Role = control.Viewer
	_, err := w.store.SaveStages(ctx, viewer, nil)
	wantKind(t, err, schema.KindDenied)
}

func testStageChanges(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	a, b := schema.NewNode(schema.NodeEmail, "a@example.com"), schema.NewNode(schema.NodeEmail, "b@example.com")
	for _, node := range []schema.Node{a, a, b} { // Setting it again changes nothing.
		ok(t, w.store.SetStage(ctx, w.ann, node, "Converted"))
	}
	take := func(limit int) []control.StageChange {
		return must[[]control.StageChange](t)(w.store.TakeStageChanges(ctx, limit, time.Minute))
	}
	first := take(10)
	if len(first) != 2 || first[0].Node != a || first[1].Node != b || first[0].Stage != "Converted" || first[0].At != w.now() || first[0].Workspace != w.ann.Workspace {
		t.Fatalf("took %+v", first)
	}
	if again := take(10); len(again) != 0 {
		t.Fatalf("took twice: %+v", again)
	}
	ok(t, w.store.FinishStageChanges(ctx, first[:1]))
	w.clock.Advance(61 * time.Second)
	second := take(10)
	if len(second) != 1 || second[0].Node != b {
		t.Fatalf("after the lease was over took %+v", second)
	}
	ok(t, w.store.FinishStageChanges(ctx, first)) // Its lease was lost: nothing happens.
	w.clock.Advance(61 * time.Second)
	third := take(10)
	if len(third) != 1 {
		t.Fatalf("after another finished it, took %+v", third)
	}
	ok(t, w.store.FinishStageChanges(ctx, third))
	w.clock.Advance(time.Hour)
	if rest := take(10); len(rest) != 0 {
		t.Fatalf("left over: %+v", rest)
	}
}
