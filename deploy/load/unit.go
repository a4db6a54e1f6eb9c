package load

import (
	"slices"
	"strconv"

	"sourceloop/schema"
)

// unit are people who share no browser with anybody else, with everything they do. Its sessions follow one another
// without overlap.
type unit struct {
	browsers []*browser
	people   []*person
	sessions []*session // by time
}

// browser is one visitor, as the site knows it.
type browser struct {
	id       string // the sourceloop_id
	agent    agent
	place    place
	skew     int64 // milliseconds by which its clock is ahead
	sessions []*session
	links    []link // who was identified in it, by time
}

// link is one identification.
type link struct {
	at     schema.Millis
	person *person
}

// owner is whose the browser was at a moment: that of the last identification at or before it, or the first; nil when
// nobody ever was.
func (b *browser) owner(at schema.Millis) *person {
	if len(b.links) == 0 {
		return nil
	}
	who := b.links[0].person
	for _, l := range b.links {
		if l.at <= at {
			who = l.person
		}
	}
	return who
}

func (b *browser) identify(at schema.Millis, p *person) {
	b.links = append(b.links, link{at, p})
	slices.SortStableFunc(b.links, func(x, y link) int { return int(x.at - y.at) })
}

// person is who chats, or logs in.
type person struct {
	number             int // in the unit
	email, phone, name string
	chats              []*chat // by time
	logins             []login // identify hits
}

// known tells whether a contact comes of the person: an email or a phone was given somewhere.
func (p *person) known() bool {
	return (p.email != "" || p.phone != "") && len(p.chats)+len(p.logins) > 0
}

type login struct {
	at      schema.Millis
	browser *browser
}

// chat is one conversation.
type chat struct {
	id        string
	at        schema.Millis // a whole second
	person    *person
	browser   *browser // nil without a sourceloop_id
	continues *chat    // a new conversation of the same provider contact
	message   string
	page      string

	// What the stand-in answered.
	ContactID      string
	ConversationID string
}

// happened is when the conversation counts: the end of its second.
func (c *chat) happened() schema.Millis { return schema.EndOfSecond(int64(c.at) / 1000) }

// session is a session by construction.
type session struct {
	browser *browser
	reason  string // first_hit, timeout, attribution, midnight
	origin  *origin
	referer string // the referrer that the session shows
	landing string
	click   string // "gclid=…"
	hits    []*hit
}

func (s *session) start() schema.Millis { return s.hits[0].at }
func (s *session) end() schema.Millis   { return s.hits[len(s.hits)-1].at }

// hit is one planned hit.
type hit struct {
	id            schema.ID
	at            schema.Millis
	kind          string // pageview, event, leave, identify
	url, referrer string
	title, name   string
	person        *person // of an identify
}

// phone gives a valid number that nobody else has.
func phone(key string, n int) string {
	offset, _ := strconv.ParseUint(key[:8], 16, 32)
	return "+4791" + strconv.FormatUint(1_000_000+(offset+uint64(n))%1_000_000, 10)[1:]
}
