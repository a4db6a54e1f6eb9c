package report

import (
	"cmp"
	"context"
	"math/bits"
	"slices"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// What everybody did is many times what the steps are. So where only what some did at some time matters, they are found first, by the steps
// alone; then everything is read, and of it kept what they did then.

// span is a time of somebody, both ends excluded, in which it matters what they did.
type span struct {
	entity       uint64
	since, until int64 // milliseconds
	won          bool  // they went all the way
	seen         bool  // they did something then
}

// spans find those of an entity, of which there is one at most.
type spans struct {
	all    []span
	places entityPlaces
}

func newSpans(all []span, spread uint64) *spans {
	before := func(a, b span) int { return cmp.Compare(a.entity*spread, b.entity*spread) }
	if !slices.IsSortedFunc(all, before) {
		slices.SortFunc(all, before)
	}
	entities := make([]uint64, len(all))
	for i := range all {
		entities[i] = all[i].entity
	}
	return &spans{all, placesOf(entities, spread)}
}

// of is an entity's; nil for none.
func (s *spans) of(entity uint64) *span {
	from, to := s.places.of(entity)
	for i := from; i < to; i++ {
		if s.all[i].entity == entity {
			return &s.all[i]
		}
	}
	return nil
}

// has tells whether it matters what somebody did at a moment.
func (s *spans) has(entity, moment uint64) bool { return s == nil || s.of(entity).has(moment) }

// has tells whether a moment lies in it; none has any.
func (s *span) has(moment uint64) bool {
	at := int64(moment >> momentBits)
	return s != nil && at > s.since && at < s.until
}

// spansAtOnce is how many are looked up together.
const spansAtOnce = 128

// find gives the spans of some entities, nil for those that have none. What is looked at lies all over memory: so it is asked for of all
// of them before any is needed, since a core waits for many as long as for one.
func (s *spans) find(entities []uint64, found *[spansAtOnce]*span) {
	var places [spansAtOnce]uint32
	var seen [spansAtOnce]uint64
	for i, entity := range entities {
		places[i] = s.places.begins[entity*s.places.spread>>s.places.shift]
	}
	for i := range entities {
		if int(places[i]) < len(s.all) {
			seen[i] = s.all[places[i]].entity
		}
	}
	for i, entity := range entities {
		found[i] = nil
		if int(places[i]) >= len(s.all) {
			continue
		}
		if seen[i] != entity {
			found[i] = s.of(entity)
		} else {
			found[i] = &s.all[places[i]]
		}
	}
}

// entityPlaces tell where an entity may be in a list in the order of their numbers times spread, which is odd: 1 where they are hashes,
// golden where they lie close together.
type entityPlaces struct {
	spread uint64
	shift  int
	begins []uint32 // by the first bits
}

func placesOf(entities []uint64, spread uint64) entityPlaces {
	n := max(1, bits.Len(uint(len(entities)))) // There are at least as many beginnings as entities.
	p := entityPlaces{spread, 64 - n, make([]uint32, 1<<n+1)}
	for _, entity := range entities {
		p.begins[entity*spread>>p.shift+1]++
	}
	for i := 1; i < len(p.begins); i++ {
		p.begins[i] += p.begins[i-1]
	}
	return p
}

// of is where to look for an entity.
func (p *entityPlaces) of(entity uint64) (from, to uint32) {
	first := entity * p.spread >> p.shift
	return p.begins[first], p.begins[first+1]
}

// spreadOf is that of a scope's entities.
func spreadOf(scope Scope) uint64 {
	if scope == ByContact {
		return golden
	}
	return 1
}

// narrow finds out what matters to some tellers, by the steps alone. It leaves the source as it is where that would take as long as reading
// everything; then it is told whole.
func (s Scoped) narrow(ctx context.Context, f Funnel, source *funnelSource, tellers []teller) (values []string, err error) {
	if len(source.copies) == 0 || source.Otherwise != 0 {
		return nil, nil
	}
	steps := source.ofSteps()
	if err := s.findSize(ctx, steps); err != nil {
		return nil, err
	}
	var seers []*spanner
	values, err = s.seenFrom(ctx, f, steps, func(*funnelRun) seer {
		n := &spanner{walker: f.walker(), order: f.Order, teller: tellers[len(seers)]}
		seers = append(seers, n)
		return n
	})
	if err != nil {
		return nil, err
	}
	all := []span{}
	for _, n := range seers {
		all = append(all, n.spans...)
	}
	source.spans, source.known, source.Breakdown = newSpans(all, spreadOf(source.scope)), steps.known, false
	return values, nil
}

// ofSteps is the same source for what the steps are.
func (f *funnelSource) ofSteps() *funnelSource {
	steps, build, known := *f, *f.funnelBuild, *f.findings
	build.Stream = false
	steps.funnelBuild, steps.findings = &build, &known
	return &steps
}

// Only tells whether nothing is asked of journeys but what those did who have a span. Where they are many it takes ClickHouse longer to tell
// them apart than this process, which has to be sent everybody's rows for that.
func (f *funnelSource) Only() bool {
	return f.spans != nil && !f.Contacts && uint64(len(f.spans.all)) <= f.size/f.few
}

// onlyTables go along with a statement about visitors from low up to and including high.
func (f *funnelSource) onlyTables(low, high uint64) []ch.ExternalTable {
	if !f.Only() {
		return nil
	}
	var numbers proto.ColUInt64
	for i := range f.spans.all {
		if entity := f.spans.all[i].entity; f.Sessions() || entity >= low && entity <= high {
			numbers = append(numbers, entity)
		}
	}
	if len(numbers) == 0 {
		numbers = proto.ColUInt64{0} // A table without rows does not go along; who is read for nothing has no span.
	}
	return []ch.ExternalTable{{Name: "only", Data: proto.Input{{Name: "number", Data: &numbers}}}}
}

// spanner notes what matters of everybody.
type spanner struct {
	walker
	order  Order
	teller teller
	spans  []span
}

func (n *spanner) see(entity uint64, h []happening) {
	best, entry := n.best(h, n.order)
	if best.n == 0 {
		return
	}
	if own, matters := n.teller.span(entity, &best, &h[entry]); matters {
		n.spans = append(n.spans, own)
	}
}
