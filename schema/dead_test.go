package schema_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sourceloop/schema"
)

// firing names, for every reason, the test in which the stage sets something
// aside for it. The test must look for the constant.
var firing = map[string]struct{ constant, file, test string }{
	schema.DeadBadText:          {"DeadBadText", "pipeline/collect/badinput_test.go", "TestBadInput"},
	schema.DeadBadTime:          {"DeadBadTime", "pipeline/collect/edge_test.go", "TestTimes"},
	schema.DeadBadWebhook:       {"DeadBadWebhook", "pipeline/collect/webhooks_test.go", "TestASignedDeliveryWithoutAnAppIsSetAside"},
	schema.DeadMalformed:        {"DeadMalformed", "pipeline/sessionize/worker_test.go", "TestRecordsThatAreNoHitsAreSetAside"},
	schema.DeadIncomplete:       {"DeadIncomplete", "pipeline/sessionize/worker_test.go", "TestRecordsThatAreNoHitsAreSetAside"},
	schema.DeadUnknownWorkspace: {"DeadUnknownWorkspace", "pipeline/sessionize/worker_test.go", "TestHitsOfNoWorkspaceAreSetAsideAfterAWhile"},
	schema.DeadUnknownTopic:     {"DeadUnknownTopic", "pipeline/resolve/worker_test.go", "TestWebhooksThatNobodyCanUseAreSetAside"},
	schema.DeadRefused:          {"DeadRefused", "pipeline/resolve/worker_test.go", "TestAWaitingWebhookThatPanicsIsBuried"},
	schema.DeadGivenUp:          {"DeadGivenUp", "pipeline/resolve/worker_test.go", "TestWebhooksThatNobodyCanUseAreSetAside"},
	schema.DeadPanic:            {"DeadPanic", "pipeline/stream/stream_test.go", "TestARecordThatPanicsIsSetAsideAlone"},
	schema.DeadKilled:           {"DeadKilled", "pipeline/stream/kill_test.go", "TestARecordThatKillsTheProcessThreeTimesIsSetAside"},
}

// TestEveryDeadReasonFires: every constant is a reason in words, and every
// reason has a test that makes its stage give it.
func TestEveryDeadReasonFires(t *testing.T) {
	reasons := schema.DeadReasons()
	if len(reasons) != len(firing) {
		t.Errorf("%d reasons, %d of them with a test", len(reasons), len(firing))
	}
	constants := constantsOf(t, "dead.go")
	for _, r := range reasons {
		if !strings.HasSuffix(r.Meaning, ".") {
			t.Errorf("%s does not say what it means: %q", r.Name, r.Meaning)
		}
		by := firing[r.Name]
		if !slices.Contains(constants, by.constant) {
			t.Errorf("%s has no constant %q", r.Name, by.constant)
		}
		if text := testText(t, filepath.Join("..", by.file), by.test); !strings.Contains(text, by.constant) {
			t.Errorf("%s in %s does not look for %s", by.test, by.file, by.constant)
		}
	}
	if len(constants) != len(reasons)+1 { // DeadReplayed is none.
		t.Errorf("the constants %v are not the %d reasons and the mark", constants, len(reasons))
	}
}

// constantsOf lists the constants of a file.
func constantsOf(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			for _, n := range spec.(*ast.ValueSpec).Names {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// testText is the text of one function.
func testText(t *testing.T, file, name string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return ""
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, file, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == name {
			return string(text[files.Position(fn.Pos()).Offset:files.Position(fn.End()).Offset])
		}
	}
	t.Errorf("there is no test %s in %s", name, file)
	return ""
}
