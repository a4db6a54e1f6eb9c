package tracker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"sourceloop/pipeline/collect/tracker"
)

// deadline is for what a browser has to do; generous, since machines differ.
const deadline = 2 * time.Minute

// hit is what the collector is sent.
type hit struct {
	ID         string         `json:"id"`
	Visitor    string         `json:"visitor"`
	At         int64          `json:"at"`
	Type       string         `json:"type"`
	URL        string         `json:"url"`
	Referrer   string         `json:"referrer"`
	Title      string         `json:"title"`
	Name       string         `json:"name"`
	Properties map[string]any `json:"properties"`
	Traits     map[string]any `json:"traits"`
	TZ         string         `json:"tz"`
	AdConsent  string         `json:"ad_consent"`
	FBP        string         `json:"fbp"`
	FBC        string         `json:"fbc"`
	LiFatID    string         `json:"li_fat_id"`
}

// delivery is one request with hits.
type delivery struct {
	key, contentType string
	clock            int64
	hits             []hit
	status           int
}

// site is a web site with the tracker, and the collector that it sends to, on one address.
type site struct {
	t      *testing.T
	server *httptest.Server
	tag    string

	mu         sync.Mutex
	status     int
	deliveries []delivery
	loaded     []string
}

// newSite starts a site whose pages carry this in their head; %s stands for the address of the tracker.
func newSite(t *testing.T, head string) *site {
	t.Helper()
	handler, err := tracker.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, tag: head, status: http.StatusAccepted}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sl/hits", s.collect)
	mux.HandleFunc("GET /", s.page)
	mux.HandleFunc("GET /{script}", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".js") {
			s.page(w, r)
			return
		}
		s.mu.Lock()
		s.loaded = append(s.loaded, r.URL.Path)
		s.mu.Unlock()
		handler.ServeHTTP(w, r)
	})
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><head><title>%s</title>%s</head><body><a id=out href=\"/next\">next</a></body>", r.URL.Path, s.tag)
}

func (s *site) collect(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	d := delivery{key: r.URL.Query().Get("key"), contentType: r.Header.Get("Content-Type")}
	if err == nil {
		err = json.Unmarshal(body, &d.hits)
	}
	if err == nil {
		_, err = fmt.Sscan(r.URL.Query().Get("t"), &d.clock)
	}
	if err != nil {
		s.t.Errorf("the collector was sent %q at %s: %v", body, r.URL, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.status = s.status
	s.deliveries = append(s.deliveries, d)
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.WriteHeader(s.status)
	fmt.Fprintf(w, `{"accepted":%d,"refused":[]}`, len(d.hits))
}

// answers sets what the collector answers from now on.
func (s *site) answers(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *site) received() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivery(nil), s.deliveries...)
}

// hits returns the accepted hits of a type, each once, in the order of their arrival.
func (s *site) hits(kind string) []hit {
	var found []hit
	seen := make(map[string]bool)
	for _, d := range s.received() {
		for _, h := range d.hits {
			if d.status == http.StatusAccepted && h.Type == kind && !seen[h.ID] {
				seen[h.ID] = true
				found = append(found, h)
			}
		}
	}
	return found
}

// wait returns the accepted hits of a type as soon as there are n.
func (s *site) wait(kind string, n int) []hit {
	s.t.Helper()
	s.until(fmt.Sprintf("%d hits of type %s", n, kind), func() bool { return len(s.hits(kind)) >= n })
	return s.hits(kind)
}

func (s *site) until(what string, condition func() bool) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(deadline)
	for !condition() {
		select {
		case <-tick.C:
		case <-timeout:
			s.t.Fatalf("waited in vain for %s; received %+v", what, s.received())
		}
	}
}

// url is a page of the site under a host that the browser resolves to this machine.
func (s *site) url(host, path string) string {
	return "http://" + host + s.server.URL[strings.LastIndex(s.server.URL, ":"):] + path
}

// tab is one tab in a profile of its own.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// do runs steps in the tab and fails the test if one of them fails.
func (b tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, deadline)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// run evaluates JavaScript and forgets its value.
func (b tab) run(script string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](script))
}

// text evaluates JavaScript to a string; promises are awaited.
func (b tab) text(script string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, deadline)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[string](`Promise.resolve(`+script+`).then(v=>v===undefined?"undefined":String(v))`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("cannot evaluate %s: %v", script, err)
	}
	return value
}

// until waits for a JavaScript condition. It asks again when the page went away under the question.
func (b tab) until(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, deadline)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		met, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		if met && err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("waited in vain for %s (%v)", condition, err)
		}
	}
}

// before runs JavaScript in every page before anything else does.
func (b tab) before(script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, deadline)
	defer cancel()
	params := page.AddScriptToEvaluateOnNewDocumentParams{Source: script}
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, params); err != nil {
		b.t.Fatal(err)
	}
}

// exceptions returns a function that tells what was thrown into the page so far.
func (b tab) exceptions() func() []string {
	var mu sync.Mutex
	var thrown []string
	err := chromedp.Listen(b.ctx, func(event any) {
		if e, ok := event.(*runtime.EventExceptionThrown); ok {
			mu.Lock()
			defer mu.Unlock()
			thrown = append(thrown, e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), thrown...)
	}
}

// startBrowser starts a headless Chromium and returns a function that opens tabs in it. Without one the test is skipped,
// unless the environment says REQUIRE=chromium.
func startBrowser(t *testing.T) func(*testing.T) tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if strings.Contains(os.Getenv("REQUIRE"), "chromium") {
			t.Fatal("Chromium is required, but there is no program chromium in the path")
		}
		t.Skip("no Chromium here, so that the tracker was not tried in a browser; install chromium to run this test")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	browser, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("cannot start Chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(browser); err != nil {
			t.Logf("closing Chromium: %v", err)
		}
	})
	return func(t *testing.T) tab {
		t.Helper()
		ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
		t.Cleanup(closeTab)
		// The first call opens the tab, which lives as long as the context of that call: hence no deadline here.
		if err := chromedp.Do(ctx); err != nil {
			t.Fatalf("cannot open a tab: %v", err)
		}
		return tab{t: t, ctx: ctx}
	}
}
