package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

// threeDays is a person who came by an ad of Google's, returned from a
// newsletter, and chatted at the third visit.
type threeDays struct {
	visitor, email             string
	first, second, third, chat time.Time
	days                       string // of reports, as a query
	from, to                   string
}

func newThreeDays() threeDays {
	// Away from midnight, which would begin sessions of its own.
	third := time.Now().UTC().Truncate(day).Add(-12 * time.Hour)
	w := threeDays{
		visitor: newVisitor(), email: newEmail("Ada"),
		first: third.Add(-2 * day), second: third.Add(-day), third: third, chat: third.Add(4 * time.Minute),
	}
	w.from, w.to = w.first.Format(time.DateOnly), third.Format(time.DateOnly)
	w.days = "&from=" + w.from + "&to=" + w.to
	return w
}

const shop = "https://shop.example"

func (w threeDays) hits() []hit {
	return []hit{
		pageview(w.visitor, w.first, shop+"/pricing?gclid=Cj0KCQ-three-days&utm_campaign=spring", "https://www.google.com/"),
		pageview(w.visitor, w.first.Add(90*time.Second), shop+"/features", shop+"/pricing"),
		pageview(w.visitor, w.second, shop+"/blog/tea", "https://news.ycombinator.com/item?id=1"),
		pageview(w.visitor, w.third, shop+"/?utm_source=test&utm_medium=verify&utm_campaign=intercom-check&utm_content=button&utm_term=tea", ""),
		pageview(w.visitor, w.third.Add(time.Minute), shop+"/contact", shop+"/"),
	}
}

func TestIntercomThreeDaysOfHits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir, "--connected")
	w := newThreeDays()

	begun := time.Now()
	d.collect(t, w.hits()...)
	d.awaitSessions(t, shop+"/blog/tea", 1, w.days)
	t.Logf("from hit to report: %s", time.Since(begun).Round(time.Millisecond))

	begun = time.Now()
	talk := d.chat(t, map[string]any{
		"id": "three-days", "at": w.chat.UnixMilli(), "email": w.email, "name": "Ada Lovelace", "phone": "+47 22 12 34 56",
		"message": "Do you post to Iceland?", "page": shop + "/contact", "sourceloop_id": w.visitor,
	})
	c := d.awaitContact(t, w.email, func(c contact) bool {
		return converted(c) && c.LastTouch.Source == "test" && c.FirstTouch.Source == "google"
	})
	t.Logf("from chat to contact: %s", time.Since(begun).Round(time.Millisecond))

	w.checkContact(t, c, talk)
	w.checkJourney(t, get[journey](t, d.account, "/api/v1/contacts/"+c.ID+"/journey"))
	d.awaitAttribution(t, "/api/v1/attribution?dimension=source"+w.days, "test", 1)
	w.checkReports(t, d)

	before := w.answers(t, d, c.ID)
	d.kill()
	again := startDemo(t, dir, "--connected")
	equal(t, "the address after a kill", again.file, d.file)
	after := w.answers(t, again, c.ID)
	for path := range before {
		if !reflect.DeepEqual(before[path], after[path]) {
			t.Errorf("%s changed with a kill:\nbefore %s\nafter  %s", path, text(t, before[path]), text(t, after[path]))
		}
	}

	// A cold start must not forget whom it knows: the same visitor comes back.
	again.collect(t, pageview(w.visitor, w.chat.Add(6*time.Hour), shop+"/docs?utm_source=later", ""))
	until(t, "the later session in the journey", func() (bool, string) {
		got := get[journey](t, again.account, "/api/v1/contacts/"+c.ID+"/journey")
		return len(got.Sessions) == 4, text(t, got)
	})
	last := again.search(t, w.email)[0]
	if !reflect.DeepEqual(last.LastTouch, c.LastTouch) || last.ReturnVisits != c.ReturnVisits {
		t.Errorf("a visit after the conversion changed it: %+v", last)
	}
}

func (w threeDays) checkContact(t *testing.T, c contact, talk chatAnswer) {
	t.Helper()
	first, last := c.FirstTouch, c.LastTouch
	equal(t, "first source", first.Source+" / "+first.Medium, "google / cpc")
	equal(t, "first channel", first.Channel, "Paid Search")
	equal(t, "first campaign", first.Campaign, "spring")
	equal(t, "first landing page", first.LandingPage, shop+"/pricing?gclid=Cj0KCQ-three-days&utm_campaign=spring")
	equal(t, "first referrer", first.Referrer, "https://www.google.com/")
	equal(t, "first touch at", first.At, w.first)
	equal(t, "last source", last.Source+" / "+last.Medium, "test / verify")
	equal(t, "last campaign", last.Campaign, "intercom-check")
	equal(t, "last content", last.Content, "button")
	equal(t, "last term", last.Term, "tea")
	equal(t, "last touch at", last.At, w.third)
	if first.Rule == "" || last.Rule == "" {
		t.Errorf("no rule is recorded: %q, %q", first.Rule, last.Rule)
	}
	equal(t, "pages before the chat", c.PagesBefore, 5)
	equal(t, "return visits", c.ReturnVisits, 2)
	equal(t, "seconds on site", c.SecondsOnSite, 150)
	equal(t, "device", c.Device, "desktop")
	equal(t, "browser", c.Browser, "Chrome")
	equal(t, "country", c.Country, "NO")
	equal(t, "name", c.Name, "Ada Lovelace")
	equal(t, "phone", c.Phone, "+4722123456")
	equal(t, "stage", c.Stage, "New")
	if want := []string{"https://www.google.com/", "https://news.ycombinator.com/item?id=1"}; !slices.Equal(c.ReferrerChain, want) {
		t.Errorf("referrer chain %q, not %q", c.ReferrerChain, want)
	}
	if len(c.Conversations) != 1 {
		t.Fatalf("conversations: %+v", c.Conversations)
	}
	equal(t, "conversation", c.Conversations[0].ID, talk.ConversationID)
	equal(t, "conversation's message", c.Conversations[0].Message, "Do you post to Iceland?")
	// Intercom's times are whole seconds, which count as their end.
	equal(t, "conversation's time", c.Conversations[0].At.Truncate(time.Second), w.chat)
	if !slices.ContainsFunc(c.Evidence, func(e evidence) bool {
		return e.Node == "visitor:"+w.visitor && e.Method == "sourceloop_id" && !e.Verified
	}) {
		t.Errorf("no evidence by sourceloop_id: %+v", c.Evidence)
	}
}

func (w threeDays) checkJourney(t *testing.T, j journey) {
	t.Helper()
	var told []string
	for _, s := range j.Sessions {
		told = append(told, s.Reason+": "+s.Channel)
		for _, i := range s.Items {
			page, _, _ := strings.Cut(strings.TrimPrefix(i.URL, shop), "?")
			if i.Type == "ad_click" {
				page = i.ClickID
			}
			told = append(told, i.Type+" "+page)
		}
	}
	want := []string{
		"first_hit: Paid Search", "ad_click gclid=Cj0KCQ-three-days", "pageview /pricing", "pageview /features",
		"timeout: Organic Social", "pageview /blog/tea",
		"timeout: Unassigned", "pageview /", "pageview /contact",
	}
	got := slices.DeleteFunc(slices.Clone(told), func(s string) bool { return strings.HasPrefix(s, "conversation") })
	if !slices.Equal(got, want) {
		t.Errorf("the journey is\n%q, not\n%q", got, want)
	}
	if last := told[len(told)-1]; !strings.HasPrefix(last, "conversation") {
		t.Errorf("the journey does not end in the conversation: %q", told)
	}
}

// awaitAttribution waits until a row has so many conversions.
func (a *account) awaitAttribution(t testing.TB, path, key string, conversions float64) {
	t.Helper()
	until(t, path, func() (bool, string) {
		got := get[attribution](t, a, path)
		return got.row(key).Conversions == conversions, text(t, got)
	})
}

func (w threeDays) checkReports(t *testing.T, d *demo) {
	t.Helper()
	for model, source := range map[string]string{
		"last_touch": "test", "first_touch": "google", "last_non_direct": "test", "first_non_direct": "google",
	} {
		got := get[attribution](t, d.account, "/api/v1/attribution?dimension=source&model="+model+w.days)
		equal(t, model+": "+source, got.row(source).Conversions, 1)
		equal(t, model+": total", got.Total, 1)
		equal(t, model+": attributed", got.Attributed, 1)
	}
	shares := get[attribution](t, d.account, "/api/v1/attribution?dimension=source&model=position_based"+w.days)
	equal(t, "position based: google", shares.row("google").Conversions, 0.4)
	equal(t, "position based: test", shares.row("test").Conversions, 0.4)
	for _, dimension := range []struct{ name, entry string }{
		{"source", "google"}, {"landing_page", shop + "/pricing?gclid=Cj0KCQ-three-days&utm_campaign=spring"}, {"device", "desktop"},
	} {
		f := d.funnel(t, "visitor", dimension.name, w.from, w.to)
		if len(f.Steps) != 2 || f.Steps[0].Entered != 1 || f.Steps[1].Entered != 1 {
			t.Fatalf("funnel: %+v", f)
		}
		if got := f.row(dimension.entry); len(got) != 2 || got[1].Entered != 1 {
			t.Errorf("funnel by %s, read at the entry step: %+v", dimension.name, f.Breakdown)
		}
	}
}

// answers are all that the API says of the person, by path.
func (w threeDays) answers(t *testing.T, d *demo, id string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, path := range []string{
		"/api/v1/contacts", "/api/v1/contacts?q=" + url.QueryEscape(w.email), "/api/v1/contacts/" + id, "/api/v1/contacts/" + id + "/journey",
		"/api/v1/traffic?compare=none" + w.days, "/api/v1/stages", "/api/v1/funnels",
	} {
		all[path] = get[any](t, d.account, path)
	}
	for _, asked := range []string{
		"last_touch&dimension=channel", "first_touch&dimension=source", "last_non_direct&dimension=medium", "first_non_direct&dimension=campaign",
		"linear&dimension=landing_page", "position_based&dimension=device", "time_decay&dimension=country",
	} {
		path := "/api/v1/attribution?model=" + asked + w.days
		all[path] = get[any](t, d.account, path)
	}
	for _, scope := range []string{"visitor", "session", "contact"} {
		all["funnel by "+scope] = d.funnel(t, scope, "source", w.from, w.to)
	}
	return all
}

func text(t testing.TB, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNothingElseIsWrittenInIntercom(t *testing.T) {
	d := connected(t)
	email := newEmail("Nils")
	d.chat(t, map[string]any{"email": email, "message": "Hello"})
	d.awaitContact(t, email, converted)
	if r := d.ask(t, http.MethodPost, "/api/v1/connections/intercom/test", nil); r.status != http.StatusOK {
		t.Errorf("test of the connection: %d %s", r.status, r.body)
	}
	writes := 0
	for _, r := range d.requests(t) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || noWrite(r) {
			continue
		}
		writes++
		attribute := r.Path == "/data_attributes" || strings.HasPrefix(r.Path, "/data_attributes/")
		if !attribute || !strings.Contains(string(r.Body), "sourceloop_id") && !strings.Contains(string(r.Body), "messenger_writable") {
			t.Errorf("%s %s %s", r.Method, r.Path, r.Body)
		}
	}
	if writes != 1 {
		t.Errorf("%d writes of the attribute, not 1", writes)
	}
}

// noWrite tells OAuth, revocation, searches, and what browsers and tests send.
func noWrite(r standinRequest) bool {
	for _, prefix := range []string{"/oauth", "/auth/", "/messenger/", "/standin/"} {
		if strings.HasPrefix(r.Path, prefix) {
			return true
		}
	}
	return strings.HasSuffix(r.Path, "/search")
}
