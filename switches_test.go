package sourceloop_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// switches are what types named Unsafe can switch off, and what uses them.
type switches struct {
	declared map[string]string // field → file
	tested   map[string]bool   // fields that a TestWithout… switches off
	product  []string          // places outside of tests that switch one off
}

// TestNothingIsSwitchedOff: mechanisms that the product's correctness rests on
// have a switch, so that a test can see something break without them. Only
// tests use the switches, and every switch has such a test.
func TestNothingIsSwitchedOff(t *testing.T) {
	s := &switches{declared: make(map[string]string), tested: make(map[string]bool)}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && (d.Name() == "node_modules" || d.Name() == "tools" || strings.HasPrefix(d.Name(), ".") && path != ".") {
				return filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		return s.read(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.declared) < 5 {
		t.Errorf("only the switches %v were found", s.declared)
	}
	for field, file := range s.declared {
		if !s.tested[field] {
			t.Errorf("no TestWithout… switches %s of %s off", field, file)
		}
	}
	for _, place := range s.product {
		t.Errorf("%s switches a mechanism off", place)
	}
}

func (s *switches) read(path string) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		return err
	}
	test := strings.HasSuffix(path, "_test.go")
	for _, d := range file.Decls {
		fn, isFunc := d.(*ast.FuncDecl)
		within := isFunc && test && strings.HasPrefix(fn.Name.Name, "TestWithout")
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				s.declare(path, n)
			case *ast.CompositeLit:
				if !test && named(n.Type) {
					s.product = append(s.product, files.Position(n.Pos()).String())
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && within {
					s.tested[key.Name] = true
				}
			case *ast.AssignStmt:
				if !test && assigns(n) {
					s.product = append(s.product, files.Position(n.Pos()).String())
				}
			}
			return true
		})
	}
	return nil
}

func (s *switches) declare(path string, spec *ast.TypeSpec) {
	fields, ok := spec.Type.(*ast.StructType)
	if !ok || spec.Name.Name != "Unsafe" {
		return
	}
	for _, f := range fields.Fields.List {
		for _, name := range f.Names {
			s.declared[name.Name] = path
		}
	}
}

// named tells whether a type is called Unsafe.
func named(typ ast.Expr) bool {
	switch typ := typ.(type) {
	case *ast.Ident:
		return typ.Name == "Unsafe"
	case *ast.SelectorExpr:
		return typ.Sel.Name == "Unsafe"
	}
	return false
}

// assigns tells whether a switch, or a field of one, is set.
func assigns(n *ast.AssignStmt) bool {
	for _, left := range n.Lhs {
		for {
			field, ok := left.(*ast.SelectorExpr)
			if !ok {
				break
			}
			if field.Sel.Name == "Unsafe" {
				return true
			}
			left = field.X
		}
	}
	return false
}
