package attribution_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sourceloop/pipeline/attribution"
	"sourceloop/pipeline/journeys"
	"sourceloop/schema"
)

const day = schema.Millis(24 * 60 * 60 * 1000)

// base is the day on which the tests' conversions happen.
const base = 20_000 * day

var ann, bob = schema.ContactID(7, "email:ann@x.example"), schema.ContactID(7, "email:bob@x.example")

func session(visitor string, at schema.Millis, channel string, pages ...schema.Millis) schema.Session {
	s := schema.Session{
		ID: schema.Derive(visitor, fmt.Sprint(at)), Workspace: 7, Visitor: visitor, StartedAt: at, EndedAt: at,
		Touch: schema.Touch{Channel: channel, Source: "source of " + channel, At: at}, Device: "device of " + visitor,
	}
	for _, p := range pages {
		s.Items = append(s.Items, schema.Item{At: p, Type: schema.HitType_HIT_TYPE_PAGEVIEW})
		s.EndedAt = max(s.EndedAt, p)
	}
	return s
}

func browser(visitor string, stretches ...any) schema.Identity {
	i := schema.Identity{Workspace: 7, Node: schema.NewNode(schema.NodeVisitor, visitor)}
	for k := 0; k < len(stretches); k += 2 {
		i.Since, i.Contacts = append(i.Since, stretches[k].(schema.Millis)), append(i.Contacts, stretches[k+1].(schema.ID))
	}
	return i
}

func starts(touches []attribution.Touch) []schema.Millis {
	var at []schema.Millis
	for _, t := range touches {
		at = append(at, t.At)
	}
	return at
}

func TestTouches(t *testing.T) {
	sessions := []schema.Session{
		session("laptop", base-3*day, "Email"), session("phone", base-2*day, "Paid Search"), session("laptop", base-day, "Direct"),
		session("phone", base-1000, "Referral"), session("laptop", base+1, "Display"), session("stranger", base-5000, "Direct"),
	}
	both := []schema.Identity{browser("laptop", base, ann), browser("phone", base, ann)}
	for _, c := range []struct {
		name       string
		visitor    string
		contact    schema.ID
		identities []schema.Identity
		lookback   time.Duration
		want       []schema.Millis
	}{
		{"its own browser's session comes last", "laptop", ann, both, 0, []schema.Millis{base - 3*day, base - 2*day, base - 1000, base - day}},
		{"without an own browser the last of any", "", ann, both, 0, []schema.Millis{base - 3*day, base - 2*day, base - day, base - 1000}},
		{"lookback includes its edge", "phone", ann, both, 48 * time.Hour, []schema.Millis{base - 2*day, base - day, base - 1000}},
		{"the converting session can be too old", "laptop", ann, both, time.Hour, []schema.Millis{base - 1000}},
		{"a stretch of a shared browser", "", bob, []schema.Identity{browser("laptop", base-4*day, ann, base-day, bob)}, 0, []schema.Millis{base - day}},
		{"the chat of the second in the session of the first", "laptop", bob, []schema.Identity{browser("laptop", base-4*day, ann, base, bob)}, 0, []schema.Millis{base - day}},
		{"nobody's browser", "", ann, nil, 0, nil},
		{"a browser that was cut is nobody's, a chat in it included", "stranger", ann, []schema.Identity{browser("stranger")}, 0, nil},
		{"a browser that no claim names yet has the session of the chat", "stranger", ann, nil, 0, []schema.Millis{base - 5000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fact := &schema.ConversionFact{At: int64(base), Visitor: c.visitor}
			if got := starts(attribution.Touches(fact, c.contact, c.identities, sessions, c.lookback)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestAtMostTheFirstAndTheLast99Touches(t *testing.T) {
	var sessions []schema.Session
	for i := range 130 {
		sessions = append(sessions, session("v", base-schema.Millis(130-i), "Email"))
	}
	got := starts(attribution.Touches(&schema.ConversionFact{At: int64(base), Visitor: "v"}, ann, []schema.Identity{browser("v", base, ann)}, sessions, 0))
	if len(got) != 100 || got[0] != base-130 || got[1] != base-99 || got[99] != base-1 {
		t.Errorf("got %d touches: %v", len(got), got)
	}
}

func touchesOf(t *testing.T, channels ...string) []attribution.Touch {
	t.Helper()
	touches := make([]attribution.Touch, len(channels))
	for i, c := range channels {
		touches[i].Channel, touches[i].At = c, base-schema.Millis(len(channels)-1-i)*7*day
	}
	return touches
}

func TestCredits(t *testing.T) {
	const d, e = "Direct", "Email"
	for _, c := range []struct {
		model    attribution.Model
		channels []string // a week apart
		want     []float64
	}{
		{attribution.LastTouch, []string{e, e, d}, []float64{0, 0, 1}},
		{attribution.FirstTouch, []string{d, e, e}, []float64{1, 0, 0}},
		{attribution.LastNonDirect, []string{e, e, d}, []float64{0, 1, 0}},
		{attribution.FirstNonDirect, []string{d, e, e}, []float64{0, 1, 0}},
		{attribution.LastNonDirect, []string{d, d}, []float64{0, 1}},
		{attribution.FirstNonDirect, []string{d, d}, []float64{1, 0}},
		{attribution.Linear, []string{e, d, e, d}, []float64{.25, .25, .25, .25}},
		{attribution.PositionBased, []string{e}, []float64{1}},
		{attribution.PositionBased, []string{e, e}, []float64{.5, .5}},
		{attribution.PositionBased, []string{e, e, e}, []float64{.4, .2, .4}},
		{attribution.PositionBased, []string{e, e, e, e}, []float64{.4, .1, .1, .4}},
		{attribution.TimeDecay, []string{e, e, e}, []float64{1. / 7, 2. / 7, 4. / 7}},
		{attribution.TimeDecay, nil, nil},
	} {
		t.Run(fmt.Sprint(c.model, c.channels), func(t *testing.T) {
			got, err := attribution.Credits(c.model, touchesOf(t, c.channels...), attribution.Milestones{})
			if err != nil || !near(got, c.want) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// TestShapedModels: touches lie a week apart, the last one at base; milestones
// are given in weeks after the first touch, -1 before all of them, and none for
// a stage that was never reached.
func TestShapedModels(t *testing.T) {
	const none = -2
	for _, c := range []struct {
		name                   string
		model                  attribution.Model
		touches                int
		identified, progressed int
		want                   []float64
	}{
		{"all apart", attribution.WShaped, 5, 2, none, []float64{.3, .05, .3, .05, .3}},
		{"identified in the converting session", attribution.WShaped, 4, 3, none, []float64{.3, .05, .05, .6}},
		{"identified at once", attribution.WShaped, 3, 0, none, []float64{.6, .1, .3}},
		{"identified before the window", attribution.WShaped, 4, -1, none, []float64{.375, .125, .125, .375}},
		{"no rest", attribution.WShaped, 3, 1, none, []float64{1. / 3, 1. / 3, 1. / 3}},
		{"two touches", attribution.WShaped, 2, 1, none, []float64{.35, .65}},
		{"one touch", attribution.WShaped, 1, -1, none, []float64{1}},
		{"all apart", attribution.FullPath, 6, 1, 3, []float64{.225, .225, .05, .225, .05, .225}},
		{"in progress after the conversion", attribution.FullPath, 4, 1, 9, []float64{.225, .225, .1, .45}},
		{"identified and in progress in one session", attribution.FullPath, 4, 2, 2, []float64{.225, .1, .45, .225}},
		{"never in progress", attribution.FullPath, 4, 1, none, []float64{.28125, .28125, .15625, .28125}},
		{"no rest", attribution.FullPath, 4, 1, 2, []float64{.25, .25, .25, .25}},
	} {
		t.Run(fmt.Sprint(c.model, " ", c.name), func(t *testing.T) {
			touches := touchesOf(t, slices.Repeat([]string{"Email"}, c.touches)...)
			milestones := attribution.Milestones{Identified: touches[0].At + schema.Millis(c.identified)*7*day}
			if c.progressed != none {
				milestones.Progressed = touches[0].At + schema.Millis(c.progressed)*7*day
			}
			got, err := attribution.Credits(c.model, touches, milestones)
			if err != nil || !near(got, c.want) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func near(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-9 })
}

func TestModelNames(t *testing.T) {
	for _, m := range attribution.Models() {
		if got, err := attribution.Parse(string(m)); got != m || err != nil {
			t.Errorf("Parse(%q) = %q, %v", m, got, err)
		}
	}
	if m, err := attribution.Parse(""); m != attribution.LastTouch || err != nil {
		t.Errorf("the default is %q, %v", m, err)
	}
	if _, err := attribution.Parse("best"); schema.KindOf(err) != schema.KindInvalid {
		t.Errorf("Parse of an unknown model: %v", err)
	}
	for _, m := range []attribution.Model{attribution.Markov, attribution.Shapley, "best"} {
		if _, err := attribution.Credits(m, touchesOf(t, "Email"), attribution.Milestones{}); schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("Credits of %s: %v", m, err)
		}
	}
}

func TestSummarize(t *testing.T) {
	sessions := []schema.Session{
		session("laptop", base-3*day, "Email", base-3*day, base-3*day+60_000),
		session("phone", base-2*day, "Paid Search", base-2*day),
		session("laptop", base-10_500, "Direct", base-10_500, base-1, base, base+5000),
		session("laptop", base+2*day, "Display", base+2*day),
	}
	sessions[0].Touch.Referrer, sessions[1].Touch.Referrer, sessions[2].Touch.Referrer = "https://a.example/", "https://b.example/", "https://a.example/"
	got := attribution.Summarize(&schema.ConversionFact{At: int64(base), Visitor: "laptop"}, ann,
		[]schema.Identity{browser("laptop", base, ann), browser("phone", base, ann)}, sessions)
	want := attribution.Summary{
		FirstTouch: sessions[0].Touch, LastTouch: sessions[2].Touch, ReferrerChain: []string{"https://a.example/", "https://b.example/"},
		PagesBefore: 5, SecondsOnSite: 75.5, ReturnVisits: 2, Device: "device of laptop",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestSummaryWithoutABrowserIsDirect(t *testing.T) {
	got := attribution.Summarize(&schema.ConversionFact{At: int64(base)}, ann, nil, []schema.Session{session("v", base-1, "Email")})
	if want := schema.DirectTouch(base); got.FirstTouch != want || got.LastTouch != want || got.ReturnVisits != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestTouchesAndCreditsAreWhatTheNaiveReferenceSays draws shared browsers,
// sessions that begin at once, and conversions anywhere between them.
func TestTouchesAndCreditsAreWhatTheNaiveReferenceSays(t *testing.T) {
	visitors := []string{"v1", "v2", "v3"}
	rapid.Check(t, func(t *rapid.T) {
		hour := func(label string) schema.Millis {
			return base + schema.Millis(rapid.IntRange(0, 240).Draw(t, label))*day/24
		}
		var sessions []schema.Session
		taken := map[schema.ID]bool{}
		for range rapid.SampledFrom([]int{0, 1, 3, 8, 8, 8, 150}).Draw(t, "sessions") {
			s := session(rapid.SampledFrom(visitors).Draw(t, "visitor"), hour("at"), rapid.SampledFrom([]string{"Direct", "Email"}).Draw(t, "channel"))
			if !taken[s.ID] {
				taken[s.ID] = true
				sessions = append(sessions, s)
			}
		}
		var identities []schema.Identity
		for _, v := range visitors {
			since := hour("since")
			identities = append(identities, rapid.SampledFrom([]schema.Identity{
				browser(v), browser(v, since, ann), browser(v, since, ann, since+day, bob), browser(v, since, bob),
			}).Draw(t, "identity"))
		}
		fact := &schema.ConversionFact{At: int64(hour("conversion")), Visitor: rapid.SampledFrom(append(visitors, "", "")).Draw(t, "own")}
		days := rapid.SampledFrom([]int{0, 1, 7}).Draw(t, "days")
		got := attribution.Touches(fact, ann, identities, sessions, time.Duration(days)*24*time.Hour)
		want := journeys.Touches(fact, ann, identities, sessions, days)
		if !slices.EqualFunc(got, want, func(g attribution.Touch, w schema.Session) bool { return g.Session == w.ID && g.Touch == w.Touch }) {
			t.Fatalf("got %d touches %v, want %d", len(got), starts(got), len(want))
		}
		milestones := attribution.Milestones{Identified: hour("identified")}
		if rapid.Bool().Draw(t, "progressed") {
			milestones.Progressed = hour("progressed at")
		}
		for _, m := range attribution.Models()[:9] {
			credits, err := attribution.Credits(m, got, milestones)
			if err != nil || !near(credits, journeys.Credits(string(m), want, schema.Millis(fact.GetAt()), milestones.Identified, milestones.Progressed)) {
				t.Fatalf("%s: %v, %v", m, credits, err)
			}
			sum := 0.0
			for _, c := range credits {
				sum += c
			}
			if len(got) > 0 && math.Abs(sum-1) > 1e-9 {
				t.Fatalf("%s: the credits sum to %v", m, sum)
			}
		}
	})
}
