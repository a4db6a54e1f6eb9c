package report_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// world is a small random site: few pages, events and moments, so that equal
// times, repeated steps and edges of windows are frequent.
type world struct {
	random     *rand.Rand
	sessions   []schema.SessionRow
	hits       []*schema.Hit
	plans      map[schema.ID]string // property plan of an event's hit
	identities []schema.IdentityRow
	contacts   []schema.ContactRow
	facts      []schema.FactRow
	workspace  uint32
	apart      bool              // no visitor does two things at one time
	numbers    map[string]uint64 // of visitors: ClickHouse's sipHash64
	count      int               // of items so far, when apart
}

var (
	pages  = []string{"https://a.example/", "https://a.example/pricing", "https://a.example/pricing?x=1", "https://a.example/docs/api"}
	events = []string{"signup", "play", "chat_opened"}
	plans  = []string{"pro", "free"}
)

func (w *world) pick(from []string) string { return from[w.random.IntN(len(from))] }

// session begins at a time, and has no hit before one in the order of hits at one time.
func (w *world) session(workspace uint32, visitor string, n int, start schema.Millis, after schema.ID) *schema.Session {
	s := schema.Session{
		Workspace: workspace, Visitor: visitor, StartedAt: start, Reason: schema.ReasonFirstHit,
		Touch: schema.Touch{
			Channel: w.pick([]string{"Direct", "Email", "Paid Search"}), Source: w.pick([]string{"", "google"}), Medium: w.pick([]string{"cpc", "email"}),
			Campaign: w.pick([]string{"", "a", `b\s`, "c\x1f"}), LandingPage: w.pick(pages),
		},
		Device: w.pick([]string{"mobile", "desktop"}), Country: w.pick([]string{"DE", "US", ""}), Browser: w.pick([]string{"Firefox", "Safari"}),
	}
	if n > 0 {
		s.Reason = schema.ReasonTimeout
	}
	moment := start
	for i := range 1 + w.random.IntN(5) {
		id := hitID(fmt.Sprint(workspace), visitor, fmt.Sprint(n), fmt.Sprint(i))
		for salt := 0; moment == start && id.Compare(after) <= 0; salt++ {
			id = hitID(fmt.Sprint(workspace), visitor, fmt.Sprint(n), fmt.Sprint(i), fmt.Sprint(salt))
		}
		at := moment
		if w.apart {
			w.count++
			at = moment.Add(time.Duration(w.count) * time.Millisecond) // No two alike, and less than a minute in all.
		}
		item := schema.Item{Hit: id, At: at, Type: schema.HitType_HIT_TYPE_PAGEVIEW, URL: w.pick(pages)}
		if w.random.IntN(3) == 0 {
			item.Type, item.Name = schema.HitType_HIT_TYPE_EVENT, w.pick(events)
			w.plans[id] = w.pick(plans)
			w.hits = append(w.hits, &schema.Hit{
				Id: id[:], Workspace: workspace, Visitor: visitor, At: int64(at), Received: int64(at), Type: item.Type,
				Name: item.Name, Properties: []byte(`{"plan":"` + w.plans[id] + `"}`),
			})
		}
		s.Items, s.EndedAt = append(s.Items, item), at
		moment = moment.Add(time.Duration(w.random.IntN(3)) * time.Minute)
	}
	sort.Slice(s.Items, func(i, j int) bool {
		a, b := s.Items[i], s.Items[j]
		return a.At < b.At || a.At == b.At && a.Hit.Compare(b.Hit) < 0
	})
	s.ID = schema.SessionID(workspace, visitor, s.Items[0].Hit)
	w.sessions = append(w.sessions, schema.SessionRow{Session: s, Version: 1})
	return &s
}

func build(random *rand.Rand, workspace uint32, visitors int, begin schema.Millis) *world {
	w := &world{random: random, workspace: workspace}
	w.fillVisitors(visitors, begin)
	return w
}

func (w *world) fillVisitors(visitors int, begin schema.Millis) {
	random, workspace := w.random, w.workspace
	w.plans = map[schema.ID]string{}
	for v := range visitors {
		visitor := fmt.Sprint("visitor", v)
		start := begin.Add(time.Duration(random.IntN(60)) * time.Minute)
		var last schema.ID
		for n := range 1 + random.IntN(4) {
			s := w.session(workspace, visitor, n, start, last)
			start, last = s.EndedAt.Add(time.Duration(random.IntN(20))*time.Minute), s.Items[len(s.Items)-1].Hit
			if s.EndedAt == s.StartedAt && start == s.EndedAt { // No two begin at one time.
				start = start.Add(time.Minute)
			}
		}
		if random.IntN(2) == 0 {
			w.identify(visitor, begin)
		}
	}
}

// identify gives a visitor to one of few contacts, or to two in turn, and has
// some of them converse.
func (w *world) identify(visitor string, begin schema.Millis) {
	identity := schema.Identity{Workspace: w.workspace, Node: schema.NewNode(schema.NodeVisitor, visitor)}
	since := begin.Add(time.Duration(w.random.IntN(60)) * time.Minute)
	for range 1 + w.random.IntN(2) {
		email := fmt.Sprint("person", w.random.IntN(8), "@a.example")
		node := schema.NewNode(schema.NodeEmail, email)
		id := schema.ContactID(w.workspace, node)
		identity.Since, identity.Contacts = append(identity.Since, since), append(identity.Contacts, id)
		since = since.Add(20 * time.Minute)
		w.contacts = append(w.contacts, schema.ContactRow{Version: 1, Contact: schema.Contact{
			ID: id, Workspace: w.workspace, Email: email, CreatedAt: begin, Nodes: []schema.Node{node},
		}})
		w.identities = append(w.identities, schema.IdentityRow{Version: 1, Identity: schema.Identity{
			Workspace: w.workspace, Node: node, Since: []schema.Millis{begin}, Contacts: []schema.ID{id},
		}})
		if w.random.IntN(2) == 0 {
			fact := schema.ConversationID(w.workspace, "intercom", fmt.Sprint(visitor, since))
			own := visitor
			if w.random.IntN(3) == 0 {
				own = ""
			}
			w.facts = append(w.facts, schema.FactRow{Version: 1, ConversionFact: &schema.ConversionFact{
				Id: fact[:], Workspace: w.workspace, Name: "intercom_conversation", Provider: "intercom", Node: string(node), Visitor: own,
				At: int64(begin.Add(time.Duration(w.random.IntN(120)) * time.Minute)),
			}})
		}
	}
	w.identities = append(w.identities, schema.IdentityRow{Version: 1, Identity: identity})
}

// happening is one event as the reference sees it.
type happening struct {
	at      schema.Millis
	tie     string
	matches func(report.Step) bool
	key     string
	opens   bool // the page or an event of the site's own: stands between, under the strict order
	label   report.Happening
}

// owner looks a node up as the pipeline would.
func (w *world) owner(node schema.Node, at schema.Millis) schema.ID {
	for i := range w.identities {
		if w.identities[i].Node == node {
			return w.identities[i].Owner(at)
		}
	}
	return schema.ID{}
}

func (w *world) entities(f report.Funnel) map[string][]happening {
	entities := make(map[string][]happening)
	for i := range w.sessions {
		s := &w.sessions[i].Session
		for _, item := range s.Items {
			entity, tie := s.Visitor, string(item.Hit[:])
			switch f.Scope {
			case report.BySession:
				entity = s.ID.String()
			case report.ByContact:
				id := w.owner(schema.NewNode(schema.NodeVisitor, s.Visitor), item.At)
				if id.IsZero() {
					continue
				}
				entity, tie = id.String(), string(binary.BigEndian.AppendUint64(nil, w.numbers[s.Visitor]>>54))+tie
			}
			entities[entity] = append(entities[entity], happening{
				item.At, tie, func(step report.Step) bool { return w.matches(step, item) }, key(f, s), item.Name != "chat_opened", labelOf(item),
			})
		}
	}
	for _, fact := range w.facts {
		w.addConversion(f, fact.ConversionFact, entities)
	}
	return entities
}

func (w *world) addConversion(f report.Funnel, fact *schema.ConversionFact, entities map[string][]happening) {
	entity := fact.GetVisitor()
	if f.Scope == report.ByContact {
		entity = w.owner(schema.Node(fact.GetNode()), schema.Millis(fact.GetAt())).String()
	} else if entity == "" {
		return
	}
	var last *schema.Session
	for i := range w.sessions {
		s := &w.sessions[i].Session
		if s.Visitor == fact.GetVisitor() && s.StartedAt <= schema.Millis(fact.GetAt()) &&
			(last == nil || s.StartedAt > last.StartedAt || s.StartedAt == last.StartedAt && s.ID.Compare(last.ID) > 0) {
			last = s
		}
	}
	if f.Scope == report.BySession {
		if last == nil {
			return
		}
		entity = last.ID.String()
	}
	entities[entity] = append(entities[entity], happening{
		schema.Millis(fact.GetAt()), strings.Repeat("\xff", 16) + string(fact.GetId()),
		func(step report.Step) bool { return step.Type == "conversion" && step.Name == fact.GetName() }, "", false,
		report.Happening{Type: "conversion", Name: fact.GetName()},
	})
}

func labelOf(item schema.Item) report.Happening {
	if item.Type == schema.HitType_HIT_TYPE_EVENT {
		return report.Happening{Type: "event", Name: item.Name}
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(item.URL, "https://a.example"), "?")
	return report.Happening{Type: "pageview", Name: path}
}

func key(f report.Funnel, s *schema.Session) string {
	text := map[report.Dimension]string{
		"channel": s.Touch.Channel, "source": s.Touch.Source, "medium": s.Touch.Medium, "campaign": s.Touch.Campaign,
		"landing_page": s.Touch.LandingPage, "device": s.Device, "country": s.Country, "browser": s.Browser,
	}[f.Breakdown]
	return cmp.Or(text, report.None)
}

func (w *world) matches(step report.Step, item schema.Item) bool {
	switch {
	case step.Type == "pageview" && item.Type == schema.HitType_HIT_TYPE_PAGEVIEW:
		subject := item.URL
		if strings.HasPrefix(step.Value, "/") {
			subject, _, _ = strings.Cut(strings.TrimPrefix(subject, "https://a.example"), "?")
		}
		switch step.Operator {
		case "equals":
			return subject == step.Value
		case "contains":
			return strings.Contains(subject, step.Value)
		case "starts_with":
			return strings.HasPrefix(subject, step.Value)
		case "glob":
			ok, err := path.Match(step.Value, subject)
			return ok && err == nil
		}
	case step.Type == "event" && item.Type == schema.HitType_HIT_TYPE_EVENT && step.Name == item.Name:
		return len(step.Properties) == 0 || step.Properties[0].Value == w.plans[item.Hit]
	}
	return false
}

func (w *world) funnel(begin schema.Millis) report.Funnel {
	steps := []report.Step{
		{Type: "pageview", Operator: "equals", Value: "/pricing"},
		{Type: "pageview", Operator: "starts_with", Value: "/"},
		{Type: "pageview", Operator: "contains", Value: "x=1"},
		{Type: "pageview", Operator: "glob", Value: "/docs/*"},
		{Type: "pageview", Operator: "equals", Value: "/"},
		{Type: "pageview", Operator: "starts_with", Value: "/docs"},
		{Type: "pageview", Operator: "contains", Value: "/p"},
		{Type: "pageview", Operator: "equals", Value: "/docs/api"},
		{Type: "event", Name: "play"},
		{Type: "pageview", Operator: "equals", Value: "https://a.example/"},
		{Type: "event", Name: "signup"},
		{Type: "event", Name: "chat_opened"},
		{Type: "event", Name: "play", Properties: []report.Property{{Key: "plan", Operator: "equals", Value: "pro"}}},
		{Type: "conversion", Name: "intercom_conversation"},
	}
	f := report.Funnel{
		Scope:     []report.Scope{report.ByVisitor, report.BySession, report.ByContact}[w.random.IntN(3)],
		Window:    time.Duration(1+w.random.IntN(60)) * time.Minute,
		Order:     []report.Order{report.Sequential, report.Strict, report.AnyOrder}[w.random.IntN(3)],
		Breakdown: report.Dimension(w.pick([]string{"", "channel", "source", "medium", "campaign", "landing_page", "device", "country", "browser"})),
		Rows:      w.random.IntN(3),
		Period:    report.Period{Begin: begin.Add(10 * time.Minute), End: begin.Add(time.Hour)},
	}
	for k := range 2 + w.random.IntN(3) {
		some := steps
		if f.Breakdown != "" && (k == 0 || f.Order == report.AnyOrder) {
			some = steps[:len(steps)-1] // With what a conversion enters has its own test.
		}
		f.Steps = append(f.Steps, some[w.random.IntN(len(some))])
	}
	for range w.random.IntN(3) {
		e := report.Exclusion{Step: steps[w.random.IntN(len(steps))]}
		if w.random.IntN(2) == 0 {
			e.After = 1 + w.random.IntN(len(f.Steps)-1)
			e.Before = e.After + 1 + w.random.IntN(len(f.Steps)-e.After)
		}
		f.Exclusions = append(f.Exclusions, e)
	}
	return f
}

// onItems tells whether a funnel asks for paths and names alone, which is what copies of sessions have.
func onItems(f report.Funnel) bool {
	all := slices.Clone(f.Steps)
	for _, e := range f.Exclusions {
		all = append(all, e.Step)
	}
	return !slices.ContainsFunc(all, func(step report.Step) bool {
		return len(step.Properties) > 0 || step.Type == "pageview" && !strings.HasPrefix(step.Value, "/")
	})
}

// worlds is how many random workspaces a test tries, and asks how many
// funnels each: few, so that it is quick, unless FUNNEL_WORLDS says how many.
func worlds(t *testing.T) (count, each int) {
	t.Helper()
	text := os.Getenv("FUNNEL_WORLDS")
	if text == "" {
		return 8, 10
	}
	count, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("FUNNEL_WORLDS must be a number: %v", err)
	}
	return count, 5
}

// fill writes random workspaces, numbered from 1. Every other one is large, so that in some of them much happens whatever the seed.
func (s *store) fill(seed uint64, count int, begin schema.Millis) []*world {
	all, batch := make([]*world, count), &sink.Batch{}
	for i := range all {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		visitors := 1 + random.IntN(20)
		if i%2 == 1 {
			visitors = 20
		}
		w := build(random, uint32(1+i), visitors, begin)
		all[i] = w
		batch.Hits, batch.Sessions = append(batch.Hits, w.hits...), append(batch.Sessions, w.sessions...)
		batch.Identities, batch.Contacts = append(batch.Identities, w.identities...), append(batch.Contacts, w.contacts...)
		batch.Facts = append(batch.Facts, w.facts...)
	}
	s.write(batch)
	numbers := s.numbers()
	for _, w := range all {
		w.numbers = numbers
		if len(w.facts) > 0 {
			s.attribute(w.workspace, 1)
		}
	}
	return all
}

// numbers are those that ClickHouse gives visitors.
func (s *store) numbers() map[string]uint64 {
	s.t.Helper()
	rows, err := s.conn.Query(s.t.Context(), "SELECT concat('visitor', toString(number)) AS v, sipHash64(v) FROM numbers(20)")
	if err != nil {
		s.t.Fatal(err)
	}
	numbers := map[string]uint64{}
	for rows.Next() {
		var visitor string
		var number uint64
		if err := rows.Scan(&visitor, &number); err != nil {
			s.t.Fatal(err)
		}
		numbers[visitor] = number
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		s.t.Fatal(err)
	}
	return numbers
}
