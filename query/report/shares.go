package report

import (
	"math"
	"slices"
)

// Places of the models that need nothing but a conversion's touches, in the
// order of Models.
const (
	lastTouch = iota
	firstTouch
	lastNonDirect
	firstNonDirect
	linear
	positionBased
	timeDecay
	wShaped
	fullPath
	touchModelCount
)

// shares are what one touch has of its conversion under each of them.
type shares [touchModelCount]float64

// add is written out, since nothing else is done as often.
func (s *shares) add(o *shares) {
	s[lastTouch] += o[lastTouch]
	s[firstTouch] += o[firstTouch]
	s[lastNonDirect] += o[lastNonDirect]
	s[firstNonDirect] += o[firstNonDirect]
	s[linear] += o[linear]
	s[positionBased] += o[positionBased]
	s[timeDecay] += o[timeDecay]
	s[wShaped] += o[wShaped]
	s[fullPath] += o[fullPath]
}

// path is what the models look at: the touches of one conversion that are
// credited, in order.
type path struct {
	starts                 []int64 // milliseconds
	other                  []bool  // not Direct
	identified, progressed int64   // milestones; progressed is 0 for never
	shares                 []shares
}

// halfLife is time decay's, in milliseconds: a week.
const halfLife = 7 * 24 * 3600 * 1000.

// share computes every touch's shares; there is at least one touch.
func (p *path) share() {
	n := len(p.starts)
	p.shares = append(p.shares[:0], make([]shares, n)...)
	first, last := p.nonDirect()
	p.shares[n-1][lastTouch], p.shares[0][firstTouch] = 1, 1
	p.shares[last][lastNonDirect], p.shares[first][firstNonDirect] = 1, 1
	p.decay()
	for i := range p.shares {
		s := &p.shares[i]
		s[linear] = 1 / float64(n)
		switch {
		case n == 1:
			s[positionBased] = 1
		case n == 2:
			s[positionBased] = 0.5
		case i == 0 || i == n-1:
			s[positionBased] = 0.4
		default:
			s[positionBased] = 0.2 / float64(n-2)
		}
	}
	knew := p.milestone(p.identified)
	p.shape(wShaped, 0.3, 0, knew, n-1)
	moved := -1
	if p.progressed != 0 {
		moved = p.milestone(p.progressed)
	}
	p.shape(fullPath, 0.225, 0, knew, moved, n-1)
}

// nonDirect are the first and the last touch that is not Direct, or the first
// and the last of all.
func (p *path) nonDirect() (first, last int) {
	first, last = -1, -1
	for i, other := range p.other {
		if other {
			last = i
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return 0, len(p.other) - 1
	}
	return first, last
}

// decay counts ages from the newest touch: that changes no share, and keeps the
// weights of old touches away from zero.
func (p *path) decay() {
	newest, sum := p.starts[0], 0.
	for _, t := range p.starts {
		newest = max(newest, t)
	}
	for i, t := range p.starts {
		w := math.Exp(float64(t-newest) * (math.Ln2 / halfLife))
		p.shares[i][timeDecay] = w
		sum += w
	}
	for i := range p.shares {
		p.shares[i][timeDecay] /= sum
	}
}

// milestone is the last touch that had begun by a moment, -1 for none.
func (p *path) milestone(moment int64) int {
	for i := len(p.starts) - 1; i >= 0; i-- {
		if p.starts[i] <= moment {
			return i
		}
	}
	return -1
}

// shape gives each milestone's touch its weight and the others the rest. What
// has no touch, a milestone or the rest, is spread evenly.
func (p *path) shape(model int, weight float64, milestones ...int) {
	n := float64(len(p.shares))
	const rest = 0.1 // of both models
	taken, everybody := 0, 0.
	for k, m := range milestones {
		if m < 0 {
			everybody += weight
			continue
		}
		if p.shares[m][model] += weight; !slices.Contains(milestones[:k], m) {
			taken++
		}
	}
	others := len(p.shares) - taken
	if others == 0 {
		everybody += rest
	}
	for i := range p.shares {
		s := &p.shares[i][model]
		if *s == 0 && others > 0 {
			*s = rest / float64(others)
		}
		*s += everybody / n
	}
}
