package e2e

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sourceloop/control"
	"sourceloop/control/seal"
)

const chromeOnLinux = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"

// tag is what the set-up guide says to append, with the two UTMs it leaves out.
const (
	tag     = "?utm_source=test&utm_medium=verify&utm_campaign=intercom-check"
	fullTag = tag + "&utm_content=button&utm_term=cold+mornings"
)

func TestIntercomFromChatToContact(t *testing.T) {
	b := openBrowser(t, chromeOnLinux)
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"))
	owner := b.person(t)
	owner.signIn(d)
	owner.see(id("empty-unconnected"))
	owner.shot("contacts-empty")
	connectByClicking(owner, d)

	visitor := b.person(t)
	visits(visitor, d)
	chats(visitor, "Do you post to Iceland?", "joe@example.com", "3-messenger")
	visitor.eval(`Intercom("update", {name: "Joe Tea", phone: "+47 22 12 34 56"})`)
	begun := time.Now()
	c := d.awaitContact(t, "joe@example.com", func(c contact) bool {
		return converted(c) && c.Name != "" && c.Phone != "" && c.LastTouch.Source == "test" && c.PagesBefore == 5
	})
	t.Logf("from email to contact: %s", time.Since(begun).Round(time.Millisecond))
	c = afterChatOpened(t, d, c)
	checkDebugLog(t, visitor)
	checkHub(owner, d, c)
	checkTouches(owner, d, c)
	checkVisit(owner, d, c)
	checkTimeline(owner, d, c)

	theGuideByTheLetter(t, owner, d)
	checkTraffic(owner, d)
	checkFunnel(owner, d)
	otherScreens(owner, d)
	disconnects(owner, d)
}

// afterChatOpened is the contact once its journey tells that the chat was
// opened: the tracker sends events together, 1.5 s after the first of them, and
// the webhook is faster.
func afterChatOpened(t *testing.T, d *demo, c contact) contact {
	t.Helper()
	until(t, "the journey to tell that the chat was opened", func() (bool, string) {
		j := get[journey](t, d.account, "/api/v1/contacts/"+c.ID+"/journey")
		for _, s := range j.Sessions {
			if slices.ContainsFunc(s.Items, func(i journeyItem) bool { return i.Name == "chat_opened" }) {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%+v", j)
	})
	return get[contact](t, d.account, "/api/v1/contacts/"+c.ID)
}

// connectByClicking is the guide's step 1.
func connectByClicking(w *tab, d *demo) {
	w.t.Helper()
	w.click(id("nav-setup-chat"))
	card := id("connection-intercom")
	w.await(fmt.Sprintf("document.querySelector(%q)?.dataset.state", card), "disconnected")
	w.shot("chat-not-connected")
	w.click(card + " " + id("connect"))
	w.see("#authorize")
	if got := w.texts("#scopes strong"); !slices.Equal(got, []string{
		"People", "Companies", "Conversations", "Teams and teammates", "Tags", "Data attributes",
	}) {
		w.t.Errorf("the consent page lists %q", got)
	}
	w.shot("consent")
	w.click("#authorize")
	w.see(card)
	w.await(fmt.Sprintf("document.querySelector(%q)?.innerText", card+" "+id("state")), "Connected")
	equal(w.t, "the page after authorizing", w.eval("location.pathname"), "/setup/chat")
	name := w.text(card + ` [data-field="workspace_name"]`)
	equal(w.t, "the workspace's name on the card", name, d.card(w.t).WorkspaceName)
	if name == "" {
		w.t.Error("the card names no workspace")
	}
	// Nobody has chatted yet, which the test of the connection says.
	testsConnection(w, []string{"true", "false"})
	w.shot("chat-connected")
}

// testsConnection presses Test on the card: is it well, and do webhooks arrive?
func testsConnection(w *tab, want []string) {
	w.t.Helper()
	w.click(id("connection-intercom") + " " + id("test"))
	checks := fmt.Sprintf(`[...document.querySelectorAll('%s [data-ok]')].map(e => e.dataset.ok)`, id("test-result"))
	w.await(checks, strings.Join(want, ","))
}

// visits comes from another site, then by an ad, then by the guide's tagged
// link, and ends on the page with the chat.
func visits(w *tab, d *demo) {
	w.t.Helper()
	w.open(d.file.SiteURL + "/elsewhere")
	w.click(`a[href$="/blog/second-flush"]`)
	w.see("#intercom-launcher")
	w.shot("1-site-blog")
	w.click(`.visits a[href*="gclid="]`)
	w.see("#intercom-launcher")
	w.open(d.file.SiteURL + "/" + fullTag)
	w.see("#intercom-launcher")
	w.shot("2-site-home")
	w.click(`nav a[href="/features"]`)
	w.await("location.pathname", "/features")
	w.see("#intercom-launcher")
	w.open(d.file.SiteURL + "/contact?sl_debug=1")
	w.see("#intercom-launcher")
	until(w.t, "the tracker's word that the Messenger has the id", func() (bool, string) {
		return w.console.line("sourceloop_id pushed") != "", w.console.String()
	})
}

// chats opens the Messenger, writes, and gives an email at the second step.
func chats(w *tab, message, email, picture string) {
	w.t.Helper()
	w.click("#intercom-launcher")
	w.fill("#intercom-message", message)
	w.click("#intercom-send")
	w.see("#intercom-thanks")
	w.fill("#intercom-email", email)
	w.shot(picture)
	w.click("#intercom-send")
	w.await(`document.querySelector("#intercom-email").hidden`, "true")
}

func checkDebugLog(t *testing.T, w *tab) {
	t.Helper()
	for _, words := range []string{"[SourceLoop] tracker loaded", "[SourceLoop] hit sent: pageview", "[SourceLoop] answer 202", "[SourceLoop] sourceloop_id pushed to Intercom"} {
		if w.console.line(words) == "" {
			t.Errorf("?sl_debug=1 does not print %q:\n%s", words, w.console)
		}
	}
}

// checkHub: the person is the first row; it opens.
func checkHub(w *tab, d *demo, c contact) {
	w.t.Helper()
	w.click(id("nav-contacts"))
	w.await(fmt.Sprintf("document.querySelector(%q)?.dataset.id", id("contact-row")), c.ID)
	for column, want := range map[string]string{"last_touch": "test / verify", "campaign": "intercom-check", "email": "joe@example.com"} {
		equal(w.t, "column "+column, w.text(id("contact-row")+` [data-column="`+column+`"]`), want)
	}
	w.shot("contacts")
	w.click(id("contact-row") + " a")
	w.see(id("contact"))
	w.see(id("journey") + " " + id("session"))
	w.do(chromedp.EmulateViewport(1360, 2600)) // The whole drawer at once.
	w.shot("contact")
	w.do(desk())
	equal(w.t, "email", w.field("email"), "joe@example.com")
	equal(w.t, "name", w.field("name"), "Joe Tea")
	equal(w.t, "phone", w.field("phone"), "+4722123456")
	equal(w.t, "stage", w.field("stage"), "New")
	equal(w.t, "API: email", c.Email, "joe@example.com")
	equal(w.t, "API: name", c.Name, "Joe Tea")
	equal(w.t, "API: phone", c.Phone, "+4722123456")
	if got := w.text(id("matched")); !strings.Contains(got, "sourceloop_id") {
		w.t.Errorf("what it was matched by: %q", got)
	}
	if got := w.text(id("conversation")); !strings.Contains(got, "Do you post to Iceland?") || !strings.Contains(got, "Intercom conversation") {
		w.t.Errorf("the conversation is shown as %q", got)
	}
	inbox := w.eval(fmt.Sprintf("document.querySelector('%s a')?.href", id("conversation")))
	if !strings.HasPrefix(inbox, d.file.IntercomURL) || !strings.Contains(inbox, c.Conversations[0].ID) {
		w.t.Errorf("the link that reopens the conversation is %q", inbox)
	}
}

// checkTouches: first-touch source, last-touch source of the converting
// session, the five UTMs, the landing page.
func checkTouches(w *tab, d *demo, c contact) {
	w.t.Helper()
	want := map[string]string{
		"first_touch.channel": "Referral", "first_touch.source": "localhost", "first_touch.medium": "referral",
		"first_touch.landing_page": d.file.SiteURL + "/blog/second-flush",
		"last_touch.channel":       "Unassigned", "last_touch.source": "test", "last_touch.medium": "verify", "last_touch.campaign": "intercom-check",
		"last_touch.content": "button", "last_touch.term": "cold mornings", "last_touch.landing_page": d.file.SiteURL + "/" + fullTag,
	}
	for name, value := range want {
		equal(w.t, name, w.field(name), value)
	}
	if !strings.HasPrefix(w.field("first_touch.referrer"), strings.Replace(d.file.SiteURL, "127.0.0.1", "localhost", 1)) {
		w.t.Errorf("first referrer: %q", w.field("first_touch.referrer"))
	}
	for name, told := range map[string]touch{"first_touch": c.FirstTouch, "last_touch": c.LastTouch} {
		for part, value := range map[string]string{
			"channel": told.Channel, "source": told.Source, "medium": told.Medium, "campaign": told.Campaign, "content": told.Content,
			"term": told.Term, "landing_page": told.LandingPage, "referrer": told.Referrer, "rule": told.Rule,
		} {
			equal(w.t, "in API and dashboard: "+name+"."+part, w.field(name+"."+part), value)
		}
		if told.Rule == "" {
			w.t.Errorf("no rule says why %s has its channel", name)
		}
	}
}

// checkVisit: referrer chain, pages browsed, time on site, return visits,
// device, country, browser.
func checkVisit(w *tab, d *demo, c contact) {
	w.t.Helper()
	want := map[string]string{
		"pages_before": "5", "return_visits": "2", "device": "desktop", "country": "NO", "browser": "Chrome",
		"referrer_chain": strings.Join(c.ReferrerChain, " "),
	}
	for name, value := range want {
		equal(w.t, name, w.field(name), value)
	}
	// The visit goes on meanwhile: what the dashboard shows lies between what the API told before and after.
	shown, err := strconv.ParseFloat(w.field("seconds_on_site"), 64)
	after := get[contact](w.t, d.account, "/api/v1/contacts/"+c.ID)
	if err != nil || shown < c.SecondsOnSite || shown > after.SecondsOnSite {
		w.t.Errorf("seconds on site: %v in the dashboard; the API told %v before and %v after (%v)", shown, c.SecondsOnSite, after.SecondsOnSite, err)
	}
	equal(w.t, "API: pages before", c.PagesBefore, 5)
	equal(w.t, "API: return visits", c.ReturnVisits, 2)
	equal(w.t, "API: device, country, browser", c.Device+" "+c.Country+" "+c.Browser, "desktop NO Chrome")
	if len(c.ReferrerChain) != 1 || !strings.HasPrefix(c.ReferrerChain[0], "http://localhost:") {
		w.t.Errorf("referrer chain: %q", c.ReferrerChain)
	}
	if c.SecondsOnSite <= 0 || c.SecondsOnSite > 600 {
		w.t.Errorf("seconds on site: %v", c.SecondsOnSite)
	}
}

// checkTimeline: every session and ad click, in the dashboard and the API.
func checkTimeline(w *tab, d *demo, c contact) {
	w.t.Helper()
	want := []string{"first_hit Referral", "attribution Paid Search", "attribution Unassigned"}
	got := strings.Split(w.eval(fmt.Sprintf(`[...document.querySelectorAll('%s')].map(e => e.dataset.reason + " " + e.dataset.channel).join("\n")`, id("session"))), "\n")
	if !slices.Equal(got, want) {
		w.t.Errorf("the timeline shows %q, not %q", got, want)
	}
	j := get[journey](w.t, d.account, "/api/v1/contacts/"+c.ID+"/journey")
	var told, items []string
	for _, s := range j.Sessions {
		told = append(told, s.Reason+" "+s.Channel)
		for _, i := range s.Items {
			items = append(items, i.Type)
		}
	}
	if !slices.Equal(told, want) {
		w.t.Errorf("the API's journey is %q, not %q", told, want)
	}
	shown := strings.Split(w.eval(fmt.Sprintf(`[...document.querySelectorAll('%s')].map(e => e.dataset.type).join("\n")`, id("journey-item"))), "\n")
	if !slices.Equal(shown, items) {
		w.t.Errorf("the timeline shows %q; the API tells %q", shown, items)
	}
	for what, n := range map[string]int{"pageview": 5, "ad_click": 1, "conversation": 1} {
		if got := count(items, what); got != n {
			w.t.Errorf("%d items %s in the journey, not %d: %q", got, what, n, items)
		}
	}
	if !slices.ContainsFunc(j.Sessions[2].Items, func(i journeyItem) bool { return i.Type == "event" && i.Name == "chat_opened" }) {
		w.t.Errorf("the journey does not tell that the chat was opened: %+v", j.Sessions[2].Items)
	}
	if text := w.text(id("journey")); !strings.Contains(text, "gclid=Cj0KCQiA-demo-click") || !strings.Contains(text, "Intercom conversation") {
		w.t.Errorf("the timeline reads\n%s", text)
	}
}

func count(list []string, what string) (n int) {
	for _, item := range list {
		if item == what {
			n++
		}
	}
	return n
}

// theGuideByTheLetter is the guide's step 2 in a browser that says it is
// headless: whoever chats is no bot.
func theGuideByTheLetter(t *testing.T, owner *tab, d *demo) {
	t.Helper()
	visitor := openBrowser(t, "").person(t)
	visitor.open(d.file.SiteURL + "/" + tag)
	visitor.see("#intercom-launcher")
	visitor.await(`Boolean(window.sourceloop && sourceloop.id && sourceloop.id())`, "true")
	chats(visitor, "Is the smoke real?", "ann@example.com", "4-messenger-guide")
	c := d.awaitContact(t, "ann@example.com", func(c contact) bool { return converted(c) && c.LastTouch.Source == "test" })
	equal(t, "first touch of the guide's visitor", c.FirstTouch.Source+" / "+c.FirstTouch.Medium, "test / verify")
	equal(t, "campaign", c.FirstTouch.Campaign, "intercom-check")
	equal(t, "landing page", c.LastTouch.LandingPage, d.file.SiteURL+"/"+tag)
	equal(t, "return visits", c.ReturnVisits, 0)
	owner.click(id("nav-contacts"))
	owner.await(fmt.Sprintf("document.querySelector(%q)?.dataset.id", id("contact-row")), c.ID)
	owner.await(fmt.Sprintf("document.querySelectorAll(%q).length", id("contact-row")), "2")
	owner.shot("contacts-two")
}

// checkTraffic: both conversations under test / verify.
func checkTraffic(w *tab, d *demo) {
	w.t.Helper()
	d.awaitAttribution(w.t, "/api/v1/attribution?dimension=source", "test", 2)
	w.click(id("nav-dashboards-traffic"))
	for dimension, key := range map[string]string{"source": "test", "medium": "verify", "campaign": "intercom-check", "channel": "Unassigned"} {
		w.await(fmt.Sprintf(`document.querySelector('%s tr[data-key="%s"] [data-column="conversions"]')?.dataset.value`, id("by-"+dimension), key), "2")
	}
	// A headless browser's visit is a bot's and does not count here; its chat does.
	for figure, want := range map[string]string{"conversions": "2", "sessions": "3", "visitors": "1", "page_views": "5"} {
		w.await(fmt.Sprintf(`document.querySelector('%s [data-value]')?.dataset.value`, id("figure-"+figure)), want)
	}
	for source, want := range map[string]string{"test": "1", "google": "1", "localhost": "1"} {
		w.await(fmt.Sprintf(`document.querySelector('%s tr[data-key="%s"] [data-column="sessions"]')?.dataset.value`, id("by-source"), source), want)
	}
	w.shot("traffic")
	w.choose(id("second-model"), "first_touch")
	w.await(fmt.Sprintf(`document.querySelector('%s tr[data-key="localhost"] [data-column="compare_conversions"]')?.dataset.value`, id("by-source")), "1")
	w.shot("traffic-two-models")
}

// otherScreens are looked at in the pictures.
func otherScreens(w *tab, d *demo) {
	w.t.Helper()
	w.click(id("nav-setup-tracking-code"))
	w.see(id("snippet"))
	w.see(id("checks"))
	if got := w.text(id("snippet")); !strings.Contains(got, d.siteKey) {
		w.t.Errorf("the snippet is %q", got)
	}
	w.shot("tracking-code")
	w.click(id("nav-settings"))
	w.see("h1")
	w.shot("settings")
	w.do(phone())
	for name, path := range map[string]string{"contacts": "/contacts", "traffic": "/dashboards/traffic", "chat": "/setup/chat"} {
		w.open(d.url + path)
		w.see("h1")
		equal(w.t, "pixels that "+path+" is too wide on a phone", w.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth"), "0")
		w.shot("phone-" + name)
	}
	w.do(desk())
}

// secrets are all the forms in which the token could be lying about.
type secrets struct {
	plain, sealed []byte
}

func (s secrets) forms() map[string][]byte {
	return map[string][]byte{
		"the token":             s.plain,
		"the token, in base64":  []byte(base64.StdEncoding.EncodeToString(s.plain)),
		"the token, in hex":     []byte(hex.EncodeToString(s.plain)),
		"the sealed token":      s.sealed,
		"the sealed, in base64": []byte(base64.StdEncoding.EncodeToString(s.sealed)),
		"the sealed, in hex":    []byte(hex.EncodeToString(s.sealed)),
	}
}

// secrets reads the token as it is stored, and opens it.
func (d *demo) secrets(t *testing.T) secrets {
	t.Helper()
	data := filepath.Join(d.dir, "sourceloop")
	keys, err := seal.OpenFile(filepath.Join(data, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := control.Open(context.Background(), "sqlite:"+filepath.Join(data, "settings.db"), control.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, connection, ok := store.Directory().Route("intercom", d.appID(t))
	if !ok {
		t.Fatal("the stand-in's app is connected to nothing")
	}
	sealed, err := store.SealedToken(within(t), connection)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := store.Token(within(t), connection)
	if err != nil {
		t.Fatal(err)
	}
	return secrets{[]byte(plain), sealed}
}

// me asks the stand-in with a token, as the product does.
func (d *demo) me(t *testing.T, token []byte) int {
	t.Helper()
	return send(t, http.MethodGet, d.file.IntercomURL+"/me", nil, "Authorization", "Bearer "+string(token), "Accept", "application/json", "Intercom-Version", "2.16").status
}

// disconnects by clicking through the dialog. Afterwards nothing of the token
// is left, and a webhook, however well signed, changes nothing.
func disconnects(w *tab, d *demo) {
	t := w.t
	t.Helper()
	token := d.secrets(t)
	equal(t, "what the token opens while connected", d.me(t, token.plain), http.StatusOK)
	if found := contain(t, d.dir, token.forms()); len(found) == 0 {
		t.Error("the sealed token is nowhere under the data folder, so that looking for it shows nothing")
	} else if strings.Contains(strings.Join(found, "\n"), "the token") {
		t.Errorf("while connected: %q", found)
	}

	w.open(d.url + "/setup/chat")
	testsConnection(w, []string{"true", "true"})
	w.shot("chat-tested")
	w.click(id("connection-intercom") + " " + id("disconnect"))
	w.see(id("disconnect-dialog"))
	w.shot("disconnect-dialog")
	before := d.captured(t)
	w.click(id("disconnect-confirm"))
	w.await(fmt.Sprintf("document.querySelector(%q)?.dataset.state", id("connection-intercom")), "disconnected")
	w.see(id("clean-up"))
	w.shot("disconnected")
	equal(t, "the card", d.card(t).State, "disconnected")
	equal(t, "what the token opens after disconnecting", d.me(t, token.plain), http.StatusUnauthorized)
	if found := contain(t, d.dir, token.forms()); len(found) > 0 {
		t.Errorf("after disconnecting: %q", found)
	}

	d.sendsLateWebhooks(t)
	if after := d.captured(t); after != before {
		t.Errorf("a webhook after disconnecting changed\n%s to\n%s", before, after)
	}
	for _, secret := range token.forms() {
		if strings.Contains(d.stderr.String(), string(secret)) || strings.Contains(d.stdout.String(), string(secret)) {
			t.Error("the token was logged")
		}
	}
}

// captured is what was captured of chats: contacts and conversions.
func (d *demo) captured(t *testing.T) string {
	t.Helper()
	return text(t, []any{get[any](t, d.account, "/api/v1/contacts"), get[attribution](t, d.account, "/api/v1/attribution").Total})
}

// sendsLateWebhooks tells of a new chat as Intercom would: signed, about
// contacts and conversations that exist there. What comes behind them through
// the same pipeline shows that they are through.
func (d *demo) sendsLateWebhooks(t *testing.T) {
	t.Helper()
	talk := d.chat(t, map[string]any{"email": "late@example.com", "message": "Too late"})
	discarded := d.outcomes(t)["discarded"]
	for topic, item := range map[string]string{
		"contact.lead.added_email":  fmt.Sprintf(`{"type":"contact","id":%q,"role":"lead","email":"late@example.com"}`, talk.ContactID),
		"conversation.user.created": fmt.Sprintf(`{"type":"conversation","id":%q}`, talk.ConversationID),
	} {
		body := fmt.Sprintf(`{"type":"notification_event","app_id":%q,"topic":%q,"id":"notif_%s","data":{"type":"notification_event_data","item":%s}}`,
			d.appID(t), topic, randomHex(8), item)
		r := send(t, http.MethodPost, d.url+"/hooks/intercom", body, "Content-Type", "application/json", "X-Hub-Signature", signature(d.clientSecret(t), body))
		equal(t, "answer to a webhook of a connection that is gone", r.status, http.StatusOK)
	}
	equal(t, "discarded webhooks", d.outcomes(t)["discarded"]-discarded, 2)
	landing := shop + "/behind-" + randomHex(6)
	d.collect(t, pageview(newVisitor(), time.Now(), landing, ""))
	d.awaitSessions(t, landing, 1, "")
}
