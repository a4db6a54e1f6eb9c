package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDoctorByClicking: an admin archives the attribute; a visitor chats in
// vain; the owner presses the doctor's button, reads the cause, mends it by Test,
// and has the page looked at.
func TestDoctorByClicking(t *testing.T) {
	b := openBrowser(t, chromeOnLinux)
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"), "--connected")
	owner, visitor := b.person(t), b.person(t)
	owner.signIn(d)
	owner.click(id("nav-setup-chat"))
	owner.see(id("connection-intercom"))
	d.editAttribute(t, map[string]any{"archived": true})
	visitor.open(d.file.SiteURL + "/contact" + tag + "&sl_debug=1")
	until(t, "the tracker's word that the Messenger has the id", func() (bool, string) {
		return visitor.console.line("sourceloop_id pushed") != "", visitor.console.String()
	})
	chats(visitor, "Do you post to Iceland?", newEmail("iceland"), "doctor-visitor")
	visitor.open(d.file.SiteURL + "/features") // Leaving a page tells of its Messenger.
	owner.diagnosed("attribute", func(text string) bool {
		return strings.Contains(text, "The attribute sourceloop_id is archived.") && strings.Contains(text, "Press Test on the card")
	})
	owner.picture("doctor-attribute-archived")

	owner.click(id("connection-intercom") + " " + id("test"))
	owner.see(id("test-result"))
	visitor.open(d.file.SiteURL + "/contact?sl_debug=1")
	visitor.await(`window.sourceloop?.chat`, "pushed")
	visitor.open(d.file.SiteURL + "/features")
	talk := d.chat(t, map[string]any{"email": newEmail("mended"), "page": d.file.SiteURL + "/contact", "sourceloop_id": newVisitor()})
	d.awaitConversation(t, talk.ConversationID)
	owner.diagnosed("", func(text string) bool { return strings.Contains(text, "Nothing is in the way") })
	owner.await(fmt.Sprintf("document.querySelector(%q).value.startsWith(%q)", id("doctor-page"), d.file.SiteURL+"/"), "true")
	owner.click(id("doctor-look"))
	step := func(name string) string {
		return owner.eval(fmt.Sprintf(`document.querySelector('%s [data-step=%s]')?.innerText`, id("diagnosis"), name))
	}
	until(t, "what the page says", func() (bool, string) {
		return strings.Contains(step("key"), "The page sends this workspace’s key.") || strings.Contains(step("key"), "The page sends this workspace's key."), step("key")
	})
	if said := step("routing"); !strings.Contains(said, "belongs to the connected workspace "+d.appID(t)) {
		t.Errorf("about the routing it says %q", said)
	}
	if said := step("messenger"); !strings.Contains(said, "gave the Messenger on 127.0.0.1 the visitor's id") {
		t.Errorf("about the Messenger it says %q", said)
	}
	owner.picture("doctor-well")
	refusesConsent(t, d, owner, b.person(t))
}

// refusesConsent: on a page that waits for consent a visitor chats without
// giving it, so that the chat has no source; the doctor tells it by the page.
func refusesConsent(t *testing.T, d *demo, owner, visitor *tab) {
	c := newClinic(t, d)
	page := c.page(c.snippet(d.siteKey, ` data-consent="required"`) + fmt.Sprintf(
		`<script>window.intercomSettings = {app_id: "%s"};</script><script src="%s/messenger.js"></script>`, d.appID(t), d.file.IntercomURL))
	visitor.open(page + "?sl_debug=1")
	email := newEmail("private")
	chats(visitor, "Do you keep my data?", email, "doctor-no-consent")
	got := d.awaitContact(t, email, converted)
	equal(t, "the source without consent", got.LastTouch.Source, "direct")
	owner.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event("input", {bubbles: true})); return e.value })()`, id("doctor-page"), page))
	cause := fmt.Sprintf("document.querySelector(%q).dataset.cause", id("diagnosis"))
	owner.click(id("doctor-look"))
	owner.await(cause, "consent")
	if text := owner.text(id("diagnosis")); !strings.Contains(text, "waits for consent") || !strings.Contains(text, `sourceloop.consent("granted")`) {
		t.Errorf("the doctor says %q", text)
	}
	owner.picture("doctor-no-consent-given")
	visitor.eval(`sourceloop.consent("granted")`)
	until(t, "the doctor to hear of the consent", func() (bool, string) {
		owner.click(id("doctor-look"))
		owner.await(`document.querySelectorAll(".doctor[aria-busy=true]").length`, "0")
		said := owner.eval(fmt.Sprintf(`document.querySelector('%s [data-step=consent]')?.dataset.state`, id("diagnosis")))
		return said == "ok", said + " " + owner.text(id("diagnosis")) + "\n" + visitor.console.String()
	})
}

// diagnosed presses the doctor's button until it names a cause.
func (w *tab) diagnosed(cause string, says func(string) bool) {
	w.t.Helper()
	until(w.t, "the doctor to name "+cause, func() (bool, string) {
		w.click(id("doctor"))
		w.await(`document.querySelectorAll(".doctor[aria-busy=true]").length`, "0")
		w.see(id("diagnosis"))
		text := w.text(id("diagnosis"))
		return w.eval(fmt.Sprintf("document.querySelector(%q).dataset.cause", id("diagnosis"))) == cause && says(text), text
	})
}

// picture keeps the whole card.
func (w *tab) picture(name string) {
	w.t.Helper()
	w.do(chromedp.EmulateViewport(1360, 1900))
	w.shot(name)
	w.do(desk())
}
