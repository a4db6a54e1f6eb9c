package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/walk"
)

// doctorRests is how long the doctor is left alone: it asks the vendor up to
// eight questions each time, and the vendor answers some 160 a second.
const doctorRests = 500 * time.Millisecond

// diagnosis is the doctor's answer.
type diagnosis struct {
	Cause, Headline string
	Suggested       string `json:"suggested_page"`
	Findings        []struct {
		Step, Name, State, Text, Means, Fix string
		AsOf                                *time.Time `json:"as_of"`
	}
}

func (d diagnosis) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cause %q: %s\n", d.Cause, d.Headline)
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "  %-8s %-10s %s %s → %s\n", f.State, f.Step, f.Text, f.Means, f.Fix)
	}
	return b.String()
}

func (d *demo) examine(t testing.TB, page string) diagnosis {
	t.Helper()
	r := d.ask(t, http.MethodPost, "/api/v1/connections/intercom/doctor", map[string]string{"page": page})
	return decode[diagnosis](t, "the doctor", r)
}

// names waits until the doctor names a cause; whoever reads of it must be told
// what to do.
func (d *demo) names(t *testing.T, cause, page string, says ...string) diagnosis {
	t.Helper()
	var found diagnosis
	untilEvery(t, doctorRests, "the cause "+cause, func() (bool, string) {
		found = d.examine(t, page)
		return found.Cause == cause, found.String()
	})
	for _, f := range found.Findings {
		if f.State == "failed" && (f.Text == "" || f.Means == "" || f.Fix == "" || f.AsOf == nil) {
			t.Errorf("a step failed without all its words: %+v", f)
		}
	}
	for _, words := range says {
		if !strings.Contains(found.String(), words) {
			t.Errorf("the doctor does not say %q:\n%s", words, found)
		}
	}
	return found
}

// configure changes a setting of the app or of the workspace at Intercom.
func (d *demo) configure(t testing.TB, settings map[string]any) {
	t.Helper()
	if r := send(t, http.MethodPost, d.file.IntercomURL+"/standin/settings", settings); r.status != http.StatusOK {
		t.Fatalf("settings %v: %d %s", settings, r.status, r.body)
	}
}

func (d *demo) editAttribute(t testing.TB, edit map[string]any) {
	t.Helper()
	edit["name"] = "sourceloop_id"
	if r := send(t, http.MethodPost, d.file.IntercomURL+"/standin/attribute", edit); r.status != http.StatusOK {
		t.Fatalf("attribute %v: %d %s", edit, r.status, r.body)
	}
}

// clinic is a demo in which everything is as it should be, to be broken and
// mended.
type clinic struct {
	*demo
	t       *testing.T
	visitor string
	pages   *httptest.Server // pages of a host where it is not
	html    string           // what they say
	policy  string
}

func newClinic(t *testing.T, d *demo) *clinic {
	c := &clinic{demo: d, t: t, visitor: newVisitor()}
	c.pages = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if c.policy != "" {
			w.Header().Set("Content-Security-Policy", c.policy)
		}
		fmt.Fprint(w, "<!doctype html><html><head>"+c.html+"</head><body></body></html>")
	}))
	t.Cleanup(c.pages.Close)
	return c
}

// page is the address of a page on another host than the site's, with this in
// its head.
func (c *clinic) page(html string) string {
	c.html, c.policy = html, ""
	return strings.Replace(c.pages.URL, "127.0.0.1", "localhost", 1) + "/contact"
}

func (c *clinic) snippet(key, attributes string) string {
	return fmt.Sprintf(`<script defer src="%s/sl.js" data-key="%s"%s></script>`, c.url, key, attributes)
}

// visits is a page view with the Messenger, and its end.
func (c *clinic) visits(t *testing.T, messenger string) {
	t.Helper()
	now := time.Now()
	leave := pageview(c.visitor, now, c.file.SiteURL+"/contact", "")
	leave["type"], leave["properties"] = "leave", map[string]any{"engaged_ms": 9000, "chat": messenger}
	c.collect(t, pageview(c.visitor, now, c.file.SiteURL+"/contact", ""), leave)
}

// talks is a chat on the site's page, of somebody who gives an email.
func (c *clinic) talks(t *testing.T, fields map[string]any) chatAnswer {
	t.Helper()
	told := map[string]any{"email": newEmail("clinic"), "page": c.file.SiteURL + "/contact", "sourceloop_id": c.visitor}
	for name, value := range fields {
		told[name] = value
	}
	return c.chat(t, told)
}

// forget deletes a conversation at Intercom that never came here.
func (c *clinic) forget(t *testing.T, talk chatAnswer) {
	t.Helper()
	r := send(t, http.MethodPost, c.file.IntercomURL+"/standin/delete", map[string]string{"conversation_id": talk.ConversationID})
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
}

// well waits until nothing is in the way, and until a second is over: Intercom
// tells when chats begin in whole ones, and so far each has its own.
func (c *clinic) well(t *testing.T) diagnosis {
	t.Helper()
	found := c.names(t, "", c.file.SiteURL+"/contact")
	now := time.Now().Unix()
	until(t, "the next second", func() (bool, string) { return time.Now().Unix() > now, "" })
	return found
}

// TestDoctorNamesTheCause breaks a set-up in the ways in which they break, each
// for real: at Intercom, in the settings of the app, on the page. In each the
// doctor must name the cause; mended, it must find nothing.
func TestDoctorNamesTheCause(t *testing.T) {
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"))
	if r := d.ask(t, http.MethodPost, "/api/v1/connections/intercom/doctor", nil); r.status != http.StatusNotFound {
		t.Errorf("before anything was connected: %d %s", r.status, r.body)
	}
	c := newClinic(t, d)
	c.connect(t)
	t.Run("the tracker is nowhere", func(t *testing.T) {
		c.names(t, "tracker", "", "Nothing was heard of the tracker", "Setup → Tracking code")
	})
	c.visits(t, "pushed")
	c.talks(t, nil)
	c.well(t)
	c.agrees(t)
	// First, since Intercom repeats after a minute what it could not deliver, people too.
	t.Run("topics of people are not ticked", c.onlyConversations)
	for _, breakage := range []struct {
		name  string
		cause string
		does  func(*clinic, *testing.T) (page string, mend func())
		says  []string
	}{
		{"the attribute is gone", "attribute", editing(map[string]any{"remove": true}), []string{"no attribute sourceloop_id", "Press Test"}},
		{"the attribute is archived", "attribute", editing(map[string]any{"archived": true}), []string{"is archived"}},
		{"the Messenger may not write the attribute", "attribute", editing(map[string]any{"messenger_writable": false}), []string{"may not write"}},
		{"the attribute has another type", "attribute", (*clinic).retyped, []string{"the type integer", "must be text"}},
		{"the client secret is another", "signature", (*clinic).signedByAnother, []string{"its signature does not fit", "SOURCELOOP_INTERCOM_CLIENT_SECRET"}},
		{"webhooks go to a wrong address", "webhooks", posting("http://127.0.0.1:9/hooks/intercom"), []string{"no webhook of it came", "/hooks/intercom"}},
		{"the app has no webhook address", "webhooks", posting(""), []string{"no webhook of it came"}},
		{"topics of conversations are not ticked", "topics", (*clinic).onlyPeople, []string{"none about conversations"}},
		{"identity verification is enforced", "identity", (*clinic).verified, []string{"Identity verification is enforced", "intercom_user_jwt"}},
		{"the Messenger is on another domain", "messenger", (*clinic).elsewhere, []string{"help.other.example", "where the tracker was not heard"}},
		{"the Messenger's script is blocked", "messenger", (*clinic).stubbed, []string{"its script never came"}},
		{"the page has no tracker", "tracker", showing(func(c *clinic) string { return `<title>Contact</title>` }), []string{"does not carry the tracking code"}},
		{"the page has another key", "key", showing(func(c *clinic) string { return c.snippet("sl_another", "") }), []string{"sl_another", "data-key must be"}},
		{"the page has no key", "key", showing(func(c *clinic) string { return c.snippet("", "") }), []string{"has no key"}},
		{"consent was never given", "consent", showing(func(c *clinic) string { return c.snippet(c.siteKey, ` data-consent="required"`) }), []string{"waits for consent", `sourceloop.consent("granted")`}},
		{"the page's policy forbids the tracker", "tracker", (*clinic).forbidden, []string{"content security policy"}},
		{"the page's Messenger is another workspace's", "routing", showing(func(c *clinic) string {
			return c.snippet(c.siteKey, "") + `<script>window.intercomSettings = {app_id: "elsewhere1"};</script>`
		}), []string{"elsewhere1", "another workspace"}},
		{"the clock is off", "clock", (*clinic).late, []string{"10m", "NTP"}},
		{"the plan refuses conversations", "plan", (*clinic).restricted, []string{"refuses questions about conversations"}},
	} {
		t.Run(breakage.name, func(t *testing.T) {
			page, mend := breakage.does(c, t)
			func() {
				defer mend() // Also when it is not named, for those that follow.
				c.names(t, breakage.cause, page, breakage.says...)
			}()
			c.well(t)
		})
	}
	t.Run("the app was removed at Intercom", c.removed)
	t.Run("disconnected", func(t *testing.T) {
		equal(t, "disconnecting", c.ask(t, http.MethodPost, "/api/v1/connections/intercom/disconnect", nil).status, http.StatusOK)
		c.names(t, "token", "", "is not connected", "Click Connect")
	})
}

func (c *clinic) connect(t *testing.T) {
	t.Helper()
	w, err := walk.New(c.url)
	if err == nil {
		err = w.Connect(within(t), "intercom", c.file.OwnerEmail, c.file.OwnerPassword)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// editing is what an admin does to the attribute; Test on the card mends it.
func editing(edit map[string]any) func(*clinic, *testing.T) (string, func()) {
	return func(c *clinic, t *testing.T) (string, func()) {
		c.editAttribute(t, edit)
		return "", func() {
			equal(t, "Test", c.ask(t, http.MethodPost, "/api/v1/connections/intercom/test", nil).status, http.StatusOK)
		}
	}
}

func (c *clinic) retyped(t *testing.T) (string, func()) {
	c.editAttribute(t, map[string]any{"data_type": "integer"})
	return "", func() { c.editAttribute(t, map[string]any{"data_type": "string"}) }
}

// mended forgets a chat that never arrived, and lets another one.
func (c *clinic) mended(t *testing.T, talk chatAnswer, settings map[string]any) func() {
	return func() {
		c.configure(t, settings)
		c.forget(t, talk)
		c.talks(t, nil)
	}
}

func (c *clinic) signedByAnother(t *testing.T) (string, func()) {
	c.configure(t, map[string]any{"signing_secret": "the one from before it was rotated"})
	return "", c.mended(t, c.talks(t, nil), map[string]any{"signing_secret": ""})
}

func posting(address string) func(*clinic, *testing.T) (string, func()) {
	return func(c *clinic, t *testing.T) (string, func()) {
		c.configure(t, map[string]any{"webhook_url": address})
		return "", c.mended(t, c.talks(t, nil), map[string]any{"webhook_url": c.url + "/hooks/intercom"})
	}
}

func (c *clinic) onlyPeople(t *testing.T) (string, func()) {
	c.configure(t, map[string]any{"topics": []string{"contact.lead.created", "contact.lead.added_email", "contact.lead.updated"}})
	return "", c.mended(t, c.talks(t, nil), map[string]any{"topics": nil})
}

func (c *clinic) verified(t *testing.T) (string, func()) {
	c.configure(t, map[string]any{"identity_verification": true})
	// The site boots for a signed-in user without signing, which Intercom refuses; the chat has no id.
	app := c.appID(t)
	r := send(t, http.MethodPost, c.file.IntercomURL+"/messenger/update", map[string]any{
		"app_id": app, "visitor_id": newVisitor(), "settings": map[string]any{"email": newEmail("user"), "sourceloop_id": c.visitor},
	})
	if r.status != http.StatusBadRequest {
		t.Fatalf("Intercom takes an unsigned user: %d %s", r.status, r.body)
	}
	talk := c.talks(t, map[string]any{"sourceloop_id": ""})
	return "", c.mended(t, talk, map[string]any{"identity_verification": false})
}

func (c *clinic) elsewhere(t *testing.T) (string, func()) {
	talk := c.talks(t, map[string]any{"sourceloop_id": "", "page": "https://help.other.example/article"})
	return "", c.mended(t, talk, map[string]any{})
}

func (c *clinic) stubbed(t *testing.T) (string, func()) {
	c.visits(t, "stub")
	return "", func() { c.visits(t, "pushed") }
}

func showing(html func(*clinic) string) func(*clinic, *testing.T) (string, func()) {
	return func(c *clinic, _ *testing.T) (string, func()) { return c.page(html(c)), func() {} }
}

func (c *clinic) forbidden(*testing.T) (string, func()) {
	page := c.page(c.snippet(c.siteKey, ""))
	c.policy = "default-src 'self'; script-src 'self' https://widget.intercom.io"
	return page, func() {}
}

func (c *clinic) late(t *testing.T) (string, func()) {
	c.configure(t, map[string]any{"clock_ahead_ms": 10 * time.Minute.Milliseconds()})
	return "", func() { c.configure(t, map[string]any{"clock_ahead_ms": 0}) }
}

func (c *clinic) restricted(t *testing.T) (string, func()) {
	c.configure(t, map[string]any{"plan_restricted": true})
	talk := c.talks(t, nil) // It arrives all the same.
	c.awaitConversation(t, talk.ConversationID)
	return "", func() { c.configure(t, map[string]any{"plan_restricted": false}) }
}

// awaitConversation waits until a conversation is a contact's.
func (a *account) awaitConversation(t *testing.T, id string) {
	t.Helper()
	until(t, "the conversation "+id, func() (bool, string) {
		list := get[contactList](t, a, "/api/v1/contacts")
		return slices.ContainsFunc(list.Items, func(c contact) bool {
			return slices.ContainsFunc(c.Conversations, func(v conversation) bool { return v.ID == id })
		}), fmt.Sprint(len(list.Items), " contacts")
	})
}

// onlyConversations: an email that is given later never arrives.
func (c *clinic) onlyConversations(t *testing.T) {
	c.configure(t, map[string]any{"topics": []string{"conversation.user.created"}})
	talk := c.talks(t, map[string]any{"email": "", "sourceloop_id": newVisitor()}) // The others' browser is somebody's.
	until(t, "the chat to be asked about", func() (bool, string) {
		asked := c.requests(t)
		return slices.ContainsFunc(asked, func(r standinRequest) bool { return strings.HasSuffix(r.Path, "/contacts/"+talk.ContactID) }), fmt.Sprintf("%+v", asked)
	})
	c.well(t) // Nobody knows yet who it is.
	r := send(t, http.MethodPost, c.file.IntercomURL+"/standin/contact", map[string]string{"contact_id": talk.ContactID, "email": newEmail("later")})
	equal(t, "giving an email", r.status, http.StatusOK)
	c.names(t, "topics", "", "none about people")
	c.configure(t, map[string]any{"topics": nil})
	r = send(t, http.MethodPost, c.file.IntercomURL+"/standin/contact", map[string]string{"contact_id": talk.ContactID, "name": "Lea Later"})
	equal(t, "giving a name", r.status, http.StatusOK)
	c.well(t)
}

// removed: an admin removes the app under authorised apps.
func (c *clinic) removed(t *testing.T) {
	c.fault(t, "revoke", 1)
	c.names(t, "token", "", "does not accept the token any more", "Reconnect")
	c.ask(t, http.MethodPost, "/api/v1/connections/intercom/test", nil) // The card learns of it by the next question.
	until(t, "the card's Error", func() (bool, string) { state := c.card(t).State; return state == "error", state })
	c.connect(t)
	c.talks(t, nil)
	c.well(t)
}

// agrees: the command line says what the dashboard says.
func (c *clinic) agrees(t *testing.T) {
	t.Helper()
	page := c.file.SiteURL + "/contact"
	asked := []string{
		"doctor", "intercom", "--page", page, "--data", filepath.Join(c.dir, "sourceloop"), "--public-url", c.url,
		"--intercom-api-url", c.file.IntercomURL, "--doctor-private-pages",
	}
	said := func(arguments ...string) string {
		p := start(t, arguments...)
		t.Cleanup(p.kill)
		select {
		case <-p.ended:
		case <-time.After(patience):
			t.Fatal("the doctor does not end")
		}
		if p.err != nil {
			t.Fatalf("%v: %v\n%s", arguments, p.err, p.stderr)
		}
		return p.stdout.String()
	}
	var told diagnosis
	if err := json.Unmarshal([]byte(said(append(asked, "--json")...)), &told); err != nil {
		t.Fatal(err)
	}
	dashboard := c.examine(t, page)
	equal(t, "findings", len(told.Findings), len(dashboard.Findings))
	for i, f := range dashboard.Findings {
		equal(t, "step", told.Findings[i].Step, f.Step)
		equal(t, f.Step+"'s state", told.Findings[i].State, f.State)
		equal(t, f.Step+"'s fix", told.Findings[i].Fix, f.Fix)
	}
	text := said(asked...)
	for _, words := range []string{"ok      Access to Intercom.", "as of ", "Nothing is in the way of a chat"} {
		if !strings.Contains(text, words) {
			t.Errorf("the command does not print %q:\n%s", words, text)
		}
	}
	if secret := c.clientSecret(t); strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
		t.Error("the command prints the client secret")
	}
}
