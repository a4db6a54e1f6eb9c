package report

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestSpansAreFound: of hashes and of numbers that lie close together everybody's span is found, by one and by many at once, and nobody's who
// has none.
func TestSpansAreFound(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 7))
	for round := range 200 {
		scope := []Scope{ByVisitor, BySession, ByContact}[round%3]
		draw := func() uint64 {
			if scope == ByContact {
				return random.Uint64N(500)
			}
			return random.Uint64() >> (60 * random.IntN(2)) // Some lie at the very beginning.
		}
		wants := make(map[uint64]int64)
		for range random.IntN(300) {
			wants[draw()] = random.Int64()
		}
		var all []span
		for entity, since := range wants {
			all = append(all, span{entity: entity, since: since})
		}
		spans := newSpans(all, spreadOf(scope))
		asked := []uint64{0, 1, 1<<64 - 1}
		for entity := range wants {
			asked = append(asked, entity, draw())
		}
		for len(asked) > 0 {
			some := asked[:min(len(asked), spansAtOnce)]
			asked = asked[len(some):]
			var found [spansAtOnce]*span
			spans.find(some, &found)
			for i, entity := range some {
				since, has := wants[entity]
				one := spans.of(entity)
				if one != found[i] || (one != nil) != has || has && (one.entity != entity || one.since != since) {
					t.Fatalf("of %d of %s: %+v and %+v, want %d (%t)", entity, scope, one, found[i], since, has)
				}
			}
		}
	}
}
