package report

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// plainPaths are the sequences of some rows by their names, each with its figures, counted row by row.
func plainPaths(rows []told, browsers [][]uint64, collapsed bool) map[string]PathFigures {
	found, whose := map[string]PathFigures{}, map[string]map[uint64]bool{}
	for i, r := range rows {
		var steps []string
		inside, matches := false, false
		var seen []uint64
		for k, start := range r.starts {
			if start < r.happened-30*dayMillis {
				continue
			}
			if inside = true; r.leftOut[k] != 0 {
				continue
			}
			matches = matches || r.matched[k] != 0
			seen = append(seen, browsers[i][k])
			if step := cmp.Or(withoutQuery(r.pages[k]), None); !collapsed || len(steps) == 0 || steps[len(steps)-1] != step {
				steps = append(steps, step)
			}
		}
		if len(steps) == 0 {
			steps, matches = []string{None}, r.matched[len(r.starts)] != 0
			if inside {
				steps, matches = []string{Excluded}, r.matched[len(r.starts)+1] != 0
			}
		}
		if r.counted == 0 || !matches {
			continue
		}
		name := strings.Join(steps, separator)
		if whose[name] == nil {
			whose[name] = map[uint64]bool{}
		}
		for _, browser := range seen {
			whose[name][browser] = true
		}
		f := found[name]
		found[name] = PathFigures{f.Conversions + 1, f.Value + r.value, uint64(len(whose[name]))}
	}
	return found
}

// Sequences of several lists, counted by several at once, are those that one counts row by row.
func TestPathsOfManyRows(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	p := placed{Columns: sentColumns, Reached: true, Exclusions: "some", Filtered: true}
	var all []told
	var browsers [][]uint64
	var lists []*touchRows
	for n := range 3 {
		rows := someRows(random, []int{3 * rowsASharer, 500, 1}[n])
		slices.SortFunc(rows, func(a, b told) int { return a.id.Compare(b.id) })
		rows = slices.CompactFunc(rows, func(a, b told) bool { return a.id == b.id })
		list := &touchRows{}
		for i := range rows {
			for k := range rows[i].pages {
				rows[i].pages[k] = fmt.Sprintf("/page-%d%s", random.IntN(4), []string{"", "?q=1", "?#a"}[random.IntN(3)])
			}
			of := make([]uint64, len(rows[i].starts))
			for k := range of {
				of[k] = random.Uint64N(50)
			}
			browsers = append(browsers, of)
			list.browsers.elements.rows = append(list.browsers.elements.rows, of...)
		}
		kept := list.browsers.elements.rows
		receive(t, list, rows, 1+random.IntN(3), &p)
		list.browsers.elements.rows = kept
		all, lists = append(all, rows...), append(lists, list)
	}
	for _, collapsed := range []bool{false, true} {
		want := plainPaths(all, browsers, collapsed)
		tally := newPathTally(lists, 1, "", withoutQuery, collapsed)
		tally.count()
		if len(tally.paths) != len(want) {
			t.Errorf("collapsed %v: %d sequences, want %d", collapsed, len(tally.paths), len(want))
		}
		listed := map[string]bool{}
		for name := range want {
			if listed[name] = true; len(listed) == 5 {
				break
			}
		}
		const most = 25
		places := tally.most(most, listed)
		visitors := tally.visitors(places)
		for i, place := range places {
			path := tally.paths[place]
			name := strings.Join(tally.text(path.key), separator)
			if got := (PathFigures{path.conversions, path.value, visitors[i]}); got != want[name] {
				t.Errorf("collapsed %v: %q has %+v, want %+v", collapsed, name, got, want[name])
			}
			if listed[name] != (i < len(listed)) {
				t.Errorf("collapsed %v: %q is at place %d, and listed are %v", collapsed, name, i, listed)
			}
			if listed[name] {
				continue
			}
			delete(want, name)
		}
		last := tally.paths[places[len(places)-1]]
		for name, f := range want {
			if !listed[name] && f.Conversions > last.conversions {
				t.Errorf("collapsed %v: %q with %+v is left out, and the last has %d", collapsed, name, f, last.conversions)
			}
		}
	}
}
