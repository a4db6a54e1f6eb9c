package site

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func newSite(t *testing.T) *httptest.Server {
	t.Helper()
	handler, err := New(Config{
		CollectorURL: "http://127.0.0.1:8080", SiteKey: `k"<1>`, IntercomURL: "http://127.0.0.1:8081", AppID: "abc123",
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, address string) (*http.Response, string) {
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
	return response, string(body)
}

func TestEveryPageCarriesTrackerAndMessenger(t *testing.T) {
	server := newSite(t)
	for _, p := range pages() {
		response, body := get(t, server.URL+p.Path)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", p.Path, response.StatusCode)
		}
		for _, want := range []string{
			`<script defer src="http://127.0.0.1:8080/sl.js" data-key="k&#34;&lt;1&gt;"></script>`,
			`data-app-id="abc123" data-messenger="http://127.0.0.1:8081/messenger.js"`,
			"<title>" + p.Title, "Try a tagged visit",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q", p.Path, want)
			}
		}
		if regexp.MustCompile(`<script(?:\s[^>]*)?>[^<]|style="|\son[a-z]+="`).MatchString(body) {
			t.Errorf("%s has something inline", p.Path)
		}
		policy := response.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "script-src 'self' http://127.0.0.1:8080 http://127.0.0.1:8081;") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", p.Path, policy)
		}
	}
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	server := newSite(t)
	links := regexp.MustCompile(`(?:href|src)="(/[^"]*)"`)
	seen := map[string]bool{}
	for _, p := range pages() {
		_, body := get(t, server.URL+p.Path)
		for _, match := range links.FindAllStringSubmatch(body, -1) {
			seen[strings.ReplaceAll(match[1], "&amp;", "&")] = true
		}
	}
	if len(seen) < 15 {
		t.Fatalf("only %d links", len(seen))
	}
	for link := range seen {
		if response, _ := get(t, server.URL+link); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", link, response.StatusCode)
		}
	}
	if response, body := get(t, server.URL+"/nowhere"); response.StatusCode != http.StatusNotFound || !strings.Contains(body, "Not here") {
		t.Errorf("/nowhere: %d", response.StatusCode)
	}
}

func TestElsewhereIsAnotherHostAndLinksBack(t *testing.T) {
	server := newSite(t)
	response, body := get(t, server.URL+"/elsewhere")
	if host := response.Request.URL.Hostname(); host != "localhost" {
		t.Errorf("it is shown under %s", host)
	}
	if !strings.Contains(body, `href="`+server.URL+`/blog/second-flush"`) || strings.Contains(body, "sl.js") {
		t.Errorf("the page is %s", body)
	}
	if _, body := get(t, server.URL+"/elsewhere?home=evil.example"); strings.Contains(body, "evil.example") {
		t.Error("it links to a stranger")
	}
}

// TestAdClicksCarryWhatThePlatformsAdd: the click identifier behind the UTM
// values that the advertiser chose.
func TestAdClicksCarryWhatThePlatformsAdd(t *testing.T) {
	_, body := get(t, newSite(t).URL+"/")
	for label, click := range map[string]string{"Google ad": "gclid", "Facebook ad": "fbclid", "LinkedIn ad": "li_fat_id"} {
		link := regexp.MustCompile(`<a href="[^"]*utm_source=[^"]*utm_medium=[^"]*utm_campaign=[^"]*` + click + `=[^"&]+">` + label + `</a>`)
		if !link.MatchString(body) {
			t.Errorf("no link %s with %s behind its UTM values", label, click)
		}
	}
}
