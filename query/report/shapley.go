package report

import (
	"context"
	"fmt"
	"math/bits"
)

// outcome is what came of the paths that have one set of states.
type outcome struct{ conversions, value, misses float64 }

// exactPlayers are those of one path that are told apart: every set of them is
// looked at. Of a path with more, the ones that earn least play as one, and
// share alike what that is worth.
const exactPlayers = 8

// shapley shares the conversions of every set of states among its members, by
// their Shapley values in a game in which a set is worth the rate at which the
// paths of exactly that set converted, and no less than a part of it: more
// touches do no harm. Bits are states from 1. Of many sets it takes long enough
// that it ends when nobody waits any longer.
func shapley(ctx context.Context, sets map[uint64]outcome) (map[int]credit, error) {
	all := make(map[int]credit)
	for set, o := range sets {
		if o.conversions == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("cannot go on sharing conversions: %w", err)
		}
		for state, share := range shapleyShares(set, sets) {
			c := all[state]
			all[state] = credit{c.conversions + share*o.conversions, c.value + share*o.value}
		}
	}
	return all, nil
}

// shapleyShares are the shares of a set's states in its conversions.
func shapleyShares(set uint64, sets map[uint64]outcome) map[int]float64 {
	var members []uint64 // each one state, but for the last, which may be many
	for rest := set; rest != 0; {
		one := rest & -rest
		if len(members) == exactPlayers-1 {
			one = rest
		}
		members, rest = append(members, one), rest&^one
	}
	worth := make([]float64, 1<<len(members))
	whole := make([]uint64, len(worth))
	for part := 1; part < len(worth); part++ {
		for i, member := range members {
			if part>>i&1 == 1 {
				whole[part] |= member
				worth[part] = max(worth[part], worth[part&^(1<<i)])
			}
		}
		if o, ok := sets[whole[part]]; ok {
			worth[part] = max(worth[part], o.conversions/(o.conversions+o.misses))
		}
	}
	shares := make(map[int]float64)
	for i, value := range shapleyValues(worth, len(members)) {
		share := value / worth[len(worth)-1] / float64(bits.OnesCount64(members[i]))
		for rest := members[i]; rest != 0; rest &= rest - 1 {
			shares[1+bits.TrailingZeros64(rest)] = share
		}
	}
	return shares
}

// shapleyValues are what n players add on average, over all orders in which
// they may come. worth is that of every set of them, by its bits.
func shapleyValues(worth []float64, n int) []float64 {
	weights := make([]float64, n) // by how many were there before: of orders with these, one more, and the others
	for k := range weights {
		weights[k] = 1 / float64(n)
		for j := range k { // 1 / (n * (n-1 choose k))
			weights[k] *= float64(j+1) / float64(n-1-j)
		}
	}
	values := make([]float64, n)
	for set := range worth {
		for i := range values {
			if set>>i&1 == 0 {
				values[i] += weights[bits.OnesCount(uint(set))] * (worth[set|1<<i] - worth[set])
			}
		}
	}
	return values
}
