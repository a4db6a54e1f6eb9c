package journeys_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sourceloop/pipeline/journeys"
)

// rulebook is what RULES.md says.
type rulebook struct {
	order     []string          // the rules, as they stand
	elsewhere map[string]string // "file test" of rules that a test shows
	missing   map[string]string // why a rule cannot be shown yet
}

var ruleLine = regexp.MustCompile(`^- \*\*([A-Z]\d+)\*\* (\S.*)$`)

func readRules(t *testing.T) rulebook {
	t.Helper()
	raw, err := os.ReadFile("RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	b := rulebook{elsewhere: map[string]string{}, missing: map[string]string{}}
	section := ""
	for line := range strings.Lines(string(raw)) {
		if heading, found := strings.CutPrefix(strings.TrimSpace(line), "## "); found {
			section = heading
		}
		m := ruleLine.FindStringSubmatch(strings.TrimSpace(line))
		switch {
		case m == nil:
			if strings.HasPrefix(line, "- ") {
				t.Errorf("RULES.md: %q is no rule", line)
			}
		case section == "Missing":
			b.missing[m[1]] = m[2]
		case section == "Shown by a test":
			b.elsewhere[m[1]] = m[2]
		default:
			b.order = append(b.order, m[1])
		}
	}
	return b
}

// TestRulesAreNumberedInOrder: a number is never left out or given twice.
func TestRulesAreNumberedInOrder(t *testing.T) {
	b := readRules(t)
	next := map[byte]int{}
	for _, id := range b.order {
		next[id[0]]++
		if n, err := strconv.Atoi(id[1:]); err != nil || n != next[id[0]] {
			t.Errorf("%s stands where %c%d is expected", id, id[0], next[id[0]])
		}
	}
	if len(b.order) < 100 {
		t.Errorf("only %d rules were read", len(b.order))
	}
}

// TestEveryRuleHasAJourney holds journeys and rules together.
func TestEveryRuleHasAJourney(t *testing.T) {
	b := readRules(t)
	shown := map[string][]string{}
	for _, file := range files(t) {
		j, name := parse(t, file), filepath.Base(file)
		if len(j.Shows) == 0 {
			t.Errorf("%s shows no rule; name one of RULES.md", name)
		}
		for _, id := range j.Shows {
			if !slices.Contains(b.order, id) {
				t.Errorf("%s shows %s, which is no rule", name, id)
			}
			shown[id] = append(shown[id], name)
		}
	}
	for _, id := range b.order {
		_, isMissing := b.missing[id]
		_, isElsewhere := b.elsewhere[id]
		switch {
		case isMissing && (isElsewhere || len(shown[id]) > 0):
			t.Errorf("%s is listed as missing, but is shown by %v %s: take it off the list", id, shown[id], b.elsewhere[id])
		case !isMissing && !isElsewhere && len(shown[id]) == 0:
			t.Errorf("no journey shows %s", id)
		}
	}
	for id := range b.missing {
		if !slices.Contains(b.order, id) {
			t.Errorf("%s is missing, but is no rule", id)
		}
	}
	for id, where := range b.elsewhere {
		if !slices.Contains(b.order, id) || !isTest(where) {
			t.Errorf("%s is shown by %q, which is no test of a rule", id, where)
		}
	}
}

// isTest tells whether "file name" is a test that there is.
func isTest(where string) bool {
	file, name, _ := strings.Cut(where, " ")
	raw, err := os.ReadFile(filepath.Join("..", "..", file))
	return err == nil && strings.HasPrefix(name, "Test") && strings.Contains(string(raw), "func "+name+"(")
}

func parse(t *testing.T, file string) *journeys.Journey {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	j, err := journeys.Parse(string(raw))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return j
}
