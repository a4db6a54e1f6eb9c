package report_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// arrives writes a first visit: pages and events in turn, a minute apart.
func arrives(b *sink.Batch, visitor, source string, begin schema.Millis, items ...string) {
	s := schema.Session{
		ID: schema.Derive("visit", visitor), Workspace: 1, Visitor: visitor, StartedAt: begin, Reason: schema.ReasonFirstHit,
		Touch: schema.Touch{Source: source, Channel: "Email", At: begin}, Device: "desktop",
	}
	for i, name := range items {
		item := schema.Item{
			Hit: hitID("visit", visitor, fmt.Sprint(i)), At: begin.Add(time.Duration(i) * time.Minute),
			Type: schema.HitType_HIT_TYPE_PAGEVIEW, URL: "https://a.example" + name,
		}
		if name[0] != '/' {
			item.Type, item.URL, item.Name = schema.HitType_HIT_TYPE_EVENT, "https://a.example/", name
		}
		s.Items, s.EndedAt = append(s.Items, item), item.At
	}
	b.Sessions = append(b.Sessions, schema.SessionRow{Session: s, Version: 1})
}

// TestBestPathsAndCorrelation: thirty begin with the front page and pricing and
// mostly sign up, thirty read the blog and mostly do not, two came by a page of
// their own and both did.
func TestBestPathsAndCorrelation(t *testing.T) {
	s, b, begin := open(t), &sink.Batch{}, at(t, "3T10:00")
	for i := range 30 {
		pricing, blog := []string{"/", "/", "/pricing?plan=pro"}, []string{"/blog", "/blog/why"}
		if i < 24 {
			pricing = append(pricing, "watched", "signup")
		}
		if i < 3 {
			blog = append(blog, "signup")
		}
		arrives(b, fmt.Sprint("pricing", i), "google", begin, pricing...)
		arrives(b, fmt.Sprint("blog", i), "news", begin, blog...)
	}
	arrives(b, "rare1", "", begin, "/rare", "signup")
	arrives(b, "rare2", "", begin, "/rare", "signup")
	arrives(b, "before", "", begin.Add(-48*time.Hour), "/", "/pricing")
	s.write(b)
	f := report.Funnel{
		Window: time.Hour, Period: report.Period{Begin: begin, End: begin.Add(time.Hour)},
		Steps: []report.Step{{Type: "pageview", Operator: "starts_with", Value: "/"}, {Type: "event", Name: "signup"}},
	}
	for _, scope := range []report.Scope{report.ByVisitor, report.BySession} {
		f.Scope = scope
		best, err := s.in(1).BestPaths(t.Context(), report.BestPaths{Funnel: f, AtLeast: 10})
		if err != nil {
			t.Fatal(err)
		}
		if best.People != 62 || best.Converted != 29 || best.Number != 3 || len(best.Paths) != 3 {
			t.Errorf("by %s: %+v", scope, best)
		}
		first := best.Paths[0]
		if want := []report.Happening{{Type: "pageview", Name: "/"}, {Type: "pageview", Name: "/pricing"}}; !slices.Equal(first.Pages, want) ||
			first.People != 30 || first.Converted != 24 || first.Median != 240 || first.Low < .62 || first.Low > .63 {
			t.Errorf("the best path is %+v", first)
		}
		if last := best.Paths[2]; last.Pages[0].Name != "/rare" || last.Converted != 2 {
			t.Errorf("the path of two people is not the last, but %+v", last)
		}
	}
	f.Scope = report.ByVisitor
	c, err := s.in(1).FunnelCorrelation(t.Context(), report.FunnelCorrelation{Funnel: f})
	if err != nil {
		t.Fatal(err)
	}
	if c.Won != 29 || c.Lost != 33 || c.MoreFeatures || c.Tested != len(c.Features) {
		t.Errorf("correlation of %+v", c)
	}
	at := func(kind, name string) report.Feature {
		i := slices.IndexFunc(c.Features, func(f report.Feature) bool { return f.Type == kind && f.Name == name })
		if i < 0 {
			t.Fatalf("no %s %s in %+v", kind, name, c)
		}
		return c.Features[i]
	}
	if google := at("source", "google"); google.Won != 24 || google.Lost != 6 || google.OddsRatio < 20 || google.OddsLow > google.OddsRatio || google.Corrected > .001 {
		t.Errorf("google: %+v", google)
	}
	if watched := at("event", "watched"); watched.Won != 24 || watched.Lost != 0 {
		t.Errorf("watched: %+v", watched)
	}
	if slices.ContainsFunc(c.Features, func(f report.Feature) bool { return f.Type == "device" || f.Name == "signup" }) {
		t.Errorf("what everybody has, or is a step, is among %+v", c.Features)
	}
}
