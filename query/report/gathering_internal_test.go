package report

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// drawn are what visitors did, as journeys give it: step by step, each in the order of visitors.
func drawn(random *rand.Rand, each int) *funnelRows {
	all := &funnelRows{}
	for step := range 4 {
		rows := make([]funnelRow, 0, each)
		for range each {
			row := funnelRow{browser: random.Uint64(), happening: happening{moment: uint64(random.Int64N(90*dayMillis)) << momentBits, meaning: meaning{mask: 1 << step}}}
			if step > 0 && random.IntN(2) == 0 { // Many did the first step, too.
				row.browser = all.browsers.rows[random.IntN(each)]
			}
			rows = append(rows, row)
		}
		slices.SortFunc(rows, func(a, b funnelRow) int { return cmp.Compare(a.browser, b.browser) })
		all.add(rows, &funnelSource{funnelBuild: &funnelBuild{}})
	}
	return all
}

func BenchmarkGathering(b *testing.B) {
	rows := drawn(rand.New(rand.NewPCG(1, 2)), 120_000)
	c := counter{walker: walker{steps: 4, window: 14 * dayMillis, end: 90 * dayMillis}, funnelTally: funnelTally{steps: 4}, order: Sequential}
	g := gathering{entries: 1, last: math.MaxUint64, yield: c.see}
	b.ReportAllocs()
	for b.Loop() {
		c.funnelTally = funnelTally{steps: 4}
		begun := time.Now()
		low, high := bounds(0, 1)
		g.merge([]*funnelRows{rows}, low, high)
		b.ReportMetric(float64(time.Since(begun).Nanoseconds())/float64(len(rows.browsers.rows)), "ns/row")
	}
}

// A quantile is what stands there in the sorted list, whatever order it is found in.
func TestQuantileEqualsSorted(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	for range 2000 {
		times := make([]int64, 1+random.IntN(200))
		for i := range times {
			times[i] = random.Int64N(1 + int64(random.IntN(300))) // Many are equal.
		}
		sorted := slices.Sorted(slices.Values(times))
		level := float64(random.IntN(101)) / 100
		place := level * float64(len(sorted)-1)
		low, high := sorted[int(math.Floor(place))], sorted[int(math.Ceil(place))]
		want := (float64(low) + float64(high-low)*(place-math.Floor(place))) / 1000
		if got := quantile(slices.Clone(times), level); math.Abs(got-want) > 1e-12 {
			t.Fatalf("the quantile %v of %v is %v and not %v", level, times, got, want)
		}
	}
}
