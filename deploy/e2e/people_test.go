package e2e

import (
	"net/http"
	"testing"
	"time"
)

func TestChatWithoutVisitorIsDirect(t *testing.T) {
	d := connected(t)
	email := newEmail("link")
	before := get[attribution](t, d.account, "/api/v1/attribution?dimension=source")
	d.chat(t, map[string]any{"email": email, "name": "Lise Link", "message": "I came by a shared link"})
	c := d.awaitContact(t, email, converted)
	for name, touch := range map[string]touch{"first": c.FirstTouch, "last": c.LastTouch} {
		equal(t, name+" channel", touch.Channel, "Direct")
		equal(t, name+" source", touch.Source, "direct")
		equal(t, name+" medium", touch.Medium, "")
		equal(t, name+" landing page", touch.LandingPage, "")
	}
	equal(t, "name", c.Name, "Lise Link")
	equal(t, "pages before", c.PagesBefore, 0)
	equal(t, "sessions of the journey", len(get[journey](t, d.account, "/api/v1/contacts/"+c.ID+"/journey").Sessions), 0)
	d.awaitAttribution(t, "/api/v1/attribution?dimension=source", "direct", before.row("direct").Conversions+1)
	after := get[attribution](t, d.account, "/api/v1/attribution?dimension=source")
	equal(t, "total", after.Total, before.Total+1)
	equal(t, "attributed", after.Attributed, before.Attributed)
}

func TestChatThatGivesAPhoneOnly(t *testing.T) {
	d := connected(t)
	visitor := newVisitor()
	d.collect(t, pageview(visitor, time.Now().Add(-time.Minute), shop+"/?utm_source=billboard&utm_medium=outdoor", ""))
	phone := "+4791" + digits(6)
	talk := d.chat(t, map[string]any{"phone": phone, "message": "Call me", "sourceloop_id": visitor})
	c := d.awaitContact(t, phone, func(c contact) bool { return converted(c) && c.LastTouch.Source == "billboard" })
	equal(t, "phone", c.Phone, phone)
	equal(t, "email", c.Email, "")
	equal(t, "conversation", c.Conversations[0].ID, talk.ConversationID)
}

func TestEmailAddedLater(t *testing.T) {
	d := connected(t)
	visitor, email := newVisitor(), newEmail("later")
	began := time.Now().Add(-30 * time.Minute)
	d.collect(t,
		pageview(visitor, began, shop+"/later?utm_source=letter&utm_medium=email", ""),
		pageview(visitor, began.Add(time.Minute), shop+"/contact", shop+"/later"))
	talk := d.chat(t, map[string]any{
		"at": began.Add(2 * time.Minute).UnixMilli(), "message": "Anybody there?", "sourceloop_id": visitor, "name": "Nobody yet " + visitor,
	})
	// Another chat is through the whole pipeline, so the first one was too.
	marker := newEmail("marker")
	d.chat(t, map[string]any{"email": marker})
	d.awaitContact(t, marker, converted)
	if got := d.search(t, visitor); len(got) != 0 {
		t.Fatalf("a chat without email or phone became a contact: %+v", got)
	}

	begun := time.Now()
	d.chat(t, map[string]any{"contact_id": talk.ContactID, "email": email})
	c := d.awaitContact(t, email, func(c contact) bool { return converted(c) && c.LastTouch.Source == "letter" })
	t.Logf("from email to contact: %s", time.Since(begun).Round(time.Millisecond))
	// It counts from when the conversation started, not from when the email came.
	equal(t, "converted at", c.ConvertedAt.Truncate(time.Second), began.Add(2*time.Minute).UTC().Truncate(time.Second))
	equal(t, "pages before", c.PagesBefore, 2)
	equal(t, "last touch", c.LastTouch.Source+" / "+c.LastTouch.Medium, "letter / email")
	equal(t, "last channel", c.LastTouch.Channel, "Email")
	equal(t, "conversation", c.Conversations[0].ID, talk.ConversationID)
}

func TestVisitThatArrivesAfterTheChatIsStitched(t *testing.T) {
	d := connected(t)
	visitor, email := newVisitor(), newEmail("late")
	began := time.Now().Add(-20 * time.Minute)
	d.chat(t, map[string]any{"email": email, "message": "Faster than my hits", "sourceloop_id": visitor})
	d.awaitContact(t, email, func(c contact) bool { return converted(c) && c.LastTouch.Channel == "Direct" })
	d.collect(t, pageview(visitor, began, shop+"/late?utm_source=bing&utm_medium=cpc", ""))
	c := d.awaitContact(t, email, func(c contact) bool { return c.LastTouch.Source == "bing" })
	equal(t, "channel", c.LastTouch.Channel, "Paid Search")
}

func TestConversionFromAServerCountsOnce(t *testing.T) {
	d := connected(t)
	email, name := newEmail("buyer"), "purchase_"+randomHex(6)
	d.chat(t, map[string]any{"email": email, "message": "I shall buy"})
	d.awaitContact(t, email, converted)
	order := map[string]any{
		"id": "order-1", "name": name, "at": time.Now().UTC().Format(time.RFC3339Nano), "value": 29.5, "currency": "USD", "email": email,
	}
	for range 2 {
		if r := d.ask(t, http.MethodPost, "/api/v1/conversions", order); r.status != http.StatusAccepted {
			t.Fatalf("conversion: %d %s", r.status, r.body)
		}
	}
	d.awaitAttribution(t, "/api/v1/attribution?dimension=source&conversion="+name, "direct", 1)
	got := get[attribution](t, d.account, "/api/v1/attribution?dimension=source&conversion="+name)
	equal(t, "total", got.Total, 1)
	equal(t, "value", got.row("direct").Value, 29.5)
}
