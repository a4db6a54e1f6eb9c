package report

import (
	"cmp"
	"context"
	"slices"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// BestPaths asks which beginnings of a first visit lead to a conversion.
type BestPaths struct {
	Funnel      // its last step is what they lead to; its other steps, its order and exclusions are not read
	Depth   int // how many pages are told apart, 4 when 0
	Limit   int // how many paths, 20 when 0
	AtLeast int // paths of fewer people stand behind the others, whatever their rate
}

// BestPath is one beginning.
type BestPath struct {
	Pages     []Happening
	People    uint64 // whose first visit began so
	Converted uint64 // of them
	Low, High float64
	Median    float64 // seconds from the first page to the conversion; 0 when nobody converted
}

// BestPathsReport are the beginnings, best first: by the lower end of the 95 %
// interval of their rate (Low; Wilson's), so that two of two are no record; of
// equals by how many people, then by name.
type BestPathsReport struct {
	Paths             []BestPath
	People, Converted uint64 // on all paths
	Number            uint64 // of different paths
}

// BestPaths looks at visitors (or contacts) whose first visit ever lies in the
// period, or at all sessions that began in it, from the first page on.
func (s Scoped) BestPaths(ctx context.Context, q BestPaths) (BestPathsReport, error) {
	if len(q.Steps) == 0 {
		return BestPathsReport{}, invalid("say to which step the paths should lead")
	}
	f := q.Funnel
	f.Steps = []Step{{Type: "pageview", Operator: "starts_with", Value: "/"}, q.Steps[len(q.Steps)-1]}
	f.Order, f.Exclusions, f.Breakdown = Sequential, nil, ""
	depth, limit, err := pathLimits(q.Depth, q.Limit)
	if err != nil {
		return BestPathsReport{}, err
	}
	if err := f.Check(); err != nil {
		return BestPathsReport{}, err
	}
	first, err := s.readFirstVisits(ctx, f)
	if err != nil {
		return BestPathsReport{}, err
	}
	var seers []*beginnings
	told, err := s.seenWhole(ctx, f, (*funnelSource).enterByAnyPage, func(r *funnelRun) seer {
		b := &beginnings{funnel: f, depth: depth, first: first.of(r.owners), ways: ways{most: s.reader.funnelLimits.ways}}
		seers = append(seers, b)
		return b
	})
	if err != nil {
		return BestPathsReport{}, err
	}
	all := merged(seers, (*beginnings).merge)
	if err := all.enough(); err != nil {
		return BestPathsReport{}, err
	}
	return all.report(ctx, told, limit, q.AtLeast)
}

// enterByAnyPage has every page view be step 1, by the kind of its item: a site may have more pages than a funnel looks up.
func (f *funnelSource) enterByAnyPage() { f.Pages, f.pagesOnly = 1, true }

// beginnings are the pages that first visits began with.
type beginnings struct {
	funnel Funnel
	depth  int
	first  func(entity uint64) bool // somebody whose first visit lies in the period
	ways
	pages []uint64 // of one entity
}

func (b *beginnings) see(entity uint64, h []happening) {
	start := slices.IndexFunc(h, func(one happening) bool { return one.mask&1 != 0 })
	if start < 0 || h[start].at() >= int64(b.funnel.Period.End) || !b.first(entity) {
		return
	}
	took := b.began(h[start:])
	b.went(b.pages, false, took)
}

// began finds the pages before the conversion, or before the window ended, repeats left out; took is below 0 without a conversion.
func (b *beginnings) began(h []happening) (took int64) {
	b.pages = b.pages[:0]
	until, last := h[0].at()+b.funnel.Window.Milliseconds(), uint64(0)
	for i := range h {
		at, item := h[i].at(), h[i].item
		switch {
		case at > until:
			return -1
		case i > 0 && h[i].mask&2 != 0:
			return at - h[0].at()
		case item&itemKind == itemPage && item != last && len(b.pages) < b.depth:
			b.pages, last = append(b.pages, item), item
		}
	}
	return -1
}

func (b *beginnings) merge(other *beginnings) { b.ways.merge(&other.ways) }

// mostNamed is how many pages have their names looked up, to put paths in order that nothing else does.
const mostNamed = 20_000

// report tells the best.
func (b *beginnings) report(ctx context.Context, told *toldRun, limit, atLeast int) (BestPathsReport, error) {
	answer := BestPathsReport{Number: uint64(len(b.all))}
	for i := range b.all {
		answer.People += uint64(b.all[i].people)
		answer.Converted += uint64(b.all[i].ended)
	}
	better := func(x, y uint32) int { return b.all[x].compare(&b.all[y], atLeast) }
	places := b.foremost(limit, func(x, y uint32) int {
		return cmp.Or(better(x, y), slices.Compare(b.itemsOf(x), b.itemsOf(y)))
	})
	if len(places) == limit {
		places = b.withEquals(places, better)
	}
	names, err := told.names(ctx, b.itemsOfAll(places))
	if err != nil {
		return BestPathsReport{}, err
	}
	pages := make(map[uint32][]Happening, len(places))
	for _, place := range places {
		pages[place] = happeningsOf(b.itemsOf(place), names)
	}
	slices.SortStableFunc(places, func(x, y uint32) int {
		return cmp.Or(better(x, y), slices.CompareFunc(pages[x], pages[y], compareHappenings))
	})
	places = places[:min(len(places), limit)]
	times := b.times(places)
	for _, place := range places {
		answer.Paths = append(answer.Paths, b.all[place].told(pages[place], times[place]))
	}
	return answer, nil
}

// withEquals adds what is as good as the last of the first: it may come before that by name. Of too many it adds none.
func (b *beginnings) withEquals(first []uint32, better func(x, y uint32) int) []uint32 {
	last := first[len(first)-1]
	var all []uint32
	for i := range b.all {
		if better(uint32(i), last) <= 0 {
			all = append(all, uint32(i))
		}
	}
	if len(all) > mostNamed*maxDepth || len(b.itemsOfAll(all)) > mostNamed {
		return first
	}
	return all
}

// compare has the better beginning first.
func (w *way) compare(other *way, atLeast int) int {
	few, otherFew := int64(w.people) < int64(atLeast), int64(other.people) < int64(atLeast)
	switch {
	case few != otherFew && few:
		return 1
	case few != otherFew:
		return -1
	}
	low, _ := wilson(uint64(w.ended), uint64(w.people))
	otherLow, _ := wilson(uint64(other.ended), uint64(other.people))
	return cmp.Or(cmp.Compare(otherLow, low), cmp.Compare(other.people, w.people))
}

func (w *way) told(pages []Happening, took []int64) BestPath {
	path := BestPath{Pages: pages, People: uint64(w.people), Converted: uint64(w.ended)}
	path.Low, path.High = wilson(path.Converted, path.People)
	path.Median = toMillis(quantile(took, 0.5))
	return path
}

// firstVisits tell whose first visit lies in a period.
type firstVisits struct {
	scope    Scope
	numbers  []uint64 // sorted: visitors, or the few sessions that began before the period and last into it
	places   entityPlaces
	contacts map[schema.ID]bool // under ByContact
}

func (s Scoped) readFirstVisits(ctx context.Context, f Funnel) (*firstVisits, error) {
	v := &firstVisits{scope: f.Scope}
	data := struct{ Contacts, Sessions bool }{f.Scope == ByContact, f.Scope == BySession}
	if data.Contacts {
		v.contacts = make(map[schema.ID]bool)
		id := proto.ColFixedStr{Size: 16}
		return v, s.columns(ctx, "funnel_first", data, f.Period.arguments(), proto.Results{{Name: "id", Data: &id}}, func() error {
			for i := range id.Rows() {
				v.contacts[schema.ID(id.Row(i))] = true
			}
			return nil
		})
	}
	var number proto.ColUInt64
	err := s.columns(ctx, "funnel_first", data, f.Period.arguments(), proto.Results{{Name: "number", Data: &number}}, func() error {
		v.numbers = append(v.numbers, number...)
		return nil
	})
	slices.Sort(v.numbers)
	v.places = placesOf(v.numbers, 1)
	return v, err
}

// of tells it of the entities of a run.
func (v *firstVisits) of(owners *owners) func(entity uint64) bool {
	if owners != nil {
		return func(contact uint64) bool { return v.contacts[owners.ids[contact]] }
	}
	return func(entity uint64) bool {
		from, to := v.places.of(entity)
		return slices.Contains(v.numbers[from:to], entity) != (v.scope == BySession)
	}
}
