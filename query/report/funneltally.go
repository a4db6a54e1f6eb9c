package report

import (
	"cmp"
	"slices"
	"sync"
)

// funnelTally are the walks of all entities.
type funnelTally struct {
	steps   int
	entered []uint64 // how many walks began, by the place of the value that they began with

	// Of the walks that got beyond step 1, which most did not:
	entries []int32 // the places of their values
	sizes   []uint8 // steps
	after   []int64 // of all one after the other: milliseconds since step 1 at each further step
}

// merge takes over what another has.
func (t *funnelTally) merge(other *funnelTally) {
	for entry, n := range other.entered {
		*t.at(int32(entry)) += n
	}
	t.entries, t.sizes, t.after = append(t.entries, other.entries...), append(t.sizes, other.sizes...), append(t.after, other.after...)
}

func (t *funnelTally) add(entry int32, w *walk) {
	*t.at(entry)++
	if w.n == 1 {
		return
	}
	t.entries = append(t.entries, entry)
	t.sizes = append(t.sizes, uint8(w.n))
	for _, at := range w.list()[1:] {
		t.after = append(t.after, at-w.times[0])
	}
}

// at is where the walks that began with a value are counted.
func (t *funnelTally) at(entry int32) *uint64 {
	if missing := int(entry) + 1 - len(t.entered); missing > 0 {
		t.entered = append(t.entered, make([]uint64, missing)...)
	}
	return &t.entered[entry]
}

// part are the walks of some values.
type part struct {
	entered uint64
	after   [][]int64 // by step, from step 2
}

// parts divides the walks by what place gives for a value.
func (t *funnelTally) parts(n int, place func(entry int32) int) []part {
	all := make([]part, n)
	for entry, walks := range t.entered {
		if walks > 0 {
			all[place(int32(entry))].entered += walks
		}
	}
	further := t.steps - 1
	sizes := make([]int, n*further)
	for i, size := range t.sizes {
		for step := range int(size) - 1 {
			sizes[place(t.entries[i])*further+step]++
		}
	}
	for i := range all {
		all[i].after = make([][]int64, further)
		for step := range all[i].after {
			all[i].after[step] = make([]int64, 0, sizes[i*further+step])
		}
	}
	from := 0
	for i, size := range t.sizes {
		p := &all[place(t.entries[i])]
		for step := range int(size) - 1 {
			p.after[step] = append(p.after[step], t.after[from+step])
		}
		from += int(size) - 1
	}
	return all
}

// counts gives how many got to each step, and after how long. It puts the times in another order.
func (p *part) counts() []StepCount {
	counts := make([]StepCount, 1+len(p.after))
	counts[0].Entered = p.entered
	var work sync.WaitGroup
	for step, after := range p.after {
		count := func() {
			median := quantile(after, 0.5)
			counts[step+1] = StepCount{Entered: uint64(len(after)), Median: median, P90: quantile(after, 0.9)}.rounded()
		}
		if len(after) < manyTimes {
			count()
		} else {
			work.Go(count)
		}
	}
	work.Wait()
	return counts
}

// manyTimes are those that it is worth to begin beside others.
const manyTimes = 10_000

// quantile is that of milliseconds, in seconds: between the two nearest
// in proportion, as percentiles are in most tools (inclusive). It puts them in another order.
func quantile(times []int64, level float64) float64 {
	if len(times) == 0 {
		return 0
	}
	place := level * float64(len(times)-1)
	i := int(place)
	order(times, i)
	low, high := float64(times[i]), float64(times[i])
	if i+1 < len(times) {
		high = float64(slices.Min(times[i+1:]))
	}
	return (low + (high-low)*(place-float64(i))) / 1000
}

// order puts at place i what would stand there if all were sorted, nothing larger before and nothing smaller behind it (Hoare's
// selection): to sort all of it took as long as a tenth of a funnel.
func order[T int64 | uint64](numbers []T, i int) {
	for len(numbers) > 32 {
		pivot := numbers[len(numbers)/2]
		if first, last := numbers[0], numbers[len(numbers)-1]; (first < pivot) != (first < last) { // The middle one of three.
			pivot = first
		} else if (last < pivot) != (last < first) {
			pivot = last
		}
		low, high := 0, len(numbers)-1
		for low <= high {
			for numbers[low] < pivot {
				low++
			}
			for numbers[high] > pivot {
				high--
			}
			if low <= high {
				numbers[low], numbers[high] = numbers[high], numbers[low]
				low, high = low+1, high-1
			}
		}
		switch {
		case i <= high:
			numbers = numbers[:high+1]
		case i >= low:
			numbers, i = numbers[low:], i-low
		default:
			return // It stands between those not larger and those not smaller.
		}
	}
	slices.Sort(numbers)
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
	var order []int32
	for entry, n := range t.entered {
		if n > 0 {
			order = append(order, int32(entry))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(t.entered[b], t.entered[a]), cmp.Compare(values[a], values[b]))
	})
	return order
}
