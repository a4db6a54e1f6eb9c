package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sourceloop/deploy/bench"
	"sourceloop/deploy/embedded"
	"sourceloop/deploy/embedded/embeddedtest"
)

// dir is the folder that the binary is built into, once for all tests.
var dir string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	var err error
	if dir, err = os.MkdirTemp("", "sourceloop-bench-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	return m.Run()
}

var built = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(dir, "sourceloop")
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/sourceloop")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build the binary: %w\n%s", err, out)
	}
	return binary, nil
})

// run measures an area, tiny, and gives what it prints.
func run(t *testing.T, area string) (report bench.Report, stderr string, err error) {
	t.Helper()
	engine := embeddedtest.Engine(t)
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "bench", area, "--hits", "2000", "--json", "--data", t.TempDir())
	if engine.Library != "" {
		cmd.Env = append(os.Environ(), embedded.LibraryVariable+"="+engine.Library)
	}
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	if err = cmd.Run(); err != nil {
		return report, words.String(), err
	}
	strict := json.NewDecoder(&out)
	strict.DisallowUnknownFields()
	if err := strict.Decode(&report); err != nil {
		t.Fatalf("stdout is no report: %v\n%s", err, out.String())
	}
	if strict.More() {
		t.Error("stdout holds more than the report")
	}
	return report, words.String(), nil
}

// TestAreas runs every area, whose two sides must have agreed, and looks at the shape of what comes out; never at a time.
func TestAreas(t *testing.T) {
	for area, want := range map[string]struct {
		rows  map[string]float64 // beginning of the name → target
		notes map[string]any     // that do not depend on the machine
	}{
		"collect": {
			map[string]float64{"collector, one hit": 0.75, "collector, 20 hits": 1},
			map[string]any{"hits": 2000.0, "hits acknowledged": 4000.0, "hits in Kafka": 4000.0},
		},
		"pipeline": {
			map[string]float64{"pipeline": 0.6, "insert": 1.8},
			map[string]any{"pipeline hits": 2000.0, "insert, rows": 2000.0},
		},
		"reports": {
			map[string]float64{"attribution, nine models": 50, "funnel, four steps": 4, "funnel, the same by source": 4, "funnel, the same saved": 8},
			map[string]any{"hits made": 1667.0},
		},
		"identity":  {map[string]float64{"identity": 50}, map[string]any{}},
		"freshness": {map[string]float64{"freshness, hit sent to answered by a query, p50": 1, "freshness, hit sent to answered by a query, p99": 1, "freshness, webhook": 1}, map[string]any{}},
	} {
		t.Run(area, func(t *testing.T) {
			report, words, err := run(t, area)
			if err != nil {
				t.Fatalf("%v: %s", err, words)
			}
			if len(report.Rows) != len(want.rows) {
				t.Errorf("%d rows, want %d", len(report.Rows), len(want.rows))
			}
			for _, row := range report.Rows {
				checkRow(t, row, want.rows)
			}
			for name, value := range want.notes {
				if report.Notes[name] != value {
					t.Errorf("the note %q is %v, want %v", name, report.Notes[name], value)
				}
			}
		})
	}
}

func checkRow(t *testing.T, row bench.Row, targets map[string]float64) {
	t.Helper()
	known := false
	for beginning, target := range targets {
		known = known || strings.HasPrefix(row.Name, beginning) && row.Target == target
	}
	if !known {
		t.Errorf("unexpected row %q with target %g", row.Name, row.Target)
	}
	if row.Ours <= 0 || row.Baseline <= 0 || math.Abs(row.Ratio*row.Baseline/row.Ours-1) > 0.01 {
		t.Errorf("the row %+v does not divide ours by the baseline", row)
	}
}

// TestWhatCannotBeMeasured is told in words, with nothing on stdout.
func TestWhatCannotBeMeasured(t *testing.T) {
	for area, words := range map[string]string{"nothing": "There is no area"} {
		_, stderr, err := run(t, area)
		if err == nil || !strings.Contains(stderr, words) || !strings.Contains(stderr, bench.Areas()) {
			t.Errorf("bench %s: %v, said %q", area, err, stderr)
		}
	}
}
