package enrich_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"sourceloop/pipeline/enrich"
)

func TestAgents(t *testing.T) {
	const webkit = "AppleWebKit/537.36 (KHTML, like Gecko) "
	for _, test := range []struct {
		ua   string
		want enrich.Agent
	}{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/141.0.0.0 Safari/537.36", enrich.Agent{"desktop", "Chrome", "Windows", false}},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15", enrich.Agent{"desktop", "Safari", "macOS", false}},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", enrich.Agent{"desktop", "Firefox", "Linux", false}},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", enrich.Agent{"desktop", "Edge", "Windows", false}},
		{"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", enrich.Agent{"desktop", "Internet Explorer", "Windows", false}},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", enrich.Agent{"mobile", "Safari", "iOS", false}},
		{"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0 Mobile/15E148 Safari/604.1", enrich.Agent{"tablet", "Chrome", "iOS", false}},
		{"Mozilla/5.0 (Linux; Android 15; Pixel 9) " + webkit + "Chrome/141.0.0.0 Mobile Safari/537.36", enrich.Agent{"mobile", "Chrome", "Android", false}},
		{"Mozilla/5.0 (Linux; Android 14; SM-X910) " + webkit + "Chrome/141.0.0.0 Safari/537.36", enrich.Agent{"tablet", "Chrome", "Android", false}},
		{"Mozilla/5.0 (Linux; Android 13; CUBOT P80) " + webkit + "Chrome/120.0.0.0 Mobile Safari/537.36", enrich.Agent{"mobile", "Chrome", "Android", false}},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22F76 Instagram 390.0.0.28.85", enrich.Agent{"mobile", "Instagram App", "iOS", false}},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22F76 [FBAN/FBIOS;FBAV/520.0]", enrich.Agent{"mobile", "Facebook App", "iOS", false}},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22F76 [LinkedInApp]/9.31", enrich.Agent{"mobile", "LinkedIn App", "iOS", false}},
		{"Mozilla/5.0 (X11; Linux x86_64) " + webkit + "HeadlessChrome/141.0.0.0 Safari/537.36", enrich.Agent{"desktop", "Headless Chrome", "Linux", true}},
		{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", enrich.Agent{"bot", "Googlebot", "", true}},
		{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", enrich.Agent{"bot", "GPTBot", "", true}},
		{"Mozilla/5.0 (compatible; FancyCrawler/1.0)", enrich.Agent{"bot", "Other bot", "", true}},
		{"curl/8.5.0", enrich.Agent{"bot", "curl", "", true}},
		{"python-requests/2.32.3", enrich.Agent{"bot", "python-requests", "", true}},
		{"Invented/1.0", enrich.Agent{"", "Other", "", false}},
		{"", enrich.Agent{}},
	} {
		if got := enrich.NewAgents().Parse(test.ua); got != test.want {
			t.Errorf("%s\n got %+v\nwant %+v", test.ua, got, test.want)
		}
	}
}

func TestAgentsAreSharedAndBounded(t *testing.T) {
	a := enrich.NewAgents()
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			for i := range 5_000 {
				a.Parse(fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0) Chrome/%d.%d Safari/537.36", g, i))
			}
		})
	}
	wait.Wait()
	if got := a.Parse("curl/8 " + strings.Repeat("x", 64<<10)); !got.Bot {
		t.Errorf("a long agent: %+v", got)
	}
}

func FuzzAgents(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/1")
	f.Add("Mozilla/5.0 (Linux; Android")
	a := enrich.NewAgents()
	f.Fuzz(func(t *testing.T, ua string) {
		got := a.Parse(ua)
		if len(got.Browser) > 40 || got.Device == "bot" && !got.Bot {
			t.Errorf("%+v", got)
		}
	})
}

func BenchmarkAgents(b *testing.B) {
	a := enrich.NewAgents()
	b.ReportAllocs()
	for b.Loop() {
		a.Parse("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36")
	}
}
