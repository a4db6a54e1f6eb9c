package load

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"sourceloop/schema"
)

// Lengths in the plan. A visit lies in a stretch of two hours of its own, so that more than half an hour of silence is
// around it.
const (
	visitsADay  = 10
	stretch     = 2 * time.Hour
	firstHour   = time.Hour
	startWithin = 20 * time.Minute
	timeout     = 30 * time.Minute
	mostHits    = 20 // in one visit
)

// planner makes units one after the other.
type planner struct {
	config  Config
	key     string
	choices *catalogue

	unit    int // the number of the next one
	visitor int // the number of its first browser
}

func newPlanner(c Config) *planner {
	return &planner{config: c, key: c.key(), choices: newCatalogue()}
}

// next gives the next unit, nil after the last.
func (p *planner) next() *unit {
	left := p.config.Visitors - p.visitor
	if left == 0 {
		return nil
	}
	r := p.config.random("unit", p.unit)
	n := min(left, 1+[]int{0, 0, 0, 0, 0, 0, 1, 1, 2, 2}[r.IntN(10)])
	from, to := p.visitor, p.visitor+n
	m := &making{
		planner: p, r: r, number: p.unit, unit: &unit{},
		hits: p.hitsBefore(to) - p.hitsBefore(from), chats: p.chatsBefore(to) - p.chatsBefore(from),
	}
	p.visitor, p.unit = to, p.unit+1
	return m.make(n)
}

// hitsBefore is how many hits the first n visitors have: one each, and the rest unevenly.
func (p *planner) hitsBefore(n int) int {
	c := p.config
	if n <= 0 || n >= c.Visitors {
		return min(max(n, 0)*c.Hits, c.Hits)
	}
	uneven := p.config.random("hits", n).Float64()
	return n + int(float64(c.Hits-c.Visitors)*(float64(n)-1+uneven)/float64(c.Visitors))
}

// chatsBefore is how many chats the first n visitors have. Some people have two or three.
func (p *planner) chatsBefore(n int) int {
	c := p.config
	if n >= c.Visitors {
		return c.Chats
	}
	count := c.Chats * n / c.Visitors
	whole, rest := count/8*8, count%8
	for _, border := range []int{7, 5, 4, 2, 1, 0} { // Lumps of 1, 1, 2, 1, 2 and 1.
		if rest >= border {
			return whole + border
		}
	}
	return whole
}

// making is one unit in the making.
type making struct {
	*planner
	*unit
	r      *rand.Rand
	number int
	hits   int
	chats  int
	quiet  bool // people with a wrong clock
	// sharing plans a browser for two people; whose click an ad's was must not be a question there.
	sharing  bool
	halfHour bool // the next session has a pause of exactly half an hour
}

func (m *making) make(browsers int) *unit {
	m.quiet = browsers == 1 && m.chats == 0 && m.r.IntN(12) == 0
	m.sharing = browsers > 1 && m.chats > 1
	for i := range browsers {
		m.browsers = append(m.browsers, m.browser(i))
	}
	m.visits()
	m.meet()
	m.shuffleIDs()
	return m.unit
}

func (m *making) browser(i int) *browser {
	b := &browser{id: m.visitorID(i), agent: pick(m.r, m.choices.agents), place: pick(m.r, m.choices.places)}
	if m.quiet {
		b.skew = pick(m.r, skews())
	}
	return b
}

// skews are by how much clocks are wrong, in milliseconds.
func skews() []int64 { return []int64{-90 * 60_000, 5 * 60_000, 26 * 3_600_000, -400 * 24 * 3_600_000} }

func (m *making) visitorID(i int) string {
	var b [16]byte
	key, _ := hex.DecodeString(m.key)
	copy(b[:6], key)
	binary.BigEndian.PutUint32(b[6:10], uint32(m.number))
	b[10] = byte(i)
	for j := 11; j < 16; j++ {
		b[j] = byte(m.r.Uint32())
	}
	return hex.EncodeToString(b[:])
}

// visit is a stretch of hits of one browser, with one or two sessions.
type visit struct {
	browser  *browser
	begin    schema.Millis
	hits     int
	midnight schema.Millis // 0, or the midnight that it goes on over
}

// visits plans when which browser comes, and what it does.
func (m *making) visits() {
	slots := m.config.Days * visitsADay
	n := min(max(m.hits/16+1, len(m.browsers), m.hits/(2+m.r.IntN(4))), slots, m.hits)
	all := make([]*visit, n)
	for i, slot := range m.slots(slots, n) {
		b := m.browsers[i%len(m.browsers)]
		if i >= len(m.browsers) {
			b = pick(m.r, m.browsers)
		}
		all[i] = &visit{browser: b, begin: m.slotBegin(slot), hits: 1}
	}
	for left := m.hits - n; left > 0; {
		if v := pick(m.r, all); v.hits < mostHits || m.full(all) {
			v.hits++
			left--
		}
	}
	m.overMidnight(all)
	slices.SortFunc(all, func(a, b *visit) int { return int(a.begin - b.begin) })
	for _, v := range all {
		m.browse(v)
	}
}

// full tells whether every visit has as many hits as one should have.
func (m *making) full(all []*visit) bool {
	return !slices.ContainsFunc(all, func(v *visit) bool { return v.hits < mostHits })
}

// slots draws n different numbers below a limit.
func (m *making) slots(limit, n int) []int {
	taken := make(map[int]bool, n)
	chosen := make([]int, 0, n)
	for len(chosen) < n {
		if slot := m.r.IntN(limit); !taken[slot] {
			taken[slot] = true
			chosen = append(chosen, slot)
		}
	}
	return chosen
}

func (m *making) day(d int) time.Time { return m.config.begin().AddDate(0, 0, d) }

func (m *making) slotBegin(slot int) schema.Millis {
	at := m.day(slot / visitsADay).Add(firstHour + time.Duration(slot%visitsADay)*stretch)
	return schema.MillisOf(at.Add(time.Duration(m.r.Int64N(int64(startWithin/time.Millisecond)/10))*10*time.Millisecond)) + 9
}

// overMidnight moves a few visits to the end of their day, from where they go on into the next.
func (m *making) overMidnight(all []*visit) {
	taken := make(map[schema.Millis]bool)
	for _, v := range all {
		day := StartOfDay(v.begin.Time(), m.config.Base.Location())
		midnight := schema.MillisOf(day.AddDate(0, 0, 1))
		if m.quiet || v.hits < 2 || v.hits > mostHits || m.r.IntN(20) != 0 || taken[midnight] || midnight >= schema.MillisOf(m.config.Base) {
			continue
		}
		taken[midnight] = true
		v.midnight = midnight
		v.begin = midnight.Add(-12*time.Minute) + schema.Millis(m.r.IntN(6_000)*10) + 9
	}
}

// browse plans a visit's sessions.
func (m *making) browse(v *visit) {
	reason := "timeout"
	if len(v.browser.sessions) == 0 {
		reason = "first_hit"
	}
	switch second := m.r.IntN(10); {
	case v.midnight != 0:
		m.browseOverMidnight(v, reason)
	case v.hits < 2 || m.quiet || second > 1:
		m.halfHour = v.hits > 2 && v.hits < 6 && !m.quiet && m.r.IntN(15) == 0
		m.session(v.browser, v.begin, v.hits, reason, m.origin(v.browser))
		m.halfHour = false
	case second == 0:
		first := m.session(v.browser, v.begin, v.hits/2, reason, m.origin(v.browser))
		pause := time.Duration(120+m.r.IntN(20*60)) * time.Second
		next := m.choices.origin(m.r, func(o *origin) bool {
			return m.suits(v.browser, o) && !o.direct() && o.channel != first.origin.channel
		})
		m.session(v.browser, first.end().Add(pause), v.hits-v.hits/2, "attribution", next)
	default: // One hundredth of a second more than half an hour of silence.
		first := m.session(v.browser, v.begin, v.hits/2, reason, m.origin(v.browser))
		m.session(v.browser, first.end().Add(timeout+10*time.Millisecond), v.hits-v.hits/2, "timeout", m.origin(v.browser))
	}
}

func (m *making) origin(b *browser) *origin {
	return m.choices.origin(m.r, func(o *origin) bool { return m.suits(b, o) })
}

func (m *making) suits(b *browser, o *origin) bool {
	return o.clickID == "" || !m.sharing || b != m.browsers[0]
}

// browseOverMidnight plans two sessions of one source: the second begins by midnight alone.
func (m *making) browseOverMidnight(v *visit, reason string) {
	from := m.choices.origin(m.r, func(o *origin) bool { return o.clickID == "" })
	first := m.session(v.browser, v.begin, (v.hits+1)/2, reason, from)
	begin := v.midnight.Add(time.Minute)
	second := m.session(v.browser, begin+9, v.hits/2, "midnight", &m.choices.origins[0])
	second.origin, second.referer = from, first.referer
}

// session plans one session and its hits.
func (m *making) session(b *browser, begin schema.Millis, hits int, reason string, from *origin) *session {
	s := &session{browser: b, reason: reason, origin: from, referer: from.referrer}
	s.landing, s.click = from.landing(m.r, m.page())
	m.hit(s, &hit{at: begin, kind: "pageview", url: s.landing, referrer: from.referrer})
	for i := 1; i < hits; i++ {
		pause := time.Duration(10+m.r.IntN(50)) * time.Second
		switch {
		case m.quiet:
			pause = time.Duration(40+m.r.IntN(20)) * time.Second
		case m.halfHour && i == 1:
			pause = timeout // Exactly half an hour of silence ends nothing.
		}
		m.follow(s, s.end().Add(pause), i == hits-1)
	}
	b.sessions = append(b.sessions, s)
	m.sessions = append(m.sessions, s)
	return s
}

func (m *making) page() string {
	if m.quiet {
		return pick(m.r, quietPages())
	}
	return pick(m.r, pages())
}

// follow plans a further hit of a session.
func (m *making) follow(s *session, at schema.Millis, last bool) {
	before := s.hits[len(s.hits)-1].url
	switch kind := m.r.IntN(10); {
	case last && kind < 3:
		m.hit(s, &hit{at: at, kind: "leave", url: before})
	case kind < 5 && !m.quiet:
		m.hit(s, &hit{at: at, kind: "event", url: before, name: pick(m.r, events())})
	default:
		m.hit(s, &hit{at: at, kind: "pageview", url: site + m.page(), referrer: before})
	}
}

func (m *making) hit(s *session, h *hit) {
	if h.kind == "pageview" {
		h.title = "Teas of the world"
	}
	s.hits = append(s.hits, h)
}

// shuffleIDs gives every hit an id that does not follow the order of time within a millisecond.
func (m *making) shuffleIDs() {
	var random [10]byte
	for _, s := range m.sessions {
		for _, h := range s.hits {
			binary.BigEndian.PutUint64(random[:8], m.r.Uint64())
			h.id = schema.NewHitID(h.at, random)
		}
	}
}

func (m *making) name(i int) string {
	first := []string{"Ada", "Bo", "Cleo", "Dag", "Eva", "Finn", "Grace", "Hal", "Ines", "Jo"}
	return fmt.Sprintf("%s %s-%d-%d", pick(m.r, first), m.key[:6], m.number, i)
}
