package journeys

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sourceloop/schema"
)

// Outcome is what comes out of a journey.
type Outcome struct {
	Sessions   map[string][]schema.Session // by visitor, oldest first
	Contacts   []schema.Contact            // those with an email or phone are shown
	Identities []schema.Identity
	Refusals   []string // "node: reason", in the order to show them
	Chats      []Credited
	Reports    string // of the journey's reports and funnels, as they are shown
}

// Credited is a chat with what it is credited to.
type Credited struct {
	Chat          string
	Name          string // of the conversion that it is
	At            schema.Millis
	Value         float64
	Visitor       string    // the browser that it happened in, or ""
	Contact       schema.ID // zero while it does not count
	First, Last   schema.Touch
	Referrers     []string
	Pages         int
	Seconds       float64
	Returns       int
	Device        string
	Country       string
	Browser       string
	Touches       []schema.Touch // within the lookback
	Shares        map[string][]float64
	ModelsToPrint []string
}

// writer writes an outcome in the workspace's zone.
type writer struct {
	strings.Builder
	zone *time.Location
	out  *Outcome
}

// Text writes the outcome as it stands in a .journey file.
func (o *Outcome) Text(zone *time.Location) string {
	w := &writer{zone: zone, out: o}
	for _, visitor := range slices.Sorted(maps.Keys(o.Sessions)) {
		fmt.Fprintf(w, "sessions of %s\n", visitor)
		for i := range o.Sessions[visitor] {
			w.session(&o.Sessions[visitor][i])
		}
	}
	people := slices.DeleteFunc(slices.Clone(o.Contacts), func(c schema.Contact) bool { return c.Email == "" && c.Phone == "" })
	slices.SortFunc(people, func(a, b schema.Contact) int { return cmp.Compare(w.who(a.ID), w.who(b.ID)) })
	for i := range people {
		w.contact(&people[i])
	}
	for i := range o.Identities {
		w.browser(&o.Identities[i])
	}
	for _, r := range o.Refusals {
		fmt.Fprintf(w, "refused %s\n", r)
	}
	for i := range o.Chats {
		w.chat(&o.Chats[i])
	}
	return w.String() + o.Reports
}

func (w *writer) at(m schema.Millis) string {
	t := m.Time().In(w.zone)
	layout := "2006-01-02 15:04"
	if t.Second() != 0 || m%1000 != 0 {
		layout += ":05"
	}
	if m%1000 != 0 {
		layout += ".000"
	}
	return t.Format(layout)
}

func (w *writer) session(s *schema.Session) {
	fmt.Fprintf(w, "  %s to %s · %s · %s", w.at(s.StartedAt), w.at(s.EndedAt), s.Reason, touch(&s.Touch))
	if len(s.ClickIDs) > 0 {
		fmt.Fprintf(w, " · %s", strings.Join(s.ClickIDs, " "))
	}
	if s.Bot {
		w.WriteString(" · bot")
	}
	fmt.Fprintf(w, " · %d views · by %s%s\n", s.PageViews(), s.Touch.Rule, ads(&s.Ads))
}

// ads is what a session knows for advertising, "" when that is nothing.
func ads(a *schema.Ads) string {
	text := ""
	for _, known := range []struct{ name, value string }{
		{"ads", string(a.Consent)}, {"fbp", a.FBP}, {"fbc", a.FBC}, {"li_fat_id", a.LiFatID},
	} {
		if known.value != "" {
			text += " · " + known.name + " " + known.value
		}
	}
	return text
}

// touch is "Channel · source / medium / campaign · landing page".
func touch(t *schema.Touch) string {
	parts := []string{t.Source, t.Medium, t.Campaign, t.Content, t.Term}
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	for i := range parts {
		parts[i] = cmp.Or(parts[i], "(none)")
	}
	text := t.Channel + " · " + strings.Join(parts, " / ")
	if t.LandingPage != "" {
		text += " · lands on " + strings.TrimPrefix(t.LandingPage, Site)
	}
	return text
}

// who is how a contact is called: email, phone, or a node.
func (w *writer) who(id schema.ID) string {
	for _, c := range w.out.Contacts {
		if c.ID == id {
			return cmp.Or(c.Email, c.Phone, string(c.Nodes[0]))
		}
	}
	return "nobody"
}

func (w *writer) contact(c *schema.Contact) {
	fmt.Fprintf(w, "contact %s since %s\n", w.who(c.ID), w.at(c.CreatedAt))
	for _, f := range []struct{ name, value string }{
		{"name", c.Name}, {"emails", strings.Join(c.Emails, " ")}, {"phones", strings.Join(c.Phones, " ")}, {"nodes", nodes(c.Nodes)},
	} {
		if f.value != "" {
			fmt.Fprintf(w, "  %s %s\n", f.name, f.value)
		}
	}
}

func nodes(all []schema.Node) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = string(n)
	}
	return strings.Join(texts, " ")
}

func (w *writer) browser(i *schema.Identity) {
	if i.Node.Kind() != schema.NodeVisitor {
		return
	}
	fmt.Fprintf(w, "browser %s", i.Node.Value())
	for k, c := range i.Contacts {
		if k == 0 {
			fmt.Fprintf(w, " · %s", w.who(c))
			continue
		}
		fmt.Fprintf(w, " · from %s %s", w.at(i.Since[k]), w.who(c))
	}
	if len(i.Contacts) == 0 {
		w.WriteString(" · nobody")
	}
	w.WriteByte('\n')
}

func (w *writer) chat(c *Credited) {
	fmt.Fprintf(w, "chat %s of %s\n", c.Chat, w.who(c.Contact))
	if c.Contact.IsZero() {
		return
	}
	fmt.Fprintf(w, "  first touch %s\n  last touch %s\n", touch(&c.First), touch(&c.Last))
	fmt.Fprintf(w, "  %d pages before · %g seconds on site · %d return visits\n", c.Pages, c.Seconds, c.Returns)
	if len(c.Referrers) > 0 {
		fmt.Fprintf(w, "  referrers %s\n", strings.Join(c.Referrers, " "))
	}
	if on := strings.TrimSpace(c.Device + " " + c.Country + " " + c.Browser); on != "" {
		fmt.Fprintf(w, "  on %s\n", on)
	}
	for i, t := range c.Touches {
		fmt.Fprintf(w, "  touch %s · %s / %s", w.at(t.At), t.Source, cmp.Or(t.Medium, "(none)"))
		for _, m := range c.ModelsToPrint {
			fmt.Fprintf(w, " · %s %.4g", m, c.Shares[m][i])
		}
		w.WriteByte('\n')
	}
}
