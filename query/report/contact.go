package report

import (
	"context"
	"maps"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// conversion is a row that stands, without the touches between its ends.
type conversion struct {
	id, contact, session          schema.ID
	name, provider, external, url string
	at                            schema.Millis
	message, state, visitor       string
	device, country, browser      string
	chain                         []string
	pages, visits                 uint32
	seconds                       float64
	first, last                   schema.Touch
}

// Contact gives one contact by its id or by that of a contact which became
// part of it; KindUnknown when there is none.
func (s Scoped) Contact(ctx context.Context, id schema.ID) (Contact, error) {
	live, err := s.live(ctx, []schema.ID{id})
	if err != nil {
		return Contact{}, err
	}
	if c := live[id]; c != nil {
		return *c, nil
	}
	return Contact{}, schema.E("read a contact", schema.KindUnknown, "there is no such contact in this workspace; it may have been erased")
}

// hops is how often a contact may have become part of another. Each redirect
// names the contact that lived on when it was written, which may have been
// redirected since.
const hops = 16

// live gives, for every id that is or was one of a contact that lives, that
// contact.
func (s Scoped) live(ctx context.Context, ids []schema.ID) (map[schema.ID]*Contact, error) {
	live := make(map[schema.ID]*Contact, len(ids))
	now := make(map[schema.ID]schema.ID, len(ids)) // where each id has led so far
	for _, id := range ids {
		now[id] = id
	}
	for range hops {
		if len(now) == 0 {
			break
		}
		byID, err := s.contactsByID(ctx, slices.Collect(maps.Values(now)))
		if err != nil {
			return nil, err
		}
		for asked, id := range now {
			c := byID[id]
			switch {
			case c == nil || c.deleted:
				delete(now, asked)
			case c.Redirect.IsZero():
				live[asked] = &c.Contact
				delete(now, asked)
			default:
				now[asked] = c.Redirect
			}
		}
	}
	return live, nil
}

// found is a contact's newest row, live or not.
type found struct {
	Contact
	Redirect schema.ID
	deleted  bool
}

func (s Scoped) contactsByID(ctx context.Context, ids []schema.ID) (map[schema.ID]*found, error) {
	arguments := map[string]any{"ids": hexadecimal(ids)}
	byID := make(map[schema.ID]*found, len(ids))
	err := s.query(ctx, "contact_rows", nil, arguments, func(rows driver.Rows) error {
		c, err := scanContact(rows)
		if err == nil {
			byID[c.ID] = c
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.addConversionsOf(ctx, ids, byID); err != nil {
		return nil, err
	}
	for _, c := range byID {
		c.complete()
	}
	return byID, nil
}

// addConversionsOf gives contacts their conversions, by statements that each
// look up by one key: ClickHouse plans them faster than one that joins.
func (s Scoped) addConversionsOf(ctx context.Context, contacts []schema.ID, byID map[schema.ID]*found) error {
	var ids []schema.ID
	err := s.query(ctx, "contact_conversion_ids", nil, map[string]any{"contacts": hexadecimal(contacts)}, func(rows driver.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, schema.ID([]byte(id)))
		return err
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	arguments := map[string]any{"ids": hexadecimal(ids)}
	words := make(map[schema.ID][2]string, len(ids))
	err = s.query(ctx, "conversion_words", nil, arguments, func(rows driver.Rows) error {
		var id, message, state string
		err := rows.Scan(&id, &message, &state)
		words[schema.ID([]byte(id))] = [2]string{message, state}
		return err
	})
	if err != nil {
		return err
	}
	return s.query(ctx, "contact_conversions", nil, arguments, func(rows driver.Rows) error {
		v, err := scanConversion(rows)
		v.message, v.state = words[v.id][0], words[v.id][1]
		if c := byID[v.contact]; err == nil && c != nil {
			c.conversions = append(c.conversions, v)
		}
		return err
	})
}

func scanContact(rows driver.Rows) (*found, error) {
	var id, redirect string
	var deleted uint8
	var nodes, methods, texts []string
	var verified []bool
	var at []int64
	c := &found{}
	err := rows.Scan(&id, &deleted, &redirect, &c.Email, &c.Phone, &c.Name, &c.Emails, &c.Phones, (*int64)(&c.CreatedAt),
		&nodes, &methods, &texts, &verified, &at)
	if err != nil {
		return nil, err
	}
	c.ID, c.Redirect, c.deleted = schema.ID([]byte(id)), schema.ID([]byte(redirect)), deleted != 0
	for i := range nodes {
		c.Evidence = append(c.Evidence, schema.ContactEvidence{
			Node: schema.Node(nodes[i]), Method: methods[i], Evidence: texts[i], Verified: verified[i], At: schema.Millis(at[i]),
		})
	}
	slices.SortStableFunc(c.Evidence, func(a, b schema.ContactEvidence) int { return int(a.At.Sub(b.At)) })
	return c, nil
}

func scanConversion(rows driver.Rows) (conversion, error) {
	var v conversion
	var id, contact, session string
	var times []int64
	var ends [][]string
	err := rows.Scan(&id, &contact, &v.name, &v.provider, &v.external, &v.url, (*int64)(&v.at), &v.visitor, &session,
		&v.device, &v.country, &v.browser, &v.chain, &v.pages, &v.seconds, &v.visits, &times, &ends)
	if err != nil {
		return v, err
	}
	v.id, v.contact, v.session = schema.ID([]byte(id)), schema.ID([]byte(contact)), schema.ID([]byte(session))
	v.first, v.last = schema.DirectTouch(v.at), schema.DirectTouch(v.at)
	if !v.session.IsZero() {
		v.first, v.last = touchOf(ends[0], times[0]), touchOf(ends[1], times[1])
	}
	return v, nil
}

func touchOf(f []string, at int64) schema.Touch {
	return schema.Touch{
		Channel: f[0], Source: f[1], Medium: f[2], Campaign: f[3], Content: f[4], Term: f[5], LandingPage: f[6],
		Referrer: f[7], Rule: f[8], At: schema.Millis(at),
	}
}

// complete fills what comes from the newest conversion. That the contact came
// to be stands in where there is no other, and sorts after them.
func (c *found) complete() {
	c.FirstTouch, c.LastTouch = schema.DirectTouch(c.CreatedAt), schema.DirectTouch(c.CreatedAt)
	for i, v := range c.conversions {
		if i == 0 {
			c.FirstTouch, c.LastTouch, c.ReferrerChain = v.first, v.last, v.chain
			c.PagesBefore, c.SecondsOnSite, c.ReturnVisits = v.pages, v.seconds, v.visits
			c.Device, c.Country, c.Browser = v.device, v.country, v.browser
			if v.name != contactName {
				c.ConvertedAt = v.at
			}
		}
		if v.provider != "" {
			c.Conversations = append(c.Conversations, Conversation{v.provider, v.external, v.at, v.url, v.message, v.state})
		}
	}
}

// contactName is the name of the conversion that a contact came to be.
const contactName = "contact"
