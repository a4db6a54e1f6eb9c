package site

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
)

//go:embed assets
var files embed.FS

// Config says whom the site talks to. Addresses are without a slash at the end.
type Config struct {
	CollectorURL string // Serves /sl.js and takes hits.
	SiteKey      string // The workspace's public key.
	IntercomURL  string // Serves the Messenger's script. Empty: no Messenger.
	AppID        string // The Intercom workspace's id_code.
	HubSpotURL   string // Serves HubSpot's script. Empty: no HubSpot chat.
	HubID        int64  // The HubSpot account's number.
	// ConsentRequired puts data-consent="required" on the tracker and a banner on the pages.
	ConsentRequired bool
}

// page is one page of the site.
type page struct {
	Path, File, Title, Description string
	Menu                           string // Its name in the menu; empty: not in it.
}

func pages() []page {
	return []page{
		{Path: "/", File: "home.html", Title: "Tea for the north wind", Description: "Small-batch teas for cold mornings, blended in Bergen."},
		{Path: "/features", File: "features.html", Title: "How we blend", Menu: "Blending", Description: "Single gardens, small batches, honest labels."},
		{Path: "/pricing", File: "pricing.html", Title: "Pricing", Menu: "Pricing", Description: "A box a month, for one or for an office."},
		{Path: "/docs/brewing", File: "docs.html", Title: "Brewing guide", Menu: "Brewing", Description: "Grams, degrees and minutes for every tea."},
		{Path: "/blog/second-flush", File: "blog.html", Title: "What the second flush is", Menu: "Journal", Description: "Why the teas of June taste of muscat."},
		{Path: "/contact", File: "contact.html", Title: "Talk to us", Menu: "Contact", Description: "Ask us anything about tea."},
	}
}

// visit is a link that arrives the way a visitor from elsewhere does.
type visit struct{ Label, Href string }

// visits covers each way a source is found: UTM, ad click, referrer.
func visits() []visit {
	return []visit{
		{"The check of the set-up guide", "/?utm_source=test&utm_medium=verify&utm_campaign=intercom-check"},
		{"Google ad", "/pricing?utm_source=google&utm_medium=cpc&utm_campaign=spring-tea&gclid=Cj0KCQiA-demo-click"},
		{"Facebook post", "/blog/second-flush?fbclid=IwAR0-demo-post"},
		{"Facebook ad", "/pricing?utm_source=facebook&utm_medium=paid_social&utm_campaign=office-boxes&fbclid=IwAR0-demo-ad"},
		{"LinkedIn ad", "/features?utm_source=linkedin&utm_medium=paid_social&utm_campaign=tea-for-teams&li_fat_id=0f8b9a4e-7d1c-4c55-9e1b-3a1f0c2d4e5f"},
		{"Bing ad", "/pricing?msclkid=5d1c3b-demo-click"},
		{"Newsletter", "/blog/second-flush?utm_source=newsletter&utm_medium=email&utm_campaign=october&utm_content=second-flush"},
		{"An AI assistant", "/docs/brewing?utm_source=chatgpt.com"},
		{"Partner site", "/?utm_source=teahouse&utm_medium=affiliate&utm_campaign=partners"},
		{"A page that links here", "/elsewhere"},
	}
}

// view is what the templates see.
type view struct {
	Config
	Page   page
	Menu   []page
	Visits []visit
}

// New returns the site.
func New(config Config) (http.Handler, error) {
	s := site{config: config, policy: policy(config)}
	mux := http.NewServeMux()
	for _, p := range pages() {
		body, err := s.render(p)
		if err != nil {
			return nil, err
		}
		pattern := "GET " + p.Path
		if p.Path == "/" {
			pattern = "GET /{$}"
		}
		mux.HandleFunc(pattern, s.serve(http.StatusOK, body))
	}
	elsewhere, err := s.render(page{Path: "/elsewhere", File: "elsewhere.html", Title: "A page elsewhere"})
	if err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /elsewhere", s.elsewhere(elsewhere))
	missing, err := s.render(page{File: "missing.html", Title: "Not here", Description: "This page does not exist."})
	if err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /", s.serve(http.StatusNotFound, missing))
	static, err := fs.Sub(files, "assets/static")
	if err != nil {
		return nil, fmt.Errorf("cannot read the demo site's files: %w", err)
	}
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	return mux, nil
}

type site struct {
	config Config
	policy string
}

func (s site) render(p page) ([]byte, error) {
	t, err := template.ParseFS(files, "assets/layout.html", "assets/pages/"+p.File)
	if err != nil {
		return nil, fmt.Errorf("cannot read the demo site's page %s: %w", p.File, err)
	}
	v := view{Config: s.config, Page: p, Visits: visits()}
	for _, other := range pages() {
		if other.Menu != "" {
			v.Menu = append(v.Menu, other)
		}
	}
	var body bytes.Buffer
	if err := t.ExecuteTemplate(&body, "layout", v); err != nil {
		return nil, fmt.Errorf("cannot render the demo site's page %s: %w", p.File, err)
	}
	return body.Bytes(), nil
}

// policy is a strict Content-Security-Policy: what the tracker and the chats
// need, and nothing inline.
func policy(c Config) string {
	outside := strings.Join(strings.Fields(origin(c.CollectorURL)+" "+origin(c.IntercomURL)+" "+origin(c.HubSpotURL)), " ")
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self' " + outside, "connect-src 'self' " + outside,
		"style-src 'self'", "img-src 'self' data:", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
	}, "; ")
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (s site) serve(status int, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", s.policy)
		header.Set("Referrer-Policy", "no-referrer-when-downgrade")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-cache")
		w.WriteHeader(status)
		_, _ = w.Write(body) // The visitor may be gone; nobody is left to tell.
	}
}

// elsewhere is a page of another site: asked for under the site's own name it
// moves to the machine's other name, so that its links carry a foreign referrer.
func (s site) elsewhere(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		home := r.URL.Query().Get("home")
		if home == "" && isLoopback(r.Host) {
			http.Redirect(w, r, "http://"+otherName(r.Host)+"/elsewhere?home="+url.QueryEscape(r.Host), http.StatusFound) //nolint:gosec // Only between the two loopback names.
			return
		}
		back := ""
		if isLoopback(home) {
			back = "http://" + home
		}
		s.serve(http.StatusOK, bytes.ReplaceAll(body, []byte(homeMark), []byte(template.HTMLEscapeString(back))))(w, r)
	}
}

// homeMark stands in the page elsewhere for the address of the site itself.
const homeMark = "/back-home"

// isLoopback accepts the two names of this machine, with a port or without.
func isLoopback(host string) bool {
	u, err := url.Parse("http://" + host)
	return err == nil && u.Host == host && (u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost")
}

func otherName(host string) string {
	if rest, found := strings.CutPrefix(host, "127.0.0.1"); found {
		return "localhost" + rest
	}
	return "127.0.0.1" + strings.TrimPrefix(host, "localhost")
}
