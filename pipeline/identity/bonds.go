package identity

import (
	"slices"

	"sourceloop/schema"
)

// pair is two nodes that must stay apart.
type pair struct{ one, other int }

// split takes the words of Admins out of claims: they name nobody.
func split(claims []*schema.Claim) (seen, bonds []*schema.Claim) {
	for _, c := range claims {
		if c.GetBond() == schema.Bond_BOND_TOGETHER {
			seen = append(seen, c)
		} else {
			bonds = append(bonds, c)
		}
	}
	return seen, bonds
}

// keepApart reads the words of Admins: of those about two nodes the newest
// stands. A browser is nobody and kept from nobody; a node that no claim names
// has nothing to be kept from.
func (f *fold) keepApart(bonds []*schema.Claim) {
	newest := make(map[pair]*schema.Claim)
	for _, c := range bonds {
		p, ok := f.pairOf(c)
		if ok && (newest[p] == nil || compareTimes(newest[p], c) < 0) {
			newest[p] = c
		}
	}
	for p, c := range newest {
		if c.GetBond() == schema.Bond_BOND_APART {
			f.apart = append(f.apart, p)
		}
	}
}

func (f *fold) pairOf(c *schema.Claim) (pair, bool) {
	var named []int
	for _, n := range c.GetNodes() {
		if i, known := f.index[schema.Node(n)]; known && schema.Node(n).Kind() != schema.NodeVisitor {
			named = append(named, i)
		}
	}
	slices.Sort(named)
	if named = slices.Compact(named); len(named) != 2 {
		return pair{}, false
	}
	return pair{named[0], named[1]}, true
}

// areApart tells whether an Admin keeps the contacts of two nodes apart.
func (f *fold) areApart(a, b int) bool {
	a, b = f.root(a), f.root(b)
	for _, p := range f.apart {
		one, other := f.root(p.one), f.root(p.other)
		if one == a && other == b || one == b && other == a {
			return true
		}
	}
	return false
}

// unite joins two nodes for what a claim says, unless an Admin keeps them apart.
func (f *fold) unite(a, b int, c *said) {
	if f.root(a) != f.root(b) && f.areApart(a, b) {
		f.refuse(f.nodes[b], KeptApart, c)
		return
	}
	f.join(a, b)
}
