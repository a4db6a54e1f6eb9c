package report

import (
	"cmp"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// pathTally counts sequences of touches before conversions, by the numbers of their steps.
type pathTally struct {
	by        []pathSteps // of each list of rows
	steps     *names      // of all lists
	collapsed bool
	walkers   []*pathWalker
	paths     []pathCount
	places    map[string]int32
	total     pathCount
}

// pathSteps are the steps that a list's touches say.
type pathSteps struct {
	rows           *touchRows
	column         *codedColumn
	codes          []int32 // the step of each of the column's values
	none, excluded int32   // those of a conversion without a touch, and of one whose touches are all excluded
}

// pathCount is what one sequence came before.
type pathCount struct {
	key         string // the numbers of its steps, of four bytes each
	conversions uint64
	value       float64
}

// newPathTally begins to count the rows of some lists, in whose column of a place the steps are. Step makes one of a value.
func newPathTally(lists []*touchRows, place int, direct string, step func(string) string, collapsed bool) *pathTally {
	t := &pathTally{steps: newNames(), collapsed: collapsed, places: map[string]int32{}}
	code := func(text string) int32 { return t.steps.code([]byte(cmp.Or(step(text), None))) }
	for _, rows := range lists {
		of := pathSteps{rows: rows, column: rows.columns[place], none: code(direct), excluded: code(Excluded)}
		of.codes = make([]int32, len(of.column.texts))
		for i, text := range of.column.texts {
			of.codes[i] = code(text)
		}
		t.by = append(t.by, of)
	}
	return t
}

// count counts all rows.
func (t *pathTally) count() {
	t.each(func(w *pathWalker) { w.count() })
	for _, w := range t.walkers {
		w.numbers = make([]int32, len(w.paths))
		for i, p := range w.paths {
			place, known := t.places[p.key]
			if !known {
				place = int32(len(t.paths))
				t.places[p.key] = place
				t.paths = append(t.paths, pathCount{key: p.key})
			}
			w.numbers[i] = place
			t.paths[place].add(p.conversions, p.value)
			t.total.add(p.conversions, p.value)
		}
	}
}

func (p *pathCount) add(conversions uint64, value float64) {
	p.conversions, p.value = p.conversions+conversions, p.value+value
}

// each has walkers do something at once; the first time they are made, each for a part of every list.
func (t *pathTally) each(do func(*pathWalker)) {
	if t.walkers == nil {
		rows := 0
		for _, of := range t.by {
			rows += of.rows.Rows()
		}
		n := max(1, min(runtime.GOMAXPROCS(0), rows/rowsASharer))
		for i := range n {
			t.walkers = append(t.walkers, &pathWalker{pathTally: t, part: i, parts: n, places: map[string]int32{}})
		}
	}
	var work sync.WaitGroup
	for _, w := range t.walkers {
		work.Go(func() { do(w) })
	}
	work.Wait()
}

// text is a sequence in words.
func (t *pathTally) text(key string) []string {
	steps := make([]string, 0, len(key)/4)
	for ; key != ""; key = key[4:] {
		steps = append(steps, t.steps.texts[binary.LittleEndian.Uint32([]byte(key[:4]))])
	}
	return steps
}

// most gives the places of those that came most often, first those that are listed, as many as asked.
func (t *pathTally) most(n int, listed map[string]bool) []int32 {
	best := foremost[int32]{n: max(1, n), compare: func(a, b *int32) int { return t.compare(*a, *b) }}
	var first []int32
	for place := range t.paths {
		if len(listed) > 0 && listed[strings.Join(t.text(t.paths[place].key), separator)] {
			first = append(first, int32(place))
		} else {
			best.offer(int32(place))
		}
	}
	slices.SortFunc(first, t.compare)
	all := append(first, best.sorted()...)
	return all[:min(n, len(all))]
}

// compare puts what came more often first; of those alike what was worth more, what is shorter, and what reads first.
func (t *pathTally) compare(a, b int32) int {
	p, q := &t.paths[a], &t.paths[b]
	if order := cmp.Or(cmp.Compare(q.conversions, p.conversions), cmp.Compare(q.value, p.value), cmp.Compare(len(p.key), len(q.key))); order != 0 {
		return order
	}
	return slices.Compare(t.text(p.key), t.text(q.key))
}

// visitors counts the distinct browsers of some sequences' touches.
func (t *pathTally) visitors(places []int32) []uint64 {
	chosen := make([]int32, len(t.paths)) // from 1
	for i, place := range places {
		chosen[place] = int32(i + 1)
	}
	t.each(func(w *pathWalker) { w.visit(chosen, len(places)) })
	counts := make([]uint64, len(places))
	for i := range places {
		var all []uint64
		for _, w := range t.walkers {
			all = append(all, w.browsers[i]...)
			w.browsers[i] = nil
		}
		slices.Sort(all)
		counts[i] = uint64(len(slices.Compact(all)))
	}
	return counts
}

// pathWalker counts a part of every list.
type pathWalker struct {
	*pathTally
	part, parts int
	paths       []pathCount
	places      map[string]int32
	counted     []int32    // the place of each conversion's sequence, those that do not count left out
	numbers     []int32    // the places of its sequences among those of all
	browsers    [][]uint64 // of those that are chosen

	touches []int
	key     []byte
}

// conversions hands over the rows that count and match, with their sequences.
func (w *pathWalker) conversions(see func(of *pathSteps, row int)) {
	for i := range w.by {
		of := &w.by[i]
		rows := of.rows.Rows()
		for row := w.part * rows / w.parts; row < (w.part+1)*rows/w.parts; row++ {
			if of.rows.counted.rows[row] != 0 && w.walk(of, row) {
				see(of, row)
			}
		}
	}
}

// walk makes a row's sequence, and tells whether the row matches the filters.
func (w *pathWalker) walk(of *pathSteps, row int) (matches bool) {
	var any bool
	w.touches, any = of.rows.touchesOf(row, w.touches[:0])
	w.key = w.key[:0]
	if len(w.touches) == 0 {
		step := of.none
		if any {
			step = of.excluded
		}
		w.key = binary.LittleEndian.AppendUint32(w.key, uint32(step))
		return of.rows.noneMatches(row, any)
	}
	last := int32(-1)
	for _, touch := range w.touches {
		matches = matches || of.rows.matches(row, touch)
		step := of.codes[of.column.codes[touch]]
		if w.collapsed && step == last {
			continue
		}
		w.key = binary.LittleEndian.AppendUint32(w.key, uint32(step))
		last = step
	}
	return matches
}

func (w *pathWalker) count() {
	w.conversions(func(of *pathSteps, row int) {
		place, known := w.places[string(w.key)] // Copies nothing.
		if !known {
			place = int32(len(w.paths))
			key := string(w.key)
			w.places[key], w.paths = place, append(w.paths, pathCount{key: key})
		}
		w.paths[place].add(1, of.rows.value.rows[row])
		w.counted = append(w.counted, place)
	})
}

// visit lists the browsers of sequences that are chosen, in the order of the rows that were counted.
func (w *pathWalker) visit(chosen []int32, n int) {
	w.browsers = make([][]uint64, n)
	seen := 0
	w.conversions(func(of *pathSteps, _ int) {
		place := chosen[w.numbers[w.counted[seen]]]
		if seen++; place == 0 {
			return
		}
		for _, touch := range w.touches {
			w.browsers[place-1] = append(w.browsers[place-1], of.rows.browsers.elements.rows[touch])
		}
	})
}

// withoutQuery cuts a URL's query off, as ClickHouse's cutQueryString does.
func withoutQuery(url string) string {
	path, query, _ := strings.Cut(url, "?")
	if i := strings.IndexByte(query, '#'); i >= 0 {
		return path + query[i:]
	}
	return path
}
