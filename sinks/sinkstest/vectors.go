package sinkstest

import (
	"os"
	"strings"
	"testing"

	"sourceloop/sinks/wire"
)

// Vectors runs testdata/vectors.txt: lines of kind, text, its normal form and the
// hash of that, between bars. Every kind has a normaliser, and every normaliser
// some lines. A normal form is normal.
func Vectors(t *testing.T, normalisers map[string]func(string) string) {
	t.Helper()
	content, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, line := range strings.Split(strings.TrimRight(string(content), "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "|")
		if len(fields) != 4 || normalisers[strings.TrimSpace(fields[0])] == nil {
			t.Fatalf("%q is no vector", line)
		}
		kind, given := strings.TrimSpace(fields[0]), strings.TrimSuffix(strings.TrimPrefix(fields[1], " "), " ")
		normal, hash := strings.TrimSpace(fields[2]), strings.TrimSpace(fields[3])
		seen[kind]++
		got := normalisers[kind](given)
		if got != normal || hash != "" && wire.Hash(got) != hash {
			t.Errorf("%s %q becomes %q with the hash %s, not %q with %s", kind, given, got, wire.Hash(got), normal, hash)
		}
	}
	for kind := range normalisers {
		if seen[kind] < 3 {
			t.Errorf("%s has %d vectors", kind, seen[kind])
		}
	}
}
