package bench

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"sourceloop/schema"
)

// visitHits is how many hits a visit has; a visitor has two visits on average.
const visitHits = 5

// hit is one hit as its browser sends it.
type hit struct {
	id         schema.ID
	visitor    string
	at         schema.Millis
	kind       string
	url        string
	zone       string
	referrer   string
	title      string
	name       string
	properties string // JSON
	email      string
	agent      string
}

// appendJSON writes a hit the way the tracker does. The agent is told where the request's header does not.
func (h *hit) appendJSON(to []byte, withAgent bool) []byte {
	text := func(name, value string) {
		if value != "" {
			to = append(append(append(append(append(to, ',', '"'), name...), `":"`...), value...), '"')
		}
	}
	to = append(append(append(to, `{"visitor":"`...), h.visitor...), '"')
	text("id", h.id.String())
	to = strconv.AppendInt(append(to, `,"at":`...), int64(h.at), 10)
	text("type", h.kind)
	text("url", h.url)
	text("tz", h.zone)
	text("referrer", h.referrer)
	text("title", h.title)
	text("name", h.name)
	if h.properties != "" {
		to = append(append(to, `,"properties":`...), h.properties...)
	}
	if h.email != "" {
		to = append(append(append(to, `,"traits":{"email":"`...), h.email...), `"}`...)
	}
	if withAgent {
		text("user_agent", h.agent)
	}
	return append(to, '}')
}

// traffic makes visits of many people, the same for the same seed. It is no plan with an account, as that of load is:
// here only numbers of hits count, and making them must cost little.
type traffic struct {
	r      *rand.Rand
	base   time.Time // when the traffic ends
	within time.Duration
	known  []person
	made   int // people
	pages  []string
	agents []string
	zones  []string
	from   []source
}

// person is one browser.
type person struct {
	visitor, agent, zone string
	number               int
}

// source is what brings a visit: the query of its landing address, and its referrer.
type source struct{ query, referrer string }

func newTraffic(seed uint64, base time.Time, within time.Duration) *traffic {
	return &traffic{
		r:    rand.New(rand.NewPCG(seed, seed)), //nolint:gosec // Dice that must fall the same at every run.
		base: base, within: within, pages: pages(), agents: agents(), zones: zones(), from: sources(),
	}
}

// visit makes the hits of one visit, in the order of time.
func (t *traffic) visit() []hit {
	p := t.person()
	at := schema.MillisOf(t.base.Add(-time.Duration(t.r.Int64N(int64(t.within)))))
	from := t.from[t.r.IntN(len(t.from))]
	hits := make([]hit, visitHits)
	url, referrer := landing("https://www.shop.example"+t.page(), from.query), from.referrer
	for i := range hits {
		at += schema.Millis(5_000 + t.r.IntN(55_000))
		h := hit{id: t.id(at), visitor: p.visitor, at: at, kind: "pageview", url: url, referrer: referrer, zone: p.zone, agent: p.agent}
		switch dice := t.r.IntN(100); {
		case i > 0 && dice < 20:
			h.kind, h.referrer, h.name = "event", "", "add_to_cart"
			h.properties = `{"product":"second-flush","amount":` + strconv.Itoa(1+t.r.IntN(5)) + `,"currency":"EUR"}`
		case i > 0 && dice < 21:
			h.kind, h.referrer, h.email = "identify", "", "person-"+strconv.Itoa(p.number)+"@mail.example"
		default:
			h.title = "Teas of the world – " + url[len("https://www.shop.example"):min(len(url), 60)]
			referrer, url = url, "https://www.shop.example"+t.page()
		}
		hits[i] = h
	}
	return hits
}

func landing(page, query string) string {
	if query == "" {
		return page
	}
	if strings.Contains(page, "?") {
		return page + "&" + query
	}
	return page + "?" + query
}

func (t *traffic) page() string { return t.pages[t.r.IntN(len(t.pages))] }

// person gives somebody new, or somebody who returns.
func (t *traffic) person() person {
	if len(t.known) > 0 && t.r.IntN(2) == 0 {
		return t.known[t.r.IntN(len(t.known))]
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], t.r.Uint64())
	binary.BigEndian.PutUint64(b[8:], t.r.Uint64())
	t.made++
	p := person{
		visitor: hex.EncodeToString(b[:]), agent: t.agents[t.r.IntN(len(t.agents))], zone: t.zones[t.r.IntN(len(t.zones))], number: t.made,
	}
	t.known = append(t.known, p)
	return p
}

func (t *traffic) id(at schema.Millis) schema.ID {
	var random [10]byte
	binary.BigEndian.PutUint64(random[:8], t.r.Uint64())
	binary.BigEndian.PutUint16(random[8:], uint16(t.r.Uint32()))
	return schema.NewHitID(at, random)
}

// crowd is how many visits go on at the same time.
const crowd = 1000

// hits makes n hits in the order in which they arrive: many visits go on side by side.
func (t *traffic) hits(n int) []hit {
	all := make([]hit, 0, n+crowd*visitHits)
	for len(all) < n {
		visits := make([][]hit, min(crowd, (n-len(all)+visitHits-1)/visitHits))
		for i := range visits {
			visits[i] = t.visit()
		}
		for step := range visitHits {
			for _, v := range visits {
				all = append(all, v[step])
			}
		}
	}
	return all[:n]
}

// visits makes n hits visit by visit.
func (t *traffic) visits(n int) []hit {
	all := make([]hit, 0, n+visitHits)
	for len(all) < n {
		all = append(all, t.visit()...)
	}
	return all[:n]
}

func pages() []string {
	return []string{
		"/", "/pricing", "/features/attribution", "/contact", "/signup", "/docs/brewing/green-tea", "/docs/water", "/blog/second-flush-2026",
		"/blog/oolong-and-its-hills", "/shop/teapots/cast-iron", "/shop/teas/darjeeling?sort=price&page=2", "/shop/teas/assam", "/cart", "/checkout",
	}
}

func zones() []string {
	return []string{"America/New_York", "Europe/Berlin", "Europe/London", "Europe/Oslo", "Europe/Paris", "Asia/Tokyo", "Asia/Kolkata", "Australia/Sydney"}
}

func agents() []string {
	const webkit, apple = "AppleWebKit/537.36 (KHTML, like Gecko) ", "AppleWebKit/605.1.15 (KHTML, like Gecko) "
	return []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/141.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/140.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + apple + "Version/26.0 Safari/605.1.15",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + webkit + "Chrome/141.0.0.0 Safari/537.36",
		"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) " + apple + "Version/18.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) " + apple + "CriOS/141.0 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) " + webkit + "Chrome/141.0.0.0 Mobile Safari/537.36",
		"Mozilla/5.0 (Linux; Android 10; K) " + webkit + "Chrome/141.0.0.0 Mobile Safari/537.36",
		"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) " + apple + "CriOS/141.0 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 14; SM-X910) " + webkit + "Chrome/141.0.0.0 Safari/537.36",
	}
}

// sources are how a shop's visits begin: a third directly, the others by ads, mails, searches and links.
func sources() []source {
	return []source{
		{}, {}, {}, {}, {},
		{"utm_source=google&utm_medium=cpc&utm_campaign=brand&utm_content=headline-a&gclid=Cj0KCQiA5rGuBhCnARIsAN11vgQ", "https://www.google.com/"},
		{"utm_source=google&utm_medium=cpc&utm_campaign=generic-tea&utm_term=buy+tea+online", "https://www.google.com/"},
		{"utm_source=letter&utm_medium=email&utm_campaign=november-offers", ""},
		{"fbclid=IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk", "https://l.facebook.com/"},
		{"utm_source=linkedin&utm_medium=social&utm_campaign=founders", "https://www.linkedin.com/"},
		{"", "https://www.google.com/"}, {"", "https://www.google.com/"}, {"", "https://duckduckgo.com/"},
		{"", "https://www.youtube.com/"}, {"", "https://blog.teas.example/best-of-2026"}, {"", "https://chatgpt.com/"},
	}
}
