package journeys

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"sourceloop/schema"
)

// book is who owns which node: nodes with one label are one person.
type book struct {
	claims []*schema.Claim
	label  map[schema.Node]schema.Node
	cut    map[schema.Node]bool // ambiguous browsers
	bonds  []*schema.Claim      // what Admins said
}

// Contacts gives the people that claims name, and whose every node is, from all
// claims of a workspace, in any order. Evidence is left out.
func Contacts(workspace uint32, claims []*schema.Claim) ([]schema.Contact, []schema.Identity) {
	var bonds, seen []*schema.Claim
	for _, c := range foldOrder(claims) {
		if c.GetBond() == 0 {
			seen = append(seen, c)
		} else {
			bonds = append(bonds, c)
		}
	}
	b := &book{claims: seen, bonds: bonds, label: map[schema.Node]schema.Node{}, cut: map[schema.Node]bool{}}
	for _, c := range b.claims {
		for _, n := range named(c) {
			b.label[n] = n
		}
	}
	b.each(true, func(c *schema.Claim, first, n schema.Node) bool { return n.Kind() != schema.NodePhone })
	b.each(true, func(c *schema.Claim, first, n schema.Node) bool {
		return n.Kind() == schema.NodePhone && !(b.has(first, schema.NodeEmail) && b.has(n, schema.NodeEmail))
	})
	b.each(false, func(c *schema.Claim, first, n schema.Node) bool { return !(b.known(first) && b.known(n)) })
	b.shareBrowsers()
	return b.people(workspace), b.owners(workspace)
}

func foldOrder(claims []*schema.Claim) []*schema.Claim {
	sorted := slices.Clone(claims)
	slices.SortFunc(sorted, func(a, b *schema.Claim) int {
		verified := func(c *schema.Claim) int { return map[bool]int{true: 0, false: 1}[c.GetVerified()] }
		return cmp.Or(verified(a)-verified(b), cmp.Compare(a.GetAt(), b.GetAt()), bytes.Compare(a.GetId(), b.GetId()))
	})
	var set []*schema.Claim
	for _, c := range sorted {
		if !slices.ContainsFunc(set, func(k *schema.Claim) bool { return bytes.Equal(k.GetId(), c.GetId()) }) {
			set = append(set, c)
		}
	}
	return set
}

func byTime(claims []*schema.Claim) []*schema.Claim {
	sorted := slices.Clone(claims)
	slices.SortFunc(sorted, func(a, b *schema.Claim) int {
		return cmp.Or(cmp.Compare(a.GetAt(), b.GetAt()), bytes.Compare(a.GetId(), b.GetId()))
	})
	return sorted
}

// real leaves out nodes that stand for nobody.
func real(c *schema.Claim) []schema.Node {
	var nodes []schema.Node
	for _, n := range c.GetNodes() {
		value := strings.ToLower(strings.Trim(schema.Node(n).Value(), `"'`))
		if !slices.Contains([]string{"", "null", "undefined", "none", "0", "true", "[object object]", "anonymous", "guest"}, value) {
			nodes = append(nodes, schema.Node(n))
		}
	}
	return nodes
}

// named are a claim's nodes but browsers: providers, emails, users, phones.
func named(c *schema.Claim) []schema.Node {
	var nodes []schema.Node
	for _, kinds := range []string{"intercom hubspot", "email", "user", "phone"} {
		for _, n := range real(c) {
			if strings.Contains(kinds, string(n.Kind())) {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes
}

// each offers every claim's first name and each of its others to may, and makes
// them one person where it agrees.
func (b *book) each(verified bool, may func(c *schema.Claim, first, n schema.Node) bool) {
	for _, c := range b.claims {
		for _, n := range named(c) {
			if first := named(c)[0]; c.GetVerified() == verified && b.label[n] != b.label[first] && may(c, first, n) && !b.apart(first, n) {
				b.merge(first, n)
			}
		}
	}
}

// apart tells whether an Admin's last word on some two nodes keeps the people of
// x and y apart.
func (b *book) apart(x, y schema.Node) bool {
	last := map[[2]schema.Node]*schema.Claim{}
	for _, c := range byTime(b.bonds) {
		if n := named(c); len(c.GetNodes()) == 2 && len(n) == 2 {
			slices.Sort(n)
			last[[2]schema.Node(n)] = c
		}
	}
	for n, c := range last {
		one, other := b.label[n[0]], b.label[n[1]]
		together := one == b.label[x] && other == b.label[y] || one == b.label[y] && other == b.label[x]
		if c.GetBond() == schema.Bond_BOND_APART && one != "" && other != "" && together {
			return true
		}
	}
	return false
}

func (b *book) merge(x, y schema.Node) {
	keep, drop := b.label[x], b.label[y]
	for n, l := range b.label {
		if l == drop {
			b.label[n] = keep
		}
	}
}

// has tells whether a person has a verified email or phone.
func (b *book) has(n schema.Node, kind schema.NodeKind) bool {
	for _, c := range b.claims {
		for _, m := range named(c) {
			if c.GetVerified() && m.Kind() == kind && b.label[m] == b.label[n] {
				return true
			}
		}
	}
	return false
}

func (b *book) known(n schema.Node) bool {
	return b.has(n, schema.NodeEmail) || b.has(n, schema.NodePhone)
}

// seen are the claims that name a person in a browser, by time.
func (b *book) seen(browser schema.Node) []*schema.Claim {
	var claims []*schema.Claim
	for _, c := range byTime(b.claims) {
		if slices.Contains(real(c), browser) && len(named(c)) > 0 {
			claims = append(claims, c)
		}
	}
	return claims
}

// verifiedEmails are those of a node's person.
func (b *book) verifiedEmails(n schema.Node) []schema.Node {
	var emails []schema.Node
	for _, c := range b.claims {
		for _, e := range named(c) {
			if c.GetVerified() && e.Kind() == schema.NodeEmail && b.label[e] == b.label[n] {
				emails = append(emails, e)
			}
		}
	}
	return emails
}

func (b *book) shareBrowsers() {
	for _, browser := range b.browsers() {
		emails := map[schema.Node]bool{}
		for _, c := range b.seen(browser) {
			for _, e := range b.verifiedEmails(named(c)[0]) {
				emails[e] = true
			}
		}
		b.cut[browser] = len(emails) > 5
	}
	for _, c := range b.claims {
		for _, browser := range real(c) {
			if browser.Kind() == schema.NodeVisitor && !b.cut[browser] && len(named(c)) > 0 {
				b.shareBrowser(browser, c)
			}
		}
	}
}

// shareBrowser makes the person of a claim one with whom the browser belonged
// to at the time, unless both are known people.
func (b *book) shareBrowser(browser schema.Node, c *schema.Claim) {
	me := named(c)[0]
	mayJoin := func(o *schema.Claim) bool {
		you := named(o)[0]
		switch {
		case b.label[you] == b.label[me] || b.has(me, schema.NodeEmail) || b.apart(you, me):
			return false
		case b.known(me):
			return c.GetVerified() && o.GetVerified() && b.has(you, schema.NodeEmail)
		}
		return true
	}
	var all, known []*schema.Claim
	for _, o := range b.seen(browser) {
		if mayJoin(o) {
			all = append(all, o)
			if b.known(named(o)[0]) {
				known = append(known, o)
			}
		}
	}
	if len(known) > 0 {
		all = known
	}
	if len(all) == 0 {
		return
	}
	owner := all[0]
	for _, o := range all {
		if o.GetAt() <= c.GetAt() {
			owner = o
		}
	}
	b.merge(named(owner)[0], me)
}

func (b *book) browsers() []schema.Node {
	var found []schema.Node
	for _, c := range b.claims {
		for _, n := range real(c) {
			if n.Kind() == schema.NodeVisitor && !slices.Contains(found, n) {
				found = append(found, n)
			}
		}
	}
	slices.Sort(found)
	return found
}

func (b *book) id(workspace uint32, n schema.Node) schema.ID {
	for _, c := range byTime(b.claims) {
		if all := named(c); len(all) > 0 && b.label[all[0]] == b.label[n] {
			return schema.ContactID(workspace, all[0])
		}
	}
	return schema.ID{}
}

func (b *book) people(workspace uint32) []schema.Contact {
	found := map[schema.ID]*schema.Contact{}
	verified := map[schema.ID]map[string]bool{} // which fields are
	for _, c := range byTime(b.claims) {
		all := named(c)
		if len(all) == 0 {
			continue
		}
		id := b.id(workspace, all[0])
		p := found[id]
		if p == nil {
			p = &schema.Contact{ID: id, Workspace: workspace, CreatedAt: schema.Millis(c.GetAt())}
			found[id], verified[id] = p, map[string]bool{}
		}
		set := func(field *string, name, value string) {
			if value != "" && (c.GetVerified() || !verified[id][name]) {
				*field = value
				verified[id][name] = verified[id][name] || c.GetVerified()
			}
		}
		set(&p.Name, "name", c.GetName())
		for _, n := range all {
			own := b.label[n] == b.label[all[0]]
			switch {
			case n.Kind() == schema.NodeEmail && own:
				set(&p.Email, "email", n.Value())
				p.Emails = append(p.Emails, n.Value())
			case n.Kind() == schema.NodePhone && (own || c.GetVerified()):
				set(&p.Phone, "phone", n.Value())
				p.Phones = append(p.Phones, n.Value())
			}
			if own {
				p.Nodes = append(p.Nodes, n)
			}
		}
		for _, n := range real(c) {
			if n.Kind() == schema.NodeVisitor && !b.cut[n] {
				p.Nodes = append(p.Nodes, n)
			}
		}
	}
	var contacts []schema.Contact
	for _, p := range found {
		p.Emails, p.Phones = firstThenOnce(p.Email, p.Emails), firstThenOnce(p.Phone, p.Phones)
		slices.Sort(p.Nodes)
		p.Nodes = slices.Compact(p.Nodes)
		contacts = append(contacts, *p)
	}
	slices.SortFunc(contacts, func(a, b schema.Contact) int { return a.ID.Compare(b.ID) })
	return contacts
}

func firstThenOnce(first string, values []string) []string {
	var once []string
	for _, v := range append([]string{first}, values...) {
		if v != "" && !slices.Contains(once, v) {
			once = append(once, v)
		}
	}
	return once
}

func (b *book) owners(workspace uint32) []schema.Identity {
	var found []schema.Identity
	for n := range b.label {
		i := schema.Identity{Workspace: workspace, Node: n}
		id := b.id(workspace, n)
		if id.IsZero() {
			found = append(found, i)
			continue
		}
		i.Contacts = []schema.ID{id}
		for _, c := range byTime(b.claims) {
			if slices.Contains(real(c), n) {
				i.Since = []schema.Millis{schema.Millis(c.GetAt())}
				break
			}
		}
		found = append(found, i)
	}
	for _, n := range b.browsers() {
		i := schema.Identity{Workspace: workspace, Node: n}
		for _, c := range b.seen(n) {
			id := b.id(workspace, named(c)[0])
			if !b.cut[n] && (len(i.Contacts) == 0 || i.Contacts[len(i.Contacts)-1] != id) {
				i.Since, i.Contacts = append(i.Since, schema.Millis(c.GetAt())), append(i.Contacts, id)
			}
		}
		found = append(found, i)
	}
	slices.SortFunc(found, func(a, b schema.Identity) int { return strings.Compare(string(a.Node), string(b.Node)) })
	return found
}
