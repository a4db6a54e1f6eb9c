package panel

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// canvas is what Intercom draws.
type canvas struct {
	Canvas struct {
		Content struct {
			Components []component `json:"components"`
		} `json:"content"`
	} `json:"canvas"`
}

// component is one of Canvas Kit's: text, data-table, button, spacer.
type component struct {
	Type   string   `json:"type"`
	ID     string   `json:"id,omitempty"`
	Text   string   `json:"text,omitempty"`
	Style  string   `json:"style,omitempty"`
	Size   string   `json:"size,omitempty"`
	Label  string   `json:"label,omitempty"`
	Items  []field  `json:"items,omitempty"`
	Action *pressed `json:"action,omitempty"`
}

type field struct {
	Type  string `json:"type"` // field-value
	Field string `json:"field"`
	Value string `json:"value"`
}

// pressed is what a button does: submit, or opening a url.
type pressed struct {
	Type string `json:"type"`
	URL  string `json:"url,omitempty"`
}

func draw(components ...component) canvas {
	var c canvas
	c.Canvas.Content.Components = components
	return c
}

// heading and words hold our own words only: Intercom reads markup in them.
func heading(text string) component { return component{Type: "text", Text: text, Style: "header"} }
func words(text string) component   { return component{Type: "text", Text: text, Style: "paragraph"} }
func muted(text string) component   { return component{Type: "text", Text: text, Style: "muted"} }

func refresh() component {
	return component{Type: "button", ID: "refresh", Label: "Refresh", Style: "secondary", Action: &pressed{Type: "submit"}}
}

// said is a canvas of a few sentences.
func said(title, text string) canvas { return draw(heading(title), words(text), refresh()) }

// pagesShown is how many of the newest pages are listed.
const pagesShown = 5

// drawPerson shows what is known of somebody.
func drawPerson(p report.Person, dashboard string, zone *time.Location) canvas {
	switch {
	case p.Contact == nil && len(p.Sessions) == 0:
		return said("Not known yet", "Nothing of this person has arrived at SourceLoop. A chat that has just begun takes a few seconds; "+
			"somebody who gave no consent, or writes by email or from a shared link, has no visits.")
	case len(p.Sessions) == 0:
		return draw(append([]component{heading("Direct"), words("This person has no visit that SourceLoop knows of: they wrote by email or from a shared link, or gave no consent.")},
			actions(p, dashboard)...)...)
	}
	components := []component{heading("Where they came from"), table(touches(p, zone))}
	if p.Contact == nil || p.Contact.Email == "" && p.Contact.Phone == "" {
		components = append(components, muted("No email or phone yet: these are the visits of the browser."))
	}
	if pages := lastPages(p.Sessions, zone); len(pages) > 0 {
		components = append(components, component{Type: "spacer", Size: "s"}, heading("Newest pages"), table(pages))
	}
	return draw(append(components, actions(p, dashboard)...)...)
}

func table(items []field) component { return component{Type: "data-table", Items: items} }

func actions(p report.Person, dashboard string) []component {
	if p.Contact == nil || p.Contact.Email == "" && p.Contact.Phone == "" {
		return []component{refresh()}
	}
	open := component{
		Type: "button", ID: "open", Label: "Open in SourceLoop", Style: "primary",
		Action: &pressed{Type: "url", URL: dashboard + "/contacts/" + p.Contact.ID.String()},
	}
	return []component{open, refresh()}
}

// touches are the first and the last touch with what goes with them. Those of a
// conversion stand; before one, they are the first and the last visit.
func touches(p report.Person, zone *time.Location) []field {
	first, last := p.Sessions[0].Touch, p.Sessions[len(p.Sessions)-1].Touch
	pages, visits := 0, len(p.Sessions)-1
	for i := range p.Sessions {
		pages += views(&p.Sessions[i])
	}
	if c := p.Contact; c != nil && c.ConvertedAt != 0 {
		first, last, pages, visits = c.FirstTouch, c.LastTouch, int(c.PagesBefore), int(c.ReturnVisits)
	}
	var items []field
	add := func(name, value string) {
		if value = plain(value); value != "" {
			items = append(items, field{"field-value", name, value})
		}
	}
	if p.Contact != nil {
		add("Name", p.Contact.Name)
	}
	add("First touch", source(first))
	add("First campaign", first.Campaign)
	add("Last touch", source(last))
	add("Last campaign", last.Campaign)
	add("Channel", last.Channel)
	host, path := page(last.LandingPage)
	add("Landing page", host+path)
	add("First seen", first.At.Time().In(zone).Format("2 Jan 2006, 15:04"))
	add("Pages before", fmt.Sprint(pages))
	add("Return visits", fmt.Sprint(visits))
	return items
}

func source(t schema.Touch) string {
	switch {
	case t.Source == "" && t.Medium == "":
		return "direct"
	case t.Medium == "":
		return t.Source
	}
	return t.Source + " / " + t.Medium
}

func views(s *report.JourneySession) (n int) {
	for _, item := range s.Items {
		if item.Type == "pageview" {
			n++
		}
	}
	return n
}

// lastPages are the newest page views, oldest first. The Inbox is narrow: the
// host is shown only where there are several.
func lastPages(sessions []report.JourneySession, zone *time.Location) []field {
	var items []report.JourneyItem
	hosts := map[string]bool{}
	for i := range sessions {
		for _, item := range sessions[i].Items {
			if item.Type == "pageview" {
				host, _ := page(item.URL)
				items, hosts[host] = append(items, item), true
			}
		}
	}
	var fields []field
	for _, item := range items[max(0, len(items)-pagesShown):] {
		host, path := page(item.URL)
		if len(hosts) == 1 && path != "" {
			host = ""
		}
		fields = append(fields, field{"field-value", item.At.Time().In(zone).Format("2 Jan, 15:04"), plain(host + path)})
	}
	return fields
}

// page is a page's host and path, without what was asked of it. What is no
// address of the web is all host.
func page(address string) (host, path string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address, ""
	}
	return u.Host, u.EscapedPath()
}

// maxValue is as long as a value is shown, in characters.
const maxValue = 200

// plain takes out of what a visitor wrote what would change how the rest is
// drawn: control characters, and those that turn the direction of writing.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if utf8.RuneCountInString(text) <= maxValue {
		return text
	}
	return string([]rune(text)[:maxValue]) + "…"
}
