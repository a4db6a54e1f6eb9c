package intercom

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSettingsChangeWhatHappens: those of the app, of the workspace and of the
// attribute, kept over a restart.
func TestSettingsChangeWhatHappens(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.attribute()
	set := func(settings map[string]any) {
		t.Helper()
		if status, said := b.post("/standin/settings", settings); status != http.StatusOK {
			t.Fatalf("%d %v", status, said)
		}
	}
	set(map[string]any{"topics": []string{"contact.lead.created"}, "identity_verification": true, "plan_restricted": true, "clock_ahead_ms": 600_000})
	b.restart()
	_, conversation := b.chat(map[string]any{"email": "a@b.example"})
	if got := b.product.topics(); got != "contact.lead.created" {
		t.Errorf("sent: %s", got)
	}
	if r := b.api("GET", "/conversations/"+conversation, nil); r.status != http.StatusForbidden {
		t.Errorf("a restricted plan answers %d", r.status)
	}
	me := b.api("GET", "/me", nil)
	if app := me.body["app"].(map[string]any); app["identity_verification"] != true {
		t.Errorf("/me says %v", app)
	}
	date, err := http.ParseTime(me.header.Get("Date"))
	if ahead := time.Until(date); err != nil || ahead < 5*time.Minute || ahead > 15*time.Minute {
		t.Errorf("the date is %s ahead (%v)", ahead, err)
	}
	set(map[string]any{"topics": nil, "plan_restricted": false, "signing_secret": "another"})
	b.chat(map[string]any{"email": "c@d.example"})
	last := b.product.all()[len(b.product.all())-1]
	if last.signature != Sign(last.body, "another") {
		t.Error("it is not signed with the secret that was set")
	}
	for _, bad := range []map[string]any{{"webhook_url": "ftp://x/"}, {"panel_url": "http://example.com/"}} {
		if status, _ := b.post("/standin/settings", bad); status != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, status)
		}
	}
	if status, _ := b.post("/standin/attribute", map[string]any{"name": "nothing"}); status != http.StatusUnprocessableEntity {
		t.Errorf("an attribute that is not there: %d", status)
	}
}

// TestTheInboxDrawsThePanel: it asks as Intercom does, signed, and draws only
// what Intercom takes.
func TestTheInboxDrawsThePanel(t *testing.T) {
	var mu sync.Mutex
	answer, asked := "", []string{}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Path)
		if r.Header.Get("X-Body-Signature") != SignPanel(body, testClientSecret) || !strings.Contains(string(body), `"workspace_id":"abc123"`) {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer app.Close()
	b := newBench(t, func(c *Config) { c.PanelURL = app.URL + "/panel" })
	b.connect()
	_, conversation := b.chat(map[string]any{"email": "a@b.example", "message": "<b>Hello</b>"})
	address := b.http.URL + "/a/inbox/abc123/inbox/conversation/" + conversation
	page := func(method string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%d %v", response.StatusCode, err)
		}
		return string(body)
	}
	for _, test := range []struct{ answer, shows string }{
		{`{"canvas":{"content":{"components":[{"type":"text","text":"Hi <i>","style":"header"},{"type":"data-table","items":[{"type":"field-value","field":"A","value":"B"}]},
			{"type":"spacer","size":"s"},{"type":"button","id":"x","label":"Go","style":"primary","action":{"type":"submit"}}]}}}`, `<h3>Hi &lt;i&gt;</h3>`},
		{`{"canvas":{"content":{"components":[{"type":"marquee"}]}}}`, "has a marquee that Intercom does not take"},
		{`{"canvas":{"content":{"components":[{"type":"text","text":"Hi","style":"purple"}]}}}`, "has a text that Intercom does not take"},
		{`{"canvas":{}}`, "is no canvas"}, {`no JSON`, "is no canvas"}, {strings.Repeat(" ", maxCanvas+1), "64 KB"},
	} {
		mu.Lock()
		answer = test.answer
		mu.Unlock()
		if got := page(http.MethodGet); !strings.Contains(got, test.shows) || !strings.Contains(got, "&lt;b&gt;Hello") {
			t.Errorf("%s is drawn as %s", test.answer[:min(60, len(test.answer))], got)
		}
	}
	page(http.MethodPost)
	if first, last := asked[0], asked[len(asked)-1]; first != "/panel/initialize" || last != "/panel/submit" {
		t.Errorf("asked %v", asked)
	}
}
