package report_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
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

func TestAttribution(t *testing.T) {
	s := tell(t)
	week := time.Duration(7*24) * time.Hour
	weight := func(start string) float64 {
		return math.Exp2(-float64(at(t, "5T10:04").Sub(at(t, start))) / float64(week))
	}
	all := weight("1T10:00") + weight("3T10:00") + weight("5T10:00")
	for model, want := range map[report.Model]map[string]float64{
		"last_touch":       {"Direct": 2},
		"first_touch":      {"Paid Search": 1, "Direct": 1},
		"last_non_direct":  {"Email": 1, "Direct": 1},
		"first_non_direct": {"Paid Search": 1, "Direct": 1},
		"linear":           {"Paid Search": 1. / 3, "Email": 1. / 3, "Direct": 4. / 3},
		"position_based":   {"Paid Search": 0.4, "Email": 0.2, "Direct": 1.4},
		"time_decay":       {"Paid Search": weight("1T10:00") / all, "Email": weight("3T10:00") / all, "Direct": 1 + weight("5T10:00")/all},
	} {
		a, err := s.in(1).Attribution(t.Context(), report.Credits{Model: model, Dimension: "channel", Period: s.september(), Lookback: 90})
		if err != nil {
			t.Fatal(err)
		}
		if a.Total != 2 || a.Attributed != 1 {
			t.Errorf("%s: %v of %v attributed, want Ada's conversion of hers and Bob's", model, a.Attributed, a.Total)
		}
		for _, row := range a.Rows {
			if math.Abs(row.Conversions-want[row.Key]) > 1e-9 || math.Abs(row.Value-10*want[row.Key]) > 1e-9 {
				t.Errorf("%s gives %s %v conversions and a value of %v, want %v conversions", model, row.Key, row.Conversions, row.Value, want[row.Key])
			}
		}
	}
}

func TestAttributionQuestions(t *testing.T) {
	s := tell(t)
	ask := func(change func(*report.Credits)) report.Attribution {
		t.Helper()
		q := report.Credits{Model: "first_touch", Dimension: "campaign", Period: s.september(), Lookback: 90}
		change(&q)
		a, err := s.in(1).Attribution(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := ask(func(*report.Credits) {}); a.Rows[0].Sessions+a.Rows[1].Sessions != 4 || a.Rows[1] != (report.AttributionRow{Key: "spring", Conversions: 1, Value: 10, Sessions: 2}) && a.Rows[0] != (report.AttributionRow{Key: "spring", Conversions: 1, Value: 10, Sessions: 2}) {
		t.Errorf("by campaign: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Lookback = 1 }); a.Rows[0].Key != report.None || a.Rows[0].Conversions != 2 || a.Attributed != 1 {
		t.Errorf("looking back one day, the direct session alone counts: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Filters = []report.Filter{{"source", "is", "google"}} }); a.Total != 1 || a.Attributed != 1 {
		t.Errorf("of credits by google: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Conversion = "contact" }); a.Total != 2 || a.Attributed != 1 {
		t.Errorf("that two contacts came to be: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Conversion = "other" }); a.Total != 0 {
		t.Errorf("a conversion that never happened: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.AsOf = at(t, "30T00:00") }); a.Total != 0 {
		t.Errorf("before anything was known: %+v", a)
	}
	if a := ask(func(q *report.Credits) { q.Compare = "last_touch" }); a.Rows[0].CompareConversions+a.Rows[1].CompareConversions != 2 {
		t.Errorf("a second model beside the first: %+v", a)
	}
	for _, q := range []report.Credits{
		{Model: "guess", Dimension: "channel", Lookback: 90}, {Model: "linear", Dimension: "visitor", Lookback: 90},
		{Model: "linear", Dimension: "channel", Lookback: 8},
		{Model: "linear", Dimension: "channel", Lookback: 90, Filters: []report.Filter{{"version", "is", "1"}}},
	} {
		if _, err := s.in(1).Attribution(t.Context(), q); schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("%+v: %v, want an invalid question", q, err)
		}
	}
}

func TestTraffic(t *testing.T) {
	s := tell(t)
	traffic, err := s.in(1).Traffic(t.Context(), report.Credits{Model: "last_touch", Period: s.september(), Lookback: 90})
	if err != nil {
		t.Fatal(err)
	}
	want := report.Figures{Start: at(t, "1T00:00"), Sessions: 4, Visitors: 3, PageViews: 6, Conversions: 2, Value: 20}
	if traffic.Total != want || traffic.Granularity != report.Day || len(traffic.Trend) != 30 {
		t.Errorf("got %+v with %d stretches of a %s", traffic.Total, len(traffic.Trend), traffic.Granularity)
	}
	if day := traffic.Trend[4]; day != (report.Figures{Start: at(t, "5T00:00"), Sessions: 2, Visitors: 2, PageViews: 3, Conversions: 1, Value: 10}) {
		t.Errorf("the fifth day holds %+v", day)
	}
	google := []report.Filter{{"source", "is", "google"}}
	traffic, err = s.in(1).Traffic(t.Context(), report.Credits{Model: "first_touch", Period: s.september(), Lookback: 90, Filters: google})
	if err != nil || traffic.Total.Sessions != 2 || traffic.Total.Conversions != 1 {
		t.Errorf("by google: %+v, %v", traffic.Total, err)
	}
}

func TestWorkspacesNeverMeet(t *testing.T) {
	s := tell(t)
	contacts, err := s.in(2).Contacts(t.Context(), report.ContactQuery{})
	if err != nil || len(contacts.Contacts) != 1 || contacts.Contacts[0].Email != "eve@b.example" || contacts.Contacts[0].LastTouch.Channel != "Email" {
		t.Errorf("the second workspace lists %+v, %v", contacts, err)
	}
	a, err := s.in(2).Attribution(t.Context(), report.Credits{Model: "linear", Dimension: "landing_page", Period: s.september(), Lookback: report.AllTouches})
	if err != nil || len(a.Rows) != 1 || a.Rows[0] != (report.AttributionRow{Key: "https://a.example/", Conversions: 1, Value: 10, Sessions: 1}) {
		t.Errorf("the second workspace credits %+v, %v", a, err)
	}
	f, err := s.in(2).Funnel(t.Context(), report.Funnel{Window: time.Hour * 24 * 14, Period: s.september(), Scope: report.ByContact, Steps: []report.Step{
		{Type: "pageview", Operator: "contains", Value: "example"}, {Type: "conversion", Name: "intercom_conversation"},
	}})
	if err != nil || f.Steps[0].Entered != 1 || f.Steps[1].Entered != 1 {
		t.Errorf("the second workspace's funnel is %+v, %v", f, err)
	}
	for _, other := range []uint32{0, 3} {
		if page, err := s.in(other).Contacts(t.Context(), report.ContactQuery{}); err != nil || len(page.Contacts) != 0 {
			t.Errorf("workspace %d lists %+v, %v", other, page, err)
		}
	}
}

func TestArrivals(t *testing.T) {
	s := open(t)
	now := at(t, "9T10:00")
	id := schema.NewHitID(now, [10]byte{1})
	s.write(&sink.Batch{Hits: []*schema.Hit{{
		Id: id[:], Workspace: 1, Visitor: "v", At: int64(now), Received: int64(now), Type: schema.HitType_HIT_TYPE_PAGEVIEW, Url: "https://www.a.example/x",
	}}})
	got, err := s.in(1).Arrivals(t.Context(), now.Add(-time.Minute))
	if err != nil || got != (report.Arrivals{Hits: 1, Newest: now, Host: "www.a.example", URL: "https://www.a.example/x"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		workspace uint32
		since     schema.Millis
	}{"too early": {1, now + 1}, "another workspace's": {2, now - 1}} {
		if got, err := s.in(c.workspace).Arrivals(t.Context(), c.since); err != nil || got != (report.Arrivals{}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}
