package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// hubspotCard is HubSpot's on Setup → Chat.
func (a *account) hubspotCard(t testing.TB) card {
	t.Helper()
	for _, c := range get[struct{ Items []card }](t, a, "/api/v1/connections").Items {
		if c.Provider == "hubspot" {
			return c
		}
	}
	t.Fatal("there is no card of HubSpot")
	return card{}
}

// hubspotChat is a chat in HubSpot's widget, without a browser.
func (d *demo) hubspotChat(t testing.TB, fields map[string]any) chatAnswer {
	t.Helper()
	return decode[chatAnswer](t, "the chat", send(t, http.MethodPost, d.file.HubSpotURL+"/standin/chat", fields))
}

func (d *demo) hubspotFault(t testing.TB, kind string, times int) {
	t.Helper()
	equal(t, "fault "+kind, send(t, http.MethodPost, d.file.HubSpotURL+"/standin/fault", map[string]any{"kind": kind, "times": times}).status, http.StatusOK)
}

// hubspotEvents are those that the stand-in made, and what became of them.
func (d *demo) hubspotEvents(t testing.TB) []sentWebhook {
	t.Helper()
	return decode[struct{ Webhooks []sentWebhook }](t, "events", send(t, http.MethodGet, d.file.HubSpotURL+"/standin/webhooks", nil)).Webhooks
}

func (d *demo) hubspotRequests(t testing.TB) []standinRequest {
	t.Helper()
	return decode[struct{ Requests []standinRequest }](t, "requests", send(t, http.MethodGet, d.file.HubSpotURL+"/standin/requests", nil)).Requests
}

// connectsHubSpot clicks through the card and HubSpot's page. Nothing from
// before is imported.
func connectsHubSpot(w *tab, d *demo) {
	w.t.Helper()
	w.open(d.url + "/setup/chat")
	card := id("connection-hubspot")
	w.see(card)
	if box := card + " " + id("import-before"); w.eval(fmt.Sprintf("document.querySelector(%q)?.checked", box)) == "true" {
		w.click(box)
	}
	w.click(card + " " + id("connect"))
	w.see("#authorize")
	if got := w.texts("#scopes strong"); !slices.Equal(got, []string{
		"oauth", "conversations.read", "crm.objects.contacts.read", "crm.schemas.contacts.read", "crm.schemas.contacts.write",
	}) {
		w.t.Errorf("the consent page lists %q", got)
	}
	w.click("#authorize")
	w.see(card)
	w.await(fmt.Sprintf("document.querySelector(%q)?.dataset.state", card), "connected")
	equal(w.t, "the account's name on the card", w.text(card+` [data-field="workspace_name"]`), "northwind-tea.example")
}

// chatsInHubSpot opens the widget, writes, and gives an email at the second step.
func chatsInHubSpot(w *tab, message, email string) {
	w.t.Helper()
	w.click("#hubspot-launcher")
	w.fill("#hubspot-message", message)
	w.click("#hubspot-send")
	w.see("#hubspot-thanks")
	w.fill("#hubspot-email", email)
	w.click("#hubspot-send")
	w.await(`document.querySelector("#hubspot-email").hidden`, "true")
}

func TestHubSpotFromChatToContact(t *testing.T) {
	b := openBrowser(t, chromeOnLinux)
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"), "--connected")
	owner := b.person(t)
	owner.signIn(d)
	owner.open(d.url + "/setup/chat")
	owner.see(id("connection-hubspot"))
	connectsHubSpot(owner, d)
	owner.shot("hubspot-connected")

	visitor := b.person(t)
	visitor.open(d.file.SiteURL + "/" + fullTag)
	visitor.see("#hubspot-launcher")
	visitor.open(d.file.SiteURL + "/contact?sl_debug=1")
	visitor.see("#hubspot-launcher")
	until(t, "the tracker's word that it found HubSpot's chat", func() (bool, string) {
		return visitor.console.line("Messenger found: HubSpot chat") != "", visitor.console.String()
	})
	chatsInHubSpot(visitor, "Do you post to Iceland?", "joe@example.com")
	begun := time.Now()
	c := d.awaitContact(t, "joe@example.com", func(c contact) bool { return converted(c) && c.LastTouch.Source == "test" })
	t.Logf("from email to contact: %s", time.Since(begun).Round(time.Millisecond))
	c = afterChatOpened(t, d, c)
	checkHubSpotContact(owner, d, c)
	checkHubSpotReports(owner, d)
	bothChatsAreOnePerson(visitor, d, c)
}

// checkHubSpotContact: the browser is tied by the conversation that it began.
func checkHubSpotContact(w *tab, d *demo, c contact) {
	t := w.t
	t.Helper()
	for what, pair := range map[string][2]string{
		"source": {c.FirstTouch.Source, "test"}, "medium": {c.LastTouch.Medium, "verify"}, "campaign": {c.LastTouch.Campaign, "intercom-check"},
		"landing page": {c.LastTouch.LandingPage, d.file.SiteURL + "/" + fullTag}, "provider": {c.Conversations[0].Provider, "hubspot"},
	} {
		equal(t, what, pair[0], pair[1])
	}
	equal(t, "pages before", c.PagesBefore, 2)
	if !strings.HasPrefix(c.Conversations[0].URL, d.file.HubSpotURL+"/live-messages/") {
		t.Errorf("the link that reopens the conversation is %q", c.Conversations[0].URL)
	}
	w.click(id("nav-contacts"))
	w.await(fmt.Sprintf("document.querySelector(%q)?.dataset.id", id("contact-row")), c.ID)
	w.click(id("contact-row") + " a")
	w.see(id("journey") + " " + id("session"))
	if got := w.text(id("conversation")); !strings.Contains(got, "Do you post to Iceland?") || !strings.Contains(got, "HubSpot conversation") {
		t.Errorf("the conversation is shown as %q", got)
	}
	if got := w.text(id("journey")); !strings.Contains(got, "HubSpot conversation") {
		t.Errorf("the timeline reads\n%s", got)
	}
	w.shot("hubspot-contact")
}

// checkHubSpotReports: a conversion of its own in attribution, and the last
// step of a funnel.
func checkHubSpotReports(w *tab, d *demo) {
	t := w.t
	t.Helper()
	d.awaitAttribution(t, "/api/v1/attribution?dimension=source&conversion=hubspot_conversation", "test", 1)
	equal(t, "Intercom conversations", get[attribution](t, d.account, "/api/v1/attribution?conversion=intercom_conversation").Total, 0)
	w.click(id("nav-funnels"))
	openBuilder(w, "new-funnel")
	w.choose(id("step-1")+" "+id("step-kind"), "pageview")
	w.choose(id("step-2")+" "+id("step-kind"), "hubspot_conversation")
	w.choose(id("breakdown"), "source")
	w.click(id("run"))
	w.await(fmt.Sprintf(`document.querySelector('%s tr[data-key="test"] [data-step="2"]')?.dataset.value`, id("funnel-breakdown")), "1")
	if got := w.text(id("funnel-steps")); !strings.Contains(got, "HubSpot conversation") {
		t.Errorf("the funnel reads %q", got)
	}
	w.shot("hubspot-funnel")
}

// bothChatsAreOnePerson: an Intercom chat that names the same email.
func bothChatsAreOnePerson(w *tab, d *demo, c contact) {
	w.t.Helper()
	d.chat(w.t, map[string]any{"email": "joe@example.com", "message": "And to Norway?"})
	both := d.awaitContact(w.t, "joe@example.com", func(c contact) bool { return len(c.Conversations) == 2 })
	equal(w.t, "the contact of both chats", both.ID, c.ID)
	equal(w.t, "contacts", len(get[contactList](w.t, d.account, "/api/v1/contacts").Items), 1)
}

// TestHubSpotInEveryTrouble: each passes by itself; nothing is lost or doubled.
func TestHubSpotInEveryTrouble(t *testing.T) {
	b := openBrowser(t, chromeOnLinux)
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"))
	owner := b.person(t)
	owner.signIn(d)
	send(t, http.MethodPost, d.file.HubSpotURL+"/standin/fault", map[string]any{"kind": "short_tokens", "times": 2, "delay_ms": 1000})
	connectsHubSpot(owner, d)
	troubles := []string{"429", "500", "401", "slow", "duplicate", "shuffle", "bad_signature", "stale", "merge"}
	for _, kind := range troubles {
		d.hubspotFault(t, kind, 1)
		d.hubspotTraffic(t, kind)
		d.awaitContact(t, kind+"@example.com", func(c contact) bool { return converted(c) && c.LastTouch.Source == "hub-"+kind })
	}
	for _, kind := range troubles {
		people := d.search(t, kind+"@example.com")
		equal(t, kind+": people with this email", len(people), 1)
		equal(t, kind+": conversations", len(people[0].Conversations), 1)
	}
	equal(t, "the card", d.hubspotCard(t).State, "connected")
	d.awaitAttribution(t, "/api/v1/attribution?dimension=medium&conversion=hubspot_conversation", "chat", float64(len(troubles)))
	equal(t, "all conversations", get[attribution](t, d.account, "/api/v1/attribution").Total, float64(len(troubles)))
	if !slices.ContainsFunc(d.hubspotRequests(t), func(r standinRequest) bool {
		return r.Path == "/oauth/2026-03/token" && strings.Contains(string(r.Body), "refresh_token")
	}) {
		t.Error("a token that ends was not renewed")
	}

	private := d.hubspotTraffic(t, "private")
	d.awaitContact(t, "private@example.com", converted)
	send(t, http.MethodPost, d.file.HubSpotURL+"/standin/privacy", map[string]string{"contact_id": private.ContactID})
	until(t, "who was deleted in HubSpot as their right to be erased", func() (bool, string) {
		left := d.search(t, "private@example.com")
		return len(left) == 0, fmt.Sprintf("%+v", left)
	})

	d.hubspotFault(t, "plan_restricted", 1000)
	d.hubspotTraffic(t, "plan")
	d.awaitContact(t, "plan@example.com", func(c contact) bool { return c.Email != "" })
	d.hubspotFault(t, "plan_restricted", 0)
	equal(t, "the card where a plan refuses", d.hubspotCard(t).State, "connected")
	for _, r := range d.hubspotRequests(t) {
		if r.Write && (r.Method != http.MethodPost || r.Path != "/crm/v3/properties/contacts") {
			t.Errorf("written in HubSpot: %s %s", r.Method, r.Path)
		}
	}
}

// hubspotTraffic is a visit by a source of its own, and its chat.
func (d *demo) hubspotTraffic(t testing.TB, kind string) chatAnswer {
	t.Helper()
	visitor := newVisitor()
	d.collect(t, pageview(visitor, time.Now().Add(-time.Minute), shop+"/?utm_source=hub-"+kind+"&utm_medium=chat", ""))
	return d.hubspotChat(t, map[string]any{"id": "chat " + kind, "email": kind + "@example.com", "message": "Hello", "sourceloop_id": visitor})
}

// TestHubSpotRemovedThereAndConnectedAgain: the card says Error and what to do;
// what came meanwhile is not lost; disconnecting ends all of it at once.
func TestHubSpotRemovedThereAndConnectedAgain(t *testing.T) {
	b := openBrowser(t, chromeOnLinux)
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"))
	owner := b.person(t)
	owner.signIn(d)
	connectsHubSpot(owner, d)
	d.hubspotTraffic(t, "before")
	d.awaitContact(t, "before@example.com", converted)

	// The token is dead, though its time is not over: the first question tells.
	d.hubspotFault(t, "expire", 1)
	d.hubspotTraffic(t, "meanwhile")
	until(t, "the card to say Error", func() (bool, string) {
		c := d.hubspotCard(t)
		return c.State == "error" && strings.Contains(c.LastError, "Connect again"), fmt.Sprintf("%+v", c)
	})
	owner.open(d.url + "/setup/chat")
	card := id("connection-hubspot")
	owner.await(fmt.Sprintf("document.querySelector(%q)?.dataset.state", card), "error")
	owner.shot("hubspot-error")
	connectsHubSpot(owner, d)
	d.awaitContact(t, "meanwhile@example.com", func(c contact) bool { return converted(c) && c.LastTouch.Source == "hub-meanwhile" })

	// Removed in HubSpot: no webhook comes any more, and the button finds out.
	d.hubspotFault(t, "revoke", 1)
	owner.open(d.url + "/setup/chat")
	owner.click(card + " " + id("test"))
	owner.await(fmt.Sprintf("document.querySelector(%q)?.dataset.state", card), "error")
	connectsHubSpot(owner, d)
	d.hubspotTraffic(t, "again")
	d.awaitContact(t, "again@example.com", converted)

	owner.click(card + " " + id("disconnect"))
	owner.see(id("disconnect-dialog"))
	owner.click(id("disconnect-confirm"))
	owner.await(fmt.Sprintf("document.querySelector(%q)?.dataset.state", card), "disconnected")
	owner.see(id("clean-up"))
	owner.shot("hubspot-disconnected")
	if !slices.ContainsFunc(d.hubspotRequests(t), func(r standinRequest) bool {
		return r.Method == http.MethodDelete && r.Path == "/appinstalls/2026-03/external-install" && r.Status == http.StatusNoContent
	}) {
		t.Error("the app was not removed at HubSpot")
	}
	before := len(d.hubspotEvents(t))
	d.hubspotTraffic(t, "late")
	equal(t, "events after disconnecting", len(d.hubspotEvents(t)), before)
	connectsHubSpot(owner, d)
	d.hubspotTraffic(t, "back")
	d.awaitContact(t, "back@example.com", converted)
	if got := d.search(t, "late@example.com"); len(got) != 0 {
		t.Errorf("a chat while disconnected became %+v", got)
	}
	for _, kind := range []string{"before", "meanwhile", "again", "back"} {
		equal(t, kind+": people with this email", len(d.search(t, kind+"@example.com")), 1)
	}
	total := get[attribution](t, d.account, "/api/v1/attribution?conversion=hubspot_conversation").Total
	equal(t, "conversations", strconv.FormatFloat(total, 'f', -1, 64), "4")
	importsFromHubSpot(owner, d)
}

// importsFromHubSpot clicks the button: what nobody told of is there, and what
// was there is there once.
func importsFromHubSpot(w *tab, d *demo) {
	t := w.t
	t.Helper()
	card := id("connection-hubspot")
	w.open(d.url + "/setup/chat")
	w.click(card + " " + id("import"))
	w.await(fmt.Sprintf("document.querySelector(%q)?.dataset.done", card+" "+id("backfill")), "true")
	equal(t, "conversations imported", w.eval(fmt.Sprintf("document.querySelector(%q)?.dataset.found", card+" "+id("backfill"))), "5")
	d.awaitContact(t, "late@example.com", func(c contact) bool { return converted(c) && c.LastTouch.Source == "hub-late" })
	w.shot("hubspot-imported")
	d.awaitAttribution(t, "/api/v1/attribution?dimension=medium&conversion=hubspot_conversation", "chat", 5)
	for _, kind := range []string{"before", "meanwhile", "again", "late", "back"} {
		people := d.search(t, kind+"@example.com")
		equal(t, kind+": people with this email", len(people), 1)
		equal(t, kind+": conversations", len(people[0].Conversations), 1)
	}
}
