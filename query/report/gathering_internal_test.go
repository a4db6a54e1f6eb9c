package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// drawn are what visitors did, as journeys give it: step by step, each in the order of visitors within every month. Half of who does a step
// that is not the first did the first, too.
func drawn(random *rand.Rand, each int) []*funnelRows {
	source := &funnelSource{funnelBuild: &funnelBuild{}}
	first := make([]uint64, each)
	for i := range first {
		first[i] = random.Uint64()
		if i > 0 && random.IntN(2) == 0 {
			first[i] = first[random.IntN(i)] // Again.
		}
	}
	var all []*funnelRows
	for step := range 4 {
		of := &funnelRows{}
		months := make([][]funnelRow, 3)
		for _, browser := range first {
			row := funnelRow{browser: browser, happening: happening{moment: uint64(random.Int64N(90*dayMillis)) << momentBits}}
			switch {
			case step > 0 && random.IntN(3) > 0:
				continue // A third as many did it.
			case step > 0 && random.IntN(2) == 0:
				row.browser = random.Uint64()
			}
			month := row.at() / (30 * dayMillis)
			months[month] = append(months[month], row)
		}
		for _, rows := range months {
			of.add(rows, source)
		}
		of.masks, of.meaning.mask = nil, 1<<step
		all = append(all, of)
	}
	return all
}

func BenchmarkGathering(b *testing.B) {
	all, rows := drawn(rand.New(rand.NewPCG(1, 2)), 400_000), 0
	for _, of := range all {
		rows += len(of.browsers.rows)
	}
	c := counter{walker: walker{steps: 4, window: 14 * dayMillis, end: 90 * dayMillis}, funnelTally: funnelTally{steps: 4}, order: Sequential}
	g := gathering{entries: 1, last: math.MaxUint64, yield: c.see}
	b.ReportAllocs()
	for b.Loop() {
		c.funnelTally = funnelTally{steps: 4}
		begun := time.Now()
		low, high := bounds(0, 1)
		g.merge(all, low, high)
		b.ReportMetric(float64(time.Since(begun).Nanoseconds())/float64(rows), "ns/row")
	}
}

// Visitors who were added are told apart from most of the others, and never forgotten.
func TestVisitorBits(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))
	var v visitorBits
	if !v.may(random.Uint64()) {
		t.Error("who tells nothing tells somebody away")
	}
	for range 300 {
		low, high := random.Uint64(), random.Uint64()
		switch random.IntN(4) {
		case 0:
			low, high = 0, math.MaxUint64
		case 1:
			high = low + min(math.MaxUint64-low, random.Uint64N(500))
		}
		low, high = min(low, high), max(low, high)
		one := func() uint64 {
			if high-low == math.MaxUint64 {
				return random.Uint64()
			}
			return low + random.Uint64N(high-low+1)
		}
		some := make([]uint64, random.IntN(2000))
		v.begin(low, high, len(some))
		for i := range some {
			some[i] = one()
			v.add(some[i])
		}
		for _, visitor := range append(some, low, high) {
			if known := slices.Contains(some, visitor); known && !v.may(visitor) {
				t.Fatalf("%d of %d to %d is forgotten", visitor, low, high)
			}
		}
		wrong := 0
		for range 1000 {
			if visitor := one(); v.may(visitor) && !slices.Contains(some, visitor) {
				wrong++
			}
		}
		if wrong > 300 {
			t.Errorf("%d of 1000 from %d to %d are taken for some of %d", wrong, low, high, len(some))
		}
	}
}

// Codes tell what each item means; where eight bits do not, items of other meanings are read apart.
func TestCodesTellWhatItemsMean(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 5))
	source, coded := &funnelSource{}, 0
	for range 2000 {
		apart := make([]reading, 1+random.IntN(6))
		for i := range apart {
			apart[i].meaning.mask = 2 << i
			for range 1 + random.IntN(40/len(apart)) {
				apart[i].items = append(apart[i].items, random.Uint64())
			}
		}
		together := source.coded(apart)
		if len(together) == len(apart) {
			continue
		}
		coded++
		for _, of := range apart {
			for _, item := range of.items {
				if got := together[0].codes[uint8(item>>together[0].Shift)]; got != of.meaning || !slices.Contains(together[0].items, item) {
					t.Fatalf("%x is read as %+v and means %+v", item, got, of.meaning)
				}
			}
		}
	}
	if coded == 0 {
		t.Error("nothing is read together")
	}
	unlike := []reading{{items: []uint64{0}, meaning: meaning{mask: 2}}, {items: []uint64{1}, meaning: meaning{mask: 4}}, {items: []uint64{1 << 63}, meaning: meaning{mask: 8}}}
	if together := source.coded(unlike); len(together) != 3 {
		t.Errorf("%+v are read as %+v", unlike, together)
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
