package report

import (
	"math"
	"slices"
)

// z95 is within how many standard errors 95 % lie.
const z95 = 1.959963984540054

// wilson is the 95 % interval of a share, after E. B. Wilson (1927).
func wilson(part, whole uint64) (low, high float64) {
	if whole == 0 {
		return 0, 1
	}
	n := float64(whole)
	p, z2 := float64(part)/n, z95*z95
	middle, reach := p+z2/(2*n), z95*math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	return math.Max(0, (middle-reach)/(1+z2/n)), math.Min(1, (middle+reach)/(1+z2/n))
}

// fourfold is a table of two by two: a and b of those with a feature converted
// and did not, c and d of those without.
type fourfold struct{ a, b, c, d float64 }

// odds is the odds ratio with its 95 % interval, after B. Woolf (1955); where a
// cell is empty half a person is added to each (Haldane, Anscombe).
func (t fourfold) odds() (ratio, low, high float64) {
	if t.a*t.b*t.c*t.d == 0 {
		t = fourfold{t.a + .5, t.b + .5, t.c + .5, t.d + .5}
	}
	log, reach := math.Log(t.a*t.d/(t.b*t.c)), z95*math.Sqrt(1/t.a+1/t.b+1/t.c+1/t.d)
	return math.Exp(log), math.Exp(log - reach), math.Exp(log + reach)
}

// chance is the probability of a table at least as far from independence, were
// there none: Pearson's test, or Fisher's exact one where it expects fewer than
// five in a cell.
func (t fourfold) chance() float64 {
	with, without, won, lost := t.a+t.b, t.c+t.d, t.a+t.c, t.b+t.d
	n := with + without
	if with*without*won*lost == 0 {
		return 1
	}
	if min(with, without)*min(won, lost)/n < 5 {
		return t.fisher()
	}
	difference := t.a*t.d - t.b*t.c
	return math.Erfc(math.Sqrt(n * difference / with * difference / without / won / lost / 2))
}

// fisher sums the tables of the same margins that are as improbable or more.
func (t fourfold) fisher() float64 {
	with, won, n := t.a+t.b, t.a+t.c, t.a+t.b+t.c+t.d
	lgamma := func(x float64) float64 { g, _ := math.Lgamma(x + 1); return g }
	choose := func(n, k float64) float64 { return lgamma(n) - lgamma(k) - lgamma(n-k) }
	log := func(a float64) float64 { return choose(won, a) + choose(n-won, with-a) - choose(n, with) }
	limit, sum := log(t.a)+1e-7, 0.0
	for a := math.Max(0, with+won-n); a <= math.Min(with, won); a++ {
		if p := log(a); p <= limit {
			sum += math.Exp(p)
		}
	}
	return math.Min(1, sum)
}

// holm corrects probabilities for how many they are: those that stay below 5 %
// hold one false find in twenty reports, not in twenty rows (S. Holm, 1979).
func holm(chances []float64) []float64 {
	order := make([]int, len(chances))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case chances[i] < chances[j]:
			return -1
		case chances[i] > chances[j]:
			return 1
		}
		return 0
	})
	corrected, highest := make([]float64, len(chances)), 0.0
	for rank, i := range order {
		highest = math.Max(highest, math.Min(1, chances[i]*float64(len(chances)-rank)))
		corrected[i] = highest
	}
	return corrected
}
