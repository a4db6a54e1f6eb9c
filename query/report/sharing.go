package report

import (
	"runtime"
	"slices"
	"sync"

	"sourceloop/schema"
)

// rowsASharer are what is worth another goroutine.
const rowsASharer = 4096

// share shares every conversion that counts among its touches, and sums: of
// each sum that is given, one that holds something.
func (r *touchRows) share(progressed map[schema.ID]schema.Millis, sums []*sum) []*sum {
	return r.shareAmong(max(1, min(runtime.GOMAXPROCS(0), r.happened.Rows()/rowsASharer)), progressed, sums)
}

// shareAmong has n sharers do it.
func (r *touchRows) shareAmong(n int, progressed map[schema.ID]schema.Millis, sums []*sum) []*sum {
	rows := r.happened.Rows()
	for len(r.sharers) < n {
		r.sharers = append(r.sharers, &sharer{})
	}
	sharers := r.sharers[:n]
	var shared sync.WaitGroup
	for k, s := range sharers {
		s.begin(r, progressed, sums)
		shared.Go(func() { s.share(k*rows/n, (k+1)*rows/n) })
	}
	shared.Wait()
	for _, other := range sharers[1:] {
		for i, s := range sharers[0].sums {
			s.join(other.sums[i])
		}
	}
	return sharers[0].sums
}

// sharer shares some of the conversions.
type sharer struct {
	*touchRows
	progressed map[schema.ID]schema.Millis
	sums       []*sum
	path       path
	touches    []int // of the conversion at hand
}

// begin takes the room of a former question's sums for those of this one.
func (s *sharer) begin(r *touchRows, progressed map[schema.ID]schema.Millis, sums []*sum) {
	s.touchRows, s.progressed = r, progressed
	former := s.sums
	s.sums = make([]*sum, len(sums))
	for i, sum := range sums {
		var room []slot
		if i < len(former) {
			room = former[i].slots
		}
		s.sums[i] = sum.empty(room)
	}
}

// end holds the room of the sums and nothing else.
func (s *sharer) end() {
	s.touchRows, s.progressed = nil, nil
	for i, of := range s.sums {
		s.sums[i] = &sum{slots: of.slots}
	}
}

// share shares the rows from..to.
func (s *sharer) share(from, to int) {
	for i := from; i < to; i++ {
		if s.counted.rows[i] == 0 {
			continue
		}
		var any bool
		s.touches, any = s.touchesOf(i, s.touches[:0])
		switch len(s.touches) {
		case 0:
			s.addNone(i, any)
		case 1:
			s.addWhole(i, s.touches[0])
		default:
			s.addShares(i)
		}
	}
}

func (s *sharer) addNone(i int, excluded bool) {
	if !s.noneMatches(i, excluded) {
		return
	}
	for _, sum := range s.sums {
		sum.atNone(s.happened.rows[i], excluded).addUntouched(s.value.rows[i])
	}
}

// addWhole adds a conversion whose only touch has all of it.
func (s *sharer) addWhole(i, touch int) {
	if !s.matches(i, touch) {
		return
	}
	for _, sum := range s.sums {
		sum.at(s.happened.rows[i], touch).addWhole(s.value.rows[i])
	}
}

func (s *sharer) addShares(i int) {
	if s.filters && !slices.ContainsFunc(s.touches, func(t int) bool { return s.matches(i, t) }) {
		return
	}
	s.walk(i)
	touches, n := s.touches, len(s.touches)
	if s.filters {
		touches = s.matching(i)
	}
	for _, sum := range s.sums {
		sum.add(s.happened.rows[i], touches, len(touches) == n, s.path.shares, s.value.rows[i])
	}
}

// walk shares row i among its touches, of which there is one at least.
func (s *sharer) walk(i int) {
	p := &s.path
	p.starts, p.other = p.starts[:0], p.other[:0]
	for _, t := range s.touches {
		p.starts, p.other = append(p.starts, s.starts.elements.rows[t]), append(p.other, s.channel.codes[t] != s.direct)
	}
	p.identified, p.progressed = s.identified.rows[i], 0
	if s.reached {
		p.progressed = int64(s.progressed[s.contact.rows[i]])
	}
	p.share()
}

// matching are the touches that match the filters, with their shares at the
// same places.
func (s *sharer) matching(i int) []int {
	matching := s.touches[:0]
	for k, t := range s.touches {
		if s.matches(i, t) {
			s.path.shares[len(matching)] = s.path.shares[k]
			matching = append(matching, t)
		}
	}
	return matching
}
