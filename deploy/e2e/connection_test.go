package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestIntercomFailsInEachWay connects by clicking, with conversations from
// before, makes Intercom fail in every way that it can, and looks at the card
// and the contacts each time. At the end everybody who chatted is there once.
func TestIntercomFailsInEachWay(t *testing.T) {
	w := openBrowser(t, chromeOnLinux).person(t)
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"))
	people := &chatters{t: t, d: d}
	people.chat("before, one")
	people.chat("before, two")
	w.signIn(d)

	denies(w, d)
	connects(w, d, true)
	w.await(fmt.Sprintf("document.querySelector('%s %s')?.dataset.done", id("connection-intercom"), id("backfill")), "true")
	equal(t, "conversations imported", w.eval(fmt.Sprintf("document.querySelector('%s')?.dataset.found", id("backfill"))), "2")
	for _, c := range people.arrived() {
		equal(t, "source of a conversation from before", c.LastTouch.Channel, "Direct")
	}
	w.shot("chat-imported")

	for _, trouble := range []struct {
		kind  string
		times int
	}{{"429", 1}, {"500", 2}, {"slow", 1}, {"duplicate", 4}, {"shuffle", 2}} {
		d.fault(t, trouble.kind, trouble.times)
		people.chat("during " + trouble.kind)
		people.arrived()
		d.fault(t, trouble.kind, 0)
		equal(t, "the card after "+trouble.kind, d.card(t).State, "connected")
	}

	d.fault(t, "plan_restricted", 1000)
	people.chat("plan refused")
	people.arrived()
	w.open(d.url + "/setup/chat")
	testsConnectionWell(w)
	d.fault(t, "plan_restricted", 0)

	breaksAttribute(w, d)
	people.chat("after the repair")
	people.arrived()

	d.fault(t, "revoke", 1)
	seesError(w, "the app was removed there", "Connect again")
	people.chat("while it was removed") // Nobody is told.
	connects(w, d, false)
	people.arrived()
	people.chat("connected again")
	people.arrived()
	people.once()
	onlyTheAttributeWasWritten(t, d)
}

// TestDisconnectAndReconnect disconnects by clicking, chats meanwhile, and
// connects again by the same click: what was captured stays, nothing is taken
// up meanwhile, and the import finds it, once.
func TestDisconnectAndReconnect(t *testing.T) {
	w := openBrowser(t, chromeOnLinux).person(t)
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"), "--connected")
	people := &chatters{t: t, d: d}
	people.chat("while connected")
	people.arrived()
	token := d.secrets(t)
	w.signIn(d)
	w.click(id("nav-setup-chat"))
	w.click(id("connection-intercom") + " " + id("disconnect"))
	w.see(id("disconnect-dialog"))
	list := w.text(id("to-clean-up"))
	for _, words := range []string{"Authorised apps", "archive the attribute sourceloop_id"} {
		if !strings.Contains(list, words) {
			t.Errorf("the dialog does not list %q: %s", words, list)
		}
	}
	if words := w.text(id("disconnect-dialog")); !strings.Contains(words, "30 days") || !strings.Contains(words, "stay until somebody asks") {
		t.Errorf("the dialog says %q", words)
	}
	w.click(id("disconnect-confirm"))
	w.await(state(), "disconnected")
	equal(t, "what the token opens after disconnecting", d.me(t, token.plain), http.StatusUnauthorized)
	if found := contain(t, d.dir, token.forms()); len(found) > 0 {
		t.Errorf("after disconnecting: %q", found)
	}

	before := d.captured(t)
	d.sendsLateWebhooks(t) // Of somebody who chats meanwhile.
	equal(t, "what is captured", d.captured(t), before)
	people.expect("late@example.com")

	connects(w, d, true)
	people.arrived()
	people.chat("connected again")
	people.arrived()
	people.once()
	onlyTheAttributeWasWritten(t, d)
}

// chatters are everybody who chatted, by email.
type chatters struct {
	t      *testing.T
	d      *demo
	emails []string
	fresh  []string // whose contact was not seen yet
}

func (p *chatters) chat(message string) {
	p.t.Helper()
	email := newEmail("p")
	p.d.chat(p.t, map[string]any{"email": email, "message": message})
	p.expect(email)
}

func (p *chatters) expect(email string) {
	p.emails, p.fresh = append(p.emails, email), append(p.fresh, email)
}

// arrived awaits the contacts of those who chatted since it was last asked.
func (p *chatters) arrived() (all []contact) {
	p.t.Helper()
	for _, email := range p.fresh {
		all = append(all, p.d.awaitContact(p.t, email, converted))
	}
	p.fresh = nil
	return all
}

// once: nobody is there twice, nobody else is there, and every conversation
// counts once.
func (p *chatters) once() {
	p.t.Helper()
	list := get[contactList](p.t, p.d.account, "/api/v1/contacts?limit=200").Items
	equal(p.t, "contacts", len(list), len(p.emails))
	for _, c := range list {
		if !slices.Contains(p.emails, c.Email) || len(c.Conversations) != 1 {
			p.t.Errorf("a contact %s with %d conversations", c.Email, len(c.Conversations))
		}
	}
	until(p.t, "every conversation to count once", func() (bool, string) {
		total := get[attribution](p.t, p.d.account, "/api/v1/attribution").Total
		return int(total) == len(p.emails), fmt.Sprint(total)
	})
}

// state is the state of the card, as an expression.
func state() string {
	return fmt.Sprintf("document.querySelector(%q)?.dataset.state", id("connection-intercom"))
}

// denies goes to the consent page and leaves it by Cancel.
func denies(w *tab, d *demo) {
	w.t.Helper()
	w.open(d.url + "/setup/chat")
	w.click(id("connection-intercom") + " " + id("connect"))
	w.click("#cancel")
	w.await(`document.body?.innerText.includes("left without agreeing")`, "true")
	w.click(`a[href="/setup/chat"]`)
	seesError(w, "left without agreeing", "click Connect and agree")
}

// connects clicks Connect or Reconnect on the card and agrees. What is offered
// to be imported is taken or left.
func connects(w *tab, d *demo, before bool) {
	w.t.Helper()
	w.open(d.url + "/setup/chat")
	w.see(id("connection-intercom"))
	box := id("connection-intercom") + " " + id("import-before")
	if w.eval(fmt.Sprintf("document.querySelector(%q) !== null", box)) == "true" && w.eval(fmt.Sprintf("document.querySelector(%q).checked", box)) != fmt.Sprint(before) {
		w.click(box)
	}
	w.click(id("connection-intercom") + " " + id("connect"))
	w.click("#authorize")
	w.await(state(), "connected")
	if before && w.eval(fmt.Sprintf("document.querySelector(%q) !== null", id("connection-intercom")+" "+id("backfill"))) != "true" {
		w.click(id("connection-intercom") + " " + id("import"))
	}
}

// testsConnectionWell presses Test: no check of what the token opens fails.
func testsConnectionWell(w *tab) {
	w.t.Helper()
	w.click(id("connection-intercom") + " " + id("test"))
	w.await(fmt.Sprintf("document.querySelector('%s [data-ok]')?.dataset.ok", id("test-result")), "true")
}

// seesError awaits the card in Error with words, and keeps a picture.
func seesError(w *tab, words ...string) {
	w.t.Helper()
	w.await(state(), "error")
	said := w.text(id("connection-intercom") + ` [data-field="last_error"]`)
	for _, word := range words {
		if !strings.Contains(said, word) {
			w.t.Errorf("the card does not say %q: %s", word, said)
		}
	}
	w.shot("chat-error")
}

// breaksAttribute archives the attribute in Intercom, and has the button find
// and repair it.
func breaksAttribute(w *tab, d *demo) {
	w.t.Helper()
	token := string(d.secrets(w.t).plain)
	ask := func(method, path string, body any) reply {
		return send(w.t, method, d.file.IntercomURL+path, body, "Authorization", "Bearer "+token, "Accept", "application/json", "Intercom-Version", "2.16")
	}
	type attribute struct {
		ID       int
		Name     string
		Archived bool
		Writable bool `json:"messenger_writable"`
	}
	find := func() attribute {
		list := decode[struct{ Data []attribute }](w.t, "attributes", ask(http.MethodGet, "/data_attributes?model=contact&include_archived=true", nil))
		for _, a := range list.Data {
			if a.Name == "sourceloop_id" {
				return a
			}
		}
		w.t.Fatal("the attribute is not there")
		return attribute{}
	}
	broken := ask(http.MethodPut, fmt.Sprintf("/data_attributes/%d", find().ID), map[string]any{"archived": true, "messenger_writable": false})
	equal(w.t, "archiving the attribute", broken.status, http.StatusOK)
	w.open(d.url + "/setup/chat")
	testsConnectionWell(w)
	if a := find(); a.Archived || !a.Writable {
		w.t.Errorf("after the test the attribute is %+v", a)
	}
	w.do(chromedp.Reload())
	w.await(state(), "connected")
}

// onlyTheAttributeWasWritten: nothing else was, and no question was outside of
// Intercom's published description, which the stand-in answers with 400.
func onlyTheAttributeWasWritten(t *testing.T, d *demo) {
	t.Helper()
	asked := 0
	for _, r := range d.requests(t) {
		if r.Write && !strings.HasPrefix(r.Path, "/data_attributes") {
			t.Errorf("%s %s was written at Intercom", r.Method, r.Path)
		}
		if r.Status == http.StatusBadRequest || r.Status == http.StatusNotImplemented || r.Status == http.StatusUnprocessableEntity {
			t.Errorf("%s %s was answered %d: %s", r.Method, r.Path, r.Status, r.Body)
		}
		asked++
	}
	if asked == 0 {
		t.Error("the stand-in was asked nothing, so nothing was checked")
	}
}
