package report_test

import (
	"strings"
	"testing"
	"time"

	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// TestPerson: by the provider's id, where anything of the contact has arrived;
// else by the browser, unless that is somebody's.
func TestPerson(t *testing.T) {
	s := open(t)
	ada, lead := schema.Derive("ada"), schema.Derive("lead")
	owns := func(workspace uint32, node schema.Node, contacts ...schema.ID) schema.IdentityRow {
		row := schema.IdentityRow{Version: 1, Identity: schema.Identity{Workspace: workspace, Node: node, Contacts: contacts}}
		for i := range contacts {
			row.Identity.Since = append(row.Identity.Since, at(t, "1T00:00").Add(time.Duration(i)*time.Hour))
		}
		return row
	}
	person := func(workspace uint32, id schema.ID, email string, nodes ...schema.Node) schema.ContactRow {
		return schema.ContactRow{Version: 1, Contact: schema.Contact{Workspace: workspace, ID: id, Email: email, Nodes: nodes, CreatedAt: at(t, "1T00:00")}}
	}
	b := &sink.Batch{
		Sessions: []schema.SessionRow{
			visit(t, 1, "v1", "3T10:00", "5m", ad, "https://a.example/ad", "https://a.example/pricing"), visit(t, 1, "v1", "2T10:00", "5m", letter, "https://a.example/"),
			visit(t, 1, "v2", "3T11:00", "5m", direct, "https://a.example/pricing"), visit(t, 2, "v3", "3T11:00", "5m", ad, "https://b.example/"),
		},
		Identities: []schema.IdentityRow{
			owns(1, schema.NewNode(schema.NodeIntercom, "c1"), ada), owns(1, schema.NewNode(schema.NodeVisitor, "v1"), ada),
			owns(1, schema.NewNode(schema.NodeIntercom, "c2"), ada, lead), owns(2, schema.NewNode(schema.NodeIntercom, "c9"), ada),
		},
		Contacts: []schema.ContactRow{person(1, ada, "ada@a.example"), person(1, lead, ""), person(2, ada, "eve@b.example")},
	}
	s.write(b)
	for _, test := range []struct {
		name, contact, visitor string
		who                    schema.ID
		visits                 int
	}{
		{"a contact", "c1", "", ada, 2},
		{"a contact, whatever browser its record names", "c1", "v2", ada, 2},
		{"a node that went to another contact", "c2", "", lead, 0},
		{"nothing but a browser", "c7", "v2", schema.ID{}, 1},
		{"a browser that is somebody's", "c7", "v1", schema.ID{}, 0},
		{"nobody", "c7", "", schema.ID{}, 0},
		{"a browser that was never seen", "c7", "v7", schema.ID{}, 0},
		{"another workspace's contact", "c9", "", schema.ID{}, 0},
		{"another workspace's browser", "c7", "v3", schema.ID{}, 0},
	} {
		p, err := s.in(1).Person(t.Context(), schema.NewNode(schema.NodeIntercom, test.contact), test.visitor)
		if err != nil {
			t.Fatal(err)
		}
		var who schema.ID
		if p.Contact != nil {
			who = p.Contact.ID
		}
		if who != test.who || len(p.Sessions) != test.visits {
			t.Errorf("%s: contact %s with %d visits, not %s with %d", test.name, who, len(p.Sessions), test.who, test.visits)
		}
		if len(p.Sessions) > 1 && p.Sessions[0].StartedAt > p.Sessions[1].StartedAt {
			t.Errorf("%s: the visits are not in order", test.name)
		}
	}
}

// TestWhereTheTrackerWasHeard: by host, with what pages told when they were left.
func TestWhereTheTrackerWasHeard(t *testing.T) {
	s := open(t)
	hour := at(t, "3T10:00")
	heard := func(workspace uint32, n int, received schema.Millis, kind schema.HitType, url, name, properties string) *schema.Hit {
		id := schema.NewHitID(received, [10]byte{byte(n), byte(workspace)})
		return &schema.Hit{Id: id[:], Workspace: workspace, Visitor: "v", At: int64(received), Received: int64(received), Type: kind, Url: url, Name: name, Properties: []byte(properties)}
	}
	const view, leave, event = schema.HitType_HIT_TYPE_PAGEVIEW, schema.HitType_HIT_TYPE_LEAVE, schema.HitType_HIT_TYPE_EVENT
	s.write(&sink.Batch{Hits: []*schema.Hit{
		heard(1, 1, hour, view, "https://a.example/old", "", ""),
		heard(1, 2, hour+1, leave, "https://a.example/old", "", `{"engaged_ms":1,"chat":"pushed"}`),
		heard(1, 3, hour+2, leave, "https://a.example/new", "", `{"engaged_ms":5000,"chat":"stub"}`),
		heard(1, 12, hour+3, leave, "https://a.example/short", "", `{"engaged_ms":900,"chat":"stub"}`),
		heard(1, 4, hour+3, leave, "https://a.example/new", "", `{"chat":"throttled"`), // No JSON.
		heard(1, 5, hour+4, event, "https://a.example/newest?x=1", "chat_opened", `{"provider":"intercom"}`),
		heard(1, 6, hour+9, view, "https://b.example/", "", ""),
		heard(1, 9, hour+5, view, "http://INTRANET:8080/", "", ""),
		heard(1, 10, hour+6, view, "http://u:p@[::1]:80/x?u=https://no.example/", "", ""),
		heard(1, 11, hour+7, view, "no address", "", ""),
		heard(1, 7, hour-9, view, "https://before.example/", "", ""),
		heard(2, 8, hour+9, view, "https://foreign.example/", "", ""),
	}})
	got, err := s.in(1).SeenHosts(t.Context(), hour)
	var hosts []string
	for _, h := range got {
		hosts = append(hosts, h.Host)
	}
	if err != nil || strings.Join(hosts, " ") != "b.example [::1] intranet a.example" {
		t.Fatalf("%q, %v", hosts, err)
	}
	if b := got[0]; b.Host != "b.example" || b.Left != 0 || b.Pushed != 0 || b.Opened != 0 || b.Last != hour+9 {
		t.Errorf("%+v", b)
	}
	a := got[3]
	if a.Host != "a.example" || a.Hits != 6 || a.Page != "https://a.example/newest?x=1" || a.Last != hour+4 || a.Left != hour+3 ||
		a.Pushed != hour+1 || a.Stub != hour+2 || a.Opened != hour+4 {
		t.Errorf("%+v", a)
	}
}

// TestKnownConversations: those that are here, and whether they count.
func TestKnownConversations(t *testing.T) {
	s := open(t)
	ada := schema.Derive("ada")
	node, moment := schema.NewNode(schema.NodeIntercom, "c1"), at(t, "3T10:00")
	gone := chat(1, "3", node, "", moment)
	gone.Deleted = true
	s.write(&sink.Batch{
		Facts:      []schema.FactRow{chat(1, "1", node, "", moment), chat(1, "2", schema.NewNode(schema.NodeIntercom, "c2"), "", moment), gone, chat(2, "4", node, "", moment)},
		Identities: []schema.IdentityRow{{Version: 1, Identity: schema.Identity{Workspace: 1, Node: node, Since: []schema.Millis{moment}, Contacts: []schema.ID{ada}}}},
		Contacts:   []schema.ContactRow{{Version: 1, Contact: schema.Contact{Workspace: 1, ID: ada, Email: "ada@a.example", Nodes: []schema.Node{node}, CreatedAt: moment}}},
	})
	s.attribute(1, 2)
	got, err := s.in(1).KnownConversations(t.Context(), "intercom", []string{"1", "2", "3", "4", "5"})
	if err != nil || len(got) != 2 || !got["1"] || got["2"] {
		t.Errorf("%v, %v", got, err)
	}
	if none, err := s.in(1).KnownConversations(t.Context(), "intercom", nil); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}
