package report_test

import (
	"reflect"
	"slices"
	"testing"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

func TestJourney(t *testing.T) {
	s := tell(t)
	journey, err := s.in(1).Journey(t.Context(), s.ada)
	if err != nil {
		t.Fatal(err)
	}
	if len(journey.Sessions) != 3 {
		t.Fatalf("got %d sessions, want Ada's three", len(journey.Sessions))
	}
	first, last := journey.Sessions[0], journey.Sessions[2]
	if first.Items[0].Type != "ad_click" || first.Items[0].ClickID != "gclid=1" || first.Items[1].Type != "pageview" || len(first.Items) != 3 {
		t.Errorf("the first session has %+v", first.Items)
	}
	talk := last.Items[len(last.Items)-1]
	if talk.Type != "conversation" || talk.Conversation != "1" || talk.At != at(t, "5T10:04") || talk.Title != "Hello" {
		t.Errorf("the last session ends with %+v", talk)
	}
	if bob, err := s.in(1).Journey(t.Context(), s.bob); err != nil || len(bob.Sessions) != 0 {
		t.Errorf("Bob's journey is %+v, %v", bob, err)
	}
}

// sameTogether asks for journeys together and one by one.
func sameTogether(t *testing.T, s *store, ids ...schema.ID) {
	t.Helper()
	together, err := s.in(1).Journeys(t.Context(), ids)
	if err != nil || len(together) != len(ids) {
		t.Fatalf("%d journeys of %d contacts, %v", len(together), len(ids), err)
	}
	for i, id := range ids {
		alone, err := s.in(1).Journey(t.Context(), id)
		if err != nil || !reflect.DeepEqual(together[i], alone) {
			t.Errorf("together with others the journey is\n%+v\nalone\n%+v, %v", together[i], alone, err)
		}
	}
}

// Journeys come in the order in which they are asked for, each once; nobody
// else's, and not those of contacts that are not there.
func TestJourneysTogether(t *testing.T) {
	s := tell(t)
	sameTogether(t, s.store, s.bob, s.ada)
	some, err := s.in(1).Journeys(t.Context(), []schema.ID{s.old, schema.Derive("x"), s.ada, schema.ContactID(2, "intercom:ada"), s.bob})
	if err != nil || len(some) != 2 || some[0].Contact != s.ada || some[1].Contact != s.bob {
		t.Errorf("got %+v, %v; want Ada, whom the old id became, and Bob", some, err)
	}
	if none, err := s.in(1).Journeys(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("of nobody there are %v, %v", none, err)
	}
	if _, err := s.in(1).Journeys(t.Context(), make([]schema.ID, report.MaxJourneys+1)); schema.KindOf(err) != schema.KindInvalid {
		t.Errorf("too many: %v, want an invalid query", err)
	}
}

// A session that midnight began goes on with a click id; the click was before.
func TestJourneyOverMidnight(t *testing.T) {
	s := open(t)
	ann, anns := person(1, "ann@a.example", at(t, "1T10:00"), "email:ann@a.example", "visitor:v")
	evening := visit(t, 1, "v", "1T23:50", "9m", ad, "https://a.example/1")
	night := visit(t, 1, "v", "2T00:05", "0m", ad, "https://a.example/2")
	night.Reason, night.Items[0].ClickID = schema.ReasonMidnight, ""
	s.write(&sink.Batch{Sessions: []schema.SessionRow{evening, night}, Contacts: []schema.ContactRow{ann}, Identities: anns})
	journey, err := s.in(1).Journey(t.Context(), ann.ID)
	if err != nil || len(journey.Sessions) != 2 {
		t.Fatalf("%+v, %v", journey, err)
	}
	for i, want := range [][]string{{"ad_click", "pageview"}, {"pageview"}} {
		var got []string
		for _, item := range journey.Sessions[i].Items {
			got = append(got, item.Type)
		}
		if !slices.Equal(got, want) {
			t.Errorf("session %d has %v, want %v", i, got, want)
		}
	}
}

// A browser that another person takes over shows each their own stretch.
func TestJourneyOfSharedBrowser(t *testing.T) {
	s := open(t)
	ann, anns := person(1, "ann@a.example", at(t, "1T10:00"), "email:ann@a.example")
	ben, bens := person(1, "ben@a.example", at(t, "1T10:02"), "intercom:ben", "email:ben@a.example")
	shared := schema.IdentityRow{Version: 1, Identity: schema.Identity{
		Workspace: 1, Node: "visitor:shared", Since: []schema.Millis{at(t, "1T10:00"), at(t, "1T10:02")}, Contacts: []schema.ID{ann.ID, ben.ID},
	}}
	s.write(&sink.Batch{
		Sessions: []schema.SessionRow{visit(t, 1, "shared", "1T10:00", "3m", ad,
			"https://a.example/1", "https://a.example/2", "https://a.example/3", "https://a.example/4")},
		Contacts: []schema.ContactRow{ann, ben}, Identities: append(append(anns, bens...), shared),
		Facts: []schema.FactRow{chat(1, "1", "intercom:ben", "shared", at(t, "1T10:03"))},
	})
	s.attribute(1, 1)
	for name, c := range map[string]struct {
		id   schema.ID
		urls []string
	}{
		"the first":  {ann.ID, []string{"https://a.example/1", "https://a.example/2"}},
		"the second": {ben.ID, []string{"https://a.example/3", "https://a.example/4"}},
	} {
		journey, err := s.in(1).Journey(t.Context(), c.id)
		if err != nil || len(journey.Sessions) != 1 {
			t.Fatalf("%s: %+v, %v", name, journey, err)
		}
		var urls []string
		for _, item := range journey.Sessions[0].Items {
			if item.Type == "pageview" {
				urls = append(urls, item.URL)
			}
		}
		if len(urls) != 2 || urls[0] != c.urls[0] || urls[1] != c.urls[1] {
			t.Errorf("%s saw %v, want %v", name, urls, c.urls)
		}
	}
	sameTogether(t, s, ann.ID, ben.ID)
	// The converting session is Ben's last touch, though it began as Ann's.
	contact, err := s.in(1).Contact(t.Context(), ben.ID)
	if err != nil || contact.LastTouch.Channel != "Paid Search" || contact.PagesBefore != 1 {
		t.Errorf("Ben came by %+v after %d pages, %v; want the converting session and the one page of his stretch before the chat", contact.LastTouch, contact.PagesBefore, err)
	}
}
