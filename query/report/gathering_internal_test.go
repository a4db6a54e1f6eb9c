package report

import (
	"cmp"
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
			row := funnelRow{browser: random.Uint64(), happening: happening{moment: uint64(random.Int64N(90*dayMillis)) << momentBits, mask: 1 << step}}
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
	g := gathering{entries: 1, yield: c.see}
	b.ReportAllocs()
	for b.Loop() {
		c.entries, c.sizes, c.after = c.entries[:0], c.sizes[:0], c.after[:0]
		begun := time.Now()
		low, high := bounds(0, 1)
		g.merge(rows, low, high)
		b.ReportMetric(float64(time.Since(begun).Nanoseconds())/float64(len(rows.browsers.rows)), "ns/row")
	}
}
