package intercom

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func fetchPage(t *testing.T, address string) (int, string) {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestConsentPageAsksForTheSixScopes(t *testing.T) {
	b := newBench(t, nil)
	status, page := fetchPage(t, b.http.URL+"/oauth?client_id=client-1&state=%22%3E%3Cscript%3E")
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	for _, want := range []string{
		"SourceLoop wants to access your workspace", "Northwind Tea", "Authorize access", "Cancel",
		"People", "Companies", "Conversations", "Teams and teammates", "Tags", "Data attributes",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, `"><script>`) {
		t.Error("the state is not escaped")
	}
}

func TestConsentRefusesStrangers(t *testing.T) {
	b := newBench(t, nil)
	for name, query := range map[string]url.Values{
		"unknown app":      {"client_id": {"other"}},
		"foreign redirect": {"client_id": {testClientID}, "redirect_uri": {"https://evil.example/"}},
	} {
		status, page := fetchPage(t, b.http.URL+"/oauth?"+query.Encode())
		if status != http.StatusBadRequest || strings.Contains(page, "Authorize access") {
			t.Errorf("%s: %d, %q", name, status, page)
		}
	}
}

func TestCancelGoesBackWithAccessDenied(t *testing.T) {
	b := newBench(t, nil)
	back := b.decide("cancel", "st=1 &")
	if back.Get("error") != "access_denied" || back.Get("state") != "st=1 &" || back.Has("code") {
		t.Fatalf("came back with %v", back)
	}
}

func TestCodesAreUsedOnceAndExpire(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	b := newBench(t, func(c *Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	code := b.decide("authorize", "s").Get("code")
	if !strings.HasSuffix(code, "=") {
		t.Errorf("the code %q does not end in = as Intercom's may", code)
	}
	if _, status, body := b.exchange(strings.TrimRight(code, "=")); status != http.StatusUnauthorized {
		t.Errorf("a cut code: %d %s", status, body)
	}
	if token, _, body := b.exchange(code); token == "" {
		t.Errorf("no token: %s", body)
	}
	if _, status, body := b.exchange(code); status != http.StatusUnauthorized || !strings.Contains(body, "Unauthorized Code") {
		t.Errorf("the second time: %d %s", status, body)
	}
	late := b.decide("authorize", "s").Get("code")
	mu.Lock()
	now = now.Add(codeLife + time.Second)
	mu.Unlock()
	if _, status, _ := b.exchange(late); status != http.StatusUnauthorized {
		t.Errorf("an expired code: %d", status)
	}
}

func TestTokenByJSONAndWrongSecret(t *testing.T) {
	b := newBench(t, nil)
	code := b.decide("authorize", "s").Get("code")
	status, _ := b.post("/auth/eagle/token", map[string]any{"code": code, "client_id": testClientID, "client_secret": "wrong"})
	if status != http.StatusUnauthorized {
		t.Errorf("a wrong secret: %d", status)
	}
	status, got := b.post("/auth/eagle/token", map[string]any{"code": code, "client_id": testClientID, "client_secret": testClientSecret})
	if status != http.StatusOK || got["token_type"] != "Bearer" || got["token"] != got["access_token"] {
		t.Errorf("JSON: %d %v", status, got)
	}
}

func TestOneCodeIsOneTokenUnderARace(t *testing.T) {
	b := newBench(t, nil)
	code := b.decide("authorize", "s").Get("code")
	var wins sync.Map
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if token, _, _ := b.exchange(code); token != "" {
				wins.Store(i, token)
			}
		})
	}
	group.Wait()
	n := 0
	wins.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Fatalf("%d tokens for one code", n)
	}
}

func TestMe(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Timezone = "Europe/Berlin"; c.WorkspaceName = "Acme" })
	if r := b.api("GET", "/me", nil); r.status != http.StatusUnauthorized || r.code() != "unauthorized" || r.header.Get("X-RateLimit-Limit") != "" {
		t.Errorf("without a token: %d %v %v", r.status, r.body, r.header)
	}
	b.connect()
	r := b.api("GET", "/me", nil)
	for path, want := range map[string]any{
		"type": "admin", "email_verified": true, "app.id_code": "abc123", "app.name": "Acme", "app.type": "app",
		"app.region": "US", "app.timezone": "Europe/Berlin", "app.identity_verification": false,
	} {
		if got := r.at(path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if r.header.Get("X-RateLimit-Limit") != "1666" || r.header.Get("X-RateLimit-Remaining") == "" || r.header.Get("Intercom-Version") != "2.16" {
		t.Errorf("headers: %v", r.header)
	}
	if r := b.api("GET", "/me", nil, "Intercom-Version", "9.9"); r.status != http.StatusBadRequest {
		t.Errorf("an unknown version: %d", r.status)
	}
}

func TestUninstallEndsEverything(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	unused := b.decide("authorize", "s").Get("code")
	if r := b.api("POST", "/auth/uninstall", nil); r.status != http.StatusOK {
		t.Fatalf("uninstall: %d", r.status)
	}
	if r := b.api("GET", "/me", nil); r.status != http.StatusUnauthorized {
		t.Errorf("/me afterwards: %d", r.status)
	}
	if _, status, _ := b.exchange(unused); status != http.StatusUnauthorized {
		t.Errorf("an old code afterwards: %d", status)
	}
	b.chat(map[string]any{"email": "a@example.com"})
	if got := b.product.topics(); got != "" {
		t.Errorf("notifications after the end: %s", got)
	}
	b.connect()
	b.chat(map[string]any{"email": "a@example.com"})
	if got := b.product.topics(); got != "contact.lead.created conversation.user.created" {
		t.Errorf("notifications after reconnecting: %s", got)
	}
}

func TestNoTokenAndNoCodeIsKept(t *testing.T) {
	b := newBench(t, nil)
	code := b.decide("authorize", "the-state").Get("code")
	token, _, _ := b.exchange(code)
	b.token = token
	b.api("GET", "/me", nil)
	holdsNone(t, b.config.Dir, code, token, testClientSecret) // With the write-ahead log.
	b.stop()
	holdsNone(t, b.config.Dir, code, token, testClientSecret)
}

func holdsNone(t *testing.T, dir string, secrets ...string) {
	t.Helper()
	for _, path := range filesIn(t, dir) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds a secret in the clear", filepath.Base(path))
			}
		}
	}
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return paths
}
