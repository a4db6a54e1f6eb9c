package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestIntercomInboxPanel: whoever answers a chat sees where the person came
// from before they reply, with the first message, before there is an email.
func TestIntercomInboxPanel(t *testing.T) {
	b := openBrowser(t, chromeOnLinux)
	d := connected(t)
	visitor, teammate := b.person(t), b.person(t)
	visitor.open(d.file.SiteURL + "/" + tag)
	visitor.see("#intercom-launcher")
	visitor.open(d.file.SiteURL + "/pricing?sl_debug=1")
	until(t, "the tracker's word that the Messenger has the id", func() (bool, string) {
		return visitor.console.line("sourceloop_id pushed") != "", visitor.console.String()
	})
	question := "Is there a box for offices? " + randomHex(6)
	visitor.click("#intercom-launcher")
	visitor.fill("#intercom-message", question)
	visitor.click("#intercom-send")
	visitor.see("#intercom-thanks")

	teammate.open(d.file.IntercomURL + "/a/inbox")
	teammate.eval(fmt.Sprintf(`[...document.querySelectorAll(".list a")].find(a => a.textContent.includes(%q)).click()`, question))
	teammate.see("#panel")
	d.refreshUntil(teammate, "Pages before", "2")
	for field, want := range map[string]string{"First touch": "test / verify", "Last touch": "test / verify", "Last campaign": "intercom-check", "Return visits": "0"} {
		equal(t, field, teammate.panelField(field), want)
	}
	if text := teammate.text("#panel"); !strings.Contains(text, "No email or phone yet") || !strings.Contains(text, "/pricing") {
		t.Errorf("before the email the panel says %q", text)
	}
	teammate.shot("inbox-panel-before-the-email")

	email := newEmail("panel")
	visitor.fill("#intercom-email", email)
	visitor.click("#intercom-send")
	c := d.awaitContact(t, email, func(c contact) bool { return converted(c) && c.LastTouch.Source == "test" })
	until(t, "the link to the contact", func() (bool, string) {
		teammate.refresh()
		href := teammate.eval(`document.querySelector("#component-open")?.href`)
		return href == d.url+"/contacts/"+c.ID, href
	})
	equal(t, "last touch", teammate.panelField("Last touch"), c.LastTouch.Source+" / "+c.LastTouch.Medium)
	equal(t, "pages before", teammate.panelField("Pages before"), fmt.Sprint(c.PagesBefore))
	teammate.shot("inbox-panel")
}

// refreshUntil presses Refresh until a value is there.
func (d *demo) refreshUntil(w *tab, field, want string) {
	w.t.Helper()
	until(w.t, field+" in the panel", func() (bool, string) {
		if w.panelField(field) == want {
			return true, ""
		}
		w.refresh()
		return false, w.text("#panel")
	})
}

// refresh presses Refresh and waits for the page that comes of it.
func (w *tab) refresh() {
	w.t.Helper()
	w.eval(`document.body.dataset.before = "yes"`)
	w.click("#component-refresh")
	w.see("body:not([data-before]) #panel")
}

func (w *tab) panelField(name string) string {
	w.t.Helper()
	return w.eval(fmt.Sprintf(`document.querySelector('#panel [data-field="%s"]')?.textContent`, name))
}

// TestIntercomInboxPanelIsSignedAndBound: only what Intercom signed is answered,
// and only about the workspace that it names.
func TestIntercomInboxPanelIsSignedAndBound(t *testing.T) {
	d := connected(t)
	visitor, secret := newVisitor(), d.clientSecret(t)
	d.collect(t, pageview(visitor, time.Now().Add(-time.Minute), shop+"/?utm_source=poster&utm_medium=outdoor&utm_campaign=autumn", ""))
	email := newEmail("bound")
	talk := d.chat(t, map[string]any{"message": "Hello", "email": email, "sourceloop_id": visitor})
	d.awaitContact(t, email, func(c contact) bool { return converted(c) && c.LastTouch.Source == "poster" }) // The browser is theirs.
	body := func(app, contact, visitor string) string {
		text, err := json.Marshal(map[string]any{
			"workspace_id": app, "contact": map[string]any{"type": "contact", "id": contact, "custom_attributes": map[string]any{"sourceloop_id": visitor}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	sign := func(body, secret string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		return hex.EncodeToString(mac.Sum(nil))
	}
	post := func(body, signature string) reply {
		return send(t, http.MethodPost, d.url+"/panel/intercom/initialize", body, "Content-Type", "application/json", "X-Body-Signature", signature)
	}
	app := d.appID(t)
	known := body(app, talk.ContactID, visitor)
	until(t, "the visits", func() (bool, string) {
		r := post(known, sign(known, secret))
		return r.status == http.StatusOK && strings.Contains(string(r.body), "poster / outdoor") && strings.Contains(string(r.body), "autumn"), string(r.body)
	})
	// By the browser alone, as before the first webhook is through.
	early := body(app, "not-arrived-"+randomHex(6), newVisitor())
	if r := post(early, sign(early, secret)); r.status != http.StatusOK || !strings.Contains(string(r.body), "Not known yet") && !strings.Contains(string(r.body), "Not readable") {
		t.Errorf("somebody unknown: %d %s", r.status, r.body)
	}
	// A browser that is somebody's shows nothing to a contact that is not theirs.
	stolen := body(app, "another-"+randomHex(6), visitor)
	if r := post(stolen, sign(stolen, secret)); r.status != http.StatusOK || strings.Contains(string(r.body), "poster") {
		t.Errorf("with somebody else's browser: %d %s", r.status, r.body)
	}
	stranger := body("stranger1", talk.ContactID, visitor)
	if r := post(stranger, sign(stranger, secret)); r.status != http.StatusOK || strings.Contains(string(r.body), "poster") || !strings.Contains(string(r.body), "Not connected") {
		t.Errorf("an app that is not connected: %d %s", r.status, r.body)
	}
	for name, signature := range map[string]string{"none": "", "of another secret": sign(known, "another"), "of another body": sign(stranger, secret), "with a prefix": "sha256=" + sign(known, secret)} {
		if r := post(known, signature); r.status != http.StatusUnauthorized || strings.Contains(string(r.body), "poster") {
			t.Errorf("signature %s: %d %s", name, r.status, r.body)
		}
	}
}
