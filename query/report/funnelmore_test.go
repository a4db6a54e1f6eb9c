package report_test

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// What else is told of a funnel, over random histories, is what trying every
// walk gives: its trend, the people, what they did between steps, and how often
// steps match.
func TestFunnelsInDepth(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s, begin := open(t), at(t, "3T10:00")
	count, each := worlds(t)
	for i, w := range s.fill(seed, count, begin) {
		if i == count/2 {
			s.copies()
		}
		for range max(1, each/4) {
			f := w.funnel(begin)
			f.Rows = 0
			if i > count/2 {
				s.reader.Tighten(w.random)
			}
			s.sameTrend(w, f, begin)
			s.samePeople(w, f)
			s.samePaths(w, f)
			s.sameCorrelation(w, f)
			s.sameMatches(w, f)
		}
	}
}

func (s *store) sameTrend(w *world, f report.Funnel, begin schema.Millis) {
	s.t.Helper()
	f.Breakdown, f.Period = "", report.Period{Begin: begin, End: begin.Add(3 * time.Hour)}
	got, err := s.in(w.workspace).FunnelTrend(s.t.Context(), f, report.Hour)
	if err != nil || len(got) != 3 {
		s.t.Fatalf("%d points: %v", len(got), err)
	}
	for i, point := range got {
		f.Period.Begin = begin.Add(time.Duration(i) * time.Hour)
		f.Period.End = f.Period.Begin.Add(time.Hour)
		if want := w.naive(f).Steps; point.Start != f.Period.Begin || !reflect.DeepEqual(point.Steps, want) {
			s.t.Fatalf("workspace %d, hour %d of %+v is %+v, want %+v", w.workspace, i, f, point, want)
		}
	}
}

func (s *store) samePeople(w *world, f report.Funnel) {
	s.t.Helper()
	q := report.FunnelPeople{Funnel: f, Step: 1 + w.random.IntN(len(f.Steps)), Dropped: w.random.IntN(2) == 0, Limit: 3}
	var want []string
	for id, list := range w.entities(f) {
		best, key := furthest(f, list)
		if len(best) < q.Step || q.Dropped && len(best) != q.Step {
			continue
		}
		if f.Breakdown == "" {
			key = report.None
		}
		want = append(want, fmt.Sprintf("%d %s %s %d %d", best[0], id, key, best[q.Step-1], len(best)))
	}
	var got []string
	last := schema.Millis(math.MaxInt64)
	for {
		page, err := s.in(w.workspace).FunnelPeople(s.t.Context(), q)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, p := range page.People {
			got = append(got, fmt.Sprintf("%d %s %s %d %d", p.EnteredAt, p.ID, p.Key, p.ReachedAt, p.Reached))
			s.rightContact(w, f, p)
			if p.EnteredAt > last {
				s.t.Fatalf("workspace %d, %+v: %s stands behind one who entered before", w.workspace, f, p.ID)
			}
			last = p.EnteredAt
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Fatalf("workspace %d, step %d (dropped %t) of %+v: %q, want %q", w.workspace, q.Step, q.Dropped, f, got, want)
	}
}

func (s *store) rightContact(w *world, f report.Funnel, p report.FunnelPerson) {
	s.t.Helper()
	want := w.owner(schema.NewNode(schema.NodeVisitor, p.Visitor), p.EnteredAt).String()
	if f.Scope == report.ByContact {
		want = p.ID
	}
	got := schema.ID{}.String()
	if p.Contact != nil {
		got = p.Contact.ID.String()
	}
	if got != want {
		s.t.Fatalf("%s of %+v is contact %s, want %s", p.ID, f, got, want)
	}
}

func (s *store) samePaths(w *world, f report.Funnel) {
	s.t.Helper()
	q := report.FunnelBetween{Funnel: f, Step: 1 + w.random.IntN(len(f.Steps)-1), Dropped: w.random.IntN(2) == 0, Depth: 2, Limit: 100}
	got, err := s.in(w.workspace).FunnelBetween(s.t.Context(), q)
	if err != nil {
		s.t.Fatal(err)
	}
	want, people := map[string]uint64{}, uint64(0)
	for _, list := range w.entities(f) {
		best, _ := furthest(f, list)
		if len(best) < q.Step || (len(best) == q.Step) != q.Dropped {
			continue
		}
		until := best[0].Add(f.Window) + 1
		if !q.Dropped {
			until = best[q.Step]
		}
		var path []report.Happening
		for _, h := range list {
			inStream := h.at >= f.Period.Begin && h.at <= f.Period.End.Add(f.Window)
			if inStream && h.at > best[q.Step-1] && h.at < until && (len(path) == 0 || path[len(path)-1] != h.label) {
				path = append(path, h.label)
			}
		}
		want[fmt.Sprint(append([]report.Happening{}, path[:min(2, len(path))]...), len(path) > 2)]++
		people++
	}
	told := map[string]uint64{}
	for _, p := range got.Paths {
		told[fmt.Sprint(p.Path, p.Longer)] = p.People
	}
	if !reflect.DeepEqual(told, want) || got.People != people || got.Number != uint64(len(want)) {
		s.t.Fatalf("workspace %d, after step %d (dropped %t) of %+v: %v (%d on %d), want %v", w.workspace, q.Step, q.Dropped, f, told, got.People, got.Number, want)
	}
}

// entryDimensions are what a correlation tells of an entry.
var entryDimensions = []report.Dimension{"channel", "source", "medium", "campaign", "landing_page", "device", "country", "browser"}

func (s *store) sameCorrelation(w *world, f report.Funnel) {
	s.t.Helper()
	if f.Order == report.AnyOrder && slices.ContainsFunc(f.Steps, func(step report.Step) bool { return step.Type == "conversion" }) {
		return // With what a conversion enters has its own test.
	}
	c, err := s.in(w.workspace).FunnelCorrelation(s.t.Context(), report.FunnelCorrelation{Funnel: f, AtLeast: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	type counts struct{ won, lost uint64 }
	all, want := counts{}, map[report.Happening]counts{}
	count := func(of report.Happening, won bool) {
		n := want[of]
		if won {
			n.won++
		} else {
			n.lost++
		}
		want[of] = n
	}
	for id, list := range w.entities(f) {
		best, _ := furthest(f, list)
		if len(best) == 0 {
			continue
		}
		won, until := len(best) == len(f.Steps), best[0].Add(f.Window)+1
		if won {
			until = best[len(best)-1]
			all.won++
		} else {
			all.lost++
		}
		for _, of := range w.did(f, list, best[0], until) {
			count(of, won)
		}
		for _, dimension := range entryDimensions {
			by := f
			by.Breakdown = dimension
			_, value := furthest(by, w.entities(by)[id])
			count(report.Happening{Type: string(dimension), Name: value}, won)
		}
	}
	got := map[report.Happening]counts{}
	for _, feature := range c.Features {
		got[report.Happening{Type: feature.Type, Name: feature.Name}] = counts{feature.Won, feature.Lost}
	}
	for of, n := range want { // What everybody has is no feature.
		if n == all {
			delete(want, of)
		}
	}
	if !reflect.DeepEqual(got, want) || c.Won != all.won || c.Lost != all.lost {
		s.t.Fatalf("workspace %d, correlation of %+v: %v (%d won, %d lost), want %v (%+v)", w.workspace, f, got, c.Won, c.Lost, want, all)
	}
}

// did is what was done between two times, steps left out, each once.
func (w *world) did(f report.Funnel, list []happening, since, until schema.Millis) []report.Happening {
	var all []report.Happening
	for _, h := range list {
		step := slices.ContainsFunc(f.Steps, h.matches)
		inStream := h.at >= f.Period.Begin && h.at <= f.Period.End.Add(f.Window)
		if inStream && !step && h.at > since && h.at < until && !slices.Contains(all, h.label) {
			all = append(all, h.label)
		}
	}
	return all
}

func (s *store) sameMatches(w *world, f report.Funnel) {
	s.t.Helper()
	got, err := s.in(w.workspace).StepMatches(s.t.Context(), f.Steps, f.Period)
	if err != nil {
		s.t.Fatal(err)
	}
	for k, step := range f.Steps {
		met := map[string]uint64{}
		for i := range w.sessions {
			for _, item := range w.sessions[i].Items {
				if item.At >= f.Period.Begin && item.At < f.Period.End && w.matches(step, item) {
					met[w.sessions[i].Visitor]++
				}
			}
		}
		for _, fact := range w.facts {
			at := schema.Millis(fact.GetAt())
			if at >= f.Period.Begin && at < f.Period.End && step.Type == "conversion" && step.Name == fact.GetName() {
				met[cmp.Or(fact.GetVisitor(), w.owner(schema.Node(fact.GetNode()), at).String())]++
			}
		}
		want := report.Matches{Visitors: uint64(len(met))}
		for _, n := range met {
			want.Times += n
		}
		if got[k] != want {
			s.t.Fatalf("workspace %d: step %+v matches %+v, want %+v", w.workspace, step, got[k], want)
		}
	}
}
