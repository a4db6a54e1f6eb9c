package load

import (
	"fmt"
	"slices"
	"time"

	"sourceloop/schema"
)

// meet plans who the people are, where they chat and where they log in.
func (m *making) meet() {
	shared := m.browsers[0]
	switch {
	case m.quiet:
	case m.sharing && len(shared.sessions) >= 2:
		m.couple(shared)
	case m.chats == 1 && m.r.IntN(16) == 0:
		p := &person{name: m.name(0)} // Nobody will know who that was.
		m.people = append(m.people, p)
		m.chat(p, pick(m.r, m.browsers).sessions)
	default:
		m.single()
	}
	for _, p := range m.people {
		m.order(p)
	}
}

func (m *making) person(i int, email bool) *person {
	p := &person{number: i, name: m.name(i)}
	if email {
		p.email = fmt.Sprintf("p%d-%d.%s@load.example", m.number, i, m.key)
	}
	if !email || m.r.IntN(10) < 4 {
		p.phone = phone(m.key, 2*m.number+i)
	}
	m.people = append(m.people, p)
	return p
}

// couple plans two people: the first chats in the early sessions of the shared browser, the second in the late ones and
// in the others.
func (m *making) couple(shared *browser) {
	a, b := m.person(0, true), m.person(1, true)
	border := 1 + m.r.IntN(len(shared.sessions)-1)
	m.chat(a, shared.sessions[:border])
	m.chat(b, shared.sessions[border:])
	for range m.chats - 2 {
		m.chat(b, slices.Concat(shared.sessions[border:], m.browsers[1].sessions))
	}
}

// single plans one person who chats in some of the browsers, and logs in in others.
func (m *making) single() {
	if m.chats == 0 && m.r.IntN(25) != 0 {
		return
	}
	p := m.person(0, m.chats == 0 || m.r.IntN(8) != 0)
	if m.chats == 0 {
		p.phone = "" // A login tells the email alone.
	}
	for range m.chats {
		if m.r.IntN(8) == 0 {
			m.chat(p, pick(m.r, m.browsers).sessions).browser = nil
			continue
		}
		m.chat(p, pick(m.r, m.browsers).sessions)
	}
	for _, b := range m.browsers {
		if p.email != "" && m.r.IntN(10) < 6 {
			m.login(p, b)
		}
	}
}

// chat plans a conversation in one of some sessions, after one of its hits and well before the next.
func (m *making) chat(p *person, sessions []*session) *chat {
	s := pick(m.r, sessions)
	h := pick(m.r, s.hits)
	at := m.free(h.at)
	if at == 0 {
		h = s.hits[len(s.hits)-1]
		at = m.free(h.at)
		for n := schema.Millis(1); at == 0; n++ {
			at = m.free(h.at + n*4000)
		}
	}
	c := &chat{
		id: fmt.Sprintf("load-%s-%d-%d-%d", m.key, m.number, p.number, len(p.chats)), at: at, person: p, browser: s.browser,
		message: fmt.Sprintf("Question %d about tea", len(p.chats)+1), page: h.url,
	}
	p.chats = append(p.chats, c)
	return c
}

// free is a second shortly after a moment in which nobody of the unit chats, or 0.
func (m *making) free(after schema.Millis) schema.Millis {
	at := after - after%1000 + 3000
	for _, p := range m.people {
		if slices.ContainsFunc(p.chats, func(c *chat) bool { return c.at-at < 2000 && at-c.at < 2000 }) {
			return 0
		}
	}
	return at
}

// login turns a later hit of one of the browser's sessions into an identification.
func (m *making) login(p *person, b *browser) {
	s := pick(m.r, b.sessions)
	if len(s.hits) < 2 {
		return
	}
	h := s.hits[1+m.r.IntN(len(s.hits)-1)]
	h.kind, h.name, h.title, h.referrer, h.person = "identify", "", "", "", p
	p.logins = append(p.logins, login{h.at, b})
}

// order sorts a person's chats, lets some go on with the provider contact of the one before, and links browsers.
func (m *making) order(p *person) {
	slices.SortFunc(p.chats, func(a, b *chat) int { return int(a.at - b.at) })
	for i, c := range p.chats {
		if i > 0 && c.browser == p.chats[i-1].browser && m.r.IntN(3) == 0 {
			c.continues = p.chats[i-1]
		}
		if c.browser != nil && p.known() {
			c.browser.identify(c.happened(), p)
		}
	}
	for _, l := range p.logins {
		l.browser.identify(l.at, p)
	}
}

// created is when a person was first heard of by name.
func (p *person) created() schema.Millis {
	first := schema.MillisOf(time.Unix(1<<40, 0))
	for _, c := range p.chats {
		first = min(first, c.happened())
	}
	for _, l := range p.logins {
		first = min(first, l.at)
	}
	return first
}
