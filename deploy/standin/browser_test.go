package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sourceloop/deploy/standin/intercom"
	"sourceloop/deploy/standin/site"
)

const patience = 2 * time.Minute

// tracker is as much of a tracker as the Messenger sees: one update when the
// page is loaded.
const tracker = `window.heard = [];
document.addEventListener('DOMContentLoaded', function () {
  Intercom('update', {sourceloop_id: 'visitor-1', not_defined: 'x'});
  Intercom('onShow', function () { heard.push('show'); });
  Intercom('onUserEmailSupplied', function () { heard.push('email:' + arguments.length); });
  Intercom('ready', function () { heard.push('ready'); });
});`

// world is a demo site, a stand-in Intercom and a product that keeps webhooks.
type world struct {
	t        *testing.T
	intercom *httptest.Server
	site     *httptest.Server
	product  *httptest.Server

	mu     sync.Mutex
	topics []string
	items  []map[string]any
	came   chan struct{}
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, came: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sl.js", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(rw, tracker)
	})
	mux.HandleFunc("GET /back", func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(rw, "<p id=back>%s</p>", r.URL.Query().Get("error"))
		if code := r.URL.Query().Get("code"); code != "" {
			w.exchange(code)
		}
	})
	mux.HandleFunc("HEAD /hooks", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /hooks", w.hook)
	w.product = httptest.NewServer(mux)
	t.Cleanup(w.product.Close)

	server, err := intercom.New(intercom.Config{
		Dir: t.TempDir(), ClientID: "id", ClientSecret: "secret", AppID: "abc123",
		RedirectURIs: []string{w.product.URL + "/back"}, WebhookURL: w.product.URL + "/hooks",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	w.intercom = httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		w.intercom.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	handler, err := site.New(site.Config{CollectorURL: w.product.URL, SiteKey: "key", IntercomURL: w.intercom.URL, AppID: "abc123"})
	if err != nil {
		t.Fatal(err)
	}
	w.site = httptest.NewServer(handler)
	t.Cleanup(w.site.Close)
	return w
}

// exchange does what the product does with a code: token, attribute.
func (w *world) exchange(code string) {
	got := w.post("/auth/eagle/token", "", map[string]any{"code": code, "client_id": "id", "client_secret": "secret"})
	token, _ := got["access_token"].(string)
	w.post("/data_attributes", token, map[string]any{
		"name": "sourceloop_id", "model": "contact", "data_type": "string", "messenger_writable": true,
	})
}

func (w *world) post(path, token string, body map[string]any) map[string]any {
	raw, err := json.Marshal(body)
	if err != nil {
		w.t.Error(err)
	}
	request, err := http.NewRequest(http.MethodPost, w.intercom.URL+path, strings.NewReader(string(raw)))
	if err != nil {
		w.t.Error(err)
		return nil
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Error(err)
		return nil
	}
	defer response.Body.Close()
	var got map[string]any
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || response.StatusCode != http.StatusOK {
		w.t.Errorf("%s: %d %v %v", path, response.StatusCode, got, err)
	}
	return got
}

func (w *world) hook(_ http.ResponseWriter, r *http.Request) {
	var e struct {
		Topic string
		Data  struct{ Item map[string]any }
	}
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.topics = append(w.topics, e.Topic)
	w.items = append(w.items, e.Data.Item)
	select {
	case w.came <- struct{}{}:
	default:
	}
}

// await waits for a notification and returns its item.
func (w *world) await(topic string) map[string]any {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		w.mu.Lock()
		for i, came := range w.topics {
			if came == topic {
				item := w.items[i]
				w.mu.Unlock()
				return item
			}
		}
		w.mu.Unlock()
		select {
		case <-w.came:
		case <-deadline:
			w.t.Fatalf("no %s; these came: %v", topic, w.topics)
		}
	}
}

// browser opens Chromium with an empty profile.
func browser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if path, err = exec.LookPath("google-chrome"); err != nil {
			t.Skip("no Chromium on this machine: the Messenger and the consent page were not tried in a browser")
		}
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.Flag("user-data-dir", t.TempDir())}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	tab, cancelTab := chromedp.NewContext(allocator)
	limited, cancel := context.WithTimeout(tab, 2*time.Minute)
	t.Cleanup(func() { cancel(); cancelTab(); cancelAllocator() })
	return limited
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// text reads a value of the page.
func text(t *testing.T, ctx context.Context, expression string) string {
	t.Helper()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// until waits for an expression of the page to be true.
func until(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	again, deadline := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer again.Stop()
	for text(t, ctx, "String("+expression+")") != "true" {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("never true: %s", expression)
		}
	}
}

// shoot leaves a screenshot in the folder STANDIN_SCREENSHOTS names, if any.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("STANDIN_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAPersonConnectsChatsAndLeavesAnEmail(t *testing.T) {
	w := newWorld(t)
	ctx := browser(t)
	do(t, ctx, chromedp.EmulateViewport(1100, 900), chromedp.Navigate(w.intercom.URL+"/oauth?client_id=id&state=s"))
	shoot(t, ctx, "consent")
	if got := text(t, ctx, "document.title"); got != "SourceLoop wants to access your workspace" {
		t.Errorf("the title is %q", got)
	}
	if got := text(t, ctx, "[...document.querySelectorAll('#scopes strong')].map(e => e.textContent).join()"); got !=
		"People,Companies,Conversations,Teams and teammates,Tags,Data attributes" {
		t.Errorf("the scopes are %s", got)
	}
	do(t, ctx, chromedp.Click(chromedp.CSS("#authorize")), chromedp.WaitVisible(chromedp.CSS("#back")))

	page := w.site.URL + "/pricing?utm_source=test&utm_medium=verify&utm_campaign=intercom-check"
	do(t, ctx, chromedp.Navigate(page), chromedp.WaitVisible(chromedp.CSS("#intercom-launcher")))
	shoot(t, ctx, "pricing")
	until(t, ctx, "window.heard.includes('ready')")
	if got := text(t, ctx, "String(Intercom('getVisitorId') === document.cookie.match(/intercom-id-abc123=([^;]+)/)[1])"); got != "true" {
		t.Error("getVisitorId is not the visitor of the cookie")
	}
	do(t, ctx, chromedp.Click(chromedp.CSS("#intercom-launcher")), chromedp.WaitVisible(chromedp.CSS("#intercom-message")),
		chromedp.SendKeys(chromedp.CSS("#intercom-message"), "Do you post to Iceland?"))
	shoot(t, ctx, "messenger")
	do(t, ctx, chromedp.Click(chromedp.CSS("#intercom-send")), chromedp.WaitVisible(chromedp.CSS("#intercom-thanks")))
	talk := w.await("conversation.user.created")
	if source, _ := talk["source"].(map[string]any); source["url"] != page || source["body"] != "Do you post to Iceland?" {
		t.Errorf("the conversation is %v", talk)
	}
	do(t, ctx, chromedp.SendKeys(chromedp.CSS("#intercom-email"), "joe@example.com"), chromedp.Click(chromedp.CSS("#intercom-send")))
	lead := w.await("contact.lead.added_email")
	custom, _ := lead["custom_attributes"].(map[string]any)
	if lead["email"] != "joe@example.com" || custom["sourceloop_id"] != "visitor-1" || len(custom) != 1 || lead["utm_campaign"] != "intercom-check" {
		t.Errorf("the lead is %v", lead)
	}
	until(t, ctx, "window.heard.join() === 'ready,show,email:0'")
	until(t, ctx, "document.querySelector('#intercom-email').hidden")
	shoot(t, ctx, "thanks")
}

func TestUpdatesAreThrottledAndShutdownForgets(t *testing.T) {
	w := newWorld(t)
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(w.site.URL+"/contact"), chromedp.WaitVisible(chromedp.CSS("#intercom-launcher")))
	sent := `performance.getEntriesByType('resource').filter(e => e.name.endsWith('/messenger/update')).length`
	text(t, ctx, `for (let i = 0; i < 40; i++) Intercom('update', {n: i}); ''`)
	until(t, ctx, sent+" === 20") // One by the tracker, nineteen of these.
	do(t, ctx, chromedp.Click(chromedp.CSS("#open-chat")), chromedp.WaitVisible(chromedp.CSS("#intercom-panel")))
	text(t, ctx, `Intercom('hide'); ''`)
	until(t, ctx, "document.querySelector('#intercom-panel').hidden")
	if got := text(t, ctx, "String("+sent+")"); got != "20" {
		t.Errorf("%s updates were sent", got)
	}
	text(t, ctx, `Intercom('shutdown'); ''`)
	until(t, ctx, "!document.cookie.includes('intercom-') && !document.querySelector('#intercom-launcher')")
}

// overflow is by how many pixels a page is wider than its window.
const overflow = "String(document.documentElement.scrollWidth - document.documentElement.clientWidth)"

func TestThePagesLookRightOnAPhone(t *testing.T) {
	w := newWorld(t)
	ctx := browser(t)
	do(t, ctx, chromedp.EmulateViewport(360, 740))
	for _, path := range []string{"/", "/pricing", "/features", "/docs/brewing", "/blog/second-flush", "/contact", "/elsewhere"} {
		do(t, ctx, chromedp.Navigate(w.site.URL+path), chromedp.WaitVisible(chromedp.CSS("h1")))
		if got := text(t, ctx, overflow); got != "0" {
			t.Errorf("%s is %s pixels too wide", path, got)
		}
		shoot(t, ctx, "phone"+strings.ReplaceAll(path, "/", "-"))
	}
	do(t, ctx, chromedp.Navigate(w.intercom.URL+"/oauth?client_id=id&state=s"))
	shoot(t, ctx, "phone-consent")
	if got := text(t, ctx, overflow); got != "0" {
		t.Errorf("the consent page is %s pixels too wide", got)
	}
}

func TestDarkMode(t *testing.T) {
	w := newWorld(t)
	ctx := browser(t, chromedp.Flag("blink-settings", "preferredColorScheme=0"))
	do(t, ctx, chromedp.EmulateViewport(1000, 760))
	for name, address := range map[string]string{
		"site": w.site.URL + "/contact", "consent": w.intercom.URL + "/oauth?client_id=id&state=s",
	} {
		do(t, ctx, chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("h1")))
		if name == "site" {
			do(t, ctx, chromedp.WaitVisible(chromedp.CSS("#intercom-launcher")), chromedp.Click(chromedp.CSS("#intercom-launcher")),
				chromedp.WaitVisible(chromedp.CSS("#intercom-panel")))
		}
		shoot(t, ctx, "dark-"+name)
		if got := text(t, ctx, "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(n => n < 60) + ''"); got != "true" {
			t.Errorf("the %s page is not dark", name)
		}
	}
}
