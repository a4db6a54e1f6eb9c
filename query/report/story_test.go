package report_test

import (
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// story is Ada's: she came by an ad, by mail, and directly, in two browsers,
// and chatted on the fifth; Bob wrote an email and was never on the site. A
// second workspace has the same ids and another content.
type story struct {
	*store
	ada, bob, old schema.ID
	chat, mail    schema.ID
}

func visit(t *testing.T, workspace uint32, visitor, start, minutes string, touch schema.Touch, urls ...string) schema.SessionRow {
	t.Helper()
	length, err := time.ParseDuration(minutes)
	if err != nil {
		t.Fatal(err)
	}
	begin := at(t, start)
	touch.At = begin
	s := schema.Session{
		Workspace: workspace, Visitor: visitor, StartedAt: begin, EndedAt: begin.Add(length), Reason: schema.ReasonFirstHit,
		Touch: touch, Device: "desktop", Country: "DE", Browser: "Firefox", List: 3,
	}
	for i, url := range urls {
		id := hitID(visitor, start, url)
		item := schema.Item{Hit: id, At: begin.Add(time.Duration(i) * time.Minute), Type: schema.HitType_HIT_TYPE_PAGEVIEW, URL: url, Title: "A page"}
		if i == 0 && touch.Medium == "cpc" {
			item.ClickID, s.ClickIDs = "gclid=1", []string{"gclid=1"}
		}
		s.Items = append(s.Items, item)
	}
	s.ID = schema.SessionID(workspace, visitor, s.Items[0].Hit)
	return schema.SessionRow{Session: s, Version: 1}
}

var (
	ad     = schema.Touch{Channel: "Paid Search", Source: "google", Medium: "cpc", Campaign: "spring", LandingPage: "https://a.example/ad", Rule: "click id"}
	letter = schema.Touch{Channel: "Email", Source: "news", Medium: "email", LandingPage: "https://a.example/", Referrer: "https://mail.example/"}
	direct = schema.Touch{Channel: "Direct", Source: "direct", LandingPage: "https://a.example/pricing"}
)

func chat(workspace uint32, number string, node schema.Node, visitor string, at schema.Millis) schema.FactRow {
	id := schema.ConversationID(workspace, "intercom", number)
	return schema.FactRow{Version: 1, ConversionFact: &schema.ConversionFact{
		Id: id[:], Workspace: workspace, Name: "intercom_conversation", Provider: "intercom", ExternalId: number,
		Node: string(node), Visitor: visitor, At: int64(at), Value: 10, Url: "https://chat.example/" + number, Message: "Hello", State: "open",
	}}
}

func person(workspace uint32, email string, created schema.Millis, nodes ...schema.Node) (schema.ContactRow, []schema.IdentityRow) {
	id := schema.ContactID(workspace, nodes[0])
	row := schema.ContactRow{Version: 1, Contact: schema.Contact{
		ID: id, Workspace: workspace, Email: email, Name: "The " + email, Emails: []string{email}, Nodes: nodes, CreatedAt: created,
		Evidence: []schema.ContactEvidence{{Node: nodes[0], Method: "sourceloop_id", Evidence: "intercom conversation 1", Verified: true, At: created}},
	}}
	var identities []schema.IdentityRow
	for _, node := range nodes {
		identities = append(identities, schema.IdentityRow{Version: 1, Identity: schema.Identity{
			Workspace: workspace, Node: node, Since: []schema.Millis{created}, Contacts: []schema.ID{id},
		}})
	}
	return row, identities
}

func tell(t *testing.T) *story {
	s := &story{store: open(t)}
	s.chat, s.mail = schema.ConversationID(1, "intercom", "1"), schema.ConversationID(1, "intercom", "2")
	ada, adas := person(1, "ada@a.example", at(t, "5T10:05"), "intercom:ada", "email:ada@a.example", "visitor:phone", "visitor:laptop")
	bob, bobs := person(1, "bob@a.example", at(t, "4T09:00"), "intercom:bob", "email:bob@a.example")
	eve, eves := person(2, "eve@b.example", at(t, "5T10:05"), "intercom:ada", "visitor:phone")
	ada.Emails = append(ada.Emails, "byron@a.example")
	s.ada, s.bob, s.old = ada.ID, bob.ID, schema.Derive("a former id")
	redirect := schema.ContactRow{Version: 1, Contact: schema.Contact{ID: s.old, Workspace: 1, Redirect: ada.ID}}
	s.write(&sink.Batch{
		Sessions: []schema.SessionRow{
			visit(t, 1, "phone", "1T10:00", "5m", ad, "https://a.example/ad", "https://a.example/docs"),
			visit(t, 1, "phone", "3T10:00", "1m", letter, "https://a.example/"),
			visit(t, 1, "laptop", "5T10:00", "10m", direct, "https://a.example/pricing", "https://a.example/chat"),
			visit(t, 1, "stranger", "5T11:00", "0m", ad, "https://a.example/ad"),
			visit(t, 2, "phone", "2T10:00", "7m", letter, "https://b.example/"),
		},
		Contacts:   []schema.ContactRow{ada, bob, eve, redirect},
		Identities: append(append(adas, bobs...), eves...),
		Facts: []schema.FactRow{
			chat(1, "1", "intercom:ada", "laptop", at(t, "5T10:04")),
			chat(1, "2", "intercom:bob", "", at(t, "4T09:00")),
			chat(2, "1", "intercom:ada", "phone", at(t, "5T10:04")),
		},
	})
	s.attribute(1, 1)
	s.attribute(2, 1)
	return s
}

func (s *story) september() report.Period {
	s.t.Helper()
	p, err := s.in(1).Days("2026-09-01", "2026-09-30")
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}
