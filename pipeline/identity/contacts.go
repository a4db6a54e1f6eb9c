package identity

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"sourceloop/schema"
)

// resolution reads contacts and identities off a finished fold.
func (f *fold) resolution() Resolution {
	byTime := slices.Clone(f.claims)
	slices.SortFunc(byTime, func(a, b *said) int { return compareTimes(a.Claim, b.Claim) })
	people := make(map[int]*person)
	for _, c := range byTime {
		f.hear(people, c)
	}
	ids := make(map[int]schema.ID, len(people))
	var res Resolution
	for root, p := range people {
		ids[root] = p.contact.ID
		res.Contacts = append(res.Contacts, p.finish())
	}
	for i, n := range f.nodes {
		res.Identities = append(res.Identities, f.identity(i, n, ids))
	}
	res.Refusals = f.refusals
	slices.SortFunc(res.Contacts, func(a, b schema.Contact) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(res.Identities, func(a, b schema.Identity) int { return strings.Compare(string(a.Node), string(b.Node)) })
	slices.SortFunc(res.Refusals, compareRefusals)
	return res
}

func compareRefusals(a, b Refusal) int {
	return cmp.Or(strings.Compare(string(a.Node), string(b.Node)), strings.Compare(a.Reason, b.Reason),
		slices.CompareFunc(a.Claims, b.Claims, func(x, y schema.ID) int { return bytes.Compare(x[:], y[:]) }))
}

// identity says whose a node is. Nodes other than browsers belong to one
// contact, since they were first heard of.
func (f *fold) identity(i int, n schema.Node, ids map[int]schema.ID) schema.Identity {
	identity := schema.Identity{Workspace: f.workspace, Node: n}
	if n.Kind() == schema.NodeVisitor {
		identity.Since, identity.Contacts = f.stretches(i, ids)
		return identity
	}
	if id, known := ids[f.root(i)]; known {
		identity.Since, identity.Contacts = []schema.Millis{f.since[i]}, []schema.ID{id}
	}
	return identity
}

// person is a contact in the making. Claims are heard by time, so that the
// last one heard of a kind is the newest.
type person struct {
	contact schema.Contact
	emails  field
	phones  field
	names   field
}

// field collects the values of one field.
type field struct {
	all      []string // as they were first heard
	verified string   // the newest verified one
	asserted string   // the newest asserted one
}

func (v *field) hear(value string, verified bool) {
	if value == "" {
		return
	}
	if !slices.Contains(v.all, value) {
		v.all = append(v.all, value)
	}
	if verified {
		v.verified = value
	} else {
		v.asserted = value
	}
}

func (v *field) canonical() string { return cmp.Or(v.verified, v.asserted) }

// canonicalFirst gives all values, the canonical one first.
func (v *field) canonicalFirst() []string {
	first := v.canonical()
	if first == "" {
		return nil
	}
	return append([]string{first}, slices.DeleteFunc(slices.Clone(v.all), func(s string) bool { return s == first })...)
}

// hear tells the contact that a claim is about what it says. A node that was
// refused to this contact is not heard, except a phone in a provider's record:
// it is this person's number too, even if it identifies somebody else.
func (f *fold) hear(people map[int]*person, c *said) {
	if c.anchor < 0 {
		return
	}
	root := f.root(c.anchor)
	p := people[root]
	if p == nil {
		p = &person{contact: schema.Contact{
			ID: schema.ContactID(f.workspace, f.nodes[c.anchor]), Workspace: f.workspace, CreatedAt: schema.Millis(c.GetAt()),
		}}
		people[root] = p
	}
	for _, i := range c.named {
		switch {
		case f.root(i) == root:
			p.add(f.nodes[i], c)
		case c.GetVerified() && f.nodes[i].Kind() == schema.NodePhone:
			p.phones.hear(f.nodes[i].Value(), true)
		}
	}
	p.names.hear(c.GetName(), c.GetVerified())
	for _, b := range c.browsers {
		if len(f.links[b]) > 0 {
			p.add(f.nodes[b], c)
		}
	}
}

// add records that a claim gives the contact a node. Evidence is kept once for
// every way in which the node came, with its earliest claim.
func (p *person) add(n schema.Node, c *said) {
	if !slices.Contains(p.contact.Nodes, n) {
		p.contact.Nodes = append(p.contact.Nodes, n)
	}
	switch n.Kind() {
	case schema.NodeEmail:
		p.emails.hear(n.Value(), c.GetVerified())
	case schema.NodePhone:
		p.phones.hear(n.Value(), c.GetVerified())
	}
	if slices.ContainsFunc(p.contact.Evidence, func(e schema.ContactEvidence) bool {
		return e.Node == n && e.Method == c.GetMethod() && e.Verified == c.GetVerified()
	}) {
		return
	}
	p.contact.Evidence = append(p.contact.Evidence, schema.ContactEvidence{
		Node: n, Method: c.GetMethod(), Evidence: c.GetEvidence(), Verified: c.GetVerified(), At: schema.Millis(c.GetAt()),
	})
}

func (p *person) finish() schema.Contact {
	c := p.contact
	c.Email, c.Phone, c.Name = p.emails.canonical(), p.phones.canonical(), p.names.canonical()
	c.Emails, c.Phones = p.emails.canonicalFirst(), p.phones.canonicalFirst()
	slices.Sort(c.Nodes)
	return c
}
