package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestRangesComeToAnEnd: whatever numbers there are and however few may be read at once, the ranges that follow each other reach the
// last number, in about as many steps as finding each number by halves would take.
func TestRangesComeToAnEnd(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 17))
	for range 200 {
		numbers := make([]uint64, random.IntN(300))
		shift := random.IntN(60) // Some worlds stand close together.
		for i := range numbers {
			numbers[i] = random.Uint64() >> shift
		}
		slices.Sort(numbers)
		most := 1 + random.IntN(60)
		width, steps, seen := uint64(math.MaxUint64)/uint64(len(numbers)/most+1), 0, 0
		for low := uint64(0); ; steps++ {
			if steps > 64*(len(numbers)+1) {
				t.Fatalf("%d numbers, shifted by %d, at most %d at once: after %d steps only %d were seen", len(numbers), shift, most, steps, seen)
			}
			high := low + min(width, math.MaxUint64-low)
			from, _ := slices.BinarySearch(numbers, low)
			to, here := slices.BinarySearch(numbers, high)
			for here && to < len(numbers) && numbers[to] == high {
				to++
			}
			seen += to - from
			if high == math.MaxUint64 {
				break
			}
			low, width = high+1, nextWidth(width, to-from, most)
		}
		if seen != len(numbers) {
			t.Fatalf("%d of %d numbers were seen", seen, len(numbers))
		}
	}
}
