package report

import (
	"context"
	"encoding/hex"
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
	columns := touchColumns(dimensionsOf(q.Filters...)...)
	if len(columns) > 0 {
		columns = append(columns, "touches_at")
	}
	return struct {
		Filters, Directly, Place string
		Columns                  []string
	}{where, directly, place, columns}, nil
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
