package report

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestCrowdCountsAsSetsDo: what is found by bringing sessions of a browser together is what sets of browsers give.
func TestCrowdCountsAsSetsDo(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 60 {
		var c crowd
		marks, sessions := 1+random.IntN(12), random.IntN(3000)
		numbers := make([]uint64, 1+random.IntN(1+sessions))
		for i := range numbers {
			numbers[i] = random.Uint64()
			if random.IntN(3) == 0 { // Many of one part, at one place of it.
				numbers[i] = uint64(random.IntN(len(numbers))) << 32
			}
		}
		times, have, all := make([]uint64, marks), map[[2]uint64]bool{}, map[uint64]bool{}
		for range sessions {
			browser := numbers[random.IntN(len(numbers))]
			of := make([]int32, random.IntN(4))
			for i := range of {
				of[i] = int32(random.IntN(marks))
				times[of[i]]++
				have[[2]uint64{uint64(of[i]), browser}] = true
				all[browser] = true
			}
			c.known(marks)
			c.see(browser, of...)
		}
		c.known(marks)
		want := make([]uint64, marks)
		for pair := range maps.Keys(have) {
			want[pair[0]]++
		}
		by, browsers := c.count()
		if !slices.Equal(by, want) || !slices.Equal(c.times, times) || browsers != uint64(len(all)) {
			t.Fatalf("%d sessions: got %v of %d, %v times; want %v of %d, %v times", sessions, by, browsers, c.times, want, len(all), times)
		}
	}
}

func BenchmarkCrowd(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	const sessions = 2_000_000
	b.ReportAllocs()
	for b.Loop() {
		var c crowd
		c.known(2000)
		for range sessions {
			c.see(random.Uint64N(sessions/2)*0x9e3779b97f4a7c15, int32(random.IntN(2000)), int32(random.IntN(50)))
		}
		c.count()
	}
}
