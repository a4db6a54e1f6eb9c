package clickhouse

import (
	"context"
	"encoding/hex"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// known is what is stored of some contacts: who they are, what is theirs, and
// which conversions may be.
type known struct {
	contacts []schema.ID
	people   map[schema.ID]person
	nodes    map[schema.Node]*schema.Identity
	browsers map[schema.ID][]*schema.Identity // of these contacts
	ids      []schema.ID                      // conversions that are theirs, or were
	facts    map[schema.ID]*schema.ConversionFact
	goals    []schema.Goal                           // of the workspace
	currency string                                  // the workspace's
	former   []string                                // browsers in which conversions happened of which there are no facts
	firsts   map[int64]map[schema.Node]schema.Millis // of goals that are stages: when nodes came there first
	reached  []reached                               // what may be the contacts'
}

// person is a contact that lives.
type person struct {
	created            schema.Millis
	hasEmail, hasPhone bool
}

// conversion is what attribute.sql needs to know of one.
type conversion struct {
	id, contact                                  schema.ID
	counts                                       bool
	at, identified                               schema.Millis // identified: when its contact came to be
	name, provider, external, url, currency, own string
	value                                        float64
	hasEmail, hasPhone                           bool
	browsers                                     []look
}

// look is a browser that a conversion looks at, with the stretches in which it
// was whose.
type look struct {
	visitor string
	since   []int64
	owners  []string
}

// becomingName is the name of the conversion that a contact came to be.
const becomingName = "contact"

// know reads what is stored of some contacts, by small statements: one that
// joins all of it with sessions takes ClickHouse longer to plan than to run.
func (c *crediting) know(ctx context.Context, workspace uint32, contacts []schema.ID) (*known, error) {
	k := &known{
		contacts: contacts, people: make(map[schema.ID]person), nodes: make(map[schema.Node]*schema.Identity),
		browsers: make(map[schema.ID][]*schema.Identity), facts: make(map[schema.ID]*schema.ConversionFact),
	}
	asked := []any{driver.Named("workspace", workspace), driver.Named("contacts", hexadecimal(contacts))}
	for _, read := range []struct {
		statement string
		scan      func(chdriver.Rows) error
	}{
		{c.nodesStatement(contacts), k.scanNode}, {"attribute_people", k.scanPerson},
	} {
		if err := c.each(ctx, read.statement, read.scan, asked...); err != nil {
			return nil, err
		}
	}
	k.sortBrowsers()
	if err := c.each(ctx, "attribute_ids", k.scanID, append(asked, driver.Named("nodes", k.nodeTexts()))...); err != nil {
		return nil, err
	}
	if len(k.ids) > 0 {
		ids := []any{driver.Named("workspace", workspace), driver.Named("ids", hexadecimal(k.ids))}
		if err := c.each(ctx, "attribute_facts", k.scanFact, ids...); err != nil {
			return nil, err
		}
	}
	if err := c.goalsOf(ctx, workspace, k); err != nil {
		return nil, err
	}
	if strangers := k.strangers(); len(strangers) > 0 {
		err := c.each(ctx, "attribute_owners", k.scanNode, driver.Named("workspace", workspace), driver.Named("nodes", strangers))
		if err != nil {
			return nil, err
		}
	}
	return k, c.reach(ctx, workspace, k)
}

// manyContacts is how many are too many for the Bloom filter of identities to
// leave anything out.
const manyContacts = 200

func (c *crediting) nodesStatement(contacts []schema.ID) string {
	if c.visits > 0 || len(contacts) > manyContacts {
		return "attribute_nodes_many"
	}
	return "attribute_nodes"
}

func hexadecimal(ids []schema.ID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = hex.EncodeToString(id[:])
	}
	return texts
}

func (k *known) scanNode(rows chdriver.Rows) error {
	var node string
	var since []int64
	var contacts []string
	if err := rows.Scan(&node, &since, &contacts); err != nil {
		return err
	}
	i := &schema.Identity{Node: schema.Node(node)}
	for n := range contacts {
		i.Since, i.Contacts = append(i.Since, schema.Millis(since[n])), append(i.Contacts, schema.ID([]byte(contacts[n])))
	}
	k.nodes[i.Node] = i
	return nil
}

func (k *known) scanPerson(rows chdriver.Rows) error {
	var id string
	var p person
	err := rows.Scan(&id, (*int64)(&p.created), &p.hasEmail, &p.hasPhone)
	k.people[schema.ID([]byte(id))] = p
	return err
}

func (k *known) scanID(rows chdriver.Rows) error {
	var id string
	err := rows.Scan(&id)
	k.ids = append(k.ids, schema.ID([]byte(id)))
	return err
}

func (k *known) scanFact(rows chdriver.Rows) error {
	var id string
	f := &schema.ConversionFact{}
	err := rows.Scan(&id, &f.Name, &f.Provider, &f.ExternalId, &f.Node, &f.Visitor, &f.At, &f.Value, &f.Currency, &f.Url, &f.Deleted)
	k.facts[schema.ID([]byte(id))] = f
	return err
}

// sortBrowsers lists every contact's browsers.
func (k *known) sortBrowsers() {
	for _, i := range k.nodes {
		if i.Node.Kind() != schema.NodeVisitor {
			continue
		}
		listed := make(map[schema.ID]bool, len(i.Contacts))
		for _, c := range i.Contacts {
			if !listed[c] {
				listed[c] = true
				k.browsers[c] = append(k.browsers[c], i)
			}
		}
	}
}

func (k *known) nodeTexts() []string {
	texts := make([]string, 0, len(k.nodes))
	for n := range k.nodes {
		texts = append(texts, string(n))
	}
	return texts
}

// strangers are the nodes of conversions, and of what goals were reached by, of
// which it is not known whose they are.
func (k *known) strangers() []string {
	var nodes []string
	add := func(n schema.Node) {
		if k.nodes[n] == nil && n.Value() != "" {
			nodes = append(nodes, string(n))
		}
	}
	for _, f := range k.facts {
		add(schema.Node(f.GetNode()))
		add(schema.NewNode(schema.NodeVisitor, f.GetVisitor()))
	}
	for _, visitor := range k.former {
		add(schema.NewNode(schema.NodeVisitor, visitor))
	}
	for _, firsts := range k.firsts {
		for node := range firsts {
			add(node)
		}
	}
	return nodes
}

// conversions gives what is to be computed anew. A conversion belongs to the
// contact that its node belonged to when it happened, and is left out when that
// contact is another. That a contact came to be is a conversion, too, under the
// contact's own id.
func (k *known) conversions() []conversion {
	var all []conversion
	asked := make(map[schema.ID]bool, len(k.contacts))
	for _, id := range k.contacts {
		asked[id] = true
		c := conversion{id: id, contact: id, name: becomingName, at: k.people[id].created}
		k.complete(&c)
		all = append(all, c)
	}
	for i := range k.reached {
		r := &k.reached[i]
		owner := k.nodes[r.node].Owner(r.at)
		if asked[owner] {
			all = append(all, k.goal(r, owner))
		}
		if !owner.IsZero() {
			asked[r.id] = true // Or it is somebody else's, who is not asked for.
		}
	}
	for _, id := range k.ids {
		f := k.facts[id]
		switch owner := k.owner(f); {
		case asked[id]:
		case f == nil || f.GetDeleted():
			all = append(all, conversion{id: id})
		case owner.IsZero() || asked[owner]:
			all = append(all, k.conversion(id, f, owner))
		}
	}
	return all
}

func (k *known) owner(f *schema.ConversionFact) schema.ID {
	i := k.nodes[schema.Node(f.GetNode())]
	if i == nil {
		return schema.ID{}
	}
	return i.Owner(schema.Millis(f.GetAt()))
}

func (k *known) conversion(id schema.ID, f *schema.ConversionFact, owner schema.ID) conversion {
	c := conversion{
		id: id, contact: owner, at: schema.Millis(f.GetAt()), name: f.GetName(), provider: f.GetProvider(), external: f.GetExternalId(),
		url: f.GetUrl(), currency: f.GetCurrency(), value: k.worth(f), own: f.GetVisitor(),
	}
	// A browser that was seen with too many people is nobody's: what happened in it happened in none.
	if i := k.nodes[schema.NewNode(schema.NodeVisitor, c.own)]; i != nil && len(i.Contacts) == 0 {
		c.own = ""
	}
	k.complete(&c)
	return c
}

// goal is the conversion that a contact reached a goal.
func (k *known) goal(r *reached, owner schema.ID) conversion {
	c := conversion{id: r.id, contact: owner, at: r.at, name: r.goal.Name, value: r.goal.Worth, currency: k.currency}
	if r.node.Kind() == schema.NodeVisitor && r.hits != nil {
		c.own = r.node.Value()
	}
	k.complete(&c)
	return c
}

// worth is what an API conversion that came without a value is worth.
func (k *known) worth(f *schema.ConversionFact) float64 {
	if f.GetValue() != 0 || f.GetProvider() != "" {
		return f.GetValue()
	}
	for i := range k.goals {
		if g := &k.goals[i]; g.Kind == schema.APIGoal && g.Name == f.GetName() {
			return g.Worth
		}
	}
	return 0
}

// complete says whether the conversion counts, and which browsers it looks at:
// the contact's, and the one it happened in, whoever's that is.
func (k *known) complete(c *conversion) {
	p := k.people[c.contact]
	c.counts, c.hasEmail, c.hasPhone, c.identified = p.hasEmail || p.hasPhone, p.hasEmail, p.hasPhone, p.created
	foreign := c.own != ""
	for _, i := range k.browsers[c.contact] {
		b := look{visitor: i.Node.Value()}
		for n := range i.Contacts {
			b.since, b.owners = append(b.since, int64(i.Since[n])), append(b.owners, raw(i.Contacts[n]))
		}
		foreign = foreign && b.visitor != c.own
		c.browsers = append(c.browsers, b)
	}
	if foreign {
		c.browsers = append(c.browsers, look{visitor: c.own, since: []int64{}, owners: []string{}})
	}
}
