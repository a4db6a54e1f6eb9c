package load

import (
	"slices"

	"sourceloop/schema"
)

// The names of conversions.
const (
	conversation = "intercom_conversation"
	becoming     = "contact" // that a contact came to be
)

// conversion is something a person is credited for.
type conversion struct {
	name    string
	person  *person
	at      schema.Millis
	own     *browser // where it happened, or nil
	chat    *chat    // of a conversation
	touches []*session
}

// conversions gives those of a unit, by person and time, becoming a contact included.
func (u *unit) conversions() []*conversion {
	var all []*conversion
	for _, p := range u.people {
		if !p.known() {
			continue
		}
		for _, c := range p.chats {
			all = append(all, &conversion{name: conversation, person: p, at: c.happened(), own: c.browser, chat: c})
		}
		all = append(all, &conversion{name: becoming, person: p, at: p.created()})
	}
	for _, c := range all {
		c.touches = u.touches(c)
	}
	return all
}

// touches are the person's sessions up to the conversion, the last one of its own browser at the end. Without an own
// browser that is the last of any.
func (u *unit) touches(c *conversion) []*session {
	var mine []*session
	var converting *session
	for _, s := range u.sessions {
		if s.start() > c.at {
			break
		}
		if s.browser.owner(s.start()) == c.person {
			mine = append(mine, s)
		}
		if c.own != nil && s.browser == c.own {
			converting = s
		}
	}
	if converting == nil {
		return mine
	}
	mine = slices.DeleteFunc(mine, func(s *session) bool { return s == converting })
	return append(mine, converting)
}

// contacts are the people of a unit who are known.
func (u *unit) contacts(conversions []*conversion) []Contact {
	var all []Contact
	for _, p := range u.people {
		if p.known() {
			all = append(all, u.contact(p, conversions))
		}
	}
	return all
}

func (u *unit) contact(p *person, all []*conversion) Contact {
	c := Contact{
		Email: p.email, Phone: p.phone, Name: p.name, CreatedAt: p.created().Time(),
		ReferrerChain: []string{}, Conversations: []Conversation{}, Links: u.links(p), Conversions: []Conversion{},
	}
	var newest *conversion
	for _, v := range all {
		switch {
		case v.person != p || v.name == becoming && newest != nil:
			continue
		case v.chat != nil:
			c.Conversions = append(c.Conversions, v.account())
			c.Conversations = slices.Insert(c.Conversations, 0, Conversation{v.chat.ConversationID, v.at.Time(), v.chat.message})
			at := v.at.Time()
			c.ConvertedAt = &at
		}
		newest = v
	}
	u.summarize(&c, newest)
	c.Journey = u.journey(p, all)
	return c
}

// summarize fills in what the newest conversion says.
func (u *unit) summarize(c *Contact, v *conversion) {
	if len(v.touches) == 0 {
		direct := Touch{Channel: "Direct", Source: "direct", At: v.at.Time()}
		c.FirstTouch, c.LastTouch = direct, direct
		return
	}
	first, last := v.touches[0], v.touches[len(v.touches)-1]
	c.FirstTouch, c.LastTouch = first.touch(), last.touch()
	c.Device, c.Country, c.Browser = last.browser.agent.device, last.browser.place.country, last.browser.agent.browser
	c.ReturnVisits = len(v.touches) - 1
	for _, s := range v.touches {
		c.SecondsOnSite += s.end().Sub(s.start()).Seconds()
		if s.referer != "" && !slices.Contains(c.ReferrerChain, s.referer) {
			c.ReferrerChain = append(c.ReferrerChain, s.referer)
		}
	}
	c.PagesBefore = u.pagesBefore(v)
}

// pagesBefore counts the person's page views before a conversion.
func (u *unit) pagesBefore(v *conversion) int {
	pages := 0
	for _, s := range u.sessions {
		for _, h := range s.hits {
			if h.kind == "pageview" && h.at < v.at && s.browser.owner(h.at) == v.person {
				pages++
			}
		}
	}
	return pages
}

// links are the nodes that are a person.
func (u *unit) links(p *person) []string {
	var nodes []string
	add := func(kind, value string) {
		if node := kind + ":" + value; value != "" && !slices.Contains(nodes, node) {
			nodes = append(nodes, node)
		}
	}
	add("email", p.email)
	add("phone", p.phone)
	for _, c := range p.chats {
		add("intercom", c.ContactID)
		if c.browser != nil {
			add("visitor", c.browser.id)
		}
	}
	for _, l := range p.logins {
		add("visitor", l.browser.id)
	}
	slices.Sort(nodes)
	return nodes
}

func (s *session) touch() Touch {
	o := s.origin
	return Touch{
		Channel: o.channel, Source: o.source, Medium: o.medium, Campaign: o.campaign, Content: o.content, Term: o.term,
		LandingPage: s.landing, Referrer: s.referer, At: s.start().Time(),
	}
}

func (v *conversion) account() Conversion {
	c := Conversion{Conversation: v.chat.ConversationID, At: v.at.Time(), Touches: []ConversionTouch{}}
	if v.own != nil {
		c.Visitor = v.own.id
	}
	for _, s := range v.touches {
		c.Touches = append(c.Touches, ConversionTouch{s.browser.id, s.touch()})
	}
	return c
}

// journey is what a person did: the sessions that began as theirs or in which they did something, and the converting ones.
func (u *unit) journey(p *person, all []*conversion) []JourneySession {
	sessions := []JourneySession{}
	for _, s := range u.sessions {
		items := s.items(p, all)
		if len(items) == 0 && s.browser.owner(s.start()) != p {
			continue
		}
		sessions = append(sessions, JourneySession{
			Visitor: s.browser.id, StartedAt: s.start().Time(), EndedAt: s.end().Time(), Reason: s.reason, Touch: s.touch(),
			Device: s.browser.agent.device, Country: s.browser.place.country, Browser: s.browser.agent.browser, Items: items,
		})
	}
	return sessions
}

func (s *session) items(p *person, all []*conversion) []JourneyItem {
	items := []JourneyItem{}
	for i, h := range s.hits {
		if h.kind == "leave" || s.browser.owner(h.at) != p {
			continue
		}
		if i == 0 && s.click != "" {
			items = append(items, JourneyItem{At: h.at.Time(), Type: "ad_click", URL: h.url, ClickID: s.click})
		}
		items = append(items, JourneyItem{At: h.at.Time(), Type: h.kind, URL: h.url, Name: h.name})
	}
	for _, v := range all {
		if v.chat != nil && v.person == p && len(v.touches) > 0 && v.touches[len(v.touches)-1] == s {
			items = append(items, JourneyItem{At: v.at.Time(), Type: "conversation", Name: v.name, Conversation: v.chat.ConversationID})
		}
	}
	slices.SortStableFunc(items, func(a, b JourneyItem) int { return a.At.Compare(b.At) })
	return items
}
