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

// TestBestPathsEqualNaive: over random histories the beginnings of first visits, their numbers and their order are what going from
// one to the next gives: read from sessions, from copies of them, and from both when some have changed since.
func TestBestPathsEqualNaive(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s, begin := open(t), at(t, "3T10:00")
	count, each := worlds(t)
	var all []question
	for _, w := range s.fill(seed, count, begin) {
		for range max(2, each/2) {
			f := w.funnel(begin)
			f.Steps = f.Steps[len(f.Steps)-1-w.random.IntN(2):]
			all = append(all, question{w, f})
		}
	}
	converted, before := s.bestAgree(all, "from sessions")
	if converted < 20 || before < 5 {
		t.Errorf("%d converted, and %d had come before the period: the test is too weak", converted, before)
	}
	s.copies()
	s.bestAgree(all, "from copies")
	s.tighten(seed)
	s.bestAgree(all, "from copies, as large ones are")
	s.changeAll(all)
	s.bestAgree(all, "from copies and what changed since")
}

func (s *store) bestAgree(questions []question, read string) (converted uint64, before int) {
	s.t.Helper()
	for _, one := range questions {
		if s.narrow != nil {
			s.reader.Tighten(s.narrow)
		}
		q := report.BestPaths{Funnel: one.funnel, Depth: 1 + one.random.IntN(4), Limit: 1 + one.random.IntN(8), AtLeast: one.random.IntN(4)}
		got, err := s.in(one.workspace).BestPaths(s.t.Context(), q)
		if err != nil {
			s.t.Fatalf("%+v: %v", q, err)
		}
		want, known := one.naiveBest(q)
		if !reflect.DeepEqual(got, want) {
			s.t.Fatalf("%s: workspace %d, %+v\ngives %+v\nnot   %+v", read, one.workspace, q, got, want)
		}
		converted, before = converted+want.Converted, before+known
	}
	return converted, before
}

// naiveBest goes from entity to entity; it tells how many were left out because they had come before.
func (w *world) naiveBest(q report.BestPaths) (answer report.BestPathsReport, before int) {
	goal := q.Steps[len(q.Steps)-1]
	took := map[string][]float64{}
	paths := map[string]*report.BestPath{}
	for id, list := range w.entities(q.Funnel) {
		path, seconds, converted, ok := w.beginning(q, goal, list)
		if !ok {
			continue
		}
		if !w.began(q.Funnel, id) {
			before++
			continue
		}
		key := fmt.Sprint(path)
		if paths[key] == nil {
			paths[key] = &report.BestPath{Pages: path}
			answer.Number++
		}
		paths[key].People++
		answer.People++
		if converted {
			paths[key].Converted++
			answer.Converted++
			took[key] = append(took[key], seconds)
		}
	}
	for key, path := range paths {
		path.Low, path.High = wilsonInterval(float64(path.Converted), float64(path.People))
		if path.Converted > 0 {
			path.Median = math.Round(middle(took[key])*1000) / 1000
		}
		answer.Paths = append(answer.Paths, *path)
	}
	slices.SortFunc(answer.Paths, func(a, b report.BestPath) int {
		enough := func(p report.BestPath) int { return min(1, int(p.People)/max(1, q.AtLeast)) }
		return cmp.Or(cmp.Compare(enough(b), enough(a)), cmp.Compare(b.Low, a.Low), cmp.Compare(b.People, a.People),
			slices.CompareFunc(a.Pages, b.Pages, func(x, y report.Happening) int { return cmp.Compare(x.Name, y.Name) }))
	})
	answer.Paths = answer.Paths[:min(len(answer.Paths), q.Limit)]
	return answer, before
}

// beginning is what somebody began with: the pages before the goal, each repeat left out, and how long that took.
func (w *world) beginning(q report.BestPaths, goal report.Step, list []happening) (path []report.Happening, seconds float64, converted, ok bool) {
	list = slices.DeleteFunc(slices.Clone(list), func(h happening) bool {
		return h.at < q.Period.Begin || h.at > q.Period.End.Add(q.Window)
	})
	slices.SortFunc(list, func(a, b happening) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.tie, b.tie)) })
	first := slices.IndexFunc(list, func(h happening) bool { return h.label.Type == "pageview" })
	if first < 0 || list[first].at >= q.Period.End {
		return nil, 0, false, false
	}
	for i, h := range list[first:] {
		if h.at > list[first].at.Add(q.Window) {
			break
		}
		if i > 0 && h.matches(goal) {
			converted, seconds = true, float64(h.at-list[first].at)/1000
			break
		}
		if h.label.Type == "pageview" && (len(path) == 0 || path[len(path)-1] != h.label) {
			path = append(path, h.label)
		}
	}
	return path[:min(len(path), q.Depth)], seconds, converted, true
}

// began tells whether a first visit, or a session, began in the period.
func (w *world) began(f report.Funnel, id string) bool {
	in, earlier := false, false
	for i := range w.sessions {
		s := &w.sessions[i].Session
		of, first := s.Visitor, s.Reason == schema.ReasonFirstHit
		switch f.Scope {
		case report.BySession:
			of, first = s.ID.String(), true
		case report.ByContact:
			of = w.firstOwner(s.Visitor)
		}
		in = in || of == id && first && s.StartedAt >= f.Period.Begin && s.StartedAt < f.Period.End
		earlier = earlier || of == id && first && s.StartedAt < f.Period.Begin
	}
	return in && !(f.Scope == report.ByContact && earlier)
}

// firstOwner is whose a browser was at first.
func (w *world) firstOwner(visitor string) string {
	node := schema.NewNode(schema.NodeVisitor, visitor)
	for i := range w.identities {
		if w.identities[i].Node == node {
			return w.identities[i].Contacts[0].String()
		}
	}
	return ""
}

// wilsonInterval is the 95 % interval of a rate, after Wilson (1927).
func wilsonInterval(part, whole float64) (low, high float64) {
	const z = 1.959963984540054
	p := part / whole
	middle, reach := p+z*z/(2*whole), z*math.Sqrt(p*(1-p)/whole+z*z/(4*whole*whole))
	return math.Max(0, (middle-reach)/(1+z*z/whole)), math.Min(1, (middle+reach)/(1+z*z/whole))
}

func middle(list []float64) float64 {
	slices.Sort(list)
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}
