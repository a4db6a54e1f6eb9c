package report

import (
	"cmp"
	"slices"
)

// funnelTally are the walks of all entities.
type funnelTally struct {
	steps   int
	entries []int32 // by walk: the place of the value that it began with
	sizes   []uint8 // steps
	after   []int64 // of all walks one after the other: milliseconds since step 1 at each step
}

// merge takes over what another has.
func (t *funnelTally) merge(other *funnelTally) {
	t.entries, t.sizes, t.after = append(t.entries, other.entries...), append(t.sizes, other.sizes...), append(t.after, other.after...)
}

func (t *funnelTally) add(entry int32, w *walk) {
	t.entries = append(t.entries, entry)
	t.sizes = append(t.sizes, uint8(w.n))
	for _, at := range w.list() {
		t.after = append(t.after, at-w.times[0])
	}
}

// part are the walks of some values; its lists are by step.
type part struct {
	after [][]int64
}

// parts divides the walks by what place gives for a value.
func (t *funnelTally) parts(n int, place func(entry int32) int) []part {
	all := make([]part, n)
	sizes := make([]int, n*t.steps)
	for i, size := range t.sizes {
		for step := range int(size) {
			sizes[place(t.entries[i])*t.steps+step]++
		}
	}
	for i := range all {
		all[i].after = make([][]int64, t.steps)
		for step := range all[i].after {
			all[i].after[step] = make([]int64, 0, sizes[i*t.steps+step])
		}
	}
	from := 0
	for i, size := range t.sizes {
		p := &all[place(t.entries[i])]
		for step := range int(size) {
			p.after[step] = append(p.after[step], t.after[from+step])
		}
		from += int(size)
	}
	return all
}

// counts gives how many got to each step, and after how long.
func (p *part) counts() []StepCount {
	counts := make([]StepCount, len(p.after))
	for step, after := range p.after {
		slices.Sort(after)
		counts[step] = StepCount{Entered: uint64(len(after)), Median: quantile(after, 0.5), P90: quantile(after, 0.9)}.rounded()
	}
	return counts
}

// quantile is that of sorted milliseconds, in seconds: between the two nearest
// in proportion, as percentiles are in most tools (inclusive).
func quantile(sorted []int64, level float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	place := level * float64(len(sorted)-1)
	i := int(place)
	low, high := float64(sorted[i]), float64(sorted[min(i+1, len(sorted)-1)])
	return (low + (high-low)*(place-float64(i))) / 1000
}

// report makes the answer. Of a breakdown the values with the most entries have
// rows, as many as are asked for; the others are one.
func (t *funnelTally) report(f Funnel, values []string) FunnelReport {
	whole := t.parts(1, func(int32) int { return 0 })
	answer := FunnelReport{Steps: whole[0].counts()}
	convert(answer.Steps)
	if f.Breakdown == "" {
		return answer
	}
	order := t.ranked(values)
	rows := len(order)
	if f.Rows > 0 {
		rows = min(rows, f.Rows)
	}
	places := make([]int, len(values))
	for place, entry := range order {
		places[entry] = min(place, rows)
	}
	divided := t.parts(rows+1, func(entry int32) int { return places[entry] })
	byKey := make(map[string][]StepCount, rows)
	for place, entry := range order[:rows] {
		byKey[values[entry]] = divided[place].counts()
	}
	answer.Breakdown = breakdown(byKey)
	if rows < len(order) {
		answer.Rest = &FunnelRest{Values: uint64(len(order) - rows), Steps: divided[rows].counts()}
		convert(answer.Rest.Steps)
	}
	return answer
}

// ranked are the values that somebody entered with, those of most first.
func (t *funnelTally) ranked(values []string) []int32 {
	sizes := make([]int, len(values))
	for _, entry := range t.entries {
		sizes[entry]++
	}
	var order []int32
	for entry, size := range sizes {
		if size > 0 {
			order = append(order, int32(entry))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(sizes[b], sizes[a]), cmp.Compare(values[a], values[b]))
	})
	return order
}
