package check

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"sourceloop/deploy/load"
)

// contact is one of the API's, as far as it is compared.
type contact struct {
	ID            string
	Email         string
	Phone         string
	Name          string
	CreatedAt     time.Time  `json:"created_at"`
	ConvertedAt   *time.Time `json:"converted_at"`
	FirstTouch    load.Touch `json:"first_touch"`
	LastTouch     load.Touch `json:"last_touch"`
	ReferrerChain []string   `json:"referrer_chain"`
	PagesBefore   float64    `json:"pages_before"`
	SecondsOnSite float64    `json:"seconds_on_site"`
	ReturnVisits  float64    `json:"return_visits"`
	Device        string
	Country       string
	Browser       string
	Conversations []load.Conversation
	Evidence      []struct{ Node string }
}

// sorted goes over a map's keys in their order.
func sorted[V any](m map[string]V) iter.Seq[string] {
	return slices.Values(slices.Sorted(maps.Keys(m)))
}

// who names a contact: by email, else by phone.
func who(email, phone string) string { return cmp.Or(email, phone) }

// journeysAtOnce is how many journeys one question asks for.
const journeysAtOnce = 100

// alone says of which contacts the answers to questions about one are compared, too: one in so many.
const alone = 100

// contacts pages through all contacts and compares each with its journey.
func (c *comparison) contacts(ctx context.Context) error {
	got, err := c.list(ctx)
	if err != nil {
		return err
	}
	groups := slices.Collect(slices.Chunk(c.want.Contacts, journeysAtOnce))
	err = c.each(ctx, len(groups), func(ctx context.Context, one *comparison, i int) error {
		return one.group(ctx, got, groups[i])
	})
	if err != nil {
		return err
	}
	for i := range c.want.Contacts {
		delete(got, who(c.want.Contacts[i].Email, c.want.Contacts[i].Phone))
	}
	for name := range sorted(got) {
		c.differ("contact "+name, "there", "absent")
	}
	return nil
}

// group compares some contacts. Their journeys are asked for together.
func (c *comparison) group(ctx context.Context, got map[string]contact, want []load.Contact) error {
	var ids []string
	for i := range want {
		if found, ok := got[who(want[i].Email, want[i].Phone)]; ok {
			ids = append(ids, found.ID)
		}
	}
	journeys, err := c.journeys(ctx, ids)
	if err != nil {
		return err
	}
	for i := range want {
		name := who(want[i].Email, want[i].Phone)
		found, ok := got[name]
		if !ok {
			c.Compared++
			c.differ("contact "+name, "missing", "there")
			continue
		}
		c.contact("contact "+name+": ", found, &want[i])
		c.journey("contact "+name+": ", journeys[found.ID], &want[i])
		if i%alone == 0 {
			if err := c.single(ctx, found.ID, &want[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// single compares what the questions about one contact alone answer.
func (c *comparison) single(ctx context.Context, id string, want *load.Contact) error {
	var found contact
	if err := c.api.get(ctx, "/api/v1/contacts/"+id, &found); err != nil {
		return err
	}
	var journey struct{ Sessions []journeySession }
	if err := c.api.get(ctx, "/api/v1/contacts/"+id+"/journey", &journey); err != nil {
		return err
	}
	about := "contact " + who(want.Email, want.Phone) + " alone: "
	c.contact(about, found, want)
	c.journey(about, journey.Sessions, want)
	return nil
}

func (c *comparison) list(ctx context.Context) (map[string]contact, error) {
	all := make(map[string]contact)
	for cursor := ""; ; {
		var page struct {
			Items []contact
			Next  string
		}
		if err := c.api.get(ctx, "/api/v1/contacts?limit=200&cursor="+url.QueryEscape(cursor), &page); err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			name := who(item.Email, item.Phone)
			if _, twice := all[name]; twice {
				c.differ("contact "+name, "listed twice", "listed once")
			}
			all[name] = item
		}
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

func (c *comparison) contact(about string, got contact, want *load.Contact) {
	c.text(about+"email", got.Email, want.Email)
	c.text(about+"phone", got.Phone, want.Phone)
	c.text(about+"name", got.Name, want.Name)
	c.moment(about+"created at", got.CreatedAt, want.CreatedAt)
	c.moment(about+"converted at", when(got.ConvertedAt), when(want.ConvertedAt))
	c.touch(about+"first touch: ", got.FirstTouch, want.FirstTouch)
	c.touch(about+"last touch: ", got.LastTouch, want.LastTouch)
	c.texts(about+"referrer chain", got.ReferrerChain, want.ReferrerChain)
	c.number(about+"pages before", got.PagesBefore, float64(want.PagesBefore))
	c.number(about+"seconds on site", got.SecondsOnSite, want.SecondsOnSite)
	c.number(about+"return visits", got.ReturnVisits, float64(want.ReturnVisits))
	c.text(about+"device", got.Device, want.Device)
	c.text(about+"country", got.Country, want.Country)
	c.text(about+"browser", got.Browser, want.Browser)
	c.conversations(about, got.Conversations, want.Conversations)
	c.links(about, got, want.Links)
}

// when is a time that may be missing; the beginning of time stands for that.
func when(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return *at
}

func (c *comparison) touch(about string, got, want load.Touch) {
	for _, field := range []struct{ name, got, want string }{
		{"channel", got.Channel, want.Channel}, {"source", got.Source, want.Source}, {"medium", got.Medium, want.Medium},
		{"campaign", got.Campaign, want.Campaign}, {"content", got.Content, want.Content}, {"term", got.Term, want.Term},
		{"landing page", got.LandingPage, want.LandingPage}, {"referrer", got.Referrer, want.Referrer},
	} {
		c.text(about+field.name, field.got, field.want)
	}
	c.moment(about+"time", got.At, want.At)
}

func (c *comparison) conversations(about string, got, want []load.Conversation) {
	c.number(about+"conversations", float64(len(got)), float64(len(want)))
	for i := range min(len(got), len(want)) {
		one := fmt.Sprintf("%sconversation %s: ", about, want[i].ID)
		c.text(one+"id", got[i].ID, want[i].ID)
		c.moment(one+"time", got[i].At, want[i].At)
		c.text(one+"message", got[i].Message, want[i].Message)
	}
}

// links compares what is known to be the person with the evidence for it.
func (c *comparison) links(about string, got contact, want []string) {
	nodes := make(map[string]bool)
	for _, e := range got.Evidence {
		nodes[e.Node] = true
	}
	c.text(about+"links", strings.Join(slices.Collect(sorted(nodes)), " "), strings.Join(want, " "))
}

// journeySession is one of the API's, as far as it is compared.
type journeySession struct {
	load.JourneySession
	Rule string
}

// journeys asks for those of some contacts.
func (c *comparison) journeys(ctx context.Context, ids []string) (map[string][]journeySession, error) {
	all := make(map[string][]journeySession, len(ids))
	if len(ids) == 0 {
		return all, nil
	}
	var got struct {
		Items []struct {
			Contact  string
			Sessions []journeySession
		}
	}
	if err := c.api.get(ctx, "/api/v1/journeys?"+url.Values{"contact": ids}.Encode(), &got); err != nil {
		return nil, err
	}
	for _, j := range got.Items {
		all[j.Contact] = j.Sessions
	}
	return all, nil
}

func (c *comparison) journey(about string, got []journeySession, want *load.Contact) {
	c.number(about+"sessions of the journey", float64(len(got)), float64(len(want.Journey)))
	for i := range min(len(got), len(want.Journey)) {
		c.session(fmt.Sprintf("%ssession %d: ", about, i+1), got[i], want.Journey[i])
	}
	c.conversions(about, got, want.Conversions)
}

func (c *comparison) session(about string, got journeySession, want load.JourneySession) {
	c.text(about+"visitor", got.Visitor, want.Visitor)
	c.moment(about+"start", got.StartedAt, want.StartedAt)
	c.moment(about+"end", got.EndedAt, want.EndedAt)
	c.text(about+"reason", got.Reason, want.Reason)
	c.touch(about, got.Touch, want.Touch)
	c.text(about+"device", got.Device, want.Device)
	c.text(about+"country", got.Country, want.Country)
	c.text(about+"browser", got.Browser, want.Browser)
	c.Compared++
	if got.Rule == "" {
		c.differ(about+"rule", "empty", "there")
	}
	c.number(about+"items", float64(len(got.Items)), float64(len(want.Items)))
	for i := range min(len(got.Items), len(want.Items)) {
		c.item(fmt.Sprintf("%sitem %d: ", about, i+1), got.Items[i], want.Items[i])
	}
}

func (c *comparison) item(about string, got, want load.JourneyItem) {
	c.text(about+"type", got.Type, want.Type)
	c.moment(about+"time", got.At, want.At)
	c.text(about+"name", got.Name, want.Name)
	if want.Type == "ad_click" { // The page beside it may show it too.
		c.text(about+"click id", got.ClickID, want.ClickID)
	}
	c.text(about+"conversation", got.Conversation, want.Conversation)
	if want.Type != "conversation" {
		c.text(about+"page", got.URL, want.URL)
	}
}

// conversions compares every touch of every conversion with the journey's sessions, and looks for the conversation in the
// last of them.
func (c *comparison) conversions(about string, got []journeySession, want []load.Conversion) {
	sessions := make(map[string]journeySession, len(got))
	for _, s := range got {
		sessions[place(s.Visitor, s.StartedAt)] = s
	}
	for _, v := range want {
		one := fmt.Sprintf("%sconversion %s: ", about, v.Conversation)
		for i, t := range v.Touches {
			s := sessions[place(t.Visitor, t.At)]
			c.touch(fmt.Sprintf("%stouch %d: ", one, i+1), s.Touch, t.Touch)
			if i == len(v.Touches)-1 {
				c.text(one+"happened in its last touch", s.conversation(v), v.Conversation)
			}
		}
	}
}

func place(visitor string, at time.Time) string {
	return visitor + " " + at.UTC().Format(time.RFC3339Nano)
}

// conversation finds a conversion in a session, at its time.
func (s *journeySession) conversation(v load.Conversion) string {
	for _, i := range s.Items {
		if i.Type == "conversation" && i.Conversation == v.Conversation && i.At.Equal(v.At) {
			return i.Conversation
		}
	}
	return ""
}
