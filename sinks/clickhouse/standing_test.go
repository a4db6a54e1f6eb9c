package clickhouse_test

import (
	"reflect"
	"slices"
	"testing"

	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// TestStanding reads what conversions are now, and what they can be matched by:
// after a merge, after one was deleted, of one workspace alone.
func TestStanding(t *testing.T) {
	e := open(t)
	ann, bob := schema.Derive("ann"), schema.Derive("bob")
	fact := func(workspace uint32, name string, node schema.Node, visitor string, at schema.Millis, version uint64) schema.FactRow {
		id := schema.Derive("fact", name)
		return schema.FactRow{ConversionFact: &schema.ConversionFact{Id: id[:], Workspace: workspace, Name: "goal", Node: string(node), Visitor: visitor,
			At: int64(at), Value: 5, Currency: "EUR", Page: "https://shop.example/" + name}, Version: version}
	}
	browser := func(visitor string, at schema.Millis, clicks ...string) schema.SessionRow {
		return schema.SessionRow{Session: schema.Session{Workspace: 7, Visitor: visitor, ID: schema.Derive("session", visitor, at.Time().String()), StartedAt: at,
			EndedAt: at + 1, Country: "DE", ClickIDs: clicks}, Version: 1}
	}
	owner := func(node schema.Node, version uint64, since []schema.Millis, contacts ...schema.ID) schema.IdentityRow {
		return schema.IdentityRow{Identity: schema.Identity{Workspace: 7, Node: node, Since: since, Contacts: contacts}, Version: version}
	}
	person := func(id schema.ID, name string, version uint64) schema.ContactRow {
		return schema.ContactRow{Contact: schema.Contact{Workspace: 7, ID: id, Email: name + "@example.com", Name: name, Nodes: []schema.Node{schema.Node("email:" + name)}}, Version: version}
	}
	write := func(b *sink.Batch, version uint64) {
		t.Helper()
		if err := e.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := e.Attribute(t.Context(), 7, recredits([]schema.ID{ann, bob}), version); err != nil {
			t.Fatal(err)
		}
	}
	knows := browser("anns", begin+50, "li_fat_id=Cc")
	knows.Ads = schema.Ads{Consent: schema.ConsentGranted, FBP: "fb.1.2.3", FBC: "fb.1.2.Bb", LiFatID: "Cookie"}
	write(&sink.Batch{
		Facts: []schema.FactRow{fact(7, "one", "email:ann", "anns", begin+100, 1), fact(7, "two", "email:bob", "", begin+200, 1)},
		Sessions: []schema.SessionRow{browser("anns", begin, "gclid=Aa", "fbclid=Bb"), knows, browser("anns", begin+500, "gclid=late"),
			browser("bobs", begin, "gclid=bob"), browser("shared", begin, "gclid=ann-then"), browser("shared", begin+60, "gclid=bob-then"), browser("anns", begin+40)},
		Identities: []schema.IdentityRow{owner("email:ann", 1, []schema.Millis{1}, ann), owner("email:bob", 1, []schema.Millis{1}, bob), owner("visitor:anns", 1, []schema.Millis{1}, ann),
			owner("visitor:bobs", 1, []schema.Millis{1}, bob), owner("visitor:shared", 1, []schema.Millis{1, begin + 55}, ann, bob)},
		Contacts: []schema.ContactRow{person(ann, "ann", 1), person(bob, "bob", 1)},
	}, 1)
	one, two := schema.Derive("fact", "one"), schema.Derive("fact", "two")
	got, err := e.Sendables(t.Context(), 7, []schema.ID{one, two, schema.Derive("nothing")})
	if err != nil || len(got) != 2 {
		t.Fatalf("%d are sendable, %v", len(got), err)
	}
	var clicks []string
	for _, v := range got[one].Visits {
		clicks = append(clicks, v.ClickIDs...)
	}
	if want := []string{"gclid=late", "li_fat_id=Cc", "li_fat_id=Cookie", "gclid=Aa", "fbclid=Bb", "gclid=ann-then"}; !sameSet(clicks, want) || clicks[0] != want[0] || clicks[1] != want[1] {
		t.Errorf("the clicks are %q, want %q, the newest first", clicks, want)
	}
	if v := got[one].Visits[1]; v.Consent != schema.ConsentGranted || v.FBP != "fb.1.2.3" || v.FBC != "fb.1.2.Bb" || v.At != begin+50 {
		t.Errorf("the visit is %+v", v)
	}
	if s := got[one]; !s.Live || s.Email != "ann@example.com" || s.Person != "ann" || s.Page != "https://shop.example/one" || s.Country != "DE" || s.Value != 5 ||
		s.Currency != "EUR" || s.Visitor != "anns" || s.At != begin+100 || s.Contact != ann || !reflect.DeepEqual(s.Nodes, []schema.Node{"email:ann"}) {
		t.Errorf("sendable is %+v", s)
	}
	if other, err := e.Sendables(t.Context(), 8, []schema.ID{one}); err != nil || len(other) != 0 {
		t.Errorf("another workspace sees %v, %v", other, err)
	}
	visitors, err := e.Visitors(t.Context(), 7, []schema.ID{ann})
	if err != nil || !sameSet(visitors[ann], []string{"anns", "shared"}) {
		t.Errorf("ann's browsers are %q, %v", visitors[ann], err)
	}

	// Bob becomes part of ann, and the first conversation is deleted.
	gone := fact(7, "one", "email:ann", "anns", begin+100, 2)
	gone.Deleted = true
	write(&sink.Batch{
		Facts:      []schema.FactRow{gone},
		Identities: []schema.IdentityRow{owner("email:bob", 2, []schema.Millis{1}, ann)},
		Contacts:   []schema.ContactRow{{Contact: schema.Contact{Workspace: 7, ID: bob, Redirect: ann}, Version: 2}},
	}, 2)
	standing, err := e.Standing(t.Context(), 7, []schema.ID{bob}, begin)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(standing, func(s schema.Standing) bool { return s.ID == two })
	if i < 0 || standing[i].Contact != ann || standing[i].Deleted {
		t.Errorf("of who was bob stands %+v", standing)
	}
	if standing, err = e.Standing(t.Context(), 7, []schema.ID{ann}, begin+150); err != nil || slices.ContainsFunc(standing, func(s schema.Standing) bool { return s.ID == one }) {
		t.Errorf("later stands %+v, %v", standing, err)
	}
	heirs, err := e.Heirs(t.Context(), 7, []schema.ID{bob, ann, schema.Derive("nobody")})
	if err != nil || len(heirs) != 2 || heirs[bob] != ann || heirs[ann] != ann {
		t.Errorf("the heirs are %v, %v", heirs, err)
	}
	seen := map[schema.ID]bool{}
	after, more := schema.Place{At: begin}, true
	for more {
		if standing, after, more, err = e.StandingAfter(t.Context(), 7, after, 1); err != nil {
			t.Fatal(err)
		}
		for _, s := range standing {
			if seen[s.ID] {
				t.Errorf("%+v comes twice", s)
			}
			if seen[s.ID] = true; s.ID == one && !s.Deleted {
				t.Errorf("what was deleted stands as %+v", s)
			}
		}
	}
	if !seen[one] || !seen[two] {
		t.Errorf("everybody's are %v", seen)
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
