package clickhouse

import (
	"context"
	"maps"
	"slices"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Standing gives the conversions that are, or were, of some contacts and happened
// at or after a moment, as they stand, in no order.
func (s *Sink) Standing(ctx context.Context, workspace uint32, contacts []schema.ID, since schema.Millis) ([]schema.Standing, error) {
	ids, err := s.conversionsOf(ctx, workspace, contacts, since)
	if err != nil {
		return nil, err
	}
	return s.standing(ctx, workspace, ids)
}

// Conversions gives those that are, or were, of some contacts.
func (s *Sink) Conversions(ctx context.Context, workspace uint32, contacts []schema.ID) ([]schema.ID, error) {
	return s.conversionsOf(ctx, workspace, contacts, 0)
}

func (s *Sink) conversionsOf(ctx context.Context, workspace uint32, contacts []schema.ID, since schema.Millis) ([]schema.ID, error) {
	return s.ids(ctx, "standing_ids", driver.Named("workspace", workspace), driver.Named("contacts", hexadecimal(contacts)),
		driver.Named("since", int64(since)))
}

// StandingAfter gives conversions of everybody in the order of time and id, as
// they stand: at most limit that come after one. It tells where to go on, and
// false at the end.
func (s *Sink) StandingAfter(ctx context.Context, workspace uint32, after schema.Place, limit int) (page []schema.Standing, next schema.Place, more bool, err error) {
	var ids []schema.ID
	next = after
	err = s.each(ctx, "standing_page", func(rows chdriver.Rows) error {
		var text string
		if err := rows.Scan((*int64)(&next.At), &text); err != nil {
			return err
		}
		next.ID = schema.ID([]byte(text))
		ids = append(ids, next.ID)
		return nil
	}, driver.Named("workspace", workspace), driver.Named("after", int64(after.At)), driver.Named("id", hexadecimal([]schema.ID{after.ID})[0]),
		driver.Named("limit", uint32(limit)))
	if err != nil {
		return nil, after, false, err
	}
	page, err = s.standing(ctx, workspace, ids)
	return page, next, len(ids) == limit, err
}

func (s *Sink) standing(ctx context.Context, workspace uint32, ids []schema.ID) ([]schema.Standing, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var all []schema.Standing
	err := s.each(ctx, "standing", func(rows chdriver.Rows) error {
		var id, contact string
		var c schema.Standing
		err := rows.Scan(&id, &contact, &c.Name, (*int64)(&c.At), &c.Value, &c.Currency, &c.Country, &c.Visitor, &c.Deleted)
		c.ID, c.Contact = schema.ID([]byte(id)), schema.ID([]byte(contact))
		all = append(all, c)
		return err
	}, driver.Named("workspace", workspace), driver.Named("ids", hexadecimal(ids)))
	return all, err
}

// Sendables gives some conversions with what a platform can match them by: their
// contact as it is now, and the sessions of its browsers. One that is not there
// has no entry.
func (s *Sink) Sendables(ctx context.Context, workspace uint32, conversions []schema.ID) (map[schema.ID]*schema.Sendable, error) {
	standing, err := s.standing(ctx, workspace, conversions)
	if err != nil || len(standing) == 0 {
		return nil, err
	}
	all := make(map[schema.ID]*schema.Sendable, len(standing))
	var contacts []schema.ID
	for _, c := range standing {
		all[c.ID] = &schema.Sendable{Standing: c}
		contacts = append(contacts, c.Contact)
	}
	contacts = unique(contacts)
	if err := s.addPages(ctx, workspace, all); err != nil {
		return nil, err
	}
	people, err := s.people(ctx, workspace, contacts)
	if err != nil {
		return nil, err
	}
	owned, err := s.owned(ctx, workspace, contacts)
	if err != nil {
		return nil, err
	}
	visits, err := s.visits(ctx, workspace, standing, owned)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if p := people[c.Contact]; p != nil && p.live() {
			c.Live, c.Email, c.Phone, c.Person, c.Nodes = true, p.email, p.phone, p.name, p.nodes
		}
		c.Visits = visitsOf(&c.Standing, visits, owned)
	}
	return all, nil
}

func unique(ids []schema.ID) []schema.ID {
	slices.SortFunc(ids, schema.ID.Compare)
	return slices.Compact(ids)
}

func (s *Sink) addPages(ctx context.Context, workspace uint32, all map[schema.ID]*schema.Sendable) error {
	ids := slices.Collect(maps.Keys(all))
	return s.each(ctx, "standing_facts", func(rows chdriver.Rows) error {
		var id, page string
		err := rows.Scan(&id, &page)
		if c := all[schema.ID([]byte(id))]; c != nil {
			c.Page = page
		}
		return err
	}, driver.Named("workspace", workspace), driver.Named("ids", hexadecimal(ids)))
}

// contactNow is the newest row of a contact.
type contactNow struct {
	deleted            bool
	redirect           schema.ID
	email, phone, name string
	nodes              []schema.Node
}

func (c *contactNow) live() bool { return !c.deleted && c.redirect.IsZero() }

func (s *Sink) people(ctx context.Context, workspace uint32, contacts []schema.ID) (map[schema.ID]*contactNow, error) {
	all := make(map[schema.ID]*contactNow, len(contacts))
	err := s.each(ctx, "standing_people", func(rows chdriver.Rows) error {
		var id, redirect string
		var deleted uint8
		var nodes []string
		c := &contactNow{}
		err := rows.Scan(&id, &deleted, &redirect, &c.email, &c.phone, &c.name, &nodes)
		c.deleted, c.redirect = deleted != 0, schema.ID([]byte(redirect))
		for _, n := range nodes {
			c.nodes = append(c.nodes, schema.Node(n))
		}
		all[schema.ID([]byte(id))] = c
		return err
	}, driver.Named("workspace", workspace), driver.Named("contacts", hexadecimal(contacts)))
	return all, err
}

// owned gives the browsers of some contacts with their stretches.
func (s *Sink) owned(ctx context.Context, workspace uint32, contacts []schema.ID) (map[string]*schema.Identity, error) {
	k := &known{nodes: make(map[schema.Node]*schema.Identity)}
	err := s.each(ctx, "attribute_nodes", k.scanNode, driver.Named("workspace", workspace), driver.Named("contacts", hexadecimal(contacts)))
	browsers := make(map[string]*schema.Identity)
	for node, i := range k.nodes {
		if node.Kind() == schema.NodeVisitor {
			browsers[node.Value()] = i
		}
	}
	return browsers, err
}

// Visitors gives the browsers that are a contact's, if only at times.
func (s *Sink) Visitors(ctx context.Context, workspace uint32, contacts []schema.ID) (map[schema.ID][]string, error) {
	browsers, err := s.owned(ctx, workspace, contacts)
	all := make(map[schema.ID][]string)
	for visitor, i := range browsers {
		for _, contact := range unique(slices.Clone(i.Contacts)) {
			all[contact] = append(all[contact], visitor)
		}
	}
	return all, err
}

// visit is a session of a browser.
type visit struct {
	schema.Visit
	visitor string
}

// visits reads the sessions of browsers, and of those that conversions happened
// in, the newest first.
func (s *Sink) visits(ctx context.Context, workspace uint32, standing []schema.Standing, owned map[string]*schema.Identity) ([]visit, error) {
	visitors := slices.Collect(maps.Keys(owned))
	for i := range standing {
		if v := standing[i].Visitor; v != "" && owned[v] == nil {
			visitors = append(visitors, v)
		}
	}
	if len(visitors) == 0 {
		return nil, nil
	}
	slices.Sort(visitors)
	var all []visit
	err := s.each(ctx, "standing_visits", func(rows chdriver.Rows) error {
		var v visit
		err := rows.Scan(&v.visitor, (*int64)(&v.At), &v.ClickIDs, (*string)(&v.Consent), &v.FBP, &v.FBC)
		all = append(all, v)
		return err
	}, driver.Named("workspace", workspace), driver.Named("visitors", slices.Compact(visitors)))
	return all, err
}

// visitsOf are those that a conversion looks at: in a browser while that was its
// contact's, and in the browser it happened in, whoever's that is.
func visitsOf(c *schema.Standing, visits []visit, owned map[string]*schema.Identity) []schema.Visit {
	var all []schema.Visit
	for _, v := range visits {
		i := owned[v.visitor]
		if v.visitor == c.Visitor || i != nil && i.Owner(v.At) == c.Contact {
			all = append(all, v.Visit)
		}
	}
	return all
}

// Heirs gives, for ids of contacts, the contact that each is now, and nothing for
// those who are nobody any more.
func (s *Sink) Heirs(ctx context.Context, workspace uint32, contacts []schema.ID) (map[schema.ID]schema.ID, error) {
	heirs := make(map[schema.ID]schema.ID)
	for _, id := range unique(slices.Clone(contacts)) {
		contact, _, err := s.Contact(ctx, workspace, id)
		if err != nil {
			return nil, err
		}
		if contact != nil {
			heirs[id] = contact.ID
		}
	}
	return heirs, nil
}
