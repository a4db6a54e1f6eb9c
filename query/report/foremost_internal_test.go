package report

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestForemost: the first of many are those that sorting all of them gives, and every other one is given back once.
func TestForemost(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 18))
	for range 500 {
		all := random.Perm(random.IntN(60))
		f := foremost[int]{n: random.IntN(40), compare: func(a, b *int) int { return cmp.Compare(*b, *a) }}
		var left []int
		for _, one := range all {
			if out, full := f.offer(one); full {
				left = append(left, out)
			}
		}
		slices.SortFunc(all, func(a, b int) int { return cmp.Compare(b, a) })
		first := len(all)
		if f.n > 0 {
			first = min(first, f.n)
		}
		slices.SortFunc(left, func(a, b int) int { return cmp.Compare(b, a) })
		if got := f.sorted(); !slices.Equal(got, all[:first]) || !slices.Equal(left, all[first:]) {
			t.Fatalf("of %v the first %d are %v, and left are %v", all, f.n, got, left)
		}
	}
}
