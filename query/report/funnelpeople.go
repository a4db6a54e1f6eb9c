package report

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// FunnelPeople asks who got to a step of a funnel.
type FunnelPeople struct {
	Funnel
	Step    int     // 1 for those who entered
	Dropped bool    // only those who got no further
	Key     *string // only those who entered with this value of the breakdown; nil for all
	Limit   int     // 1 to MaxContacts; 50 when 0
	Cursor  string  // next of the page before; empty for the first
}

// FunnelPeoplePage is a page, the latest entry first.
type FunnelPeoplePage struct {
	People []FunnelPerson
	Next   string // empty when there is no more
}

// FunnelPerson is one that was counted: a visitor, a session or a contact.
type FunnelPerson struct {
	ID        string // of the scope's kind
	Visitor   string // the browser that entered; empty where a contact or a conversation without one did
	Key       string // the breakdown's value at the entry
	EnteredAt schema.Millis
	ReachedAt schema.Millis // the step that was asked for
	Reached   int           // the furthest step
	Contact   *Contact      // whose the browser was when it entered; nil for somebody unknown
}

// FunnelPeople lists them.
func (s Scoped) FunnelPeople(ctx context.Context, q FunnelPeople) (FunnelPeoplePage, error) {
	if q.Limit == 0 {
		q.Limit = 50
	}
	if q.Limit < 1 || q.Limit > MaxContacts {
		return FunnelPeoplePage{}, invalid("limit must be between 1 and %d, and is %d", MaxContacts, q.Limit)
	}
	if q.Step < 1 || q.Step > len(q.Steps) {
		return FunnelPeoplePage{}, invalid("step must be one of the %d steps, and is %d", len(q.Steps), q.Step)
	}
	b, err := buildFunnel(q.Funnel)
	if err != nil {
		return FunnelPeoplePage{}, err
	}
	if b.arguments["after_time"], b.arguments["after_id"], err = readPlace(q.Cursor); err != nil {
		return FunnelPeoplePage{}, err
	}
	b.arguments["step"], b.arguments["limit"] = uint8(q.Step), uint32(q.Limit+1)
	if q.Key != nil {
		b.arguments["only_key"] = strings.TrimPrefix(*q.Key, None)
	}
	b.visitors(q.Scope)
	page, err := s.walkers(ctx, q, b)
	if err != nil {
		return page, err
	}
	return page, s.nameWalkers(ctx, q.Scope, page.People)
}

// visitors has the browser told with every event, where it is not the entity.
func (b *funnelBuild) visitors(scope Scope) {
	if scope == BySession {
		b.SessionExtra, b.ConversionExtra = "s.visitor", "own_visitor"
	}
}

// walkers reads a page without what is known of whom.
func (s Scoped) walkers(ctx context.Context, q FunnelPeople, b *funnelBuild) (page FunnelPeoplePage, err error) {
	data := struct {
		*funnelBuild
		Hashed, Dropped, OnlyKey bool
	}{b, q.Scope == BySession || q.Scope == ByContact, q.Dropped, q.Key != nil}
	err = s.query(ctx, "funnel_people", data, b.arguments, func(r driver.Rows) error {
		var p FunnelPerson
		var best []int64
		if err := r.Scan(&p.ID, &p.Visitor, &p.Key, &best); err != nil {
			return err
		}
		if p.Key == "" {
			p.Key = None
		}
		p.EnteredAt, p.ReachedAt, p.Reached = schema.Millis(best[0]), schema.Millis(best[q.Step-1]), len(best)
		page.People = append(page.People, p)
		return nil
	})
	if len(page.People) > q.Limit {
		page.People = page.People[:q.Limit]
		last := page.People[q.Limit-1]
		page.Next = strconv.FormatInt(int64(last.EnteredAt), 10) + "." + base64.RawURLEncoding.EncodeToString([]byte(last.ID))
	}
	return page, err
}

func readPlace(cursor string) (at int64, id string, err error) {
	if cursor == "" {
		return endOfTime, "", nil
	}
	text, code, ok := strings.Cut(cursor, ".")
	at, err = strconv.ParseInt(text, 10, 64)
	raw, codeErr := base64.RawURLEncoding.DecodeString(code)
	if !ok || err != nil || codeErr != nil {
		return 0, "", invalid("the cursor is not one that a page before gave; ask for the first page without one")
	}
	return at, string(raw), nil
}

// nameWalkers finds the contacts, as they are now.
func (s Scoped) nameWalkers(ctx context.Context, scope Scope, people []FunnelPerson) error {
	ids, err := s.contactsThen(ctx, scope, people)
	if err != nil {
		return err
	}
	asked := make([]schema.ID, 0, len(ids))
	for _, id := range ids {
		if !id.IsZero() {
			asked = append(asked, id)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	live, err := s.live(ctx, asked)
	for i := range people {
		people[i].Contact = live[ids[i]]
	}
	return err
}

// contactsThen gives the contact of each, zero for nobody.
func (s Scoped) contactsThen(ctx context.Context, scope Scope, people []FunnelPerson) ([]schema.ID, error) {
	ids, nodes := make([]schema.ID, len(people)), make([]string, 0, len(people))
	for i := range people {
		p := &people[i]
		switch scope {
		case ByContact:
			id, err := schema.ParseID(p.ID)
			if err != nil {
				return nil, err
			}
			ids[i] = id
		case BySession:
		default:
			p.Visitor = p.ID
		}
		if p.Visitor != "" {
			nodes = append(nodes, string(schema.NewNode(schema.NodeVisitor, p.Visitor)))
		}
	}
	if len(nodes) == 0 {
		return ids, nil
	}
	owners := map[schema.Node]schema.Identity{}
	err := s.query(ctx, "owners", nil, map[string]any{"nodes": nodes}, func(r driver.Rows) error {
		identity, err := scanOwner(r)
		owners[identity.Node] = identity
		return err
	})
	for i, p := range people {
		if owner := owners[schema.NewNode(schema.NodeVisitor, p.Visitor)]; p.Visitor != "" && len(owner.Contacts) > 0 {
			ids[i] = owner.Owner(p.EnteredAt)
		}
	}
	return ids, err
}

func scanOwner(r driver.Rows) (identity schema.Identity, err error) {
	var node string
	var since []int64
	var contacts []string
	err = r.Scan(&node, &since, &contacts)
	identity.Node = schema.Node(node)
	for i := range contacts {
		identity.Since = append(identity.Since, schema.Millis(since[i]))
		identity.Contacts = append(identity.Contacts, schema.ID([]byte(contacts[i])))
	}
	return identity, err
}
