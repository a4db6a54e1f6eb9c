package clickhouse_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// TestEraseHits deletes what is meant, and nothing beside it: neither of other
// browsers and times, nor what arrived later, nor rows of later versions.
func TestEraseHits(t *testing.T) {
	e := open(t)
	b := &sink.Batch{}
	for n := range 6 {
		b.Hits = append(b.Hits, hit(7, "shared", n), hit(7, "another", 100+n), hit(8, "shared", 200+n))
	}
	was, is := grow(1).sessions[0], grow(1).sessions[0]
	was.Workspace, was.Visitor, is.Workspace, is.Visitor = 7, "shared", 7, "shared"
	is.ID = schema.Derive("rewritten")
	b.Sessions = []schema.SessionRow{{Session: was, Version: 5}, {Session: is, Version: 6}}
	if err := e.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	// Of the six, two are in the stretches, one is named, and one of each arrived too late.
	erased := &schema.ErasedHits{
		Workspace: 7, Visitor: "shared", Until: begin + 4 + 5, Version: 6, IDs: []schema.ID{schema.ID(b.Hits[3*3].GetId()), schema.ID(b.Hits[3*5].GetId())},
		Stretches: []*schema.Stretch{{From: int64(begin), To: int64(begin) + 1}, {From: int64(begin) + 4, To: int64(begin) + 6}},
	}
	for range 2 {
		if err := e.EraseHits(t.Context(), erased); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.count(t, "SELECT count() FROM hits WHERE workspace = 7 AND visitor = 'shared'"); got != 3 {
		t.Errorf("%d hits of the browser stay, want 3", got)
	}
	if got := e.count(t, "SELECT count() FROM hits"); got != 15 {
		t.Errorf("%d hits stay in all, want 15", got)
	}
	if got := e.count(t, "SELECT count() FROM sessions"); got != 1 {
		t.Errorf("%d rows of sessions stay, want the one that was rewritten", got)
	}
	if err := e.ApplyDeletions(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestEraseLeads deletes one person's rows, and what others' were before.
func TestEraseLeads(t *testing.T) {
	e := open(t)
	eve, ann := schema.Derive("eve"), schema.Derive("ann")
	claim := func(n int, nodes ...schema.Node) schema.ClaimRow {
		return schema.ClaimRow{Claim: schema.NewClaim(7, nodes, true, begin, fmt.Sprint(n), "test", ""), Version: 1}
	}
	fact := func(node schema.Node, visitor string) schema.FactRow {
		id := schema.Derive("fact", string(node), visitor)
		return schema.FactRow{ConversionFact: &schema.ConversionFact{Id: id[:], Workspace: 7, Name: "goal", Node: string(node), Visitor: visitor, At: int64(begin)}, Version: 1}
	}
	b := &sink.Batch{
		Claims: []schema.ClaimRow{claim(1, "email:eve", "intercom:1"), claim(2, "email:ann", "phone:1"), claim(3, "phone:1", "visitor:v")},
		Facts:  []schema.FactRow{fact("intercom:1", ""), fact("email:ann", "gone"), fact("email:ann", "kept"), fact("phone:1", "")},
		Identities: []schema.IdentityRow{
			{Identity: schema.Identity{Workspace: 7, Node: "email:eve", Since: []schema.Millis{1}, Contacts: []schema.ID{eve}}, Version: 1},
			{Identity: schema.Identity{Workspace: 7, Node: "email:ann", Since: []schema.Millis{1}, Contacts: []schema.ID{ann}}, Version: 1},
			{Identity: schema.Identity{Workspace: 7, Node: "visitor:v", Since: []schema.Millis{1, 2}, Contacts: []schema.ID{eve, ann}}, Version: 1},
		},
		Contacts: []schema.ContactRow{
			{Contact: schema.Contact{Workspace: 7, ID: eve, Email: "eve", Nodes: []schema.Node{"email:eve"}}, Version: 1},
			{Contact: schema.Contact{Workspace: 7, ID: ann, Email: "ann", Nodes: []schema.Node{"email:ann"}}, Version: 1},
		},
	}
	if err := e.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := e.Attribute(t.Context(), 7, recredits([]schema.ID{eve, ann}), 1); err != nil {
		t.Fatal(err)
	}
	person, ids, err := e.Contact(t.Context(), 7, eve)
	if err != nil || person == nil || len(ids) != 1 || ids[0] != eve || len(person.Nodes) != 1 {
		t.Fatalf("the person is %+v with the ids %v, %v", person, ids, err)
	}
	if owner, err := e.Owner(t.Context(), 7, "email:eve"); err != nil || owner != eve {
		t.Errorf("the owner is %v, %v", owner, err)
	}
	browsers, err := e.Browsers(t.Context(), 7, eve)
	if err != nil || len(browsers) != 1 || browsers[0].Node != "visitor:v" || browsers[0].Since[1] != 2 || browsers[0].Contacts[1] != ann {
		t.Errorf("browsers are %v, %v", browsers, err)
	}
	// What stays is written again: of eve nothing, of ann all but the browser that went.
	stays := &sink.Batch{
		Claims: b.Claims[1:2:2], Facts: []schema.FactRow{fact("email:ann", "kept")}, Identities: b.Identities[1:3:3], Contacts: b.Contacts[1:2:2],
	}
	left := b.Facts[1]
	left.ConversionFact = proto.CloneOf(left.ConversionFact)
	left.Visitor = ""
	stays.Facts = append(stays.Facts, left)
	stays.Identities[1].Since, stays.Identities[1].Contacts = []schema.Millis{2}, []schema.ID{ann}
	stays.Claims[0].Version, stays.Contacts[0].Version = 2, 2
	for i := range 2 {
		stays.Facts[i].Version, stays.Identities[i].Version = 2, 2
	}
	if err := e.Write(t.Context(), stays); err != nil {
		t.Fatal(err)
	}
	erased := &schema.ErasedLeads{
		Workspace: 7, Version: 2, Nodes: []schema.Node{"email:ann", "email:eve", "intercom:1", "phone:1", "visitor:v"},
		Contacts: []schema.ID{eve, ann}, Gone: []schema.ID{eve}, Browsers: []string{"gone"},
		Kept: []schema.ID{schema.ID(left.GetId()), schema.ID(stays.Facts[0].GetId())},
	}
	for range 2 {
		credited, err := e.EraseOwners(t.Context(), erased)
		if err != nil || slices.Contains(credited, eve) {
			t.Fatalf("credited from the browser were %v, %v", credited, err)
		}
		erased.Credited = append(credited, ann)
		if err := e.AttributeAnew(t.Context(), 7, erased.Credited, 2); err != nil {
			t.Fatal(err)
		}
		if err := e.EraseLeads(t.Context(), erased); err != nil {
			t.Fatal(err)
		}
	}
	for sql, want := range map[string]uint64{
		"SELECT count() FROM claims":                                                       1,
		"SELECT count() FROM claims WHERE has(nodes, 'email:ann')":                         1,
		"SELECT count() FROM conversion_facts":                                             2,
		"SELECT count() FROM conversion_facts WHERE visitor = 'kept'":                      1,
		"SELECT count() FROM identities":                                                   2,
		"SELECT count() FROM identities WHERE node = 'visitor:v' AND length(contacts) = 1": 1,
		"SELECT count() FROM contacts":                                                     1,
		"SELECT count() FROM conversions WHERE contact = toFixedString(unhex('" + fmt.Sprintf("%x", eve[:]) + "'), 16)": 0,
		"SELECT count() FROM conversions WHERE own_visitor = 'gone'":                                                    0,
		"SELECT count() FROM conversions WHERE version < 2 AND has(touches_visitor, 'gone')":                            0,
		"SELECT count() FROM conversions WHERE version < 2 AND own_visitor = 'kept'":                                    1,
		"SELECT uniqExactIf(id, own_visitor = 'kept') FROM conversions":                                                 1,
		"SELECT uniqExact(id) FROM conversions WHERE NOT deleted":                                                       3,
	} {
		if got := e.count(t, sql); got != want {
			t.Errorf("%s: %d, want %d", sql, got, want)
		}
	}
}
