package report

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// MaxContacts is how many contacts a page has at most.
const MaxContacts = 200

// ContactQuery selects a page of contacts.
type ContactQuery struct {
	Search  string      // part of an email, name or phone, without regard to case
	Filters []Filter    // on the touch that Touch chooses
	Touch   string      // first or last (default), of the newest conversion
	Period  Period      // of the time the list is ordered by; zero for all
	Only    []schema.ID // when not nil, no others: those in a stage
	Except  []schema.ID // these not
	Limit   int         // 1 to MaxContacts; 50 when 0
	Cursor  string      // next of the page before; empty for the first
}

// ContactPage is a page, the newest conversion first; a contact without one
// is placed by the time it was created.
type ContactPage struct {
	Contacts []Contact
	Next     string // empty when there is no more
}

// Contact is a person with what is known of their newest conversion. Without
// a conversion, touches and counts are those of the time it was created.
type Contact struct {
	ID                       schema.ID
	Email, Phone, Name       string
	Emails, Phones           []string
	CreatedAt                schema.Millis
	ConvertedAt              schema.Millis // 0 without a conversion
	FirstTouch, LastTouch    schema.Touch  // Direct without a visitor
	ReferrerChain            []string
	PagesBefore              uint32
	SecondsOnSite            float64
	ReturnVisits             uint32
	Device, Country, Browser string
	Conversations            []Conversation           // newest first
	Evidence                 []schema.ContactEvidence // oldest first

	conversions []conversion // newest first
}

// Conversation is one that a chat provider told of.
type Conversation struct {
	Provider, ID   string // the provider's name and its id
	At             schema.Millis
	URL            string // reopens it there
	Message, State string
}

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

// Contacts gives one page.
func (s Scoped) Contacts(ctx context.Context, q ContactQuery) (ContactPage, error) {
	if q.Limit == 0 {
		q.Limit = 50
	}
	if q.Limit < 1 || q.Limit > MaxContacts {
		return ContactPage{}, invalid("limit must be between 1 and %d, and is %d", MaxContacts, q.Limit)
	}
	ids, next, err := s.contactKeys(ctx, q)
	if err != nil || len(ids) == 0 {
		return ContactPage{}, err
	}
	byID, err := s.contactsByID(ctx, ids)
	if err != nil {
		return ContactPage{}, err
	}
	page := ContactPage{Next: next}
	for _, id := range ids {
		if c := byID[id]; c != nil && c.Redirect.IsZero() && !c.deleted {
			page.Contacts = append(page.Contacts, c.Contact)
		}
	}
	return page, nil
}

// contactKeys finds which contacts are on the page.
func (s Scoped) contactKeys(ctx context.Context, q ContactQuery) (ids []schema.ID, next string, err error) {
	arguments := map[string]any{
		"search": q.Search, "only": hexadecimal(q.Only), "except": hexadecimal(q.Except), "restricted": q.Only != nil,
		"begin": int64(q.Period.Begin), "end": int64(q.Period.End), "limit": uint32(q.Limit + 1),
	}
	if q.Period == (Period{}) {
		arguments["end"] = endOfTime
	}
	if arguments["after_time"], arguments["after_id"], err = readCursor(q.Cursor); err != nil {
		return nil, "", err
	}
	data, err := contactFilters(q, arguments)
	if err != nil {
		return nil, "", err
	}
	var times []int64
	err = s.query(ctx, "contact_keys", data, arguments, func(rows driver.Rows) error {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return err
		}
		ids, times = append(ids, schema.ID([]byte(id))), append(times, at)
		return nil
	})
	if len(ids) > q.Limit {
		ids = ids[:q.Limit]
		last := ids[q.Limit-1]
		next = strconv.FormatInt(times[q.Limit-1], 10) + "." + hex.EncodeToString(last[:])
	}
	return ids, next, err
}

// contactFilters writes the conditions on the chosen touch, and the columns
// they read: reading none is what makes the plain list quick.
func contactFilters(q ContactQuery, arguments map[string]any) (any, error) {
	place := "-1"
	switch q.Touch {
	case "first":
		place = "1"
	case "", "last":
	default:
		return nil, invalid("the touch must be first or last, and is %q", q.Touch)
	}
	where, err := conditions(q.Filters, func(d Dimension) string {
		return "if(empty(touches_at), '" + d.direct() + "', toString(touches_" + string(d) + "[place]))"
	}, arguments)
	if err != nil {
		return nil, err
	}
	directly, err := conditions(q.Filters, func(d Dimension) string { return "'" + d.direct() + "'" }, arguments)
	if err != nil {
		return nil, err
	}
	var columns []string
	for _, f := range q.Filters {
		columns = append(columns, "touches_"+string(f.Dimension))
	}
	if len(columns) > 0 {
		columns = append(columns, "touches_at")
	}
	slices.Sort(columns)
	return struct {
		Filters, Directly, Place string
		Columns                  []string
	}{where, directly, place, slices.Compact(columns)}, nil
}

func readCursor(cursor string) (at int64, id string, err error) {
	if cursor == "" {
		return endOfTime, strings.Repeat("ff", 16), nil
	}
	text, id, ok := strings.Cut(cursor, ".")
	at, err = strconv.ParseInt(text, 10, 64)
	raw, hexErr := hex.DecodeString(id)
	if !ok || err != nil || hexErr != nil || len(raw) != 16 {
		return 0, "", invalid("the cursor is not one that a page before gave; ask for the first page without one")
	}
	return at, id, nil
}

func hexadecimal(ids []schema.ID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = hex.EncodeToString(id[:])
	}
	return texts
}

// Contact gives one contact by its id or by that of a contact which became
// part of it; KindUnknown when there is none.
func (s Scoped) Contact(ctx context.Context, id schema.ID) (Contact, error) {
	// Each redirect names the contact that lived on when it was written, which may have been redirected since.
	const hops = 16
	for range hops {
		byID, err := s.contactsByID(ctx, []schema.ID{id})
		if err != nil {
			return Contact{}, err
		}
		c := byID[id]
		if c == nil || c.deleted {
			break
		}
		if c.Redirect.IsZero() {
			return c.Contact, nil
		}
		id = c.Redirect
	}
	return Contact{}, schema.E("read a contact", schema.KindUnknown, "there is no such contact in this workspace; it may have been erased")
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
	err = s.query(ctx, "contact_conversions", nil, arguments, func(rows driver.Rows) error {
		v, err := scanConversion(rows)
		if c := byID[v.contact]; err == nil && c != nil {
			c.conversions = append(c.conversions, v)
		}
		return err
	})
	for _, c := range byID {
		c.complete()
	}
	return byID, err
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
	err := rows.Scan(&id, &contact, &v.name, &v.provider, &v.external, &v.url, (*int64)(&v.at), &v.message, &v.state, &v.visitor,
		&session, &v.device, &v.country, &v.browser, &v.chain, &v.pages, &v.seconds, &v.visits, &times, &ends)
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
