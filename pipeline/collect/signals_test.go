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
