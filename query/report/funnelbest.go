package report

import (
	"cmp"
	"context"
	"encoding/binary"
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
	told, _, err := s.seenWhole(ctx, f, nil, (*funnelSource).enterByAnyPage, func(r *funnelRun) seer {
		b := &beginnings{funnel: f, depth: depth, first: first.of(r.owners), paths: make(map[string]*beginning)}
		seers = append(seers, b)
		return b
	})
	if err != nil {
		return BestPathsReport{}, err
	}
	all := merged(seers, (*beginnings).merge)
	return all.report(ctx, told, limit, q.AtLeast)
}

// enterByAnyPage has every page view be step 1, by the kind of its item: a site may have more pages than a funnel looks up.
func (f *funnelSource) enterByAnyPage() { f.Pages = 1 }

// beginnings are the pages that first visits began with.
type beginnings struct {
	funnel Funnel
	depth  int
	first  func(entity uint64) bool // somebody whose first visit lies in the period
	paths  map[string]*beginning    // by pages, eight bytes each
	key    []byte
}

// beginning is one of them.
type beginning struct {
	people uint64
	took   []int64 // milliseconds from the first page on, of those who converted

	key   string // when it is told, as what is below
	pages []Happening
	low   float64 // of the rate
}

func (b *beginnings) see(entity uint64, h []happening) {
	start := slices.IndexFunc(h, func(one happening) bool { return one.mask&1 != 0 })
	if start < 0 || h[start].at() >= int64(b.funnel.Period.End) || !b.first(entity) {
		return
	}
	took, converted := b.began(h[start:])
	path, known := b.paths[string(b.key)]
	if !known {
		path = &beginning{}
		b.paths[string(b.key)] = path
	}
	path.people++
	if converted {
		path.took = append(path.took, took)
	}
}

// began writes the key of the pages before the conversion, or before the window ended, repeats left out.
func (b *beginnings) began(h []happening) (took int64, converted bool) {
	b.key = b.key[:0]
	until, last := h[0].at()+b.funnel.Window.Milliseconds(), uint64(0)
	for i := range h {
		at, item := h[i].at(), h[i].item
		switch {
		case at > until:
			return 0, false
		case i > 0 && h[i].mask&2 != 0:
			return at - h[0].at(), true
		case item&itemKind == itemPage && item != last && len(b.key) < 8*b.depth:
			b.key, last = binary.BigEndian.AppendUint64(b.key, item), item
		}
	}
	return 0, false
}

func (b *beginnings) merge(other *beginnings) {
	for key, path := range other.paths {
		if own, known := b.paths[key]; known {
			own.people += path.people
			own.took = append(own.took, path.took...)
		} else {
			b.paths[key] = path
		}
	}
}

// mostNamed is how many pages have their names looked up, to put paths in order that nothing else does.
const mostNamed = 20_000

// report tells the best.
func (b *beginnings) report(ctx context.Context, told *toldRun, limit, atLeast int) (BestPathsReport, error) {
	answer := BestPathsReport{Number: uint64(len(b.paths))}
	all := make([]*beginning, 0, len(b.paths))
	for key, path := range b.paths {
		answer.People += path.people
		answer.Converted += uint64(len(path.took))
		path.key = key
		path.low, _ = wilson(uint64(len(path.took)), path.people)
		all = append(all, path)
	}
	better := func(x, y *beginning) int { return x.compare(y, atLeast) }
	slices.SortFunc(all, func(x, y *beginning) int { return cmp.Or(better(x, y), cmp.Compare(x.key, y.key)) })
	listed := min(len(all), limit)
	end := listed
	for ; end < len(all) && better(all[listed-1], all[end]) == 0; end++ { // They may come before it by name.
	}
	items := distinctItems(all[:end])
	if len(items) > mostNamed {
		end = listed
		items = distinctItems(all[:end])
	}
	names, err := told.names(ctx, items)
	if err != nil {
		return BestPathsReport{}, err
	}
	for _, path := range all[:end] {
		path.pages = happeningsOf(path.key, names)
	}
	slices.SortStableFunc(all[:end], func(x, y *beginning) int {
		return cmp.Or(better(x, y), slices.CompareFunc(x.pages, y.pages, compareHappenings))
	})
	for _, path := range all[:listed] {
		answer.Paths = append(answer.Paths, path.told())
	}
	return answer, nil
}

// compare has the better beginning first.
func (p *beginning) compare(other *beginning, atLeast int) int {
	few, otherFew := int64(p.people) < int64(atLeast), int64(other.people) < int64(atLeast)
	switch {
	case few != otherFew && few:
		return 1
	case few != otherFew:
		return -1
	}
	return cmp.Or(cmp.Compare(other.low, p.low), cmp.Compare(other.people, p.people))
}

func (p *beginning) told() BestPath {
	path := BestPath{Pages: p.pages, People: p.people, Converted: uint64(len(p.took))}
	path.Low, path.High = wilson(path.Converted, path.People)
	slices.Sort(p.took)
	path.Median = toMillis(quantile(p.took, 0.5))
	return path
}

// distinctItems are those of some paths.
func distinctItems(paths []*beginning) []uint64 {
	var items []uint64
	for _, path := range paths {
		items = append(items, itemsOf(path.key)...)
	}
	slices.Sort(items)
	return slices.Compact(items)
}

// firstVisits tell whose first visit lies in a period.
type firstVisits struct {
	scope    Scope
	numbers  []uint64           // sorted: visitors, or the few sessions that began before the period and last into it
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
	return v, err
}

// of tells it of the entities of a run.
func (v *firstVisits) of(owners *owners) func(entity uint64) bool {
	if owners != nil {
		return func(contact uint64) bool { return v.contacts[owners.ids[contact]] }
	}
	return func(entity uint64) bool {
		_, among := slices.BinarySearch(v.numbers, entity)
		return among != (v.scope == BySession)
	}
}
