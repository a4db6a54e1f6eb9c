package collect_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"sourceloop/schema"
)

// signals keeps what was noted.
type signals struct {
	mu    sync.Mutex
	notes []string
}

func (s *signals) Note(provider, app, what string, at schema.Millis) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprint(provider, " ", app, " ", what, " ", at == clock))
}

// TestWhatReachesHubSpotsAddressIsNoted: each account with each type once.
func TestWhatReachesHubSpotsAddressIsNoted(t *testing.T) {
	const account = `"portalId":4242,"objectId":9`
	for _, test := range []struct{ name, body, secret, want string }{
		{"types, once each", `[{` + account + `,"subscriptionType":"conversation.creation"},{` + account + `,"subscriptionType":"contact.creation"},{` + account + `,"subscriptionType":"contact.creation"}]`,
			"right", "hubspot 4242 conversation.creation true\nhubspot 4242 contact.creation true"},
		{"as documented", `[{` + account + `,"eventType":"conversation.newMessage"}]`, "right", "hubspot 4242 conversation.newMessage true"},
		{"an object that is a contact, and one that is none", `[{` + account + `,"subscriptionType":"object.creation","objectTypeId":"0-1"},{` + account + `,"subscriptionType":"object.creation","objectTypeId":"0-2"}]`,
			"right", "hubspot 4242 contact.creation true\nhubspot 4242 object.creation true"},
		{"two accounts and a stranger's", `[{"portalId":4343,"subscriptionType":"contact.merge"},{"portalId":1,"subscriptionType":"contact.merge"},{` + account + `,"subscriptionType":"contact.merge"}]`,
			"right", "hubspot 4343 contact.merge true\nhubspot 4242 contact.merge true"},
		{"no type", `[{` + account + `}]`, "right", "hubspot 4242 (other) true"},
		{"a wrong signature, once", `[{` + account + `,"subscriptionType":"contact.creation"},{` + account + `,"subscriptionType":"contact.merge"}]`, "wrong", "hubspot 4242 (unsigned) true"},
		{"unsigned, no JSON", `[`, "wrong", ""},
		{"a test of the address", `[]`, "right", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, nil)
			signed := test.body
			if test.secret != "right" {
				signed += "another"
			}
			p.do(t, "POST", "/hooks/hubspot", test.body, hubspotSigned(publicURL+"/hooks/hubspot", signed, clock)...)
			if got := strings.Join(p.signals.notes, "\n"); got != test.want {
				t.Errorf("noted %q, not %q", got, test.want)
			}
		})
	}
}

// TestWhatReachesTheWebhookAddressIsNoted: for apps that are somebody's, with
// topics written as topics are, and never what a delivery says.
func TestWhatReachesTheWebhookAddressIsNoted(t *testing.T) {
	const hook, uninstall = "/hooks/intercom", "/hooks/intercom/uninstall"
	for _, test := range []struct{ name, path, body, signature, want string }{
		{"a topic", hook, `{"app_id":"connected","topic":"conversation.user.created"}`, "right", "intercom connected conversation.user.created true"},
		{"a ping", hook, `{"app_id":"connected","topic":"ping"}`, "right", "intercom connected ping true"},
		{"no topic", hook, `{"app_id":"connected"}`, "right", "intercom connected (other) true"},
		{"a person's words as topic", hook, `{"app_id":"connected","topic":"Joe <joe@example.com>"}`, "right", "intercom connected (other) true"},
		{"a wrong signature", hook, `{"app_id":"connected","topic":"x"}`, "wrong", "intercom connected (unsigned) true"},
		{"no signature", hook, `{"app_id":"connected","topic":"x"}`, "", "intercom connected (unsigned) true"},
		{"an app that is nobody's", hook, `{"app_id":"stranger","topic":"x"}`, "right", ""},
		{"unsigned, an app that is nobody's", hook, `{"app_id":"stranger","topic":"x"}`, "wrong", ""},
		{"unsigned, no JSON", hook, `{`, "wrong", ""},
		{"an uninstall notice", uninstall, `{"app_id":"connected"}`, "", "intercom connected (uninstall) true"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, nil)
			headers := map[string][]string{"right": {"X-Hub-Signature", signed(test.body)}, "wrong": {"X-Hub-Signature", signed("another")}}
			p.do(t, "POST", test.path, test.body, headers[test.signature]...)
			if got := strings.Join(p.signals.notes, "\n"); got != test.want {
				t.Errorf("noted %q, not %q", got, test.want)
			}
		})
	}
}
