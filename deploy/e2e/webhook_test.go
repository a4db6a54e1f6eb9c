package e2e

import (
	"crypto/hmac"
	"crypto/sha1" // Intercom signs with it.
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// clientSecret is what the demo's Intercom signs with. demo.json keeps it to
// itself; a test may look into the demo's own state.
func (d *demo) clientSecret(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(d.dir, "demo-state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Secret string `json:"intercom_client_secret"`
	}
	if err := json.Unmarshal(raw, &state); err != nil || state.Secret == "" {
		t.Fatalf("the demo's state holds no secret: %v", err)
	}
	return state.Secret
}

func signature(secret, body string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

// appID is the Intercom workspace's, which its webhooks carry.
func (d *demo) appID(t testing.TB) string {
	t.Helper()
	r := send(t, http.MethodGet, d.file.IntercomURL+"/", nil)
	return decode[struct {
		AppID string `json:"app_id"`
	}](t, "the stand-in", r).AppID
}

// outcomes counts webhooks by what became of them, from the metrics.
func (a *account) outcomes(t testing.TB) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(string(send(t, http.MethodGet, a.url+"/metrics", nil).body)) {
		rest, ok := strings.CutPrefix(line, `sourceloop_collect_webhooks_total{`)
		if !ok {
			continue
		}
		_, rest, _ = strings.Cut(rest, `outcome="`)
		outcome, rest, _ := strings.Cut(rest, `"`)
		_, number, _ := strings.Cut(rest, "} ")
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil {
			t.Fatal(err)
		}
		counts[outcome] += int(n)
	}
	return counts
}

func TestWebhookSignatures(t *testing.T) {
	d := connected(t)
	email := newEmail("mallory")
	body := fmt.Sprintf(`{"type":"notification_event","app_id":%q,"topic":"contact.lead.added_email","id":"notif_%s",`+
		`"data":{"type":"notification_event_data","item":{"type":"contact","id":"%s","role":"lead","email":%q}}}`,
		d.appID(t), randomHex(8), randomHex(24), email)
	stranger := strings.Replace(body, d.appID(t), "stranger", 1)
	good := signature(d.clientSecret(t), body)
	for _, test := range []struct {
		name, body, signature string
		status                int
		outcome               string
	}{
		{"no signature", body, "", http.StatusUnauthorized, "unsigned"},
		{"a signature with another secret", body, signature("guessed", body), http.StatusUnauthorized, "unsigned"},
		{"the signature of another body", body + " ", good, http.StatusUnauthorized, "unsigned"},
		{"an app that nobody connected", stranger, signature(d.clientSecret(t), stranger), http.StatusOK, "discarded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := d.outcomes(t)
			headers := []string{"Content-Type", "application/json"}
			if test.signature != "" {
				headers = append(headers, "X-Hub-Signature", test.signature)
			}
			r := send(t, http.MethodPost, d.url+"/hooks/intercom", test.body, headers...)
			equal(t, "status", r.status, test.status)
			equal(t, "deliveries counted as "+test.outcome, d.outcomes(t)[test.outcome]-before[test.outcome], 1)
			equal(t, "accepted deliveries", d.outcomes(t)["accepted"], before["accepted"])
		})
	}
	if r := send(t, http.MethodHead, d.url+"/hooks/intercom", nil); r.status != http.StatusOK {
		t.Errorf("HEAD, as the Developer Hub asks: %d", r.status)
	}
	// A real chat after them is through; none of the others can be behind it.
	marker := newEmail("marker")
	d.chat(t, map[string]any{"email": marker})
	d.awaitContact(t, marker, converted)
	if got := d.search(t, email); len(got) != 0 {
		t.Errorf("a forged webhook became %+v", got)
	}
}

func TestWebhookThatIntercomSignsWronglyIsRefused(t *testing.T) {
	d := connected(t)
	email := newEmail("unsigned")
	before := len(d.webhooks(t))
	d.fault(t, "bad_signature", 2) // Both of the chat: the new lead, and the conversation.
	d.chat(t, map[string]any{"email": email, "message": "Hello"})
	sent := d.webhooks(t)[before:]
	for _, w := range sent {
		if w.Outcome != "401" || w.State != "pending" {
			t.Errorf("a notification with a wrong signature: %+v", w)
		}
	}
	equal(t, "notifications", len(sent), 2)
	marker := newEmail("marker")
	d.chat(t, map[string]any{"email": marker})
	d.awaitContact(t, marker, converted)
	if got := d.search(t, email); len(got) != 0 {
		t.Errorf("refused webhooks became %+v", got)
	}
}

func TestWebhookTwiceAndShuffledIsOneContact(t *testing.T) {
	d := connected(t)
	email, visitor := newEmail("twice"), newVisitor()
	d.fault(t, "duplicate", 20)
	d.fault(t, "shuffle", 5)
	t.Cleanup(func() {
		d.fault(t, "duplicate", 0)
		d.fault(t, "shuffle", 0)
	})
	total := get[attribution](t, d.account, "/api/v1/attribution").Total
	anonymous := d.chat(t, map[string]any{"id": email + " 1", "message": "First", "sourceloop_id": visitor})
	d.chat(t, map[string]any{"id": email + " 2", "contact_id": anonymous.ContactID, "email": email})
	again := d.chat(t, map[string]any{"id": email + " 3", "contact_id": anonymous.ContactID, "message": "Second"})
	equal(t, "the conversation that goes on", again.ConversationID, anonymous.ConversationID)
	equal(t, "the answer to the same chat", d.chat(t, map[string]any{"id": email + " 1", "message": "First"}), anonymous)

	d.awaitContact(t, email, converted)
	marker := newEmail("marker")
	d.chat(t, map[string]any{"email": marker})
	d.awaitContact(t, marker, converted)
	c := d.search(t, email)[0]
	equal(t, "conversations", len(c.Conversations), 1)
	equal(t, "conversions since", get[attribution](t, d.account, "/api/v1/attribution").Total-total, 2)
}
