package report_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// resters are random workspaces whose sessions change while they are asked about.
type resters struct {
	*store
	plain   *report.Reader // keeps nothing
	random  *rand.Rand
	begin   schema.Millis
	all     []*market
	version uint64
}

func newResters(t *testing.T, random *rand.Rand) *resters {
	s := &resters{store: open(t), random: random, version: 1}
	s.reader.SettleAtOnce()
	s.plain = s.reading()
	s.plain.KeepSessions(0)
	// Up to two days from now: the last ones do not rest.
	s.begin = schema.MillisOf(time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -58))
	batch := &sink.Batch{}
	for n := range 4 {
		w := newMarket(random, uint32(1+n), s.begin)
		w.browse(random, s.begin)
		w.rows(batch)
		s.all = append(s.all, w)
	}
	s.write(batch)
	for _, w := range s.all {
		s.attribute(w.workspace, s.version)
	}
	return s
}

// compare asks every report of a workspace, of days that may begin and end anywhere.
func (s *resters) compare(t *testing.T, w *market, zone *time.Location) {
	t.Helper()
	scoped := s.reader.For(&schema.Workspace{ID: w.workspace, Zone: zone})
	from := s.begin.Time().AddDate(0, 0, s.random.IntN(50)-5)
	q, err := scoped.Days(from.Format(time.DateOnly), from.AddDate(0, 0, s.random.IntN(60)).Format(time.DateOnly))
	if err != nil {
		t.Fatal(err)
	}
	w.question.Period = q
	s.choose(w)
	s.compareTables(t, w, zone)
	model := report.Models()[s.random.IntN(7)]
	before := scoped.Previous(q)
	w.compareTraffic(t, scoped)
	w.comparePlaces(t, before, func(q report.Credits, b *report.Period) (report.Places, error) {
		return scoped.Content(t.Context(), q, b)
	}, func() (map[string]*report.PlaceFigures, report.Totals) { return w.wantContent(t, model) })
	w.comparePlaces(t, before, func(q report.Credits, b *report.Period) (report.Places, error) {
		return scoped.Locations(t.Context(), q, b)
	}, func() (map[string]*report.PlaceFigures, report.Totals) { return w.wantLocations(t, model) })
}

// choose draws what a question leaves out.
func (s *resters) choose(w *market) {
	w.question.Filters, w.question.Exclude = nil, nil
	some := []report.Filter{
		{Dimension: "channel", Operator: "is", Value: "Direct"}, {Dimension: "channel", Operator: "is_not", Value: "Email"}, {Dimension: "country", Operator: "is", Value: "DE"},
		{Dimension: "campaign", Operator: "is_not", Value: "spring"}, {Dimension: "source", Operator: "contains", Value: "SEARCH"},
	}
	for range s.random.IntN(3) {
		w.question.Filters = append(w.question.Filters, some[s.random.IntN(len(some))])
	}
	for range s.random.IntN(3) {
		w.question.Exclude = append(w.question.Exclude, some[s.random.IntN(len(some))])
	}
}

// compareTables asks for tables, and a reader that keeps nothing.
func (s *resters) compareTables(t *testing.T, w *market, zone *time.Location) {
	t.Helper()
	workspace := &schema.Workspace{ID: w.workspace, Zone: zone}
	q := w.question
	q.Model = "linear"
	for range 2 {
		by := [][2]report.Dimension{{"channel"}, {"landing_page"}, {"source", "country"}, {"country", "landing_page"}}[s.random.IntN(4)]
		q.Dimension, q.Second = by[0], by[1]
		s.reader.RestInPairs(s.random.IntN(40))
		sameAttribution(t, "kept", s.reader.For(workspace), s.plain.For(workspace), q)
	}
}

// come has a browser come late, or for the first time.
func (s *resters) come(w *market) {
	known := len(w.sessions)
	visitor := fmt.Sprint("late", s.random.IntN(9))
	if known > 0 && s.random.IntN(2) == 0 {
		visitor = w.sessions[s.random.IntN(known)].Visitor
	}
	w.visits(s.random, visitor, func() schema.Millis {
		s.version++
		return s.begin.Add(time.Duration(s.random.IntN(58*24*60))*time.Minute + time.Duration(s.version)) // None twice.
	})
	batch := &sink.Batch{}
	for i := range w.sessions[known:] {
		w.view(s.random, &w.sessions[known+i])
		batch.Sessions = append(batch.Sessions, schema.SessionRow{Session: w.sessions[known+i], Version: s.version})
	}
	s.write(batch)
}

// change has sessions be derived anew, or not any more.
func (s *resters) change(w *market) {
	batch := &sink.Batch{}
	s.version++
	w.sessions = slices.DeleteFunc(w.sessions, func(one schema.Session) bool {
		if s.random.IntN(8) > 0 {
			return false
		}
		batch.Sessions = append(batch.Sessions, schema.SessionRow{Session: one, Version: s.version, Deleted: true})
		return true
	})
	for i := range w.sessions {
		if one := &w.sessions[i]; s.random.IntN(8) == 0 {
			w.view(s.random, one)
			one.Country, one.Bot = pick(s.random, "DE", "FR", "AT"), s.random.IntN(9) == 0
			batch.Sessions = append(batch.Sessions, schema.SessionRow{Session: *one, Version: s.version})
		}
	}
	s.write(batch)
}

// erase erases a browser, all of it or some of it, as a worker does.
func (s *resters) erase(t *testing.T, w *market) {
	t.Helper()
	if len(w.sessions) == 0 {
		return
	}
	visitor, whole := w.sessions[s.random.IntN(len(w.sessions))].Visitor, s.random.IntN(2) == 0
	batch := &sink.Batch{}
	s.version += 2
	w.sessions = slices.DeleteFunc(w.sessions, func(one schema.Session) bool {
		if one.Visitor != visitor {
			return false
		}
		gone := whole || s.random.IntN(2) == 0
		batch.Sessions = append(batch.Sessions, schema.SessionRow{Session: one, Version: s.version, Deleted: gone})
		return gone
	})
	s.write(batch)
	if err := s.sink.EraseHits(t.Context(), &schema.ErasedHits{Workspace: w.workspace, Visitor: visitor, Version: s.version - 1}); err != nil {
		t.Fatal(err)
	}
}

// TestRestingSessionsEqualReference: what is answered from sessions that are kept is what going from session to session gives, whatever
// is written meanwhile.
func TestRestingSessionsEqualReference(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := newResters(t, rand.New(rand.NewPCG(seed, 9)))
	zones := []*time.Location{time.UTC, time.FixedZone("east", 5*3600+45*60), time.FixedZone("west", -9*3600-28)}
	for turn := range 14 {
		w := s.all[s.random.IntN(len(s.all))]
		what := []string{"nothing", "a late visit", "a late visit", "sessions derived anew", "an erasure", "a merge", "no notes", "no month"}[s.random.IntN(8)]
		switch what {
		case "a late visit":
			s.come(w)
		case "sessions derived anew":
			s.change(w)
		case "an erasure":
			s.erase(t, w)
		case "a merge":
			s.do(t, "OPTIMIZE TABLE sessions FINAL")
		case "no notes":
			s.come(w)
			s.reader.LookAtRested() // As it does every ten seconds.
			s.do(t, "TRUNCATE TABLE journey_changes")
		case "no month":
			month := s.begin.Time().Format("200601")
			s.do(t, "ALTER TABLE sessions DROP PARTITION "+month)
			for _, w := range s.all {
				w.sessions = slices.DeleteFunc(w.sessions, func(one schema.Session) bool { return one.StartedAt.Time().Format("200601") == month })
			}
		}
		s.version++
		for _, w := range s.all {
			s.attribute(w.workspace, s.version)
		}
		s.reader.RestAgain()
		bound := 1 << []int{12, 13, 30}[s.random.IntN(3)]
		s.reader.RestAtMost(bound)
		zone := zones[s.random.IntN(len(zones))]
		t.Logf("turn %d, after %s, in %s, %d pieces", turn, what, zone, s.reader.RestedPieces())
		kept := s.reader.RestedBytes()
		s.compare(t, w, zone)
		if now := s.reader.RestedBytes(); now > max(kept, bound) {
			t.Errorf("%d bytes are kept, of at most %d", now, bound)
		}
	}
	w := s.all[0]
	for len(w.sessions) == 0 {
		s.come(w)
	}
	s.reader.RestAgain()
	s.reader.RestAtMost(1 << 30)
	q := report.Credits{Model: "linear", Period: report.Period{Begin: s.begin, End: s.begin.Add(50 * 24 * time.Hour)}}
	var got report.Places
	for n := range 3 {
		if n == 2 {
			s.reader.SpoilRested()
		}
		var err error
		if got, err = s.in(w.workspace).Locations(t.Context(), q, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range got.Rows {
		if row.Place != report.None && row.Sessions > 0 {
			t.Errorf("%q is not answered from what is kept", row.Place)
		}
	}
}

// TestRestingSessionsAreReadBeside: what is asked for the second time is answered before it is kept, while others ask, and is kept then.
func TestRestingSessionsAreReadBeside(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := newResters(t, rand.New(rand.NewPCG(seed, 19)))
	s.reader = s.reading()
	s.reader.SettleSoon()
	w := s.all[0]
	for len(w.sessions) == 0 {
		s.come(w)
	}
	q := report.Credits{Model: "linear", Period: report.Period{Begin: s.begin, End: s.begin.Add(58 * 24 * time.Hour)}}
	same := func() error {
		got, err := s.in(w.workspace).Content(t.Context(), q, nil)
		if err != nil {
			return err
		}
		want, err := s.plain.For(&schema.Workspace{ID: w.workspace, Zone: time.UTC}).Content(t.Context(), q, nil)
		if err == nil && !reflect.DeepEqual(got, want) {
			err = fmt.Errorf("got %+v, want %+v", got, want)
		}
		return err
	}
	for round := range 4 {
		var group errgroup.Group
		for range 4 {
			group.Go(same)
		}
		if err := group.Wait(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := s.reader.AwaitSessions(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.reader.RestedPieces() == 0 {
			t.Fatalf("round %d: nothing is kept", round)
		}
		s.come(w)
	}
}

// TestRestingSessionsAreErased: what was erased is not kept any longer than until it is looked, and nothing is when ClickHouse is away.
func TestRestingSessionsAreErased(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := newResters(t, rand.New(rand.NewPCG(seed, 10)))
	w := s.all[0]
	for len(w.sessions) == 0 {
		s.come(w)
	}
	q := report.Credits{Model: "linear", Period: report.Period{Begin: s.begin, End: s.begin.Add(50 * 24 * time.Hour)}}
	ask := func() {
		for range 2 {
			if _, err := s.in(w.workspace).Content(t.Context(), q, nil); err != nil {
				t.Fatal(err)
			}
		}
		if s.reader.LookAtRested(); s.reader.RestedPieces() == 0 {
			t.Fatal("nothing is kept")
		}
	}
	ask()
	s.erase(t, w)
	if s.reader.LookAtRested(); s.reader.RestedPieces() > 0 || s.reader.RestedBytes() > 0 {
		t.Errorf("%d pieces of %d bytes are kept", s.reader.RestedPieces(), s.reader.RestedBytes())
	}
	ask()
	s.do(t, "DROP VIEW journey_changes_noted") // What is written is not known any more.
	if s.reader.LookAtRested(); s.reader.RestedPieces() > 0 {
		t.Error("pieces are kept though nothing is noted")
	}
}

// TestRestingSessionsWhileTheyChange: every answer is that of a moment between the question and the answer. Sessions come by twos.
func TestRestingSessionsWhileTheyChange(t *testing.T) {
	s := newResters(t, rand.New(rand.NewPCG(1, 11)))
	const workspace = 9
	day := s.begin.Add(10 * 24 * time.Hour)
	var written, begun atomic.Int64
	write := func(n int64) error {
		batch := &sink.Batch{}
		for k := range int64(2) {
			one := schema.Session{Workspace: workspace, Visitor: fmt.Sprint(n%7, " ", k), StartedAt: day.Add(time.Duration(n) * time.Second), Country: "DE", Touch: schema.Touch{Channel: "Direct"}}
			one.EndedAt, one.ID = one.StartedAt, schema.SessionID(workspace, one.Visitor, hitID(one.Visitor, fmt.Sprint(n)))
			batch.Sessions = append(batch.Sessions, schema.SessionRow{Session: one, Version: uint64(1 + n)})
		}
		begun.Add(2)
		err := s.sink.Write(t.Context(), batch)
		written.Add(2)
		return err
	}
	if err := write(0); err != nil {
		t.Fatal(err)
	}
	var done atomic.Bool
	group, ctx := errgroup.WithContext(t.Context())
	q := report.Credits{Model: "linear", Period: report.Period{Begin: s.begin, End: s.begin.Add(58 * 24 * time.Hour)}}
	for range 2 {
		group.Go(func() error {
			for !done.Load() {
				least := written.Load()
				got, err := s.in(workspace).Traffic(ctx, q)
				if err != nil {
					return err
				}
				if n := int64(got.Total.Sessions); n < least || n > begun.Load() || n%2 > 0 {
					return fmt.Errorf("%d sessions, of %d to %d", n, least, begun.Load())
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer done.Store(true)
		for n := range int64(60) {
			if err := write(1 + n); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if s.reader.RestedPieces() == 0 {
		t.Error("nothing was kept")
	}
}

func (s *resters) do(t *testing.T, statement string) {
	t.Helper()
	if err := s.exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
