package e2e

import (
	"net/http"
	"testing"
	"time"
)

// merges are whom a contact became one with, and from whom it is kept apart.
type merges struct {
	Merged, Apart []struct{ Contact, Node string }
}

// TestIntercomMergeUndoneByAnAdmin: a teammate gives one contact the email of
// another, so that they become one. An Admin undoes it on the contact's page:
// browsers, sessions, conversations and credits part again, and stay apart
// whatever Intercom says later. Then it is taken back.
func TestIntercomMergeUndoneByAnAdmin(t *testing.T) {
	d := connected(t)
	ann, bob := newEmail("ann"), newEmail("bob")
	laptop, phone := newVisitor(), newVisitor()
	began := time.Now().Add(-time.Hour)
	source := "undo" + randomHex(4)
	d.collect(t,
		pageview(laptop, began, shop+"/?utm_medium=cpc&utm_source="+source+"-ann", ""),
		pageview(phone, began.Add(time.Minute), shop+"/?utm_medium=cpc&utm_source="+source+"-bob", ""))
	first := d.chat(t, map[string]any{"at": began.Add(2 * time.Minute).UnixMilli(), "email": ann, "message": "I am Ann", "sourceloop_id": laptop})
	second := d.chat(t, map[string]any{"at": began.Add(3 * time.Minute).UnixMilli(), "email": bob, "message": "I am Bob", "sourceloop_id": phone})
	one := d.awaitContact(t, ann, func(c contact) bool { return converted(c) && c.LastTouch.Source == source+"-ann" })
	two := d.awaitContact(t, bob, func(c contact) bool { return converted(c) && c.LastTouch.Source == source+"-bob" })
	d.operate(t, "contact", map[string]any{"contact_id": second.ContactID, "email": ann})
	both := d.awaitContact(t, bob, func(c contact) bool { return len(c.Conversations) == 2 })
	equal(t, "the contact that both became", both.ID, one.ID)

	w := openBrowser(t, chromeOnLinux).person(t)
	w.signIn(d)
	w.open(d.url + "/contacts/" + both.ID)
	w.see(id("merged"))
	w.click(id("undo-merge"))
	w.see(id("merge-dialog"))
	w.shot("merge-dialog")
	w.click(id("decide-merge"))
	w.see(id("merge-outcome"))
	w.shot("merge-undone")
	w.eval(`document.querySelectorAll('[data-testid="merge-outcome"] a')[1].click()`)
	w.await(`document.querySelector('[data-testid="contact"]').dataset.id`, two.ID)

	apart := func(when string) {
		t.Helper()
		for _, want := range []struct {
			was                   contact
			chat, visitor, source string
		}{
			{one, first.ConversationID, laptop, source + "-ann"}, {two, second.ConversationID, phone, source + "-bob"},
		} {
			until(t, when+", "+want.source+" to be a contact alone", func() (bool, string) {
				c := get[contact](t, d.account, "/api/v1/contacts/"+want.was.ID)
				return c.ID == want.was.ID && len(c.Conversations) == 1 && c.Conversations[0].ID == want.chat && c.FirstTouch.Source == want.source, text(t, c)
			})
			sessions := get[journey](t, d.account, "/api/v1/contacts/"+want.was.ID+"/journey").Sessions
			if len(sessions) != 1 || sessions[0].Visitor != want.visitor {
				t.Errorf("%s, the sessions of %s are %s", when, want.source, text(t, sessions))
			}
			d.awaitAttribution(t, "/api/v1/attribution?dimension=source&model=first_touch", want.source, 1)
		}
	}
	apart("after the undo")
	d.chat(t, map[string]any{"contact_id": second.ContactID, "message": "Still Bob"})
	apart("after more was heard")

	if m := get[merges](t, d.account, "/api/v1/contacts/"+one.ID+"/merges"); len(m.Merged) != 0 || len(m.Apart) != 1 || m.Apart[0].Contact != two.ID {
		t.Errorf("the merges are %+v", m)
	}
	if r := d.ask(t, http.MethodPost, "/api/v1/contacts/"+one.ID+"/merges", map[string]any{"contact": two.ID, "apart": false}); r.status != http.StatusAccepted {
		t.Fatalf("taking it back: %d %s", r.status, r.body)
	}
	until(t, "the two to be one again", func() (bool, string) {
		c := get[contact](t, d.account, "/api/v1/contacts/"+two.ID)
		return c.ID == one.ID && len(c.Conversations) == 2, text(t, c)
	})
}
