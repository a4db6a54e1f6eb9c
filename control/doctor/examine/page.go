package examine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"sourceloop/control/doctor"
	"sourceloop/control/outbound"
	"sourceloop/schema"
)

const (
	// maxPage bounds what is read of a page.
	maxPage = 2 << 20
	// pageLimit bounds how long a page may take.
	pageLimit = 10 * time.Second
	// mostRedirects are followed.
	mostRedirects = 5
)

// WebPages reads pages over HTTP.
type WebPages struct {
	client    *http.Client
	collector string // where the tracker is loaded from
	now       func() time.Time
	marks     marks
}

// NewWebPages makes a reader. collector is the address that the tracker is
// loaded from; private lets it read pages in private networks.
func NewWebPages(collector string, private bool, now func() time.Time) *WebPages {
	transport := outbound.Guard{Private: private}.Transport()
	transport.DisableKeepAlives, transport.ResponseHeaderTimeout = true, pageLimit
	return &WebPages{
		collector: collector, now: now, marks: newMarks(),
		client: &http.Client{
			Timeout: pageLimit, Transport: transport,
			CheckRedirect: func(r *http.Request, via []*http.Request) error {
				if len(via) >= mostRedirects {
					return errors.New("too many redirects")
				}
				r.Header.Del("Referer")
				return nil
			},
		},
	}
}

// Look reads a page and says what it found.
func (w *WebPages) Look(ctx context.Context, address string) doctor.Page {
	p := doctor.Page{At: schema.MillisOf(w.now()), URL: address, Host: host(address)}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		p.Problem = "it is no address that a browser opens"
		return p
	}
	request.Header.Set("User-Agent", "Mozilla/5.0 (compatible; SourceLoop doctor)")
	request.Header.Set("Accept", "text/html")
	response, err := w.client.Do(request)
	switch {
	case errors.Is(err, outbound.ErrPrivate):
		p.Problem = "its address is one of a private network, which this server does not read"
		return p
	case err != nil:
		p.Problem = "it did not answer"
		return p
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		p.Problem = fmt.Sprintf("it answered with status %d", response.StatusCode)
		return p
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		p.Problem = "it could not be read to its end"
		return p
	}
	p.Host = response.Request.URL.Hostname()
	if src := w.read(&p, string(body)); p.Tracker {
		p.Blocked = blocked(response.Header.Get("Content-Security-Policy"), response.Request.URL, src)
	}
	return p
}

// marks are what a page says, wherever it says it.
type marks struct{ widget, app, hub, tracker, key, manager *regexp.Regexp }

func newMarks() marks {
	return marks{
		widget:  regexp.MustCompile(`widget\.intercom\.io/widget/([A-Za-z0-9]{3,32})`),
		app:     regexp.MustCompile(`app_id["']?\s*[:=]\s*["']([A-Za-z0-9]{3,32})["']`),
		hub:     regexp.MustCompile(`\bjs(?:-[a-z0-9]{1,9})?\.hs-scripts\.com/([0-9]{1,20})\.js`),
		tracker: regexp.MustCompile(`/sl(\.[0-9a-f]{8})?\.js$`),
		key:     regexp.MustCompile(`SourceLoopConfig[^<]{0,400}?["']?\bkey["']?\s*:\s*["']([^"']{1,100})["']`),
		manager: regexp.MustCompile(`googletagmanager\.com/(gtm\.js|ns\.html)`),
	}
}

// read goes through a page's tags, and returns the address of the tracker.
func (w *WebPages) read(p *doctor.Page, text string) (tracker string) {
	p.TagManager = w.marks.manager.MatchString(text)
	if m := w.marks.widget.FindStringSubmatch(text); m != nil {
		p.Messenger, p.App = true, m[1]
	} else if strings.Contains(text, "ntercom") {
		if m := w.marks.app.FindStringSubmatch(text); m != nil {
			p.Messenger, p.App = true, m[1]
		}
	}
	if m := w.marks.hub.FindStringSubmatch(text); m != nil {
		p.Hub = m[1]
	}
	tokens := html.NewTokenizer(strings.NewReader(text))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if m := w.marks.key.FindStringSubmatch(text); m != nil && p.Tracker && p.Key == "" {
				p.Key = m[1]
			}
			return tracker
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := tokens.Token()
			switch tag.Data {
			case "script":
				if a := attributes(tag); w.script(p, a) {
					tracker = a["src"]
				}
			case "iframe":
				frame(p, attributes(tag)["src"])
			}
		}
	}
}

func attributes(tag html.Token) map[string]string {
	all := make(map[string]string, len(tag.Attr))
	for _, a := range tag.Attr {
		all[a.Key] = strings.TrimSpace(a.Val)
	}
	return all
}

// script knows the tracker by its path, by where it comes from, or by a name
// that an operator gave it and the key that it must have.
func (w *WebPages) script(p *doctor.Page, a map[string]string) (tracker bool) {
	src, err := url.Parse(a["src"])
	if err != nil {
		return false
	}
	_, keyed := a["data-key"]
	ours := w.collector != "" && strings.HasPrefix(a["src"], w.collector+"/") && strings.HasSuffix(src.Path, ".js")
	if w.marks.tracker.MatchString(src.Path) || ours || keyed && strings.HasSuffix(src.Path, ".js") {
		p.Tracker, p.Key, p.Consent = true, a["data-key"], a["data-consent"]
		return true
	}
	for _, name := range []string{"data-app-id", "data-intercom-app-id"} {
		if app := a[name]; app != "" && p.App == "" {
			p.Messenger, p.App = true, app
		}
	}
	if app := src.Query().Get("app_id"); app != "" && p.App == "" {
		p.Messenger, p.App = true, app
	}
	return false
}

// frame notes whose page is shown within this one.
func frame(p *doctor.Page, src string) {
	u, err := url.Parse(src)
	if err != nil || u.Host == "" || u.Hostname() == p.Host || slices.Contains(p.FramedHosts, u.Hostname()) || len(p.FramedHosts) >= 10 {
		return
	}
	p.FramedHosts = append(p.FramedHosts, u.Hostname())
}

// blocked tells whether a page's content security policy keeps a script away.
// What it cannot judge, such as nonces, it takes for allowed.
func blocked(policy string, page *url.URL, src string) bool {
	u, err := page.Parse(src)
	if policy == "" || err != nil || u.Host == "" {
		return false
	}
	sources, found := directive(policy, "script-src-elem", "script-src", "default-src")
	if !found {
		return false
	}
	for _, s := range sources {
		_, rest, _ := strings.Cut(s, "://")
		name, wild := strings.CutPrefix(rest, "*.")
		switch {
		case s == "*", s == u.Scheme+":", strings.HasPrefix(s, "'nonce-"), strings.HasPrefix(s, "'sha"), s == "'strict-dynamic'",
			s == "'self'" && u.Host == page.Host:
			return false
		case s == u.Host || s == u.Hostname() || rest == u.Host || rest == u.Hostname() || wild && strings.HasSuffix(u.Hostname(), "."+name):
			return false
		}
	}
	return true
}

// directive finds the first of some directives that a policy has.
func directive(policy string, names ...string) (sources []string, found bool) {
	for _, name := range names {
		for part := range strings.SplitSeq(policy, ";") {
			words := strings.Fields(part)
			if len(words) > 0 && strings.EqualFold(words[0], name) {
				return words[1:], true
			}
		}
	}
	return nil, false
}
