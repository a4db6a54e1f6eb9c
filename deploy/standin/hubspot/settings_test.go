package hubspot

import (
	"net/http"
	"testing"
)

// TestWhatTheProjectSays: subscriptions that are not active tell nothing, and
// another secret signs.
func TestWhatTheProjectSays(t *testing.T) {
	b := newBench(t, nil).connect()
	b.post("/standin/settings", `{"subscriptions":["conversation.creation"],"signing_secret":"another"}`, nil)
	b.chat(`{"message":"Hello","email":"joe@example.com"}`)
	if first := b.product.await(t, 1)[0]; first.signed || b.product.types() != "conversation.creation" {
		t.Errorf("signed by the app's secret: %v, %s", first.signed, b.product.types())
	}
	b.post("/standin/settings", `{"webhook_url":""}`, nil)
	b.chat(`{"message":"Hello","email":"ann@example.com"}`)
	b.post("/standin/settings", `{"webhook_url":"`+b.config.WebhookURL+`","subscriptions":null,"signing_secret":""}`, nil)
	b.chat(`{"message":"Hello"}`)
	if got := b.product.types(); got != "conversation.creation conversation.creation conversation.newMessage" {
		t.Error(got)
	}
	b.send(b.request("POST", "/standin/settings", `{"webhook_url":"http://elsewhere.example/"}`, "application/json"), http.StatusBadRequest, nil)
}

// TestAPropertyIsRemoved: what an account's admin did is what the API tells.
func TestAPropertyIsRemoved(t *testing.T) {
	b := newBench(t, nil).connect()
	const at = "/crm/v3/properties/contacts/sourceloop_id"
	b.api("GET", at, "", http.StatusOK, nil)
	b.post("/standin/property", `{"property":{"name":"sourceloop_id"},"remove":true}`, nil)
	b.api("GET", at, "", http.StatusNotFound, nil)
	b.api("GET", at+"?archived=true", "", http.StatusNotFound, nil)
}
