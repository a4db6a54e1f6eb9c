package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// operate is what a teammate, or a program of the workspace, does in Intercom.
func (d *demo) operate(t *testing.T, action string, fields map[string]any) chatAnswer {
	t.Helper()
	return decode[chatAnswer](t, action, send(t, http.MethodPost, d.file.IntercomURL+"/standin/"+action, fields))
}

// TestIntercomConversationTiedToAVisitorLater: an off-site conversation is
// Direct until the same contact is seen on the site.
func TestIntercomConversationTiedToAVisitorLater(t *testing.T) {
	d := connected(t)
	email, visitor := newEmail("offsite"), newVisitor()
	d.collect(t, pageview(visitor, time.Now().Add(-20*time.Minute), shop+"/?utm_source=podcast&utm_medium=audio", ""))
	talk := d.chat(t, map[string]any{"email": email, "message": "I found you elsewhere"})
	c := d.awaitContact(t, email, converted)
	equal(t, "channel without a visitor", c.LastTouch.Channel, "Direct")
	d.operate(t, "contact", map[string]any{"contact_id": talk.ContactID, "attributes": map[string]any{"sourceloop_id": visitor}})
	tied := d.awaitContact(t, email, func(c contact) bool { return c.LastTouch.Source == "podcast" })
	equal(t, "first touch", tied.FirstTouch.Source, "podcast")
	equal(t, "the contact", tied.ID, c.ID)
	equal(t, "its conversations", len(tied.Conversations), 1)
}

// TestIntercomEmailChanges: the contact stays one, and can be found by both.
func TestIntercomEmailChanges(t *testing.T) {
	d := connected(t)
	before, after := newEmail("before"), newEmail("after")
	talk := d.chat(t, map[string]any{"email": before, "message": "Hello"})
	first := d.awaitContact(t, before, converted)
	d.operate(t, "contact", map[string]any{"contact_id": talk.ContactID, "email": after})
	c := d.awaitContact(t, after, converted)
	equal(t, "the contact", c.ID, first.ID)
	until(t, "the contact to show both emails", func() (bool, string) {
		emails := get[contact](t, d.account, "/api/v1/contacts/"+c.ID).Emails
		return slices.Contains(emails, before) && slices.Contains(emails, after), strings.Join(emails, " ")
	})
}

// TestIntercomContactsWithOneEmail are one person, whose conversations both count.
func TestIntercomContactsWithOneEmail(t *testing.T) {
	d := connected(t)
	email := newEmail("one")
	left, right := d.chat(t, map[string]any{"email": email, "message": "From work"}), d.chat(t, map[string]any{"email": email, "message": "From home"})
	if left.ContactID == right.ContactID {
		t.Fatal("they are one contact in Intercom already, so that nothing is tried")
	}
	c := d.awaitContact(t, email, func(c contact) bool { return len(c.Conversations) == 2 })
	if got := []string{c.Conversations[0].ID, c.Conversations[1].ID}; !slices.Contains(got, left.ConversationID) || !slices.Contains(got, right.ConversationID) {
		t.Errorf("the conversations are %q", got)
	}
}

// TestIntercomDeletesAndMerges: what was captured stays, a merge in Intercom is
// one here, and a test of the webhooks changes nothing.
func TestIntercomDeletesAndMerges(t *testing.T) {
	d := connected(t)
	email, other := newEmail("deleted"), newEmail("other")
	gone := d.chat(t, map[string]any{"email": email, "message": "Forget this"})
	c := d.awaitContact(t, email, converted)
	from := d.chat(t, map[string]any{"email": other, "message": "Merge me"})
	merged := d.awaitContact(t, other, converted)
	d.operate(t, "delete", map[string]any{"conversation_id": gone.ConversationID})
	d.operate(t, "delete", map[string]any{"contact_id": gone.ContactID})
	into := d.operate(t, "merge", map[string]any{"from": from.ContactID})
	d.operate(t, "ping", map[string]any{})
	d.chat(t, map[string]any{"contact_id": into.ContactID, "message": "Once more", "new_conversation": true})
	again := d.awaitContact(t, other, func(c contact) bool { return len(c.Conversations) == 2 })
	equal(t, "the contact that the id from before the merge finds", get[contact](t, d.account, "/api/v1/contacts/"+merged.ID).ID, again.ID)
	kept := get[contact](t, d.account, "/api/v1/contacts/"+c.ID)
	equal(t, "the email of who was deleted", kept.Email, email)
	equal(t, "the conversations of who was deleted", len(kept.Conversations), 1)
	equal(t, "the message", kept.Conversations[0].Message, "Forget this")
	equal(t, "the state", kept.Conversations[0].State, "open")
	if !strings.Contains(kept.Conversations[0].URL, gone.ConversationID) {
		t.Errorf("the link is %q", kept.Conversations[0].URL)
	}
	equal(t, "the card", d.card(t).State, "connected")
}
