package report

import "math"

// chain is a Markov chain of the first order over the states 1 to n, with a
// start, and the ends converted and missed. What it is made of is counted.
type chain struct {
	n                  int
	steps              [][]float64 // by state, 0 being the start: how often it went on to which state
	ends               [][2]float64
	conversions, value float64
}

func newChain(n int) *chain {
	c := &chain{n: n, steps: make([][]float64, n+1), ends: make([][2]float64, n+1)}
	for i := range c.steps {
		c.steps[i] = make([]float64, n+1)
	}
	return c
}

// add counts steps from a state, 0 being the start, to another, -1 being a
// conversion of some value and -2 none.
func (c *chain) add(from, to int, times, value float64) {
	switch to {
	case -1:
		c.ends[from][0] += times
		c.conversions += times
		c.value += value
	case -2:
		c.ends[from][1] += times
	default:
		c.steps[from][to] += times
	}
}

// credits shares the conversions in proportion to the states' removal effects:
// by how much fewer there would be if whoever comes to the state went no
// further. With the chance f of ever coming to it from the start, and the
// chance h of converting from there, that is f times h. Both are in the
// fundamental matrix N, so that one inversion serves all states: h = N times
// the chances to convert at once, and f = (start times N) of the state over
// N of the state itself.
func (c *chain) credits() map[int]credit {
	all := make(map[int]credit)
	if c.conversions == 0 {
		return all
	}
	states, inverse := c.fundamental()
	effects, sum := make([]float64, len(states)), 0.0
	for j := range states {
		visits, converts := 0.0, 0.0
		for i, other := range states {
			visits += c.chance(0, other) * inverse[i][j]
			converts += inverse[j][i] * c.ends[other][0] / c.leaves(other)
		}
		effects[j] = visits / inverse[j][j] * converts
		sum += effects[j]
	}
	for j, state := range states {
		all[state] = credit{c.conversions * effects[j] / sum, c.value * effects[j] / sum}
	}
	return all
}

// leaves is how often anything followed a state.
func (c *chain) leaves(state int) float64 {
	sum := c.ends[state][0] + c.ends[state][1]
	for _, times := range c.steps[state] {
		sum += times
	}
	return sum
}

func (c *chain) chance(from, to int) float64 { return c.steps[from][to] / c.leaves(from) }

// fundamental gives the states that occur, and the inverse of one minus the
// chances to go from one to another.
func (c *chain) fundamental() (states []int, inverse [][]float64) {
	for state := 1; state <= c.n; state++ {
		if c.leaves(state) > 0 {
			states = append(states, state)
		}
	}
	matrix := make([][]float64, len(states))
	for i, from := range states {
		matrix[i] = make([]float64, 2*len(states))
		for j, to := range states {
			matrix[i][j] = -c.chance(from, to)
		}
		matrix[i][i]++
		matrix[i][len(states)+i] = 1
	}
	eliminate(matrix)
	for i := range matrix {
		matrix[i] = matrix[i][len(states):]
	}
	return states, matrix
}

// eliminate makes the left square of a matrix one, by Gauss and Jordan. Every
// path ends, so that it can be inverted.
func eliminate(m [][]float64) {
	for i := range m {
		best := i
		for k := i; k < len(m); k++ {
			if math.Abs(m[k][i]) > math.Abs(m[best][i]) {
				best = k
			}
		}
		m[i], m[best] = m[best], m[i]
		pivot := m[i][i]
		for j := i; j < len(m[i]); j++ {
			m[i][j] /= pivot
		}
		for k := range m {
			if factor := m[k][i]; k != i && factor != 0 {
				for j := i; j < len(m[k]); j++ {
					m[k][j] -= factor * m[i][j]
				}
			}
		}
	}
}
