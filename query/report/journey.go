package report

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Journey is everything a contact did, oldest session first.
type Journey struct {
	Contact  schema.ID // the live one; not the one asked for, when that became part of another
	Sessions []JourneySession
}

// JourneySession is a session with those of its items that are the contact's.
type JourneySession struct {
	ID                       schema.ID
	Visitor                  string
	StartedAt, EndedAt       schema.Millis
	Reason                   schema.Reason
	Touch                    schema.Touch
	List                     uint32 // number of the referrer list its channel was read from
	Device, Country, Browser string
	Items                    []JourneyItem

	clickIDs []string
}

// JourneyItem is one thing that happened.
type JourneyItem struct {
	At           schema.Millis
	Type         string // pageview, event, ad_click, identify, conversation
	URL          string // of a conversation, where it reopens
	Title        string // of a conversation, its first message
	Name         string // of a conversation, the conversion's name
	ClickID      string // gclid=…
	Conversation string // the provider's id
}

// Journey gives what a contact did in all its browsers. A browser that was
// somebody else's before or after shows the contact's stretch only; a converting
// session is there whoever its browser belonged to when it began.
func (s Scoped) Journey(ctx context.Context, id schema.ID) (Journey, error) {
	contact, err := s.Contact(ctx, id)
	if err != nil {
		return Journey{}, err
	}
	journeys, err := s.journeys(ctx, []*Contact{&contact})
	if err != nil {
		return Journey{}, err
	}
	return journeys[0], nil
}

// MaxJourneys is how many journeys are given at once at most.
const MaxJourneys = 100

// Journeys gives what some contacts did, as Journey does, in the order of ids;
// a contact that there is not is left out.
func (s Scoped) Journeys(ctx context.Context, ids []schema.ID) ([]Journey, error) {
	if len(ids) > MaxJourneys {
		return nil, invalid("at most %d journeys are given at once, and these are %d", MaxJourneys, len(ids))
	}
	live, err := s.live(ctx, ids)
	if err != nil {
		return nil, err
	}
	var contacts []*Contact
	listed := make(map[schema.ID]bool, len(ids))
	for _, id := range ids {
		if c := live[id]; c != nil && !listed[c.ID] {
			listed[c.ID] = true
			contacts = append(contacts, c)
		}
	}
	return s.journeys(ctx, contacts)
}

func (s Scoped) journeys(ctx context.Context, contacts []*Contact) ([]Journey, error) {
	if len(contacts) == 0 {
		return nil, nil
	}
	identities, err := s.browsers(ctx, contacts)
	if err != nil {
		return nil, err
	}
	sessions, err := s.sessionsOf(ctx, slices.Sorted(maps.Keys(identities)))
	if err != nil {
		return nil, err
	}
	journeys := make([]Journey, len(contacts))
	for i, c := range contacts {
		journeys[i] = c.journey(identities, sessions)
	}
	return journeys, nil
}

// journey picks the contact's sessions out of those of all browsers that were
// read, which are left as they are.
func (c *Contact) journey(identities map[string]*schema.Identity, sessions map[string][]JourneySession) Journey {
	converting := make(map[schema.ID][]conversion)
	for _, v := range c.conversions {
		if !v.session.IsZero() && v.name != contactName {
			converting[v.session] = append(converting[v.session], v)
		}
	}
	journey := Journey{Contact: c.ID}
	for visitor, identity := range identities {
		if !c.looksAt(visitor, identity) {
			continue
		}
		for _, session := range sessions[visitor] {
			session.Items = slices.Clone(session.Items)
			owned := session.keep(c.ID, identity)
			session.addClicks()
			conversions := converting[session.ID]
			session.addConversations(conversions)
			if owned || len(conversions) > 0 {
				journey.Sessions = append(journey.Sessions, session)
			}
		}
	}
	slices.SortFunc(journey.Sessions, func(a, b JourneySession) int {
		return cmp.Or(cmp.Compare(a.StartedAt, b.StartedAt), a.ID.Compare(b.ID))
	})
	return journey
}

// looksAt tells whether a browser was ever linked to the contact, or is one it
// converted in.
func (c *Contact) looksAt(visitor string, identity *schema.Identity) bool {
	return slices.Contains(identity.Contacts, c.ID) ||
		slices.ContainsFunc(c.conversions, func(v conversion) bool { return v.visitor == visitor })
}

// browsers gives the browsers that journeys look at, by visitor.
func (s Scoped) browsers(ctx context.Context, contacts []*Contact) (map[string]*schema.Identity, error) {
	identities := make(map[string]*schema.Identity)
	ids, nodes := make([]schema.ID, len(contacts)), []string{}
	for i, c := range contacts {
		ids[i] = c.ID
		for _, v := range c.conversions {
			if v.visitor != "" && identities[v.visitor] == nil {
				identities[v.visitor] = &schema.Identity{}
				nodes = append(nodes, string(schema.NewNode(schema.NodeVisitor, v.visitor)))
			}
		}
	}
	arguments := map[string]any{"contacts": hexadecimal(ids), "nodes": nodes}
	err := s.query(ctx, "journey_identities", nil, arguments, func(rows driver.Rows) error {
		var node string
		var since []int64
		var contacts []string
		if err := rows.Scan(&node, &since, &contacts); err != nil {
			return err
		}
		identity := &schema.Identity{Node: schema.Node(node)}
		for i := range contacts {
			identity.Since = append(identity.Since, schema.Millis(since[i]))
			identity.Contacts = append(identity.Contacts, schema.ID([]byte(contacts[i])))
		}
		identities[identity.Node.Value()] = identity
		return nil
	})
	return identities, err
}

func (s Scoped) sessionsOf(ctx context.Context, visitors []string) (map[string][]JourneySession, error) {
	sessions := make(map[string][]JourneySession, len(visitors))
	if len(visitors) == 0 {
		return sessions, nil
	}
	err := s.query(ctx, "journey_sessions", nil, map[string]any{"visitors": visitors}, func(rows driver.Rows) error {
		session, err := scanSession(rows)
		sessions[session.Visitor] = append(sessions[session.Visitor], session)
		return err
	})
	return sessions, err
}

func scanSession(rows driver.Rows) (JourneySession, error) {
	var s JourneySession
	var id, reason string
	var offsets []int64
	var kinds []int32
	var urls, titles, names, clicks []string
	t := &s.Touch
	err := rows.Scan(&id, &s.Visitor, (*int64)(&s.StartedAt), (*int64)(&s.EndedAt), &reason, &t.Channel, &t.Source, &t.Medium,
		&t.Campaign, &t.Content, &t.Term, &t.LandingPage, &t.Referrer, &t.Rule, &s.List, &s.clickIDs, &s.Device, &s.Country,
		&s.Browser, &offsets, &kinds, &urls, &titles, &names, &clicks)
	if err != nil {
		return s, err
	}
	s.ID, s.Reason, t.At = schema.ID([]byte(id)), schema.Reason(reason), s.StartedAt
	for i := range offsets {
		s.Items = append(s.Items, JourneyItem{
			At: s.StartedAt + schema.Millis(offsets[i]), Type: itemType(schema.HitType(kinds[i])), URL: urls[i], Title: titles[i],
			Name: names[i], ClickID: clicks[i],
		})
	}
	return s, nil
}

func itemType(t schema.HitType) string {
	switch t {
	case schema.HitType_HIT_TYPE_PAGEVIEW:
		return "pageview"
	case schema.HitType_HIT_TYPE_IDENTIFY:
		return "identify"
	default:
		return "event"
	}
}

// keep drops the items that lie in somebody else's stretch, and tells whether
// the session is the contact's: it began in their stretch, or reaches into it.
// A browser that was never linked hides nothing.
func (s *JourneySession) keep(contact schema.ID, identity *schema.Identity) bool {
	if identity == nil || len(identity.Contacts) == 0 {
		return false
	}
	s.Items = slices.DeleteFunc(s.Items, func(i JourneyItem) bool { return identity.Owner(i.At) != contact })
	return identity.Owner(s.StartedAt) == contact || len(s.Items) > 0
}

// addClicks puts an ad click before the page that its id was first seen on,
// and the ids that no kept page carries at the start. A session that midnight
// began has no others than it continues, which were clicked before.
func (s *JourneySession) addClicks() {
	seen := make(map[string]bool)
	var items []JourneyItem
	for _, item := range s.Items {
		if id := item.ClickID; id != "" && !seen[id] {
			seen[id] = true
			items = append(items, JourneyItem{At: item.At, Type: "ad_click", URL: item.URL, ClickID: id})
		}
		items = append(items, item)
	}
	var first []JourneyItem
	for _, id := range s.clickIDs {
		if !seen[id] && s.Reason != schema.ReasonMidnight {
			seen[id] = true
			first = append(first, JourneyItem{At: s.StartedAt, Type: "ad_click", URL: s.Touch.LandingPage, ClickID: id})
		}
	}
	s.Items = append(first, items...)
}

// addConversations puts what was converted in the session in its place; at an
// equal time after the hits, which led to it.
func (s *JourneySession) addConversations(conversions []conversion) {
	for _, v := range conversions {
		kind := "conversation"
		if v.provider == "" {
			kind = "event" // A goal or a conversion of the API.
		}
		s.Items = append(s.Items, JourneyItem{
			At: v.at, Type: kind, URL: v.url, Title: v.message, Name: v.name, Conversation: v.external,
		})
	}
	slices.SortStableFunc(s.Items, func(a, b JourneyItem) int { return cmp.Compare(a.At, b.At) })
}
