package report_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// past is a workspace to which things happen, and what its reports said after
// each.
type past struct {
	*store
	random     *rand.Rand
	version    uint64
	people     []schema.ContactRow
	identities []schema.IdentityRow
	sessions   []schema.SessionRow
	chats      []schema.FactRow
	gone       map[int]bool // people who were erased
	told       []telling
}

// telling is what reports said before something happened.
type telling struct {
	at      schema.Millis
	credits map[report.Model]map[string]float64
	cause   schema.Cause // of what happened then
}

func newPast(t *testing.T, seed uint64) *past {
	p := &past{store: open(t), random: rand.New(rand.NewPCG(seed, 11)), gone: map[int]bool{}}
	for i := range 6 {
		email := schema.NewNode(schema.NodeEmail, fmt.Sprint("p", i, "@a.example"))
		contact := schema.ContactID(1, email)
		p.people = append(p.people, schema.ContactRow{Contact: schema.Contact{
			ID: contact, Workspace: 1, Email: email.Value(), CreatedAt: p.day(20), Nodes: []schema.Node{email},
		}})
		p.identify(email, contact)
		for b := range 2 {
			p.identify(schema.NewNode(schema.NodeVisitor, p.browser(i, b)), contact)
			for range 1 + p.random.IntN(4) {
				p.visit(p.browser(i, b))
			}
		}
		for n := range 1 + p.random.IntN(3) {
			p.chats = append(p.chats, chat(1, fmt.Sprint(i, n), email, []string{"", p.browser(i, n%2)}[p.random.IntN(2)], p.day(28)))
		}
	}
	p.write(nil)
	return p
}

func (p *past) day(most int) schema.Millis {
	return at(p.t, "1T00:00").Add(time.Duration(p.random.IntN(most*24*60)) * time.Minute)
}

func (p *past) browser(person, n int) string { return fmt.Sprint("v", person, "-", n) }

func (p *past) identify(n schema.Node, contact schema.ID) {
	p.identities = append(p.identities, schema.IdentityRow{Identity: schema.Identity{
		Workspace: 1, Node: n, Since: []schema.Millis{1}, Contacts: []schema.ID{contact},
	}})
}

func (p *past) visit(visitor string) {
	start := p.day(28)
	id := hitID(visitor, fmt.Sprint(len(p.sessions)))
	p.sessions = append(p.sessions, schema.SessionRow{Session: schema.Session{
		ID: schema.SessionID(1, visitor, id), Workspace: 1, Visitor: visitor, StartedAt: start, EndedAt: start,
		Touch: schema.Touch{Channel: p.channel(), Source: p.source(), At: start},
	}})
}

func (p *past) channel() string { return []string{"Direct", "Email", "Paid Search"}[p.random.IntN(3)] }
func (p *past) source() string  { return []string{"google", "news", "partner", ""}[p.random.IntN(4)] }

// write writes everything under a new version and credits these people, or
// everybody.
func (p *past) write(credit []schema.Recredit) {
	p.t.Helper()
	p.version++
	for i := range p.people {
		p.people[i].Version = p.version
	}
	for i := range p.identities {
		p.identities[i].Version = p.version
	}
	for i := range p.sessions {
		p.sessions[i].Version = p.version
	}
	for i := range p.chats {
		p.chats[i].Version = p.version
	}
	p.store.write(&sink.Batch{Contacts: p.people, Identities: p.identities, Sessions: p.sessions, Facts: p.chats})
	if err := p.sink.Attribute(p.t.Context(), 1, credit, p.version); err != nil {
		p.t.Fatal(err)
	}
}

// because has some people credited.
func (p *past) because(why schema.Cause, people ...int) {
	p.t.Helper()
	var all []schema.Recredit
	for _, i := range people {
		all = append(all, schema.Recredit{Contact: p.people[i].Contact.ID, Why: why})
	}
	p.write(all)
}

// someone is a person who is still there.
func (p *past) someone() int {
	for {
		if i := p.random.IntN(len(p.people)); !p.gone[i] {
			return i
		}
	}
}

// happen does something of a kind.
func (p *past) happen(cause schema.Cause) {
	p.t.Helper()
	a, b := p.someone(), p.someone()
	switch cause {
	case schema.CauseLateHit:
		p.visit(p.browser(a, p.random.IntN(2)))
		p.because(cause, a)
	case schema.CauseMerge, schema.CauseUndo:
		// A browser turns out to be somebody else's, with all that was done in it.
		i := slices.IndexFunc(p.identities, func(row schema.IdentityRow) bool {
			return row.Node == schema.NewNode(schema.NodeVisitor, p.browser(a, p.random.IntN(2)))
		})
		if i >= 0 {
			was := slices.IndexFunc(p.people, func(row schema.ContactRow) bool { return row.Contact.ID == p.identities[i].Contacts[0] })
			p.identities[i].Contacts = []schema.ID{p.people[b].Contact.ID}
			p.because(cause, was, b)
		}
	case schema.CauseConversion:
		p.chats = append(p.chats, chat(1, fmt.Sprint("new", len(p.chats)), p.people[a].Contact.Nodes[0], "", p.day(28)))
		p.because(cause, a)
	case schema.CauseRules:
		for i := range p.sessions {
			if p.random.IntN(3) == 0 {
				p.sessions[i].Touch.Source = p.source()
			}
		}
		p.write(nil)
	case schema.CauseErasure:
		p.erase(a)
	}
}

// erase deletes a person as stitch does.
func (p *past) erase(person int) {
	p.t.Helper()
	p.gone[person] = true
	id, node := p.people[person].Contact.ID, p.people[person].Contact.Nodes[0]
	e := &schema.ErasedLeads{Workspace: 1, Contacts: []schema.ID{id}, Gone: []schema.ID{id}, Nodes: []schema.Node{node}}
	p.chats = slices.DeleteFunc(p.chats, func(f schema.FactRow) bool {
		mine := f.GetNode() == string(node)
		if mine {
			e.Facts = append(e.Facts, schema.ID(f.GetId()))
		}
		return mine
	})
	p.people[person].Deleted = true
	p.identities = slices.DeleteFunc(p.identities, func(row schema.IdentityRow) bool {
		mine := row.Contacts[0] == id
		if mine && row.Node.Kind() == schema.NodeVisitor {
			e.Browsers, e.Nodes = append(e.Browsers, row.Node.Value()), append(e.Nodes, row.Node)
		}
		return mine
	})
	p.sessions = slices.DeleteFunc(p.sessions, func(row schema.SessionRow) bool { return slices.Contains(e.Browsers, row.Visitor) })
	if err := p.conn.Exec(p.t.Context(), "DELETE FROM sessions WHERE has({b:Array(String)}, visitor)", clickhouse.Named("b", e.Browsers)); err != nil {
		p.t.Fatal(err)
	}
	p.write([]schema.Recredit{})
	p.version++
	e.Version = p.version
	credited, err := p.sink.EraseOwners(p.t.Context(), e)
	if err == nil {
		e.Credited = slices.DeleteFunc(credited, func(c schema.ID) bool { return c == id })
		if len(e.Credited) > 0 {
			err = p.sink.AttributeAnew(p.t.Context(), 1, e.Credited, e.Version)
		}
	}
	if err == nil {
		err = p.sink.EraseLeads(p.t.Context(), e)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) question(model report.Model, asOf schema.Millis) report.Credits {
	return report.Credits{
		Model: model, Dimension: "source", Lookback: 14, AsOf: asOf, Period: report.Period{Begin: at(p.t, "1T00:00"), End: at(p.t, "30T00:00")},
	}
}

func (p *past) credits(asOf schema.Millis) map[report.Model]map[string]float64 {
	p.t.Helper()
	answers, err := p.in(1).EachModel(p.t.Context(), p.question("", asOf))
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[report.Model]map[string]float64{}
	for _, m := range report.Models()[:9] {
		all[m] = map[string]float64{}
		for _, row := range answers[m].Rows {
			if row.Conversions != 0 {
				all[m][row.Key] = row.Conversions
			}
		}
	}
	return all
}

// tell notes what reports say now, and lets ClickHouse's clock go on.
func (p *past) tell(next schema.Cause) {
	p.t.Helper()
	p.told = append(p.told, telling{p.moment(), p.credits(0), next})
	for now := p.moment(); now <= p.told[len(p.told)-1].at; {
		now = p.moment()
	}
}

func (p *past) moment() schema.Millis {
	p.t.Helper()
	var now int64
	if err := p.conn.QueryRow(p.t.Context(), "SELECT toUnixTimestamp64Milli(now64(3))").Scan(&now); err != nil {
		p.t.Fatal(err)
	}
	return schema.Millis(now)
}

func same(a, b map[string]float64) bool {
	return maps.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-6 })
}

// As of every moment reports say what they said then; and what changed since
// adds up, with the causes that there were and no others.
func TestReportsAsOfAMomentAndWhatChangedSince(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p := newPast(t, seed)
	causes := []schema.Cause{schema.CauseLateHit, schema.CauseMerge, schema.CauseUndo, schema.CauseConversion, schema.CauseRules}
	for range 10 {
		cause := causes[p.random.IntN(len(causes))]
		p.tell(cause)
		p.happen(cause)
	}
	p.tell("")
	p.compare(t)
}

// Who was erased is in no answer, as of no moment; everybody else's credits are
// what they were.
func TestErasedAreInNoAnswer(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p := newPast(t, seed)
	p.tell(schema.CauseLateHit)
	p.happen(schema.CauseLateHit)
	p.tell(schema.CauseErasure)
	before := p.credits(0)["linear"]
	theirs := 0
	erased := p.someone()
	for _, f := range p.chats {
		if f.GetNode() == string(p.people[erased].Contact.Nodes[0]) {
			theirs++
		}
	}
	p.erase(erased)
	total := func(credits map[string]float64) (sum float64) {
		for _, c := range credits {
			sum += c
		}
		return sum
	}
	for i, told := range p.told {
		if got := total(p.credits(told.at)["linear"]); math.Abs(got-total(before)+float64(theirs)) > 1e-6 {
			t.Errorf("as of moment %d there are %v conversions; there were %v, of which %d are of the erased", i, got, total(before), theirs)
		}
	}
}

func (p *past) compare(t *testing.T) {
	t.Helper()
	now := p.told[len(p.told)-1].credits
	for i, told := range p.told[:len(p.told)-1] {
		then := p.credits(told.at)
		for model, want := range told.credits {
			if !same(then[model], want) {
				t.Errorf("as of moment %d %s gives %v; then it gave %v", i, model, then[model], want)
			}
			if p.random.IntN(4) == 0 {
				p.changes(t, i, model, want, now[model])
			}
		}
	}
}

func (p *past) changes(t *testing.T, i int, model report.Model, then, now map[string]float64) {
	t.Helper()
	c, err := p.in(1).Changes(t.Context(), p.question(model, p.told[i].at))
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string]float64{}
	for _, row := range c.Rows {
		sum := 0.0
		for _, by := range row.ByCause {
			sum += by
		}
		if math.Abs(row.Now-row.Then-sum) > 1e-6 {
			t.Errorf("since moment %d %s moves %s from %v to %v, and its causes add up to %v: %v", i, model, row.Key, row.Then, row.Now, sum, row.ByCause)
		}
		changed[row.Key] = row.Now - row.Then
	}
	for key := range maps.Keys(now) {
		if math.Abs(now[key]-then[key]-changed[key]) > 1e-6 {
			t.Errorf("since moment %d %s moved %s by %v, and it is said by %v", i, model, key, now[key]-then[key], changed[key])
		}
	}
	happened := map[schema.Cause]bool{}
	for _, told := range p.told[i:] {
		happened[told.cause] = true
	}
	total := 0.0
	for _, cause := range c.Causes {
		total += cause.Change
		if !happened[cause.Cause] || cause.Conversions == 0 {
			t.Errorf("since moment %d %s is said to have moved %d conversions; there was %v", i, cause.Cause, cause.Conversions, slices.Collect(maps.Keys(happened)))
		}
	}
	if math.Abs(c.Now-c.Then-total) > 1e-6 {
		t.Errorf("since moment %d there are %v conversions instead of %v, and causes add up to %v", i, c.Now, c.Then, total)
	}
	if len(c.Causes) > 0 != (len(c.Items) > 0) {
		t.Errorf("since moment %d there are %d causes and %d conversions", i, len(c.Causes), len(c.Items))
	}
}
