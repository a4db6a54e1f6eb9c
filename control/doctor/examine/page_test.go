package examine

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sourceloop/control/doctor"
	"sourceloop/control/outbound"
	"sourceloop/schema"
)

func clock() time.Time { return time.UnixMilli(1_790_000_000_000) }

const collector = "https://loop.example"

func TestAPage(t *testing.T) {
	tracked := `<script defer src="https://loop.example/sl.js" data-key="sl_1"></script>`
	for _, test := range []struct {
		name, html, policy string
		want               doctor.Page
	}{
		{"nothing", `<p>Hello</p>`, "", doctor.Page{}},
		{"the tracker", tracked, "", doctor.Page{Tracker: true, Key: "sl_1"}},
		{"pinned, with consent", `<SCRIPT src=/a/sl.0123abcd.js data-key=sl_2 data-consent=required>`, "", doctor.Page{Tracker: true, Key: "sl_2", Consent: "required"}},
		{"renamed", `<script src="https://shop.example/assets/hello.js" data-key="sl_3">`, "", doctor.Page{Tracker: true, Key: "sl_3"}},
		{"the key in a script", `<script>window.SourceLoopConfig = {consent: "google", key: "sl_4"}</script><script src="/sl.js">`, "", doctor.Page{Tracker: true, Key: "sl_4"}},
		{"without a key", `<script src="/sl.js">`, "", doctor.Page{Tracker: true}},
		{"another script", `<script src="/slide.js"></script><script src="/app.js"></script>`, "", doctor.Page{}},
		{"in a comment", `<!-- ` + tracked + ` -->`, "", doctor.Page{}},
		{"Intercom's snippet", `<script>(function(){var w=window;s.src='https://widget.intercom.io/widget/abc123';})()</script>`, "", doctor.Page{Messenger: true, App: "abc123"}},
		{"Intercom's settings", `<script>window.intercomSettings = { "app_id": 'abc123' }</script>`, "", doctor.Page{Messenger: true, App: "abc123"}},
		{"somebody else's app_id", `<script>facebook = { app_id: "999999" }</script>`, "", doctor.Page{}},
		{"an attribute", `<script src="/chat.js" data-app-id="abc123">`, "", doctor.Page{Messenger: true, App: "abc123"}},
		{"a tag manager", `<script src="https://www.googletagmanager.com/gtm.js?id=GTM-1">`, "", doctor.Page{TagManager: true}},
		{"a frame", `<iframe src="https://help.example/chat"></iframe><iframe src="/own">`, "", doctor.Page{FramedHosts: []string{"help.example"}}},
		{"a policy that allows it", tracked, "script-src 'self' https://loop.example", doctor.Page{Tracker: true, Key: "sl_1"}},
		{"a policy that allows its domain", tracked, "script-src https://*.example", doctor.Page{Tracker: true, Key: "sl_1"}},
		{"a policy with a nonce", tracked, "script-src 'nonce-1'", doctor.Page{Tracker: true, Key: "sl_1"}},
		{"a policy about images", tracked, "img-src 'none'", doctor.Page{Tracker: true, Key: "sl_1"}},
		{"a policy that forbids it", tracked, "default-src *; script-src 'self' https://other.example", doctor.Page{Tracker: true, Key: "sl_1", Blocked: true}},
		{"a policy that forbids all", tracked, "default-src 'none'", doctor.Page{Tracker: true, Key: "sl_1", Blocked: true}},
		{"the site's own address, allowed", `<script src="/sl.js" data-key="sl_1">`, "script-src 'self'", doctor.Page{Tracker: true, Key: "sl_1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Security-Policy", test.policy)
				fmt.Fprint(w, "<!doctype html><head>"+test.html)
			}))
			defer site.Close()
			test.want.At, test.want.URL, test.want.Host = schema.MillisOf(clock()), site.URL, "127.0.0.1"
			got := NewWebPages(collector, true, clock).Look(t.Context(), site.URL)
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", test.want) {
				t.Errorf("\n%+v, not\n%+v", got, test.want)
			}
		})
	}
}

// TestAPageOfAPrivateNetworkIsNotRead: the server must not be sent to its own
// neighbours, neither directly nor by a redirect.
func TestAPageOfAPrivateNetworkIsNotRead(t *testing.T) {
	asked := 0
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer inside.Close()
	pages := NewWebPages(collector, false, clock)
	for _, address := range []string{inside.URL, strings.Replace(inside.URL, "127.0.0.1", "localhost", 1), strings.Replace(inside.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
		if p := pages.Look(t.Context(), address); !strings.Contains(p.Problem, "private network") {
			t.Errorf("%s: %+v", address, p)
		}
	}
	if asked > 0 {
		t.Errorf("%d questions reached the private network", asked)
	}
	for _, address := range []string{"10.0.0.1:80", "169.254.169.254:80", "192.168.1.1:443", "100.100.100.200:80", "[fd00::1]:80", "[fe80::1]:80", "0.0.0.0:80", "nonsense"} {
		if outbound.Control("tcp", address, nil) == nil {
			t.Errorf("%s may be dialed", address)
		}
	}
	for _, address := range []string{"93.184.215.14:443", "[2606:2800:21f:cb07::1]:443"} {
		if err := outbound.Control("tcp", address, nil); err != nil {
			t.Errorf("%s may not be dialed", address)
		}
	}
}

func TestAPageThatCannotBeRead(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/missing", http.NotFound)
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/here", http.StatusFound) })
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Repeat("<p>", 2<<20)+`<script src="/sl.js" data-key="sl_1">`) // Behind what is read.
	})
	site := httptest.NewServer(mux)
	defer site.Close()
	pages := NewWebPages(collector, true, clock)
	for path, says := range map[string]string{"/missing": "status 404", "/round": "did not answer", "/moved": ""} {
		if p := pages.Look(t.Context(), site.URL+path); p.Problem != says && !strings.Contains(p.Problem, says) || p.Tracker || says == "" && p.Problem != "" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	if p := pages.Look(t.Context(), "http://127.0.0.1:1/"); p.Problem != "it did not answer" {
		t.Errorf("%+v", p)
	}
}

// FuzzPage: whatever a page says, reading it ends, and what is taken of it is bounded.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{`<script src="/sl.js" data-key="k">`, `<iframe src="//a.b/">`, `<script src="%zz?app_id=1">`, `intercomSettings={app_id:"abc"}`, "<", "\x00\xff<script"} {
		f.Add(seed, "script-src 'self'; default-src")
	}
	pages := NewWebPages(collector, false, clock)
	f.Fuzz(func(t *testing.T, text, policy string) {
		p := doctor.Page{Host: "shop.example"}
		src := pages.read(&p, text)
		if len(p.FramedHosts) > 10 || p.Key != "" && !p.Tracker {
			t.Errorf("%+v", p)
		}
		request := httptest.NewRequest(http.MethodGet, "https://shop.example/", nil)
		blocked(policy, request.URL, src)
	})
}
