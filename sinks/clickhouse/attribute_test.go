package clickhouse_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/pipeline/attribution"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
	sink "sourceloop/sinks/clickhouse"
)

// engine is a sink on a real ClickHouse, and a connection to look behind it.
type engine struct {
	*sink.Sink
	conn  chdriver.Conn
	goals *goalBook
}

func open(t *testing.T) *engine {
	t.Helper()
	db := embeddedtest.ClickHouse(t)
	if err := migrations.Migrate(t.Context(), db.Options(), db.Name); err != nil {
		t.Fatal(err)
	}
	conn, err := driver.Open(db.Options())
	if err != nil {
		t.Fatal(err)
	}
	goals := &goalBook{}
	s, err := sink.New(t.Context(), sink.Config{
		Addr: []string{db.Addr}, Database: db.Name, User: db.Username, Password: db.Password, Every: time.Millisecond, Goals: goals,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, end := range []func() error{s.Close, conn.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
	})
	return &engine{s, conn, goals}
}

func (e *engine) count(t *testing.T, query string) uint64 {
	t.Helper()
	var n uint64
	if err := e.conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

const begin = schema.Millis(1_780_000_000_000)

// graph is a random workspace: few people with several browsers, some shared,
// some cut, and conversions in their own, a foreign or no browser.
type graph struct {
	random     *rand.Rand
	version    uint64
	contacts   []schema.Contact
	identities []schema.Identity
	sessions   []schema.Session
	facts      []*schema.ConversionFact
	goals      goalBook
	properties map[schema.ID]string // of hits
}

func (g *graph) moment(days int) schema.Millis {
	return begin.Add(time.Duration(g.random.IntN(days*24*60)) * time.Minute)
}

func grow(seed uint64) *graph {
	g := &graph{random: rand.New(rand.NewPCG(seed, 2)), properties: make(map[schema.ID]string)}
	for p := range 6 {
		email := schema.NewNode(schema.NodeEmail, fmt.Sprint("person", p, "@a.example"))
		g.contacts = append(g.contacts, schema.Contact{
			ID: schema.ContactID(1, email), Workspace: 1, Email: email.Value(), CreatedAt: g.moment(200), Nodes: []schema.Node{email},
		})
	}
	for i := range g.contacts {
		g.identities = append(g.identities, schema.Identity{Workspace: 1, Node: g.contacts[i].Nodes[0],
			Since: []schema.Millis{begin}, Contacts: []schema.ID{g.contacts[i].ID}})
	}
	for v := range 12 {
		g.browse(fmt.Sprint("visitor", v))
	}
	for n := range 25 {
		g.convert(n)
	}
	g.aim()
	return g
}

func (g *graph) browse(visitor string) {
	if g.random.IntN(5) > 0 {
		identity := schema.Identity{Workspace: 1, Node: schema.NewNode(schema.NodeVisitor, visitor)}
		since := g.moment(100)
		for range g.random.IntN(4) { // A browser without contacts was cut.
			identity.Since = append(identity.Since, since)
			identity.Contacts = append(identity.Contacts, g.contacts[g.random.IntN(len(g.contacts))].ID)
			since = since.Add(time.Duration(g.random.IntN(60*24)) * time.Hour)
		}
		g.identities = append(g.identities, identity)
	}
	many := g.random.IntN(6)
	if g.random.IntN(4) == 0 {
		many = 150 // More than are credited.
	}
	for range many {
		g.visit(visitor, g.moment(220))
	}
}

func (g *graph) visit(visitor string, start schema.Millis) {
	pick := func(from ...string) string { return from[g.random.IntN(len(from))] }
	s := schema.Session{
		Workspace: 1, Visitor: visitor, StartedAt: start, EndedAt: start,
		Touch: schema.Touch{
			Channel: pick("Direct", "Email", "Paid Search"), Source: pick("google", "news"), Medium: pick("cpc", ""), Campaign: pick("a", "b"),
			Content: pick("", "c"), Term: pick("", "t"), LandingPage: pick("https://a.example/", "https://a.example/x"),
			Referrer: pick("", "https://r.example/", "https://s.example/"), Rule: "rule", At: start,
		},
		Device: pick("mobile", "desktop"), Country: pick("DE", "FR"), Browser: pick("Firefox", "Chrome"),
	}
	for i := range 1 + g.random.IntN(4) {
		s.EndedAt = s.EndedAt.Add(time.Duration(g.random.IntN(300)) * time.Second)
		id := schema.Derive("hit", visitor, fmt.Sprint(start), fmt.Sprint(len(g.sessions)), fmt.Sprint(i))
		s.Items = append(s.Items, schema.Item{
			Hit: id, At: s.EndedAt, Type: schema.HitType(1 + g.random.IntN(3)), Name: pick("play", "Play", "plan"),
			URL: pick("https://a.example", "https://a.example/", "https://a.example/pricing?x=1", "https://a.example/pricing/team", "https://b.example/.*"),
		})
		g.properties[id] = pick("", `{"plan":"pro"}`, `{"plan":"free","seats":12}`, `{"seats":3}`)
	}
	s.ID = schema.SessionID(1, visitor, s.Items[0].Hit)
	g.sessions = append(g.sessions, s)
}

func (g *graph) convert(n int) {
	id := schema.ConversationID(1, "intercom", fmt.Sprint(n))
	fact := &schema.ConversionFact{
		Id: id[:], Workspace: 1, Name: "intercom_conversation", Provider: "intercom", ExternalId: fmt.Sprint(n), Value: float64(n),
		Node: string(g.identities[g.random.IntN(len(g.identities))].Node), At: int64(g.moment(230)),
	}
	switch g.random.IntN(3) {
	case 0:
		fact.Visitor = fmt.Sprint("visitor", g.random.IntN(12))
	case 1:
		if schema.Node(fact.GetNode()).Kind() == schema.NodeVisitor {
			fact.Visitor = schema.Node(fact.GetNode()).Value()
		}
	}
	g.facts = append(g.facts, fact)
}

// change does what merges, erasures and late hits do between two writes.
func (g *graph) change() {
	for range 4 {
		if i := &g.identities[g.random.IntN(len(g.identities))]; len(i.Contacts) > 0 {
			i.Contacts[0] = g.contacts[g.random.IntN(len(g.contacts))].ID
		}
	}
	c := &g.contacts[g.random.IntN(len(g.contacts))]
	if c.Email == "" {
		c.Email = "found@a.example"
	} else {
		c.Email = ""
	}
	f := g.facts[g.random.IntN(len(g.facts))]
	f.Deleted = !f.GetDeleted()
	f = g.facts[g.random.IntN(len(g.facts))]
	f.At += 1000
	g.visit(fmt.Sprint("visitor", g.random.IntN(12)), g.moment(220))
	g.aim()
}

func (g *graph) write(t *testing.T, e *engine) {
	t.Helper()
	g.version++
	b := &sink.Batch{}
	for _, c := range g.contacts {
		b.Contacts = append(b.Contacts, schema.ContactRow{Contact: c, Version: g.version})
	}
	for _, i := range g.identities {
		b.Identities = append(b.Identities, schema.IdentityRow{Identity: i, Version: g.version})
	}
	for _, s := range g.sessions {
		b.Sessions = append(b.Sessions, schema.SessionRow{Session: s, Version: g.version})
		for _, item := range s.Items {
			b.Hits = append(b.Hits, &schema.Hit{
				Id: item.Hit[:], Workspace: 1, Visitor: s.Visitor, At: int64(item.At), Received: int64(item.At), Type: item.Type,
				Properties: []byte(g.properties[item.Hit]),
			})
		}
	}
	*e.goals = g.goals
	for _, f := range g.facts {
		b.Facts = append(b.Facts, schema.FactRow{ConversionFact: f, Version: g.version})
	}
	if err := e.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// outcome is what is kept of a conversion, in the reference's words.
type outcome struct {
	contact schema.ID
	summary attribution.Summary
	all     []attribution.Touch
}

// want computes every conversion that counts with the reference.
func (g *graph) want() map[schema.ID]outcome {
	outcomes := make(map[schema.ID]outcome)
	for _, f := range g.facts {
		if owner := g.owner(schema.Node(f.GetNode()), schema.Millis(f.GetAt())); g.counts(owner) && !f.GetDeleted() {
			outcomes[schema.ID(f.GetId())] = g.outcome(f, owner)
		}
	}
	for _, f := range g.reached() {
		if owner := g.owner(schema.Node(f.GetNode()), schema.Millis(f.GetAt())); g.counts(owner) {
			outcomes[schema.ID(f.GetId())] = g.outcome(f, owner)
		}
	}
	for _, c := range g.contacts {
		if g.counts(c.ID) {
			outcomes[c.ID] = g.outcome(&schema.ConversionFact{At: int64(c.CreatedAt)}, c.ID)
		}
	}
	return outcomes
}

// owner is whose a node was, or zero.
func (g *graph) owner(node schema.Node, at schema.Millis) schema.ID {
	for i := range g.identities {
		if g.identities[i].Node == node {
			return g.identities[i].Owner(at)
		}
	}
	return schema.ID{}
}

func (g *graph) counts(contact schema.ID) bool {
	for _, c := range g.contacts {
		if c.ID == contact {
			return c.Email != "" || c.Phone != ""
		}
	}
	return false
}

func (g *graph) outcome(f *schema.ConversionFact, owner schema.ID) outcome {
	return outcome{
		owner, attribution.Summarize(f, owner, g.identities, g.sessions), attribution.Touches(f, owner, g.identities, g.sessions, 0),
	}
}

const keptSQL = `SELECT id, contact, toUnixTimestamp64Milli(at), referrer_chain, pages_before, seconds_on_site, return_visits, device, country, browser,
	arrayMap(t -> toUnixTimestamp64Milli(t), touches_at), touches_session, touches_visitor,
	arrayMap((a, b, c, d, e, f, g, h, i, j, k, l) -> [a, b, c, d, e, f, g, h, i, j, k, l], touches_channel, touches_source, touches_medium,
		touches_campaign, touches_content, touches_term, touches_landing_page, touches_referrer, touches_rule, touches_device, touches_country, touches_browser)
FROM (SELECT * FROM conversions WHERE workspace = 1 ORDER BY version DESC, known_at DESC LIMIT 1 BY at, id) WHERE NOT deleted`

// kept reads what stands, in the reference's words. The last 100 touches and
// the windows' first ones are cut to what a report without a window credits.
func (e *engine) kept(t *testing.T) map[schema.ID]outcome {
	t.Helper()
	rows, err := e.conn.Query(t.Context(), keptSQL)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	outcomes := make(map[schema.ID]outcome)
	for rows.Next() {
		var id, contact string
		var at int64
		var pages, visits uint32
		var times []int64
		var sessions, visitors []string
		var fields [][]string
		var o outcome
		s := &o.summary
		if err := rows.Scan(&id, &contact, &at, &s.ReferrerChain, &pages, &s.SecondsOnSite, &visits, &s.Device, &s.Country, &s.Browser,
			&times, &sessions, &visitors, &fields); err != nil {
			t.Fatal(err)
		}
		for i, f := range fields {
			o.all = append(o.all, attribution.Touch{
				Touch: schema.Touch{Channel: f[0], Source: f[1], Medium: f[2], Campaign: f[3], Content: f[4], Term: f[5],
					LandingPage: f[6], Referrer: f[7], Rule: f[8], At: schema.Millis(times[i])},
				Session: schema.ID([]byte(sessions[i])), Visitor: visitors[i], Device: f[9], Country: f[10], Browser: f[11],
			})
		}
		o.contact, s.PagesBefore, s.ReturnVisits = schema.ID([]byte(contact)), int(pages), int(visits)
		s.FirstTouch, s.LastTouch = schema.DirectTouch(schema.Millis(at)), schema.DirectTouch(schema.Millis(at))
		if n := len(o.all); n > 0 {
			s.FirstTouch, s.LastTouch = o.all[0].Touch, o.all[n-1].Touch
			if n > attribution.MaxTouches {
				o.all = append(o.all[:1:1], o.all[n-attribution.MaxTouches+1:]...)
			}
		}
		if len(s.ReferrerChain) == 0 {
			s.ReferrerChain = nil
		}
		if _, twice := outcomes[schema.ID([]byte(id))]; twice {
			t.Errorf("the conversion %x stands at two moments", id)
		}
		outcomes[schema.ID([]byte(id))] = o
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func (e *engine) compare(t *testing.T, g *graph) {
	t.Helper()
	want, got := g.want(), e.kept(t)
	for id, w := range want {
		o, ok := got[id]
		if !ok {
			t.Errorf("the conversion %s is missing", id)
		} else if !reflect.DeepEqual(o, w) {
			t.Errorf("the conversion %s is kept as\n%+v\nnot\n%+v", id, o, w)
		}
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("the conversion %s stands, and should not", id)
		}
	}
}

// What the statement keeps equals the reference at every step of a history of
// changes, whether asked for everybody or for contacts, all at once or a few at
// a time; asking again appends nothing.
func TestAttributeEqualsReference(t *testing.T) {
	for _, atOnce := range []struct{ contacts, visits int }{{1000, 0}, {3, 500}} {
		t.Run(fmt.Sprint(atOnce.contacts, " at once"), func(t *testing.T) { attributeEqualsReference(t, atOnce.contacts, atOnce.visits) })
	}
}

func attributeEqualsReference(t *testing.T, contacts, visits int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	e, g := open(t), grow(seed)
	e.AttributeAtOnce(contacts, visits)
	g.write(t, e)
	attribute(t, e.Sink, nil, g.version)
	e.compare(t, g)
	var everybody []schema.ID
	for _, c := range g.contacts {
		everybody = append(everybody, c.ID)
	}
	for range 6 {
		g.change()
		g.write(t, e)
		attribute(t, e.Sink, everybody, g.version)
		e.compare(t, g)
		if t.Failed() {
			return
		}
	}
	rows := e.count(t, "SELECT count() FROM conversions")
	attribute(t, e.Sink, nil, g.version+1)
	attribute(t, e.Sink, everybody, g.version+2)
	if again := e.count(t, "SELECT count() FROM conversions"); again != rows {
		t.Errorf("asking again grew the table from %d to %d rows", rows, again)
	}
}

func attribute(t *testing.T, s *sink.Sink, contacts []schema.ID, version uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := s.Attribute(ctx, 1, recredits(contacts), version); err != nil {
		t.Fatal(err)
	}
}

// recredits are contacts of which somebody heard something.
func recredits(contacts []schema.ID) []schema.Recredit {
	if contacts == nil {
		return nil
	}
	all := make([]schema.Recredit, len(contacts))
	for i, id := range contacts {
		all[i] = schema.Recredit{Contact: id, Why: schema.CauseMerge}
	}
	return all
}
