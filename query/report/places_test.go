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
	page := func() string {
		return "https://a.example/" + pick(random, "", "?utm_source=x", "prices", "prices?a=1&b=%3F", "docs?")
	}
	for i := range w.sessions {
		s := &w.sessions[i]
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
			got, err := s.TouchPaths(t.Context(), w.question, by, collapsed, report.MaxPaths)
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

func (w *market) compareContent(t *testing.T, s report.Scoped, model report.Model) {
	t.Helper()
	w.question.Model, w.question.Dimension, w.question.Second = model, "landing_page", ""
	got, err := s.Content(t.Context(), w.question)
	if err != nil {
		t.Fatal(err)
	}
	credits := w.want(t, attribution.Model(model))
	want := map[string]*report.ContentRow{}
	at := func(page string) *report.ContentRow {
		page = cmp.Or(pageOf(page), report.None)
		if want[page] == nil {
			want[page] = &report.ContentRow{Page: page}
		}
		return want[page]
	}
	for key, a := range credits.rows {
		if a.conversions > 0 {
			r := at(key[0])
			r.Conversions, r.Value = r.Conversions+a.conversions, r.Value+a.value
		}
	}
	viewed := map[[2]string]bool{}
	for _, one := range w.inside() {
		if one.Touch.LandingPage != "" {
			at(one.Touch.LandingPage).Entries++
		}
		if one.ExitPage != "" {
			at(one.ExitPage).Exits++
		}
		for _, item := range one.Items {
			if item.Type == schema.HitType_HIT_TYPE_PAGEVIEW {
				at(item.URL).Views++
				if who := [2]string{one.Visitor, pageOf(item.URL)}; !viewed[who] {
					viewed[who] = true
					at(item.URL).Visitors++
				}
			}
		}
	}
	wrong := len(got.Rows) != len(want) || got.Pages != len(want) || math.Abs(got.Total-credits.total) > 1e-6
	for _, r := range got.Rows {
		e := want[r.Page]
		wrong = wrong || e == nil || math.Abs(e.Conversions-r.Conversions) > 1e-6 || math.Abs(e.Value-r.Value) > 1e-6 ||
			[4]uint64{e.Entries, e.Views, e.Exits, e.Visitors} != [4]uint64{r.Entries, r.Views, r.Exits, r.Visitors}
	}
	if wrong {
		t.Fatalf("workspace %d, %s: %+v\ngot  %+v\nwant %v", w.workspace, model, w.question, got, want)
	}
}

func (w *market) compareLocations(t *testing.T, s report.Scoped, model report.Model) {
	t.Helper()
	w.question.Model, w.question.Dimension, w.question.Second = model, "country", ""
	got, err := s.Locations(t.Context(), w.question)
	if err != nil {
		t.Fatal(err)
	}
	credits := w.want(t, attribution.Model(model))
	want := map[string]*report.LocationRow{}
	at := func(country string) *report.LocationRow {
		country = cmp.Or(country, report.None)
		if want[country] == nil {
			want[country] = &report.LocationRow{Country: country}
		}
		return want[country]
	}
	for key, a := range credits.rows {
		if a.conversions > 0 {
			at(key[0]).Conversions, at(key[0]).Value = a.conversions, a.value
		}
	}
	seen := map[[2]string]bool{}
	for _, one := range w.inside() {
		at(one.Country).Sessions++
		if who := [2]string{one.Visitor, one.Country}; !seen[who] {
			seen[who] = true
			at(one.Country).Visitors++
		}
	}
	wrong := len(got.Rows) != len(want) || math.Abs(got.Total-credits.total) > 1e-6
	for _, r := range got.Rows {
		e := want[r.Country]
		wrong = wrong || e == nil || math.Abs(e.Conversions-r.Conversions) > 1e-6 || math.Abs(e.Value-r.Value) > 1e-6 || e.Sessions != r.Sessions || e.Visitors != r.Visitors
	}
	if wrong {
		t.Fatalf("workspace %d, %s: %+v\ngot  %+v\nwant %v", w.workspace, model, w.question, got, want)
	}
}

// TestPathsAndPlacesEqualReference: paths, pages and countries are what going
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
	for _, w := range all {
		s.attribute(w.workspace, 1)
		scoped := s.in(w.workspace)
		w.comparePaths(t, scoped)
		model := report.Models()[random.IntN(7)]
		w.compareContent(t, scoped, model)
		w.compareLocations(t, scoped, model)
	}
}

func TestPathsAndPlacesRefuseWhatMakesNoSense(t *testing.T) {
	s := open(t).in(1)
	q := report.Credits{Model: report.Markov, Lookback: 90, Period: report.Period{Begin: at(t, "1T00:00"), End: at(t, "2T00:00")}}
	_, byDevice := s.TouchPaths(t.Context(), q, "device", true, 10)
	_, tooMany := s.TouchPaths(t.Context(), q, "channel", true, report.MaxPaths+1)
	_, content := s.Content(t.Context(), q)
	_, locations := s.Locations(t.Context(), q)
	for i, err := range []error{byDevice, tooMany, content, locations} {
		if schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("question %d: %v", i, err)
		}
	}
}
