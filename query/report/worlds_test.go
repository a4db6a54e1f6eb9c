package report_test

import (
	"cmp"
	"flag"
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

var markets = flag.Int("markets", 40, "how many random workspaces are compared with the reference")

// market is a random workspace, and a random question about it.
type market struct {
	workspace  uint32
	contacts   []schema.Contact
	identities []schema.Identity
	sessions   []schema.Session
	facts      []*schema.ConversionFact
	question   report.Credits
}

// newMarket draws a few people with a browser or two, strangers, their sessions,
// and conversions anywhere between them.
func newMarket(random *rand.Rand, workspace uint32, begin schema.Millis) *market {
	w := &market{workspace: workspace, question: report.Credits{Progressed: map[schema.ID]schema.Millis{}}}
	moment := func() schema.Millis { return begin.Add(time.Duration(random.IntN(60*24*60)) * time.Minute) }
	for n := range 1 + random.IntN(4) {
		name := fmt.Sprint("of", n)
		c := schema.Contact{ID: schema.ContactID(workspace, schema.NewNode(schema.NodeUser, name)), Workspace: workspace, Email: "e@a.example", CreatedAt: moment()}
		w.contacts = append(w.contacts, c)
		if random.IntN(2) == 0 {
			w.question.Progressed[c.ID] = moment()
		}
		node := schema.NewNode(schema.NodeUser, name)
		w.identities = append(w.identities, identified(workspace, node, c))
		for k := range random.IntN(3) {
			visitor := fmt.Sprint(name, "browser", k)
			w.identities = append(w.identities, identified(workspace, schema.NewNode(schema.NodeVisitor, visitor), c))
			w.visits(random, visitor, moment)
		}
		for k := range random.IntN(4) {
			f := chat(workspace, fmt.Sprint(name, "chat", k), node, []string{"", name + "browser0"}[random.IntN(2)], moment()).ConversionFact
			f.Value = float64(random.IntN(50))
			w.facts = append(w.facts, f)
		}
	}
	for n := range random.IntN(8) {
		w.visits(random, fmt.Sprint("stranger", n), moment)
	}
	w.ask(random, begin)
	return w
}

func identified(workspace uint32, node schema.Node, c schema.Contact) schema.Identity {
	return schema.Identity{Workspace: workspace, Node: node, Since: []schema.Millis{c.CreatedAt}, Contacts: []schema.ID{c.ID}}
}

func (w *market) visits(random *rand.Rand, visitor string, moment func() schema.Millis) {
	for range random.IntN(6) {
		start := moment()
		channel := []string{"Direct", "Email", "Paid Search", "Referral"}[random.IntN(4)]
		w.sessions = append(w.sessions, schema.Session{
			ID: schema.SessionID(w.workspace, visitor, hitID(visitor, fmt.Sprint(start))), Workspace: w.workspace, Visitor: visitor,
			StartedAt: start, EndedAt: start, Bot: random.IntN(9) == 0, Country: []string{"DE", "FR"}[random.IntN(2)],
			Touch: schema.Touch{
				Channel: channel, Source: fmt.Sprint(channel, random.IntN(2)), Campaign: []string{"", "spring", "autumn"}[random.IntN(3)], At: start,
			},
		})
	}
}

// ask draws a question, half of the time with things left out.
func (w *market) ask(random *rand.Rand, begin schema.Millis) {
	q := &w.question
	day := time.Duration(24) * time.Hour
	q.Lookback = []int{report.AllTouches, 7, 30, 90}[random.IntN(4)]
	q.Dimension = []report.Dimension{"channel", "source", "campaign"}[random.IntN(3)]
	if random.IntN(3) == 0 {
		q.Second = []report.Dimension{"country", "landing_page"}[random.IntN(2)]
	}
	q.Period = report.Period{Begin: begin.Add(time.Duration(random.IntN(20)) * day), End: begin.Add(time.Duration(40+random.IntN(30)) * day)}
	if random.IntN(2) == 0 {
		q.Exclude = append(q.Exclude, report.Filter{Dimension: "channel", Operator: "is", Value: "Direct"})
	}
	if random.IntN(4) == 0 {
		q.Exclude = append(q.Exclude, report.Filter{Dimension: "country", Operator: "is_not", Value: "DE"})
	}
	q.FirstOnly = random.IntN(3) == 0
	switch random.IntN(4) {
	case 0:
		q.Filters = append(q.Filters, report.Filter{Dimension: "campaign", Operator: "is", Value: "spring"})
	case 1:
		q.Filters = append(q.Filters, report.Filter{Dimension: "source", Operator: "contains", Value: "SEARCH"})
	}
}

func (w *market) rows(b *sink.Batch) {
	for i := range w.contacts {
		b.Contacts = append(b.Contacts, schema.ContactRow{Contact: w.contacts[i], Version: 1})
	}
	for i := range w.identities {
		b.Identities = append(b.Identities, schema.IdentityRow{Identity: w.identities[i], Version: 1})
	}
	for i := range w.sessions {
		b.Sessions = append(b.Sessions, schema.SessionRow{Session: w.sessions[i], Version: 1})
	}
	for _, f := range w.facts {
		b.Facts = append(b.Facts, schema.FactRow{ConversionFact: f, Version: 1})
	}
}

// amount is what a key earned.
type amount struct{ conversions, value float64 }

// expected is what the reference in Go gives for a question.
type expected struct {
	rows              map[[2]string]amount
	attributed, total float64
}

func (e *expected) add(key [2]string, conversions, value float64) {
	a := e.rows[key]
	e.rows[key] = amount{a.conversions + conversions, a.value + conversions*value}
	e.total += conversions
}

// dimensionOf reads a touch's dimension as a row's key has it.
func dimensionOf(d report.Dimension, t *attribution.Touch) string {
	return map[report.Dimension]string{
		"channel": t.Channel, "source": t.Source, "campaign": t.Campaign, "country": t.Country, "landing_page": t.LandingPage,
	}[d]
}

func matches(f report.Filter, t *attribution.Touch) bool {
	is := dimensionOf(f.Dimension, t)
	switch f.Operator {
	case "is":
		return is == f.Value
	case "is_not":
		return is != f.Value
	}
	return strings.Contains(strings.ToLower(is), strings.ToLower(f.Value))
}

func (w *market) excluded(t *attribution.Touch) bool {
	return slices.ContainsFunc(w.question.Exclude, func(f report.Filter) bool { return matches(f, t) })
}

func (w *market) counted(t *attribution.Touch) bool {
	return !slices.ContainsFunc(w.question.Filters, func(f report.Filter) bool { return !matches(f, t) })
}

// key is a row's.
func (w *market) key(t *attribution.Touch) [2]string {
	key := [2]string{cmp.Or(dimensionOf(w.question.Dimension, t), report.None)}
	if w.question.Second != "" {
		key[1] = dimensionOf(w.question.Second, t)
	}
	return key
}

// credited is a conversion in the period with its touches that remain.
type credited struct {
	fact       *schema.ConversionFact
	milestones attribution.Milestones
	touches    []attribution.Touch
	instead    *attribution.Touch // without any: what it is counted under
}

// first tells whether a conversion is the first of its contact, ever.
func (w *market) first(f *schema.ConversionFact) bool {
	for _, other := range w.facts {
		if other.GetNode() == f.GetNode() && (other.GetAt() < f.GetAt() || other.GetAt() == f.GetAt() && string(other.GetId()) < string(f.GetId())) {
			return false
		}
	}
	return true
}

func (w *market) credited() []credited {
	var all []credited
	for _, f := range w.facts {
		if at := schema.Millis(f.GetAt()); at < w.question.Period.Begin || at >= w.question.Period.End || w.question.FirstOnly && !w.first(f) {
			continue
		}
		var c schema.Contact
		for i := range w.contacts {
			if string(w.identities[slices.IndexFunc(w.identities, func(x schema.Identity) bool { return x.Contacts[0] == w.contacts[i].ID })].Node) == f.GetNode() {
				c = w.contacts[i]
			}
		}
		touches := attribution.Touches(f, c.ID, w.identities, w.sessions, time.Duration(w.question.Lookback)*24*time.Hour)
		one := credited{fact: f, milestones: attribution.Milestones{Identified: c.CreatedAt, Progressed: w.question.Progressed[c.ID]}}
		direct := schema.DirectTouch(0)
		one.instead = &attribution.Touch{Touch: direct}
		if len(touches) > 0 {
			x := report.Excluded
			one.instead = &attribution.Touch{Country: x, Touch: schema.Touch{Channel: x, Source: x, Campaign: x, LandingPage: x}}
		}
		one.touches = slices.DeleteFunc(touches, func(t attribution.Touch) bool { return w.excluded(&t) })
		all = append(all, one)
	}
	return all
}

// want shares every conversion by itself.
func (w *market) want(t *testing.T, m attribution.Model) expected {
	e := expected{rows: map[[2]string]amount{}}
	for _, c := range w.credited() {
		credits, err := attribution.Credits(m, c.touches, c.milestones)
		if err != nil {
			t.Fatal(err)
		}
		for i, credit := range credits {
			if w.counted(&c.touches[i]) {
				e.add(w.key(&c.touches[i]), credit, c.fact.GetValue())
				e.attributed += credit
			}
		}
		if len(credits) == 0 && w.counted(c.instead) {
			e.add(w.key(c.instead), 1, c.fact.GetValue())
		}
	}
	return e
}

// wantOfPaths shares all conversions together. A state is a key, and whether
// the touch matches the filters.
func (w *market) wantOfPaths(t *testing.T, m attribution.Model) expected {
	e := expected{rows: map[[2]string]amount{}}
	keys := map[string][2]string{}
	state := func(t *attribution.Touch) string {
		name := fmt.Sprint(w.key(t), w.counted(t))
		if w.counted(t) {
			keys[name] = w.key(t)
		}
		return name
	}
	paths := w.missing(state)
	for _, c := range w.credited() {
		p := attribution.Path{Conversions: 1, Value: c.fact.GetValue()}
		for i := range c.touches {
			p.States = append(p.States, state(&c.touches[i]))
		}
		if len(p.States) > 0 {
			paths = append(paths, p)
		} else if w.counted(c.instead) {
			e.add(w.key(c.instead), 1, c.fact.GetValue())
		}
	}
	earned, err := attribution.Earned(m, paths)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range earned {
		if key, ok := keys[name]; ok {
			a := e.rows[key]
			e.rows[key] = amount{a.conversions + got.Conversions, a.value + got.Value}
			e.total, e.attributed = e.total+got.Conversions, e.attributed+got.Conversions
		}
	}
	return e
}

// missing are the paths, in the period, of browsers that no conversion looked at.
func (w *market) missing(state func(*attribution.Touch) string) []attribution.Path {
	looked := map[string]bool{}
	q := w.question
	w.question.Exclude, w.question.Lookback = nil, 0
	for _, c := range w.credited() {
		for _, t := range c.touches {
			looked[t.Visitor] = true
		}
	}
	w.question = q
	ordered := slices.Clone(w.sessions)
	slices.SortFunc(ordered, func(a, b schema.Session) int {
		return cmp.Or(cmp.Compare(a.StartedAt, b.StartedAt), a.ID.Compare(b.ID))
	})
	states := map[string][]string{}
	for _, s := range ordered {
		touch := attribution.Touch{Touch: s.Touch, Country: s.Country}
		inside := s.StartedAt >= q.Period.Begin && s.StartedAt < q.Period.End
		if inside && !s.Bot && !looked[s.Visitor] && !w.excluded(&touch) {
			states[s.Visitor] = append(states[s.Visitor], state(&touch))
		}
	}
	var paths []attribution.Path
	for _, of := range states {
		paths = append(paths, attribution.Path{States: of, Missing: 1})
	}
	return paths
}

// TestWorlds: all models give every key what the reference gives, in random
// workspaces and for random questions.
func TestWorlds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 6))
	s, begin := open(t), at(t, "1T00:00")
	var all []*market
	batch := &sink.Batch{}
	for n := range *markets {
		w := newMarket(random, uint32(1+n), begin)
		w.rows(batch)
		all = append(all, w)
	}
	s.write(batch)
	// Half of the questions are answered from what is kept, the others by ClickHouse alone.
	kept, direct := s.reader, s.reading()
	direct.KeepNothing()
	for n, w := range all {
		s.attribute(w.workspace, 1)
		s.reader = []*report.Reader{kept, direct}[n%2]
		w.compare(t, s)
	}
}

func (w *market) compare(t *testing.T, s *store) {
	t.Helper()
	answers, err := s.in(w.workspace).EachModel(t.Context(), w.question)
	if err != nil {
		t.Fatalf("workspace %d: %+v: %v", w.workspace, w.question, err)
	}
	for model, got := range answers {
		var want expected
		if model == report.Markov || model == report.Shapley {
			want = w.wantOfPaths(t, attribution.Model(model))
		} else {
			want = w.want(t, attribution.Model(model))
		}
		wrong := math.Abs(got.Attributed-want.attributed) > 1e-6 || math.Abs(got.Total-want.total) > 1e-6
		rows := map[[2]string]amount{}
		for _, r := range got.Rows {
			rows[[2]string{r.Key, r.Second}] = amount{r.Conversions, r.Value}
		}
		for key := range want.rows {
			rows[key] = amount{rows[key].conversions - want.rows[key].conversions, rows[key].value - want.rows[key].value}
		}
		for _, rest := range rows {
			wrong = wrong || math.Abs(rest.conversions) > 1e-6 || math.Abs(rest.value) > 1e-6
		}
		if wrong {
			t.Fatalf("workspace %d, %s: %+v\ngot  %+v\nwant %+v", w.workspace, model, w.question, got, want)
		}
	}
	w.compareFirst(t, s, answers)
}

// compareFirst: asked for some rows, the first of all come, and the sums of the others.
func (w *market) compareFirst(t *testing.T, s *store, answers map[report.Model]report.Attribution) {
	t.Helper()
	q := w.question
	q.Model, q.Compare = report.Models()[w.workspace%9], ""
	all := answers[q.Model]
	q.Rows = 1 + int(w.workspace/9)%3
	got, err := s.in(w.workspace).Attribution(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	first := min(q.Rows, len(all.Rows))
	for i := range got.Rows {
		if got.Rows[i].Second == report.None { // Tables of all models leave it empty.
			got.Rows[i].Second = all.Rows[i].Second
		}
	}
	if got.Count != len(all.Rows) || !slices.EqualFunc(got.Rows, all.Rows[:first], nearly) || !nearly(got.Rest, summed(all.Rows[first:])) {
		t.Fatalf("workspace %d: %+v\ngives %+v, of\n%+v", w.workspace, q, got, all)
	}
}
