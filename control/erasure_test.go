package control_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/control/seal"
	"sourceloop/schema"
)

// testToldToErase: a provider may tell often of one erasure.
func testToldToErase(t *testing.T, dsn string) {
	ctx := t.Context()
	s := controltest.Open(t, dsn, control.Options{})
	ann, bob := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "bob@example.com")
	for range 2 {
		for _, workspace := range []uint32{ann.Workspace, bob.Workspace} {
			if err := s.EraseAsTold(ctx, workspace, schema.NewNode(schema.NodeHubSpot, "51001")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, who := range []control.Principal{ann, bob} {
		all := must[[]control.Task](t)(s.Erasures(ctx, who, 10))
		if len(all) != 1 {
			t.Fatalf("%d erasures were asked for", len(all))
		}
		if work := must[*schema.Erase](t)(s.ErasureWork(ctx, &all[0])); work.GetPart() != "hubspot:51001" || work.GetWorkspace() != who.Workspace {
			t.Errorf("it is about %v", work)
		}
	}
}

func testErasures(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	old, fresh := seal.NewKey(), seal.NewKey()
	ring := must[*seal.Ring](t)(seal.Parse(old))
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: ring})
	ann := controltest.NewOwner(t, s, "ann@example.com")
	viewer := ann
	viewer.Role = control.Editor
	_, err := s.RequestErasure(ctx, viewer, "email:eve@example.com")
	wantKind(t, err, schema.KindDenied)
	_, err = s.RequestErasure(ctx, ann, "email:")
	wantKind(t, err, schema.KindInvalid)
	task := must[control.Task](t)(s.RequestErasure(ctx, ann, "email:eve@example.com"))
	if work := must[*schema.Erase](t)(s.ErasureWork(ctx, &task)); work.GetPart() != "email:eve@example.com" || work.GetWorkspace() != ann.Workspace {
		t.Fatalf("it is about %v", work)
	}
	if s.Directory().ErasedUntil(ann.Workspace) != 0 {
		t.Error("something was erased before it was named")
	}
	if err := s.SetStage(ctx, ann, "email:eve@example.com", "Lost"); err != nil {
		t.Fatal(err)
	}
	work := &schema.Erase{Nodes: []string{"email:eve@example.com"}, Browsers: []*schema.Browser{
		{Visitor: "shared", Stretches: []*schema.Stretch{{From: 100, To: 200}, {From: 300, To: 400}}}, {Visitor: "named only"},
	}}
	if err := s.NameErased(ctx, &task, work); err != nil {
		t.Fatal(err)
	}
	checkErased(t, s, ann.Workspace, task.CreatedAt)
	// A key that is rotated away is needed no more.
	both := must[*seal.Ring](t)(seal.Parse(fresh + "," + old))
	rotated := controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: both})
	if n := must[int](t)(rotated.Reseal(ctx)); n != 2 {
		t.Errorf("%d secrets were sealed anew, want the key of the hashes and what the erasure is about", n)
	}
	only := controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: must[*seal.Ring](t)(seal.Parse(fresh))})
	checkErased(t, only, ann.Workspace, task.CreatedAt)
	if got := must[*schema.Erase](t)(only.ErasureWork(ctx, &task)); !proto.Equal(got, work) {
		t.Errorf("it is about %v", got)
	}
	if err := only.FinishErasure(ctx, &task, work); err != nil {
		t.Fatal(err)
	}
	_, err = only.ErasureWork(ctx, &task)
	wantKind(t, err, schema.KindUnknown)
	if stages := must[map[schema.Node]control.Stage](t)(only.Stages(ctx, ann.Workspace)); len(stages) != 0 {
		t.Errorf("stages are %v", stages)
	}
	if firsts := must[map[schema.Node]schema.Millis](t)(only.FirstReached(ctx, ann.Workspace, "Lost")); len(firsts) != 0 {
		t.Errorf("first reached were %v", firsts)
	}
	checkErased(t, only, ann.Workspace, task.CreatedAt)
}

func checkErased(t *testing.T, s *control.Store, workspace uint32, asked schema.Millis) {
	t.Helper()
	for _, c := range []struct {
		workspace   uint32
		node        schema.Node
		at, arrived schema.Millis
		want        bool
	}{
		{workspace, "email:eve@example.com", 1, asked, true},
		{workspace, "email:eve@example.com", 1, asked + 1, false}, // who came back
		{workspace, "email:ann@example.com", 1, asked, false},
		{workspace + 1, "email:eve@example.com", 1, asked, false},
		{workspace, "visitor:shared", 99, asked, false},
		{workspace, "visitor:shared", 100, asked, true},
		{workspace, "visitor:shared", 200, asked, false},
		{workspace, "visitor:shared", 399, asked, true},
		{workspace, "visitor:named only", 1, asked, false},
	} {
		if got := s.Directory().Erased(c.workspace, c.node, c.at, c.arrived); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
	if got := s.Directory().ErasedUntil(workspace); got != asked {
		t.Errorf("erased until %d, want %d", got, asked)
	}
}

// TestNothingOfAPersonStaysInTheFile: hashes and sealed bytes are no names.
func TestNothingOfAPersonStaysInTheFile(t *testing.T) {
	dir := t.TempDir()
	s := controltest.Open(t, "sqlite:"+filepath.Join(dir, "control.db"), control.Options{})
	ann := controltest.NewOwner(t, s, "ann@example.com")
	task := must[control.Task](t)(s.RequestErasure(t.Context(), ann, "email:canary@example.com"))
	if err := s.NameErased(t.Context(), &task, &schema.Erase{Nodes: []string{"email:canary@example.com"}}); err != nil {
		t.Fatal(err)
	}
	files := must[[]string](t)(filepath.Glob(filepath.Join(dir, "*")))
	for _, file := range files {
		if body := must[[]byte](t)(os.ReadFile(file)); strings.Contains(string(body), "canary@example.com") {
			t.Errorf("%s names the person", filepath.Base(file))
		}
	}
}
