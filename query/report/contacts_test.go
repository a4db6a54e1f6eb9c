package report_test

import (
	"errors"
	"slices"
	"testing"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

func TestContacts(t *testing.T) {
	s := tell(t)
	page, err := s.in(1).Contacts(t.Context(), report.ContactQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Contacts) != 2 || page.Contacts[0].ID != s.ada || page.Contacts[1].ID != s.bob || page.Next != "" {
		t.Fatalf("got %d contacts, next %q: want Ada, who converted last, and Bob", len(page.Contacts), page.Next)
	}
	ada, bob := page.Contacts[0], page.Contacts[1]
	if ada.FirstTouch.Campaign != "spring" || ada.LastTouch.Channel != "Direct" || ada.LastTouch.LandingPage != "https://a.example/pricing" {
		t.Errorf("Ada's touches are %+v and %+v", ada.FirstTouch, ada.LastTouch)
	}
	if ada.ConvertedAt != at(t, "5T10:04") || ada.PagesBefore != 5 || ada.ReturnVisits != 2 || ada.Device != "desktop" || ada.Country != "DE" {
		t.Errorf("Ada's newest conversion gives %+v", ada)
	}
	if len(ada.ReferrerChain) != 1 || ada.ReferrerChain[0] != "https://mail.example/" {
		t.Errorf("Ada's referrers are %v", ada.ReferrerChain)
	}
	if len(ada.Conversations) != 1 || ada.Conversations[0].ID != "1" || ada.Conversations[0].Message != "Hello" {
		t.Errorf("Ada's conversations are %+v", ada.Conversations)
	}
	if len(ada.Evidence) != 1 || ada.Evidence[0].Method != "sourceloop_id" {
		t.Errorf("Ada's evidence is %+v", ada.Evidence)
	}
	if bob.LastTouch != schema.DirectTouch(at(t, "4T09:00")) || bob.PagesBefore != 0 || bob.ReturnVisits != 0 {
		t.Errorf("Bob, who was never on the site, has %+v", bob)
	}
}

func TestContactsAreFound(t *testing.T) {
	s := tell(t)
	filter := func(text string) []report.Filter {
		f, err := report.ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		return []report.Filter{f}
	}
	for name, c := range map[string]struct {
		query report.ContactQuery
		want  []schema.ID
	}{
		"part of an email":         {report.ContactQuery{Search: "BOB@"}, []schema.ID{s.bob}},
		"part of a former email":   {report.ContactQuery{Search: "byron"}, []schema.ID{s.ada}},
		"part of a name":           {report.ContactQuery{Search: "the ada"}, []schema.ID{s.ada}},
		"nobody":                   {report.ContactQuery{Search: "eve"}, nil},
		"last touch is direct":     {report.ContactQuery{Filters: filter("channel:is:Direct")}, []schema.ID{s.ada, s.bob}},
		"first touch by google":    {report.ContactQuery{Touch: "first", Filters: filter("source:contains:GOOG")}, []schema.ID{s.ada}},
		"first touch not by mail":  {report.ContactQuery{Touch: "first", Filters: filter("medium:is_not:email")}, []schema.ID{s.ada, s.bob}},
		"first touch no campaign":  {report.ContactQuery{Touch: "first", Filters: filter("campaign:is:(none)")}, []schema.ID{s.bob}},
		"only some":                {report.ContactQuery{Only: []schema.ID{s.bob}}, []schema.ID{s.bob}},
		"only those of no stage":   {report.ContactQuery{Only: []schema.ID{}}, nil},
		"without some":             {report.ContactQuery{Except: []schema.ID{s.bob}}, []schema.ID{s.ada}},
		"who converted on a day":   {report.ContactQuery{Period: report.Period{Begin: at(t, "4T00:00"), End: at(t, "5T00:00")}}, []schema.ID{s.bob}},
		"quotes are no SQL":        {report.ContactQuery{Search: "' OR 1 = 1 --\t\\"}, nil},
		"a filter's value neither": {report.ContactQuery{Filters: filter("source:is:' OR ''='")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := s.in(1).Contacts(t.Context(), c.query)
			if err != nil {
				t.Fatal(err)
			}
			var got []schema.ID
			for _, contact := range page.Contacts {
				got = append(got, contact.ID)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Fatalf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}

// Whoever is listed is listed with their touches: until those are computed they
// would look Direct.
func TestContactsAreListedWithTheirTouches(t *testing.T) {
	s := tell(t)
	cy, cys := person(1, "cy@a.example", at(t, "6T10:00"), "email:cy@a.example", "visitor:stranger")
	site, sites := person(1, "", at(t, "6T11:00"), "user:42")
	s.write(&sink.Batch{Contacts: []schema.ContactRow{cy, site}, Identities: append(cys, sites...)})
	listed := func() (ids []schema.ID) {
		page, err := s.in(1).Contacts(t.Context(), report.ContactQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Contacts {
			ids = append(ids, c.ID)
		}
		return ids
	}
	if got := listed(); !slices.Equal(got, []schema.ID{site.ID, s.ada, s.bob}) {
		t.Errorf("before the touches are computed %v are listed, want all but Cy %v", got, cy.ID)
	}
	s.attribute(1, 2)
	if got := listed(); !slices.Equal(got, []schema.ID{site.ID, cy.ID, s.ada, s.bob}) {
		t.Errorf("then %v are listed, want Cy %v too", got, cy.ID)
	}
}

func TestContactsArePaged(t *testing.T) {
	s := tell(t)
	first, err := s.in(1).Contacts(t.Context(), report.ContactQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.in(1).Contacts(t.Context(), report.ContactQuery{Limit: 1, Cursor: first.Next})
	if err != nil {
		t.Fatal(err)
	}
	if first.Contacts[0].ID != s.ada || second.Contacts[0].ID != s.bob || second.Next != "" {
		t.Errorf("pages are %v, %v, next %q", first.Contacts, second.Contacts, second.Next)
	}
	for _, q := range []report.ContactQuery{{Cursor: "x"}, {Cursor: "1.zz"}, {Limit: 201}, {Limit: -1}, {Touch: "middle"}} {
		if _, err := s.in(1).Contacts(t.Context(), q); schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("%+v: %v, want an invalid query", q, err)
		}
	}
}

func TestContactFollowsRedirects(t *testing.T) {
	s := tell(t)
	contact, err := s.in(1).Contact(t.Context(), s.old)
	if err != nil || contact.ID != s.ada {
		t.Errorf("got %v, %v; want Ada, whom the old id became", contact.ID, err)
	}
	for name, id := range map[string]schema.ID{"an id that never was": schema.Derive("x"), "one of another workspace": schema.ContactID(2, "intercom:ada")} {
		var e *schema.Error
		if _, err := s.in(1).Contact(t.Context(), id); !errors.As(err, &e) || e.Kind != schema.KindUnknown {
			t.Errorf("%s: %v, want KindUnknown", name, err)
		}
	}
}
