// Package sourceloop_test holds the rules of the house that go vet can't see:
// who may import whom.
package sourceloop_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// rule forbids files below a folder to import packages below others.
type rule struct {
	under  []string // folders; "" is the whole tree
	except []string
	deny   []string
	why    string
}

func rules() []rule {
	return []rule{
		{under: []string{"schema/"}, except: []string{"schema/clickhouse/"}, deny: []string{"sourceloop/", "github.com/", "net/http"},
			why: "schema is the vocabulary: standard library and protobuf only"},
		{under: []string{"pipeline/enrich/", "pipeline/session/", "pipeline/identity/", "pipeline/attribution/"},
			deny: []string{"sourceloop/pipeline", "sourceloop/sinks", "sourceloop/query", "sourceloop/control", "sourceloop/deploy", "net/http",
				"github.com/twmb/", "github.com/redis/", "github.com/ClickHouse/"},
			why: "a pure stage knows the schema only"},
		{under: []string{"control/doctor/"}, except: []string{"control/doctor/examine/"}, deny: []string{"sourceloop/control", "sourceloop/query", "net/http", "context"},
			why: "the doctor decides by facts and asks nobody"},
		{under: []string{"pipeline/"}, deny: []string{"sourceloop/query", "sourceloop/sinks", "sourceloop/deploy"}, why: "data goes one way"},
		{under: []string{"sinks/"}, deny: []string{"sourceloop/pipeline", "sourceloop/query", "sourceloop/deploy"}, why: "a sink takes rows of the schema"},
		{under: []string{"query/"}, deny: []string{"sourceloop/pipeline", "sourceloop/sinks", "sourceloop/deploy"}, why: "query reads ClickHouse"},
		{under: []string{"deploy/load/"}, deny: []string{"sourceloop/pipeline", "sourceloop/sinks", "sourceloop/query"},
			why: "load judges the stages by its plan, so it must not ask them"},
		{under: []string{""}, except: []string{"pipeline/stream/", "deploy/", "cmd/"}, deny: []string{"github.com/twmb/"}, why: "stream is the only code that talks to Kafka"},
		{under: []string{""}, except: []string{"pipeline/state/", "deploy/"}, deny: []string{"github.com/redis/"}, why: "state is the only code that talks to Redis"},
		{under: []string{""}, except: []string{"cmd/", "deploy/standin/"}, deny: []string{"sourceloop/deploy/standin"}, why: "stand-ins are for cmd and tests"},
	}
}

func TestImportsFollowTheHouse(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && (d.Name() == "node_modules" || d.Name() == "tools" || strings.HasPrefix(d.Name(), ".") && path != ".") {
				return filepath.SkipDir
			}
			return err
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			files++
			check(t, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

func check(t *testing.T, path string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules() {
		if !below(path, r.under) || below(path, r.except) {
			continue
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if below(imported, r.deny) {
				t.Errorf("%s imports %s: %s", path, imported, r.why)
			}
		}
	}
}

func below(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}
