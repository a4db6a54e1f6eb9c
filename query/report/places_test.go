package report_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/pipeline/attribution"
	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// browse lets known browsers come more often, so that paths have repeats, and
// gives all sessions pages.
func (w *market) browse(random *rand.Rand, begin schema.Millis) {
	for i := range w.identities {
		if node := w.identities[i].Node; node.Kind() == schema.NodeVisitor {
			for range 3 {
				w.visits(random, node.Value(), func() schema.Millis { return begin.Add(time.Duration(random.IntN(60*24*60)) * time.Minute) })
			}
		}
	}
	// A session is told by its browser and its beginning: one drawn twice is one.
	seen := map[schema.ID]bool{}
	w.sessions = slices.DeleteFunc(w.sessions, func(s schema.Session) bool {
		before := seen[s.ID]
		seen[s.ID] = true
		return before
	})
	for i := range w.sessions {
		w.view(random, &w.sessions[i])
	}
}

// view draws what happened in a session.
func (w *market) view(random *rand.Rand, s *schema.Session) {
	page := func() string {
		return "https://a.example/" + pick(random, "", "?utm_source=x", "prices", "prices?a=1&b=%3F", "docs?")
	}
	s.Items = nil
	for n := range random.IntN(4) { // None: a session of events.
		url, at := page(), s.StartedAt.Add(time.Duration(n)*time.Second)
		if n == 0 {
			s.Touch.LandingPage = url
		}
		s.ExitPage = url
		kind := []schema.HitType{schema.HitType_HIT_TYPE_PAGEVIEW, schema.HitType_HIT_TYPE_EVENT}[random.IntN(4)/3]
		s.Items = append(s.Items, schema.Item{Hit: hitID(s.Visitor, fmt.Sprint(s.StartedAt, n)), At: at, Type: kind, URL: url})
	}
}

func pageOf(url string) string {
	page, _, _ := strings.Cut(url, "?")
	return page
}

// inside are the sessions that a question counts.
func (w *market) inside() []schema.Session {
	return slices.DeleteFunc(slices.Clone(w.sessions), func(s schema.Session) bool {
		touch := attribution.Touch{Touch: s.Touch, Country: s.Country}
		return s.Bot || s.StartedAt < w.question.Period.Begin || s.StartedAt >= w.question.Period.End || w.excluded(&touch) || !w.counted(&touch)
	})
}

// wantPaths goes from conversion to conversion.
func (w *market) wantPaths(by report.Dimension, collapsed bool) (rows map[string]report.TouchPath, total uint64) {
	rows = map[string]report.TouchPath{}
	browsers := map[string]map[string]bool{}
	for _, c := range w.credited() {
		touches := c.touches
		if len(touches) == 0 {
			touches = []attribution.Touch{*c.instead}
		}
		if !slices.ContainsFunc(touches, func(t attribution.Touch) bool { return w.counted(&t) }) {
			continue
		}
		var p report.TouchPath
		for _, t := range touches {
			step := map[report.Dimension]string{"channel": t.Channel, "source": t.Source, report.Page: pageOf(t.LandingPage)}[by]
			step = cmp.Or(step, report.None)
			if !collapsed || len(p.Steps) == 0 || p.Steps[len(p.Steps)-1] != step {
				p.Steps = append(p.Steps, step)
			}
		}
		name := strings.Join(p.Steps, "\n")
		if browsers[name] == nil {
			browsers[name] = map[string]bool{}
		}
		for _, t := range c.touches {
			browsers[name][t.Visitor] = true
		}
		p.Conversions, p.Value, p.Visitors = rows[name].Conversions+1, rows[name].Value+c.fact.GetValue(), uint64(len(browsers[name]))
		rows[name] = p
		total++
	}
	return rows, total
}

func (w *market) comparePaths(t *testing.T, s report.Scoped) {
	t.Helper()
	for _, by := range []report.Dimension{"channel", "source", report.Page} {
		for _, collapsed := range []bool{true, false} {
			got, err := s.TouchPaths(t.Context(), w.question, report.PathQuestion{By: by, Collapsed: collapsed, Limit: report.MaxPaths})
			if err != nil {
				t.Fatal(err)
			}
			want, total := w.wantPaths(by, collapsed)
			wrong := got.Total != total || got.Paths != uint64(len(want)) || len(got.Rows) != len(want)
			var value float64
			for i, r := range got.Rows {
				wrong = wrong || fmt.Sprint(r) != fmt.Sprint(want[strings.Join(r.Steps, "\n")]) || i > 0 && r.Conversions > got.Rows[i-1].Conversions
				value += r.Value
			}
			if wrong || math.Abs(value-got.TotalValue) > 1e-6 {
				t.Fatalf("workspace %d by %s, collapsed %v: %+v\ngot  %+v\nwant %+v", w.workspace, by, collapsed, w.question, got, want)
			}
		}
	}
}

// wantContent goes from session to session.
func (w *market) wantContent(t *testing.T, model report.Model) (map[string]*report.PlaceFigures, report.Totals) {
	t.Helper()
	w.question.Model, w.question.Dimension, w.question.Second = model, "landing_page", ""
	want, totals := w.wantPlaces(t, model, pageOf)
	viewed := map[[2]string]bool{}
	for _, one := range w.inside() {
		if one.Touch.LandingPage != "" {
			want(pageOf(one.Touch.LandingPage)).Sessions++
		}
		if one.ExitPage != "" {
			want(pageOf(one.ExitPage)).Exits++
		}
		for _, item := range one.Items {
			if item.Type == schema.HitType_HIT_TYPE_PAGEVIEW {
				want(pageOf(item.URL)).Views++
				if who := [2]string{one.Visitor, pageOf(item.URL)}; !viewed[who] {
					viewed[who] = true
					want(pageOf(item.URL)).Visitors++
				}
			}
		}
	}
	return totals()
}

func (w *market) wantLocations(t *testing.T, model report.Model) (map[string]*report.PlaceFigures, report.Totals) {
	t.Helper()
	w.question.Model, w.question.Dimension, w.question.Second = model, "country", ""
	want, totals := w.wantPlaces(t, model, func(country string) string { return country })
	seen := map[[2]string]bool{}
	for _, one := range w.inside() {
		want(one.Country).Sessions++
		if who := [2]string{one.Visitor, one.Country}; !seen[who] {
			seen[who] = true
			want(one.Country).Visitors++
		}
	}
	return totals()
}

// compareTraffic goes from session to session; stretches are those of the answer.
func (w *market) compareTraffic(t *testing.T, s report.Scoped) {
	t.Helper()
	q := w.question
	q.Model = "linear"
	got, err := s.Traffic(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want := report.Figures{Start: w.question.Period.Begin}
	trend := make([]report.Figures, len(got.Trend))
	seen := map[string]bool{}
	for i := range trend {
		trend[i].Start = got.Trend[i].Start
	}
	count := func(f *report.Figures, stretch string, one *schema.Session) {
		f.Sessions++
		for _, item := range one.Items {
			if item.Type == schema.HitType_HIT_TYPE_PAGEVIEW {
				f.PageViews++
			}
		}
		if !seen[stretch+one.Visitor] {
			seen[stretch+one.Visitor] = true
			f.Visitors++
		}
	}
	for _, one := range w.inside() {
		i := 0
		for i+1 < len(trend) && trend[i+1].Start <= one.StartedAt {
			i++
		}
		count(&trend[i], fmt.Sprint(i, " "), &one)
		count(&want, "all ", &one)
	}
	same := func(got, want report.Figures) bool { // Conversions have a test of their own.
		return got.Start == want.Start && got.Sessions == want.Sessions && got.Visitors == want.Visitors && got.PageViews == want.PageViews
	}
	if !same(got.Total, want) || !slices.EqualFunc(got.Trend, trend, same) {
		t.Fatalf("workspace %d: %+v\ngot  %+v\nwant %+v of %+v", w.workspace, w.question, got, want, trend)
	}
}

// wantPlaces gives places with what they are credited, to be counted on.
func (w *market) wantPlaces(t *testing.T, model report.Model, of func(string) string) (at func(string) *report.PlaceFigures, done func() (map[string]*report.PlaceFigures, report.Totals)) {
	t.Helper()
	credits := w.want(t, attribution.Model(model))
	places, total := map[string]*report.PlaceFigures{}, report.Totals{}
	at = func(place string) *report.PlaceFigures {
		place = cmp.Or(place, report.None)
		if places[place] == nil {
			places[place] = &report.PlaceFigures{}
		}
		return places[place]
	}
	for key, a := range credits.rows {
		if a.conversions > 0 {
			f := at(of(key[0]))
			f.Conversions, f.Value = f.Conversions+a.conversions, f.Value+a.value
		}
		total.Value += a.value
	}
	total.Conversions = credits.total
	return at, func() (map[string]*report.PlaceFigures, report.Totals) { return places, total }
}

func equalPlace(got, want *report.PlaceFigures) bool {
	if want == nil {
		want = &report.PlaceFigures{}
	}
	return got != nil && math.Abs(want.Conversions-got.Conversions) < 1e-6 && math.Abs(want.Value-got.Value) < 1e-6 &&
		[4]uint64{want.Sessions, want.Views, want.Exits, want.Visitors} == [4]uint64{got.Sessions, got.Views, got.Exits, got.Visitors}
}

func equalTotals(got, want report.Totals) bool {
	return math.Abs(got.Conversions-want.Conversions) < 1e-6 && math.Abs(got.Value-want.Value) < 1e-6
}

// comparePlaces asks about a period beside another one, which may overlap.
func (w *market) comparePlaces(t *testing.T, before report.Period, got func(report.Credits, *report.Period) (report.Places, error), reference func() (map[string]*report.PlaceFigures, report.Totals)) {
	t.Helper()
	period := w.question.Period
	want, total := reference()
	w.question.Period = before
	then, totalThen := reference()
	w.question.Period = period
	alone, err := got(w.question, nil)
	if err != nil {
		t.Fatal(err)
	}
	wrong := len(alone.Rows) != len(want) || alone.Count != len(want) || !equalTotals(alone.Totals, total) || alone.Before != nil
	for _, r := range alone.Rows {
		wrong = wrong || !equalPlace(&r.PlaceFigures, want[r.Place]) || r.Before != nil
	}
	beside, err := got(w.question, &before)
	if err != nil {
		t.Fatal(err)
	}
	places := len(want)
	for place := range then {
		if want[place] == nil {
			places++
		}
	}
	wrong = wrong || len(beside.Rows) != places || !equalTotals(beside.Totals, total) || !equalTotals(*beside.Before, totalThen)
	for i, r := range beside.Rows {
		wrong = wrong || !equalPlace(&r.PlaceFigures, want[r.Place]) || !equalPlace(r.Before, then[r.Place]) || i > 0 && r.Conversions > beside.Rows[i-1].Conversions
	}
	if wrong {
		t.Fatalf("workspace %d: %+v, and %+v before\ngot  %+v\nand  %+v\nwant %v\nand  %v", w.workspace, w.question, before, alone, beside, want, then)
	}
}

// comparePathsBefore asks for few paths beside those of other days.
func (w *market) comparePathsBefore(t *testing.T, s report.Scoped, before report.Period) {
	t.Helper()
	period := w.question.Period
	want, _ := w.wantPaths("source", true)
	w.question.Period = before
	then, total := w.wantPaths("source", true)
	w.question.Period = period
	const limit = 3
	got, err := s.TouchPaths(t.Context(), w.question, report.PathQuestion{By: "source", Collapsed: true, Limit: limit, Before: &before})
	if err != nil {
		t.Fatal(err)
	}
	first := got.Rows[:min(limit, len(want))]
	rest := len(then)
	for _, r := range first {
		if _, ok := then[strings.Join(r.Steps, "\n")]; ok {
			rest--
		}
	}
	wrong := got.Before == nil || got.Before.Conversions != float64(total) || got.Paths != uint64(len(want)) || len(got.Rows) != len(first)+min(limit, rest)
	given := map[string]bool{}
	for _, r := range got.Rows {
		name := strings.Join(r.Steps, "\n")
		given[name] = true
		wrong = wrong || r.PathFigures != want[name].PathFigures || r.Before == nil || *r.Before != then[name].PathFigures
	}
	for name, p := range then { // Nothing that was more frequent then is left out for less.
		for _, r := range got.Rows[len(first):] {
			wrong = wrong || !given[name] && p.Conversions > r.Before.Conversions
		}
	}
	if wrong || len(given) != len(got.Rows) {
		t.Fatalf("workspace %d: %+v, and %+v before\ngot  %+v\nwant %+v\nand  %+v", w.workspace, w.question, before, got, want, then)
	}
}

// TestPathsAndPlacesEqualReference: key figures, paths, pages and countries are what going
// from conversion to conversion and from session to session gives.
func TestPathsAndPlacesEqualReference(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 7))
	s, begin := open(t), at(t, "1T00:00")
	var all []*market
	batch := &sink.Batch{}
	for n := range max(6, *markets/4) { // Each is asked eight times.
		w := newMarket(random, uint32(1+n), begin)
		w.browse(random, begin)
		w.rows(batch)
		all = append(all, w)
	}
	s.write(batch)
	// Half of the questions are answered from what is kept of conversions, the others by ClickHouse alone.
	kept, direct := s.reader, s.reading()
	direct.KeepNothing()
	for i, w := range all {
		s.attribute(w.workspace, 1)
		s.reader = []*report.Reader{kept, direct}[i/2%2]
		scoped := s.in(w.workspace)
		s.reader.GatherAtMost([]int{1 << 20, 1}[i%2]) // Nothing is gathered of every other one.
		w.compareTraffic(t, scoped)
		w.comparePaths(t, scoped)
		model := report.Models()[random.IntN(7)]
		day := schema.Millis(24 * 60 * 60 * 1000)
		before := w.question.Period
		before.Begin, before.End = before.Begin-day*schema.Millis(random.IntN(20)), before.End-day*schema.Millis(1+random.IntN(20))
		if before.End <= before.Begin {
			before.End = before.Begin + day
		}
		w.comparePathsBefore(t, scoped, before)
		w.comparePlaces(t, before, func(q report.Credits, b *report.Period) (report.Places, error) {
			return scoped.Content(t.Context(), q, b)
		}, func() (map[string]*report.PlaceFigures, report.Totals) { return w.wantContent(t, model) })
		w.comparePlaces(t, before, func(q report.Credits, b *report.Period) (report.Places, error) {
			return scoped.Locations(t.Context(), q, b)
		}, func() (map[string]*report.PlaceFigures, report.Totals) { return w.wantLocations(t, model) })
	}
}

func TestPathsAndPlacesRefuseWhatMakesNoSense(t *testing.T) {
	s := open(t).in(1)
	q := report.Credits{Model: report.Markov, Lookback: 90, Period: report.Period{Begin: at(t, "1T00:00"), End: at(t, "2T00:00")}}
	_, byDevice := s.TouchPaths(t.Context(), q, report.PathQuestion{By: "device", Limit: 10})
	_, tooMany := s.TouchPaths(t.Context(), q, report.PathQuestion{By: "channel", Limit: report.MaxPaths + 1})
	_, content := s.Content(t.Context(), q, nil)
	_, locations := s.Locations(t.Context(), q, nil)
	for i, err := range []error{byDevice, tooMany, content, locations} {
		if schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("question %d: %v", i, err)
		}
	}
}
