package hubspot

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A grant as HubSpot's own client library tests it: method, URL, body, time.
func TestSignatureOverTheDecodedURL(t *testing.T) {
	plain := Sign("s", "POST", "https://www.example.com/hooks?x=a:b", []byte(`[{"a":1}]`), "15000000")
	for _, escaped := range []string{"https://www.example.com/hooks?x=a%3Ab", "https://www.example.com/hooks?x=a%3ab"} {
		if Sign("s", "POST", escaped, []byte(`[{"a":1}]`), "15000000") != plain {
			t.Errorf("%s is not decoded", escaped)
		}
	}
	if Sign("s", "POST", "https://www.example.com/hooks?x=a%20b", nil, "1") == Sign("s", "POST", "https://www.example.com/hooks?x=a b", nil, "1") {
		t.Error("a space is decoded, which HubSpot does not list")
	}
}

func TestTokens(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	b := newBench(t, func(c *Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	}).connect()
	if b.grant.Expires != 1800 || b.grant.HubID != b.server.HubID() || !slices.Contains(b.grant.Scopes, "conversations.read") {
		t.Fatalf("%+v", b.grant)
	}
	first := b.grant
	mu.Lock()
	now = now.Add(30 * time.Minute)
	mu.Unlock()
	b.api("GET", "/crm/v3/properties/contacts/sourceloop_id", "", http.StatusUnauthorized, nil)
	b.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Refresh}}, http.StatusOK, &b.grant)
	if b.grant.Refresh != first.Refresh || b.grant.Access == first.Access {
		t.Fatal("a refresh must give another access token and the same refresh token")
	}
	b.api("GET", "/crm/v3/properties/contacts/sourceloop_id", "", http.StatusOK, nil)
	var told struct {
		Active bool   `json:"active"`
		Domain string `json:"hub_domain"`
	}
	form := url.Values{"client_id": {testClientID}, "client_secret": {testClientSecret}, "token": {b.grant.Access}}
	b.send(b.request("POST", "/oauth/2026-03/token/introspect", form.Encode(), "application/x-www-form-urlencoded"), http.StatusOK, &told)
	if !told.Active || told.Domain != "northwind-tea.example" {
		t.Fatalf("%+v", told)
	}
	form.Set("token", b.grant.Refresh)
	b.send(b.request("POST", "/oauth/2026-03/token/revoke", form.Encode(), "application/x-www-form-urlencoded"), http.StatusNoContent, nil)
	b.api("GET", "/crm/v3/properties/contacts/sourceloop_id", "", http.StatusUnauthorized, nil)
	b.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Refresh}}, http.StatusBadRequest, nil)
	b.send(b.request("POST", "/oauth/v1/token", form.Encode(), "application/x-www-form-urlencoded"), http.StatusNotFound, nil)
}

// TestNoSecretOnDisk: of codes and tokens there are hashes only, and the
// request log hides them.
func TestNoSecretOnDisk(t *testing.T) {
	b := newBench(t, nil).connect()
	b.stop()
	files, err := filepath.Glob(filepath.Join(b.config.Dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{b.grant.Access, b.grant.Refresh, testClientSecret} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s has a secret in it", filepath.Base(file))
			}
		}
	}
}

func TestThePropertyExistsOnce(t *testing.T) {
	b := newBench(t, nil).connect()
	var refused struct{ Category, Message string }
	b.api("POST", "/crm/v3/properties/contacts", `{"name":"sourceloop_id","label":"x","type":"string","fieldType":"text","groupName":"contactinformation"}`, http.StatusConflict, &refused)
	if refused.Category != "OBJECT_ALREADY_EXISTS" {
		t.Errorf("%+v", refused)
	}
	b.api("POST", "/crm/v3/properties/contacts", `{"name":"other"}`, http.StatusBadRequest, nil)
}

// contactView is what the API tells of a contact.
type contactView struct {
	ID         string             `json:"id"`
	Properties map[string]*string `json:"properties"`
}

func (b *bench) contact(id string) (c contactView) {
	b.t.Helper()
	b.api("GET", "/crm/v3/objects/contacts/"+id+"?properties=email,phone,firstname,sourceloop_id", "", http.StatusOK, &c)
	return c
}

func TestAVisitorBecomesAContact(t *testing.T) {
	b := newBench(t, nil).connect()
	first := b.chat(`{"id":"one","message":"Do you post to Iceland?","sourceloop_id":"abc"}`)
	var thread struct {
		Whose string `json:"associatedContactId"`
	}
	b.api("GET", "/conversations/v3/conversations/threads/"+first.ConversationID, "", http.StatusOK, &thread)
	if thread.Whose != first.ContactID {
		t.Errorf("the thread is of %s", thread.Whose)
	}
	b.api("GET", "/crm/v3/objects/contacts/"+first.ContactID, "", http.StatusNotFound, nil)
	if got := b.product.types(); got != "conversation.creation conversation.newMessage" {
		t.Errorf("told of %s", got)
	}

	second := b.chat(`{"id":"two","contact_id":"` + first.ContactID + `","email":"Joe@example.com","name":"Joe Tea"}`)
	if second.ConversationID != first.ConversationID || second.ContactID == first.ContactID {
		t.Errorf("%+v after %+v", second, first)
	}
	c := b.contact(second.ContactID)
	if *c.Properties["email"] != "joe@example.com" || *c.Properties["sourceloop_id"] != "abc" || c.Properties["phone"] != nil {
		t.Errorf("%v", c.Properties)
	}
	b.api("GET", "/conversations/conversations/2026-09/threads/"+first.ConversationID, "", http.StatusOK, &thread)
	if thread.Whose != second.ContactID {
		t.Errorf("the thread is of %s", thread.Whose)
	}
	if strings.Contains(b.product.types()[len("conversation.creation conversation.newMessage"):], "conversation.") {
		t.Errorf("HubSpot tells of the contact only: %s", b.product.types())
	}
	if again := b.chat(`{"id":"one","message":"Do you post to Iceland?"}`); again != first {
		t.Errorf("a repetition gives %+v", again)
	}
}

func TestMessagesHaveTheirTypes(t *testing.T) {
	b := newBench(t, nil).connect()
	chat := b.chat(`{"message":"Hello there","email":"ann@example.com"}`)
	var list struct {
		Results []struct {
			Type, Direction, Text string
			Senders               []struct{ ActorID string }
		}
	}
	b.api("GET", "/conversations/v3/conversations/threads/"+chat.ConversationID+"/messages", "", http.StatusOK, &list)
	var types []string
	for _, m := range list.Results {
		types = append(types, m.Type+m.Direction)
	}
	if got := strings.Join(types, " "); got != "WELCOME_MESSAGE ASSIGNMENT THREAD_STATUS_CHANGE MESSAGEINCOMING" {
		t.Errorf("%s", got)
	}
	var threads struct{ Results []struct{ ID string } }
	b.api("GET", "/conversations/v3/conversations/threads?threadStatus=OPEN&associatedContactId="+chat.ContactID, "", http.StatusOK, &threads)
	if len(threads.Results) != 1 || threads.Results[0].ID != chat.ConversationID {
		t.Errorf("%+v", threads)
	}
	b.api("GET", "/conversations/v3/conversations/threads?associatedContactId="+chat.ContactID, "", http.StatusBadRequest, nil)
	var actor struct{ Type, Email string }
	b.api("GET", "/conversations/v3/conversations/actors/V-"+chat.ContactID, "", http.StatusOK, &actor)
	if actor.Type != "VISITOR" || actor.Email != "ann@example.com" {
		t.Errorf("%+v", actor)
	}
}

func TestEventsAreSignedNumberedAndRepeated(t *testing.T) {
	b := newBench(t, nil).connect()
	b.product.mu.Lock()
	b.product.answers = []int{500, 503}
	b.product.mu.Unlock()
	b.chat(`{"message":"Hello","email":"joe@example.com"}`)
	arrays := b.product.await(t, 3)
	ids := map[any]bool{}
	for _, a := range arrays {
		if !a.signed {
			t.Error("an array is not signed")
		}
		for _, e := range a.events {
			ids[e["eventId"]] = true
			if fmt.Sprintf("%.0f", e["portalId"]) != fmt.Sprint(b.server.HubID()) || e["subscriptionType"] == "" || e["objectId"] == 0 {
				t.Errorf("%v", e)
			}
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d event ids; those of one happening are one", len(ids))
	}
	if got := arrays[2].events[0]["attemptNumber"]; got != 2.0 {
		t.Errorf("attempt %v", got)
	}
}

func TestFaults(t *testing.T) {
	b := newBench(t, nil).connect()
	b.post("/standin/fault", `{"kind":"bad_signature"}`, nil)
	b.post("/standin/fault", `{"kind":"duplicate"}`, nil)
	b.chat(`{"message":"Hello","email":"joe@example.com"}`)
	if arrays := b.product.await(t, 2); arrays[0].signed || !arrays[1].signed {
		t.Errorf("signed: %v, %v", arrays[0].signed, arrays[1].signed)
	}
	for kind, status := range map[string]int{"429": 429, "500": 500, "401": 401} {
		b.post("/standin/fault", `{"kind":"`+kind+`"}`, nil)
		b.api("GET", "/crm/v3/properties/contacts", "", status, nil)
	}
	b.post("/standin/fault", `{"kind":"plan_restricted"}`, nil)
	b.api("GET", "/conversations/v3/conversations/threads/1", "", http.StatusForbidden, nil)
	header := b.api("GET", "/crm/v3/properties/contacts", "", http.StatusOK, nil)
	if header.Get("X-HubSpot-RateLimit-Max") != "110" || header.Get("X-HubSpot-RateLimit-Remaining") == "" {
		t.Errorf("%v", header)
	}
	b.post("/standin/fault", `{"kind":"expire"}`, nil)
	b.api("GET", "/crm/v3/properties/contacts", "", http.StatusUnauthorized, nil)
	b.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {b.grant.Refresh}}, http.StatusOK, &b.grant)
	b.post("/standin/fault", `{"kind":"revoke"}`, nil)
	b.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {b.grant.Refresh}}, http.StatusBadRequest, nil)
	sent := len(b.product.all())
	b.chat(`{"message":"Anybody there?"}`)
	if len(b.product.all()) != sent {
		t.Error("events leave although the app was removed")
	}
}

func TestMergeDeleteAndUninstall(t *testing.T) {
	b := newBench(t, nil).connect()
	b.post("/standin/fault", `{"kind":"merge"}`, nil)
	chat := b.chat(`{"message":"Hello","email":"joe@example.com"}`)
	into := b.contact(chat.ContactID)
	if into.ID == chat.ContactID || *into.Properties["email"] != "joe@example.com" || !strings.Contains(b.product.types(), "contact.merge") {
		t.Errorf("%+v after %s", into, b.product.types())
	}
	b.post("/standin/privacy", `{"contact_id":"`+into.ID+`"}`, nil)
	b.api("GET", "/crm/v3/objects/contacts/"+into.ID, "", http.StatusNotFound, nil)
	if !strings.HasSuffix(b.product.types(), "contact.deletion contact.privacyDeletion") {
		t.Errorf("told of %s", b.product.types())
	}
	b.api("DELETE", "/appinstalls/2026-03/external-install", "", http.StatusNoContent, nil)
	b.api("GET", "/crm/v3/properties/contacts", "", http.StatusUnauthorized, nil)
}

// TestEverythingIsThereAgain: what was answered for survives a restart, events
// that nobody took included.
func TestEverythingIsThereAgain(t *testing.T) {
	b := newBench(t, func(c *Config) { c.RetryAfter = time.Hour }).connect()
	b.product.mu.Lock()
	b.product.answers = []int{500}
	b.product.mu.Unlock()
	chat := b.chat(`{"id":"one","message":"Hello","email":"joe@example.com"}`)
	hub := b.server.HubID()
	b.stop()
	later := time.Now().Add(3 * time.Hour)
	b.config.Now = func() time.Time { return later }
	b.start()
	if b.server.HubID() != hub {
		t.Error("the account has another number")
	}
	if arrays := b.product.await(t, 2); len(arrays[1].events) != len(arrays[0].events) {
		t.Errorf("%d events, then %d", len(arrays[0].events), len(arrays[1].events))
	}
	if again := b.chat(`{"id":"one","message":"Hello"}`); again != chat {
		t.Errorf("%+v, not %+v", again, chat)
	}
	b.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {b.grant.Refresh}}, http.StatusOK, &b.grant)
	b.contact(chat.ContactID)
}

// TestWhatTheScriptSends: identify without an email is forgotten; a message and
// then an email make a contact.
func TestWhatTheScriptSends(t *testing.T) {
	b := newBench(t, nil).connect()
	token := strings.Repeat("ab", 16)
	say := func(path, more string) (reply widgetAnswer) {
		b.post("/widget/"+path, fmt.Sprintf(`{"hub_id":%d,"hubspotutk":"%s",%s}`, b.server.HubID(), token, more), &reply)
		return reply
	}
	if say("track", `"identity":{"sourceloop_id":"abc"}`).HasContact {
		t.Error("a contact without an email")
	}
	first := say("message", `"id":"1","text":"Hello"`)
	if first.ConversationID == "" || first.HasContact {
		t.Errorf("%+v", first)
	}
	if !say("message", `"email":"joe@example.com"`).HasContact {
		t.Error("no contact with an email")
	}
	var thread struct {
		Whose string `json:"associatedContactId"`
	}
	b.api("GET", "/conversations/v3/conversations/threads/"+first.ConversationID, "", http.StatusOK, &thread)
	if c := b.contact(thread.Whose); c.Properties["sourceloop_id"] != nil {
		t.Error("what was said without an email is on the contact")
	}
	say("track", `"identity":{"email":"joe@example.com","sourceloop_id":"abc"}`)
	if c := b.contact(thread.Whose); c.Properties["sourceloop_id"] == nil || *c.Properties["sourceloop_id"] != "abc" {
		t.Errorf("%v", c.Properties)
	}
}
