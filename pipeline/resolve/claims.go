package resolve

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"sourceloop/schema"
)

const (
	provider       = "intercom"
	conversionName = "intercom_conversation"
	attributeName  = "sourceloop_id"

	usInbox = "https://app.intercom.com"

	// maxVisitor is as long as Intercom lets an attribute be.
	maxVisitor = 255
	// maxMessage bounds what is kept of a first message, in bytes.
	maxMessage = 8 << 10
)

// merge is one contact that became part of another.
type merge struct{ from, into string }

// mergeClaims: the provider itself says that two contacts are one.
func (q *question) mergeClaims(merges []merge, at schema.Millis) []*schema.Claim {
	var claims []*schema.Claim
	for _, m := range merges {
		if m.from == "" || m.from == m.into {
			continue
		}
		nodes := []schema.Node{schema.NewNode(schema.NodeIntercom, m.from), schema.NewNode(schema.NodeIntercom, m.into)}
		claims = append(claims, schema.NewClaim(q.rec.GetWorkspace(), nodes, true, at, mergeEvidence(m.from, m.into), provider, ""))
	}
	return claims
}

// claims are what a contact's record says: verified for what Intercom keeps,
// asserted for the browser.
func (q *question) claims(c *contact, evidence string, at schema.Millis) []*schema.Claim {
	self := schema.NewNode(schema.NodeIntercom, string(c.ID))
	nodes := []schema.Node{self}
	if email, ok := q.accept("email", string(c.Email), q.config.Identity.Email); ok {
		nodes = append(nodes, schema.NewNode(schema.NodeEmail, email))
	}
	phone := func(text string) (string, error) { return q.config.Identity.Phone(text, c.country()) }
	if number, ok := q.accept("phone", string(c.Phone), phone); ok {
		nodes = append(nodes, schema.NewNode(schema.NodePhone, number))
	}
	if c.Role == "user" {
		if id, ok := q.accept("external_id", string(c.ExternalID), q.config.Identity.UserID); ok {
			nodes = append(nodes, schema.NewNode(schema.NodeUser, id))
		}
	}
	ws, name := q.rec.GetWorkspace(), plain(string(c.Name), 200)
	claims := []*schema.Claim{schema.NewClaim(ws, nodes, true, at, evidence, provider, name)}
	if visitor := q.visitor(c); visitor != "" {
		pair := []schema.Node{self, schema.NewNode(schema.NodeVisitor, visitor)}
		claims = append(claims, schema.NewClaim(ws, pair, false, at, evidence, attributeName, ""))
	}
	return claims
}

// accept normalises a value. A missing one is nothing; one that is refused is
// counted.
func (q *question) accept(field, value string, normalize func(string) (string, error)) (string, bool) {
	if value == "" {
		return "", false
	}
	normal, err := normalize(value)
	if err != nil {
		q.refuse(field)
		return "", false
	}
	return normal, true
}

// refuse counts a field once, however often it is looked at.
func (q *question) refuse(field string) {
	for _, r := range q.result.Refused {
		if r.Field == field {
			return
		}
	}
	q.result.Refused = append(q.result.Refused, Refusal{Field: field})
}

// visitor is the contact's sourceloop_id, or "" when it has none that can be
// believed at all.
func (q *question) visitor(c *contact) string {
	value, ok := c.Custom[attributeName]
	if !ok || value == nil {
		return ""
	}
	written, isText := value.(string)
	if !isText {
		written = fmt.Sprint(value)
	}
	visitor, err := q.config.Identity.UserID(written)
	if err != nil || !isText || len(visitor) > maxVisitor || !utf8.ValidString(visitor) || strings.ContainsFunc(written, isControl) {
		q.refuse(attributeName)
		return ""
	}
	return visitor
}

// country is where a phone number without + was written, where Intercom says
// so in two letters; it often uses three, which are no help.
func (c *contact) country() string {
	if code := string(c.Location.CountryCode); len(code) == 2 {
		return code
	}
	return ""
}

// conversion is the conversation as something that happened.
func (q *question) conversion(ctx context.Context, chat *conversation, c *contact, at schema.Millis) *schema.ConversionFact {
	ws, id := q.rec.GetWorkspace(), string(chat.ID)
	page := string(chat.FirstReply.URL)
	if page == "" {
		page = string(chat.Source.URL)
	}
	if page != "" {
		page = q.config.CleanURL(page)
	}
	key := schema.ConversationID(ws, provider, id)
	return &schema.ConversionFact{
		Id: key[:], Workspace: ws, Name: conversionName, Provider: provider, ExternalId: id,
		Node: string(schema.NewNode(schema.NodeIntercom, string(c.ID))), Visitor: q.visitor(c), At: int64(at),
		Url:  q.inbox(ctx) + "/a/inbox/" + url.PathEscape(q.rec.GetApp()) + "/inbox/conversation/" + url.PathEscape(id),
		Page: page, Message: plain(withoutTags(string(chat.Source.Body)), maxMessage), State: chat.state(),
		Updated: int64(chat.UpdatedAt.moment(at)),
	}
}

// inbox is where the workspace's own pages are.
func (q *question) inbox(ctx context.Context) string {
	if q.config.InboxURL != usInbox {
		return q.config.InboxURL
	}
	switch q.config.Region(ctx, q.rec.GetConnection()) {
	case "EU":
		return "https://app.eu.intercom.com"
	case "AU":
		return "https://app.au.intercom.com"
	}
	return usInbox
}

func isControl(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }

// plain makes text valid, takes control characters out, and cuts it to a
// length in bytes between two characters.
func plain(s string, length int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if isControl(r) {
			return -1
		}
		return r
	}, s))
	if len(s) <= length {
		return s
	}
	for length > 0 && !utf8.RuneStart(s[length]) {
		length--
	}
	return s[:length]
}

// withoutTags reads the text of a body in HTML, which apps on old versions
// send. Plain text does not begin with a tag.
func withoutTags(body string) string {
	if !strings.HasPrefix(body, "<") {
		return body
	}
	var b strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(body))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.Write(tokens.Text())
		case html.StartTagToken, html.SelfClosingTagToken:
			if name, _ := tokens.TagName(); b.Len() > 0 && (string(name) == "p" || string(name) == "br") {
				b.WriteByte('\n')
			}
		}
	}
}
