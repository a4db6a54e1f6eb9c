package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/walk"
)

// ward is a demo whose HubSpot is as it should be, to be broken and mended.
type ward struct {
	*demo
	visitor string
}

// names waits until the doctor names a cause at HubSpot.
func (w *ward) names(t *testing.T, cause string, says ...string) diagnosis {
	t.Helper()
	var found diagnosis
	untilEvery(t, doctorRests, "the cause "+cause, func() (bool, string) {
		r := w.ask(t, http.MethodPost, "/api/v1/connections/hubspot/doctor", map[string]string{"page": w.file.SiteURL + "/contact"})
		found = decode[diagnosis](t, "the doctor", r)
		return found.Cause == cause, found.String()
	})
	for _, words := range says {
		if !strings.Contains(found.String(), words) {
			t.Errorf("the doctor does not say %q:\n%s", words, found)
		}
	}
	for _, f := range found.Findings {
		if f.State == "failed" && (f.Text == "" || f.Means == "" || f.Fix == "" || f.AsOf == nil) {
			t.Errorf("a step failed without all its words: %+v", f)
		}
		if strings.Contains(f.Text+f.Means+f.Fix, "Messenger") || strings.Contains(f.Text+f.Means+f.Fix, "Developer Hub") {
			t.Errorf("these are Intercom's words: %+v", f)
		}
	}
	return found
}

// standin does at HubSpot what a developer or an admin of the account does.
func (w *ward) standin(t *testing.T, path string, body map[string]any) {
	t.Helper()
	if r := send(t, http.MethodPost, w.file.HubSpotURL+"/standin/"+path, body); r.status != http.StatusOK {
		t.Fatalf("%s %v: %d %s", path, body, r.status, r.body)
	}
}

// talks is a chat on the site's page, which tells the tracker of it.
func (w *ward) talks(t *testing.T, email string) chatAnswer {
	t.Helper()
	now := time.Now()
	talk := w.hubspotChat(t, map[string]any{"email": email, "message": "Hello"})
	view := pageview(w.visitor, now, w.file.SiteURL+"/contact", "")
	opened := pageview(w.visitor, now, w.file.SiteURL+"/contact", "")
	opened["type"], opened["name"] = "event", "chat_opened"
	opened["properties"] = map[string]any{"provider": "hubspot", "conversation": talk.ConversationID}
	w.collect(t, view, opened)
	return talk
}

func (w *ward) forget(t *testing.T, talk chatAnswer) {
	t.Helper()
	w.standin(t, "delete", map[string]any{"conversation_id": talk.ConversationID})
}

func (w *ward) connect(t *testing.T) {
	t.Helper()
	walker, err := walk.New(w.url)
	if err == nil {
		err = walker.Connect(within(t), "hubspot", w.file.OwnerEmail, w.file.OwnerPassword)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// property is what an admin makes of the contact property.
func property(change map[string]any) func(*ward, *testing.T) func() {
	return func(w *ward, t *testing.T) func() {
		whole := func(more map[string]any) map[string]any {
			p := map[string]any{"name": "sourceloop_id", "label": "SourceLoop id", "type": "string", "fieldType": "text", "groupName": "contactinformation"}
			for name, value := range more {
				p[name] = value
			}
			return p
		}
		w.standin(t, "property", map[string]any{"property": whole(change)})
		return func() { w.standin(t, "property", map[string]any{"property": whole(nil)}) }
	}
}

func (w *ward) propertyGone(t *testing.T) func() {
	w.standin(t, "property", map[string]any{"property": map[string]any{"name": "sourceloop_id"}, "remove": true})
	return func() {
		equal(t, "Test", w.ask(t, http.MethodPost, "/api/v1/connections/hubspot/test", nil).status, http.StatusOK)
	}
}

// developing changes the app's project, and a visitor chats meanwhile.
func developing(change map[string]any, email string) func(*ward, *testing.T) func() {
	return func(w *ward, t *testing.T) func() {
		w.standin(t, "settings", change)
		if email != "" {
			email = newEmail(email)
		}
		talk := w.talks(t, email)
		return func() {
			w.standin(t, "settings", map[string]any{"webhook_url": w.url + "/hooks/hubspot", "signing_secret": "", "subscriptions": nil})
			w.forget(t, talk)
			w.settled(t)
			w.talks(t, newEmail("mended"))
		}
	}
}

// settled waits until HubSpot repeats nothing any more: what it still had to
// tell is a webhook that comes, too.
func (w *ward) settled(t *testing.T) {
	t.Helper()
	until(t, "HubSpot to have told everything", func() (bool, string) {
		for _, e := range w.hubspotEvents(t) {
			if e.State == "pending" {
				return false, e.Outcome
			}
		}
		return true, ""
	})
}

// onlyConversations: an email that is given later never arrives.
func (w *ward) onlyConversations(t *testing.T) func() {
	w.standin(t, "settings", map[string]any{"subscriptions": []string{"conversation.creation", "conversation.newMessage"}})
	talk := w.talks(t, "")
	w.names(t, "") // Nobody knows yet who it is.
	w.hubspotChat(t, map[string]any{"contact_id": talk.ContactID, "email": newEmail("later")})
	return func() {
		w.standin(t, "settings", map[string]any{"subscriptions": nil})
		w.hubspotChat(t, map[string]any{"contact_id": talk.ContactID, "message": "Are you there?"})
	}
}

// noPlan: the account's plan has no conversations.
func (w *ward) noPlan(t *testing.T) func() {
	w.hubspotFault(t, "plan_restricted", 1_000_000)
	return func() { w.hubspotFault(t, "plan_restricted", 0) }
}

// TestDoctorNamesTheCauseAtHubSpot breaks a set-up with HubSpot in the ways in
// which they break, each for real: in the account, in the app's project. In each
// the doctor must name the cause; mended, it must find nothing.
func TestDoctorNamesTheCauseAtHubSpot(t *testing.T) {
	w := &ward{demo: startDemo(t, filepath.Join(t.TempDir(), "demo")), visitor: newVisitor()}
	w.connect(t)
	t.Run("the tracker is nowhere", func(t *testing.T) {
		var found diagnosis
		untilEvery(t, doctorRests, "the cause tracker", func() (bool, string) {
			found = decode[diagnosis](t, "the doctor", w.ask(t, http.MethodPost, "/api/v1/connections/hubspot/doctor", nil))
			return found.Cause == "tracker", found.String()
		})
		if !strings.Contains(found.String(), "HubSpot says that the token is good") {
			t.Error(found)
		}
	})
	w.talks(t, newEmail("first"))
	untilEvery(t, doctorRests, "every step to be fine", func() (bool, string) {
		found := w.names(t, "").String()
		return strings.Count(found, "  ok ") == strings.Count(found, "→"), found
	})
	w.names(t, "", "The last one came", "conversation.…", "It is there and is text", "Every scope is granted", "agrees with HubSpot's")
	for _, breakage := range []struct {
		name, cause string
		does        func(*ward, *testing.T) (mend func())
		says        []string
	}{
		{"the property is gone", "attribute", (*ward).propertyGone, []string{"HubSpot has no contact property sourceloop_id", "Press Test"}},
		{"the property is archived", "attribute", property(map[string]any{"archived": true}), []string{"in HubSpot's archive", "Settings → Properties → Archived"}},
		{"the property has another type", "attribute", property(map[string]any{"type": "number", "fieldType": "number"}), []string{"has the type number", "must be string"}},
		{"the client secret is another", "signature", developing(map[string]any{"signing_secret": "the one from before it was rotated"}, "unsigned"),
			[]string{"X-HubSpot-Signature-v3 does not fit", "SOURCELOOP_HUBSPOT_CLIENT_SECRET", "developer project"}},
		{"webhooks go nowhere", "webhooks", developing(map[string]any{"webhook_url": "http://127.0.0.1:9/hooks/hubspot"}, "nowhere"),
			[]string{"no webhook came since", "targetUrl in webhooks-hsmeta.json", w.url + "/hooks/hubspot"}},
		{"no subscription is active", "webhooks", developing(map[string]any{"subscriptions": []string{}}, "silent"), []string{"conversation.creation active"}},
		{"conversations are not subscribed to", "topics", developing(map[string]any{"subscriptions": []string{"contact.creation", "contact.propertyChange"}}, "people"),
			[]string{"no conversation.creation", "hubEvents", "hs project upload"}},
		{"contacts are not subscribed to", "topics", (*ward).onlyConversations, []string{"no contact.creation or contact.propertyChange"}},
		{"the plan refuses conversations", "plan", (*ward).noPlan, []string{"refuses questions about conversations", "although the scopes are granted"}},
	} {
		t.Run(breakage.name, func(t *testing.T) {
			mend := breakage.does(w, t)
			func() {
				defer mend() // Also when it is not named, for those that follow.
				w.names(t, breakage.cause, breakage.says...)
			}()
			w.names(t, "")
		})
	}
	t.Run("the app was removed at HubSpot", func(t *testing.T) {
		w.hubspotFault(t, "revoke", 1)
		w.names(t, "token", "HubSpot says that the token is dead", "Click Reconnect on the card")
		w.ask(t, http.MethodPost, "/api/v1/connections/hubspot/test", nil) // The card learns of it by the next question.
		until(t, "the card's Error", func() (bool, string) { state := w.hubspotCard(t).State; return state == "error", state })
		w.connect(t)
		w.talks(t, newEmail("again"))
		w.names(t, "")
	})
	t.Run("disconnected", func(t *testing.T) {
		equal(t, "disconnecting", w.ask(t, http.MethodPost, "/api/v1/connections/hubspot/disconnect", nil).status, http.StatusOK)
		w.names(t, "token", "HubSpot is not connected", "Click Connect")
	})
}
