package attribution

import (
	"maps"
	"slices"
	"strings"

	"sourceloop/schema"
)

// Path is a sequence of states, such as channels, with how often it led to a
// conversion, what these were worth, and how often it did not.
type Path struct {
	States                      []string // each may occur again
	Conversions, Value, Missing float64  // Value is that of all its conversions
}

// Amount is what a state earned.
type Amount struct{ Conversions, Value float64 }

// Earned shares the conversions of some paths, and what they were worth, among
// the states under a data-driven model.
//
// Under Markov the states of a chain of the first order are credited in
// proportion to their removal effects: by how much less likely a conversion is
// once whoever comes to the state is lost.
//
// Under Shapley the conversions of the paths with one set of states are shared
// among these by what each adds, on average over all orders in which they may
// come. A set is worth the rate at which the paths of exactly it convert, and
// no less than a part of it. The cost doubles with every state of a path.
func Earned(m Model, paths []Path) (map[string]Amount, error) {
	converted := slices.ContainsFunc(paths, func(p Path) bool { return p.Conversions > 0 })
	switch {
	case m != Markov && m != Shapley:
		return nil, schema.E("attribution.Earned", schema.KindInvalid, "the model %q needs no paths", m)
	case !converted:
		return nil, nil
	case m == Markov:
		return byRemoval(paths), nil
	}
	return byShapley(paths), nil
}

func statesOf(paths []Path) []string {
	all := map[string]bool{}
	for _, p := range paths {
		for _, s := range p.States {
			all[s] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// byRemoval removes one state after the other.
func byRemoval(paths []Path) map[string]Amount {
	whole := converting(paths, "")
	effects, sum := map[string]float64{}, 0.0
	for _, s := range statesOf(paths) {
		effects[s] = 1 - converting(paths, s)/whole
		sum += effects[s]
	}
	earned := map[string]Amount{}
	for _, p := range paths {
		for s, effect := range effects {
			a := earned[s]
			earned[s] = Amount{a.Conversions + p.Conversions*effect/sum, a.Value + p.Value*effect/sum}
		}
	}
	return earned
}

// converting is the chance of a conversion from the start of the chain that the
// paths make, where whoever comes to one of its states, removed, is lost. It
// solves chance(i) = converts(i) + sum of next(i, j) chance(j).
func converting(paths []Path, removed string) float64 {
	states := append([]string{"\x00start"}, statesOf(paths)...)
	place := map[string]int{}
	for i, s := range states {
		place[s] = i
	}
	n := len(states)
	steps := make([][]float64, n) // to each state, and to a conversion
	leaves := make([]float64, n)
	for i := range steps {
		steps[i] = make([]float64, n+1)
	}
	for _, p := range paths {
		at, often := 0, p.Conversions+p.Missing
		for _, s := range p.States {
			steps[at][place[s]] += often
			leaves[at] += often
			at = place[s]
		}
		steps[at][n] += p.Conversions
		leaves[at] += often
	}
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, n+1)
		for j := range n + 1 {
			if leaves[i] > 0 && states[i] != removed && j < n {
				rows[i][j] = -steps[i][j] / leaves[i]
			}
		}
		rows[i][i]++
		if leaves[i] > 0 && states[i] != removed {
			rows[i][n] = steps[i][n] / leaves[i]
		}
	}
	return solve(rows)[0]
}

// solve solves linear equations, the right side being each row's last number.
func solve(rows [][]float64) []float64 {
	n := len(rows)
	for i := range rows {
		for k := i + 1; k < n; k++ {
			if abs(rows[k][i]) > abs(rows[i][i]) {
				rows[i], rows[k] = rows[k], rows[i]
			}
		}
		for k := i + 1; k < n; k++ {
			factor := rows[k][i] / rows[i][i]
			for j := i; j <= n; j++ {
				rows[k][j] -= factor * rows[i][j]
			}
		}
	}
	x := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		x[i] = rows[i][n]
		for j := i + 1; j < n; j++ {
			x[i] -= rows[i][j] * x[j]
		}
		x[i] /= rows[i][i]
	}
	return x
}

func abs(x float64) float64 { return max(x, -x) }

// setOf names the distinct states of a path.
func setOf(states []string) string {
	distinct := slices.Compact(slices.Sorted(slices.Values(states)))
	return strings.Join(distinct, "\x00")
}

// byShapley shares the conversions of every path among the states of its set.
func byShapley(paths []Path) map[string]Amount {
	conversions, all := map[string]float64{}, map[string]float64{}
	for _, p := range paths {
		set := setOf(p.States)
		conversions[set] += p.Conversions
		all[set] += p.Conversions + p.Missing
	}
	earned := map[string]Amount{}
	for _, p := range paths {
		if p.Conversions == 0 {
			continue
		}
		members := strings.Split(setOf(p.States), "\x00")
		values := ShapleyValues(members, func(coalition []string) float64 { return rate(coalition, conversions, all) })
		whole := rate(members, conversions, all)
		for i, member := range members {
			a, share := earned[member], values[i]/whole
			earned[member] = Amount{a.Conversions + p.Conversions*share, a.Value + p.Value*share}
		}
	}
	return earned
}

// rate is the highest rate of conversion of a coalition and its parts.
func rate(coalition []string, conversions, all map[string]float64) float64 {
	best := 0.0
	if set := setOf(coalition); all[set] > 0 {
		best = conversions[set] / all[set]
	}
	for i := range coalition {
		best = max(best, rate(slices.Delete(slices.Clone(coalition), i, i+1), conversions, all))
	}
	return best
}

// ShapleyValues gives what each player adds to what a coalition is worth, on
// average over all orders in which they may come.
func ShapleyValues(players []string, worth func(coalition []string) float64) []float64 {
	values := make([]float64, len(players))
	n := len(players)
	for set := range 1 << n {
		var coalition []string
		for i, p := range players {
			if set>>i&1 == 1 {
				coalition = append(coalition, p)
			}
		}
		for i, p := range players {
			if set>>i&1 == 0 {
				added := worth(append(slices.Clone(coalition), p)) - worth(coalition)
				values[i] += added * orders(len(coalition)) * orders(n-1-len(coalition)) / orders(n)
			}
		}
	}
	return values
}

// orders is in how many orders some can come.
func orders(n int) float64 {
	product := 1.0
	for i := 2; i <= n; i++ {
		product *= float64(i)
	}
	return product
}
