package control

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestStatementsAreUsed: every statement in sql/ is asked for by its name in
// the package, so that none is dead and none is misspelt where it is defined.
func TestStatementsAreUsed(t *testing.T) {
	s := newStore(Options{})
	if err := s.loadStatements(); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					used[text] = true
				}
			}
			return true
		})
	}
	for name, text := range s.text {
		if !used[name] {
			t.Errorf("the statement %s is never used", name)
		}
		if text == "" {
			t.Errorf("the statement %s is empty", name)
		}
	}
}

// TestNoSQLInGo: statements stand in .sql files.
func TestNoSQLInGo(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"SELECT ", "INSERT " + "INTO", "DELETE " + "FROM"} {
			if !strings.HasSuffix(file, "_test.go") && strings.Contains(string(body), word) {
				t.Errorf("%s holds SQL: %s", file, word)
			}
		}
	}
}

func TestWait(t *testing.T) {
	for failures, want := range map[int64]string{0: "0s", 4: "0s", 5: "1s", 6: "2s", 14: "8m32s", 15: "15m0s", 16: "15m0s", 1 << 40: "15m0s"} {
		if got := wait(failures, 5).String(); got != want {
			t.Errorf("after %d failures it waits %s, want %s", failures, got, want)
		}
	}
}
