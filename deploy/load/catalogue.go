package load

import (
	"math/rand/v2"
	"strconv"
)

// site is where the planned people go.
const site = "https://shop.example"

// origin is what brings a session: what its first hit's address and referrer say, and what must be read from it.
type origin struct {
	query    string // of the landing address
	clickID  string // its parameter's name, or ""
	referrer string

	channel, source, medium, campaign, content, term string

	weight int
}

func (o *origin) direct() bool { return o.query == "" && o.clickID == "" && o.referrer == "" }

// origins are every kind of channel, by click id, UTM and referrer.
func origins() []origin {
	return []origin{
		{channel: "Direct", source: "direct", weight: 30},
		// Click ids.
		{clickID: "gclid", referrer: "https://www.google.com/", channel: "Paid Search", source: "google", medium: "cpc", weight: 6},
		{clickID: "gclid", query: "utm_source=google&utm_medium=cpc&utm_campaign=brand&utm_content=headline-a&utm_term=tea",
			channel: "Paid Search", source: "google", medium: "cpc", campaign: "brand", content: "headline-a", term: "tea", weight: 5},
		{clickID: "wbraid", channel: "Paid Search", source: "google", medium: "cpc", weight: 1},
		{clickID: "dclid", channel: "Display", source: "google", medium: "display", weight: 1},
		{clickID: "msclkid", referrer: "https://www.bing.com/", channel: "Paid Search", source: "bing", medium: "cpc", weight: 2},
		{clickID: "fbclid", referrer: "https://l.facebook.com/", channel: "Organic Social", source: "facebook", medium: "organic", weight: 3},
		{clickID: "fbclid", query: "utm_source=facebook&utm_medium=cpc&utm_campaign=lookalike",
			channel: "Paid Social", source: "facebook", medium: "cpc", campaign: "lookalike", weight: 2},
		{clickID: "li_fat_id", channel: "Paid Social", source: "linkedin", medium: "cpc", weight: 2},
		{clickID: "ttclid", channel: "Paid Social", source: "tiktok", medium: "cpc", weight: 1},
		{clickID: "twclid", channel: "Paid Social", source: "x", medium: "cpc", weight: 1},
		{clickID: "rdt_cid", channel: "Paid Social", source: "reddit", medium: "cpc", weight: 1},
		{clickID: "mc_cid", channel: "Email", source: "mailchimp", medium: "email", weight: 1},
		// UTM values.
		{query: "utm_source=google&utm_medium=cpc&utm_campaign=generic", channel: "Paid Search", source: "google", medium: "cpc", campaign: "generic", weight: 4},
		{query: "utm_source=letter&utm_medium=email&utm_campaign=november", channel: "Email", source: "letter", medium: "email", campaign: "november", weight: 6},
		{query: "utm_source=letter&utm_medium=email&utm_campaign=december&utm_content=footer", referrer: "https://mail.example.net/",
			channel: "Email", source: "letter", medium: "email", campaign: "december", content: "footer", weight: 3},
		{query: "utm_source=partner&utm_medium=affiliate&utm_campaign=shelf", channel: "Affiliates", source: "partner", medium: "affiliate", campaign: "shelf", weight: 2},
		{query: "utm_source=facebook&utm_medium=social&utm_campaign=posts", channel: "Organic Social", source: "facebook", medium: "social", campaign: "posts", weight: 2},
		{query: "utm_source=youtube&utm_medium=cpc&utm_campaign=films", channel: "Paid Video", source: "youtube", medium: "cpc", campaign: "films", weight: 1},
		{query: "utm_source=magazine&utm_medium=display&utm_campaign=spring", channel: "Display", source: "magazine", medium: "display", campaign: "spring", weight: 1},
		{query: "utm_source=show&utm_medium=audio&utm_campaign=episode-7", channel: "Audio", source: "show", medium: "audio", campaign: "episode-7", weight: 1},
		{query: "utm_source=app&utm_medium=push&utm_campaign=nudge", channel: "Mobile Push Notifications", source: "app", medium: "push", campaign: "nudge", weight: 1},
		{query: "utm_source=shortcode&utm_medium=sms&utm_campaign=reminder", channel: "SMS", source: "shortcode", medium: "sms", campaign: "reminder", weight: 1},
		{query: "utm_source=test&utm_medium=verify&utm_campaign=intercom-check", channel: "Unassigned", source: "test", medium: "verify", campaign: "intercom-check", weight: 1},
		{query: "utm_source=chatgpt.com", channel: "AI Assistant", source: "chatgpt.com", weight: 2},
		// Referrers.
		{referrer: "https://www.google.com/", channel: "Organic Search", source: "google", medium: "organic", weight: 12},
		{referrer: "https://duckduckgo.com/", channel: "Organic Search", source: "duckduckgo", medium: "organic", weight: 2},
		{referrer: "https://www.bing.com/", channel: "Organic Search", source: "bing", medium: "organic", weight: 2},
		{referrer: "https://www.linkedin.com/", channel: "Organic Social", source: "linkedin", medium: "organic", weight: 2},
		{referrer: "https://www.youtube.com/", channel: "Organic Video", source: "youtube", medium: "organic", weight: 1},
		{referrer: "https://chatgpt.com/", channel: "AI Assistant", source: "chatgpt", medium: "ai-assistant", weight: 3},
		{referrer: "https://www.perplexity.ai/", channel: "AI Assistant", source: "perplexity", medium: "ai-assistant", weight: 1},
		{referrer: "https://claude.ai/", channel: "AI Assistant", source: "claude", medium: "ai-assistant", weight: 1},
		{referrer: "https://www.partner.example/review", channel: "Referral", source: "partner.example", medium: "referral", weight: 4},
		{referrer: "https://blog.teas.example/best", channel: "Referral", source: "blog.teas.example", medium: "referral", weight: 2},
	}
}

// agent is a browser of people, and what a report must call it.
type agent struct{ text, device, browser string }

func agents() []agent {
	const webkit, apple = "AppleWebKit/537.36 (KHTML, like Gecko) ", "AppleWebKit/605.1.15 (KHTML, like Gecko) "
	return []agent{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/141.0.0.0 Safari/537.36", "desktop", "Chrome"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "desktop", "Edge"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + apple + "Version/26.0 Safari/605.1.15", "desktop", "Safari"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", "desktop", "Firefox"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) " + apple + "Version/18.5 Mobile/15E148 Safari/604.1", "mobile", "Safari"},
		{"Mozilla/5.0 (Linux; Android 15; Pixel 9) " + webkit + "Chrome/141.0.0.0 Mobile Safari/537.36", "mobile", "Chrome"},
		{"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) " + apple + "CriOS/141.0 Mobile/15E148 Safari/604.1", "tablet", "Chrome"},
		{"Mozilla/5.0 (Linux; Android 14; SM-X910) " + webkit + "Chrome/141.0.0.0 Safari/537.36", "tablet", "Chrome"},
	}
}

// place is where a browser stands: its time zone tells the country.
type place struct{ zone, country string }

func places() []place {
	return []place{
		{"America/New_York", "US"}, {"Europe/Berlin", "DE"}, {"Europe/London", "GB"}, {"Europe/Oslo", "NO"}, {"Europe/Paris", "FR"},
		{"Asia/Tokyo", "JP"}, {"Asia/Kolkata", "IN"}, {"Australia/Sydney", "AU"}, {"America/Sao_Paulo", "BR"}, {"", ""},
	}
}

// pages of the site. The quiet ones are in no funnel beyond its first step.
func pages() []string {
	return []string{"/", "/pricing", "/features", "/contact", "/signup", "/docs/brewing", "/docs/water", "/blog/second-flush", "/blog/oolong"}
}

func quietPages() []string {
	return []string{"/docs/brewing", "/docs/water", "/blog/second-flush", "/blog/oolong"}
}

// events that the site sends, with the page they happen on.
func events() []string { return []string{"signup", "chat_opened", "tour_started", "download"} }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// catalogue is what plans choose from.
type catalogue struct {
	origins []origin
	weights int // the sum
	agents  []agent
	places  []place
}

func newCatalogue() *catalogue {
	c := &catalogue{origins: origins(), agents: agents(), places: places()}
	for _, o := range c.origins {
		c.weights += o.weight
	}
	return c
}

// origin draws what brings a session, of those that suit.
func (c *catalogue) origin(r *rand.Rand, suits func(*origin) bool) *origin {
	for {
		n := r.IntN(c.weights)
		for i := range c.origins {
			o := &c.origins[i]
			if n -= o.weight; n < 0 {
				if suits(o) {
					return o
				}
				break
			}
		}
	}
}

// landing is the address of a session's first page, and its click id as a journey shows it. Click ids come from a small
// pool: reports have a row for every landing page.
func (o *origin) landing(r *rand.Rand, page string) (address, click string) {
	query := o.query
	if o.clickID != "" {
		click = o.clickID + "=" + "ad-" + strconv.Itoa(r.IntN(4))
		if query != "" {
			query += "&"
		}
		query += click
	}
	if query == "" {
		return site + page, ""
	}
	return site + page + "?" + query, click
}
