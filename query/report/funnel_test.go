package report_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// question is a funnel that a workspace is asked.
type question struct {
	*world
	funnel report.Funnel
}

// Every funnel over random histories gives what trying every walk gives: read from sessions, from copies of them, and from
// both when some have changed since.
func TestFunnelEqualsNaive(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := open(t)
	begin := at(t, "3T10:00")
	count, each := worlds(t)
	var questions []question
	for _, w := range s.fill(seed, count, begin) {
		for n := range each {
			f := w.funnel(begin)
			for n%2 == 0 && !onItems(f) { // Of half of them copies of sessions know all.
				f = w.funnel(begin)
			}
			questions = append(questions, question{w, f})
			chats := slices.ContainsFunc(f.Steps, func(step report.Step) bool { return step.Type == "conversion" })
			if f.Order == report.Sequential && (f.Breakdown == "" || !chats) { // The same steps in two orders.
				f.Order = report.AnyOrder
				questions = append(questions, question{w, f})
			}
		}
	}
	reached := s.agree(questions, "from sessions")
	for _, order := range []report.Order{report.Sequential, report.Strict, report.AnyOrder} {
		if reached[order] < 3 {
			t.Errorf("only %d of the random funnels in %s order got anybody beyond step 1: the test is too weak", reached[order], order)
		}
	}
	s.copies()
	if n := s.readFromCopies(questions); n < len(questions)/4 {
		t.Errorf("only %d of %d questions are answered from copies: the test is too weak", n, len(questions))
	}
	s.agree(questions, "from copies")
	s.agree(questions, "from copies, asked again")
	if n := s.reader.Remembered(); n == 0 {
		t.Errorf("of %d questions none is kept: the test is too weak", len(questions))
	}
	s.agree(questions, "from what was kept")
	s.tighten(seed)
	s.agree(questions, "from copies, as large ones are")
	s.changeAll(questions)
	s.agree(questions, "from copies and what changed since")
	s.copies()
	s.agree(questions, "from copies made again")
}

// What is kept for one order answers no other: there other steps are entered by.
func TestFunnelsOfTwoOrdersAreKeptApart(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s, begin := open(t), at(t, "3T10:00")
	all := s.fill(seed, 6, begin)
	s.copies()
	for _, w := range all {
		f := report.Funnel{
			Steps: []report.Step{
				{Type: "pageview", Operator: "equals", Value: "/pricing"}, {Type: "pageview", Operator: "starts_with", Value: "/docs"}, {Type: "event", Name: "play"},
			},
			Window: time.Hour, Breakdown: "source", Period: report.Period{Begin: begin, End: begin.Add(2 * time.Hour)},
		}
		for _, order := range []report.Order{report.Sequential, report.Sequential, report.Sequential, report.AnyOrder, report.AnyOrder, report.AnyOrder, report.Sequential} {
			f.Order = order
			s.agree([]question{{w, f}}, string(order))
		}
	}
	if s.reader.Remembered() == 0 {
		t.Error("nothing is kept: the test is too weak")
	}
}

// tighten has every further question read in another of the ways in which large ones are.
func (s *store) tighten(seed uint64) { s.narrow = rand.New(rand.NewPCG(seed, 5)) }

func (s *store) readFromCopies(questions []question) (n int) {
	s.t.Helper()
	for _, q := range questions {
		copied, err := s.in(q.workspace).ReadsCopies(s.t.Context(), q.funnel)
		if err != nil {
			s.t.Fatal(err)
		}
		if copied {
			n++
		}
	}
	return n
}

// What is held in memory is bounded, and the answer to what would not fit says so.
func TestFunnelsThatDoNotFitAreRefused(t *testing.T) {
	s, begin := open(t), at(t, "3T10:00")
	w := s.fill(7, 1, begin)[0]
	s.reader.ReadAtMostRest(3)
	f := report.Funnel{
		Steps:  []report.Step{{Type: "pageview", Operator: "starts_with", Value: "/"}, {Type: "pageview", Operator: "starts_with", Value: "/"}},
		Window: time.Hour, Period: report.Period{Begin: begin, End: begin.Add(2 * time.Hour)},
	}
	if _, err := s.in(w.workspace).Funnel(t.Context(), f); schema.KindOf(err) != schema.KindLimited || !strings.Contains(err.Error(), "fewer days") {
		t.Errorf("a funnel over more than may be held: %v", err)
	}
}

// So many funnels are read at a time and no more; who waits for a turn gets one, or is told.
func TestFunnelsTakeTurns(t *testing.T) {
	s, begin := open(t), at(t, "3T10:00")
	w := s.fill(7, 1, begin)[0]
	f := w.funnel(begin)
	ask := func(ctx context.Context) error {
		_, err := s.in(w.workspace).Funnel(ctx, f)
		return err
	}
	giveBack, err := s.reader.TakeAllTurns(t.Context(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(t.Context()); schema.KindOf(err) != schema.KindLimited || !strings.Contains(err.Error(), "had no turn") {
		t.Errorf("a funnel beyond those that are read at a time: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ask(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a funnel that nobody waits for: %v", err)
	}
	giveBack()
	giveBack, err = s.reader.TakeAllTurns(t.Context(), time.Minute) // Those who did not get one hold none.
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() { answered <- ask(t.Context()) }()
	giveBack()
	if err := <-answered; err != nil {
		t.Errorf("a funnel that waited for its turn: %v", err)
	}
}

func (s *store) copies() {
	s.t.Helper()
	if err := s.sink.CopyJourneys(s.t.Context(), schema.MillisOf(time.Now())); err != nil {
		s.t.Fatal(err)
	}
}

// changeAll has sessions of every world change, and conversions be credited anew.
func (s *store) changeAll(questions []question) {
	s.t.Helper()
	var changed []*world
	for _, q := range questions {
		if !slices.Contains(changed, q.world) {
			changed = append(changed, q.world)
			q.change()
			s.write(&sink.Batch{Sessions: q.sessions})
			q.sessions = slices.DeleteFunc(q.sessions, func(row schema.SessionRow) bool { return row.Deleted })
			if len(q.facts) > 0 {
				s.attribute(q.workspace, 2)
			}
		}
	}
}

// change has every third session lose its last item, or all, which deletes it.
func (w *world) change() {
	kept := w.sessions[:0:0]
	for i := range w.sessions {
		row := w.sessions[i]
		row.Version = 2
		if i%3 == 0 {
			row.Items = row.Items[:len(row.Items)-1]
		}
		if row.Deleted = len(row.Items) == 0; !row.Deleted {
			row.EndedAt = row.Items[len(row.Items)-1].At
		}
		kept = append(kept, row)
	}
	w.sessions = kept
}

// agree compares what the questions are answered, and gives how many funnels of each order got anybody beyond step 1.
func (s *store) agree(questions []question, read string) (reached map[report.Order]int) {
	s.t.Helper()
	reached = map[report.Order]int{}
	for _, q := range questions {
		if s.narrow != nil {
			s.reader.Tighten(s.narrow)
		}
		got, err := s.in(q.workspace).Funnel(s.t.Context(), q.funnel)
		if err != nil {
			s.t.Fatalf("%+v: %v", q.funnel, err)
		}
		want := q.naive(q.funnel)
		if !reflect.DeepEqual(got, want) {
			s.t.Fatalf("%s: workspace %d, funnel %+v\ngives %+v\nnot   %+v", read, q.workspace, q.funnel, got, want)
		}
		if want.Steps[1].Entered > 0 {
			reached[q.funnel.Order]++
		}
	}
	return reached
}
