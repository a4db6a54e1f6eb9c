package collect_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/collect"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/schema"
)

const (
	siteKey = "site-key"
	secret  = "intercom-client-secret"
	clock   = 1_764_000_000_000 // the server's time in every test
)

// recorder is a log that remembers, and fails when told to.
type recorder struct {
	mu     sync.Mutex
	topics map[string][][]byte // values
	keys   map[string][]string
	calls  int
	err    error
	quiet  atomic.Bool // remembers nothing, for benchmarks

	hold chan struct{} // not nil: Append waits until it is closed
	held atomic.Int32  // that wait or waited
}

// awaitHeld waits until an Append is held up.
func (l *recorder) awaitHeld(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); l.held.Load() == 0; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("nothing is appended")
		}
	}
}

func newRecorder() *recorder {
	return &recorder{topics: map[string][][]byte{}, keys: map[string][]string{}}
}

func (l *recorder) Append(_ context.Context, topic string, keys, values [][]byte) error {
	if l.quiet.Load() {
		return nil
	}
	if l.hold != nil {
		l.held.Add(1)
		<-l.hold
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.err != nil {
		return l.err
	}
	for i := range values {
		l.keys[topic] = append(l.keys[topic], string(keys[i]))
		l.topics[topic] = append(l.topics[topic], bytes.Clone(values[i]))
	}
	return nil
}

func (l *recorder) hits(t testing.TB) []*schema.Hit {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var hits []*schema.Hit
	for i, value := range l.topics[schema.TopicHits] {
		var r schema.HitRecord
		if err := proto.Unmarshal(value, &r); err != nil {
			t.Fatal(err)
		}
		h := r.GetHit()
		if key := string(schema.HitKey(h.GetWorkspace(), h.GetVisitor())); l.keys[schema.TopicHits][i] != key {
			t.Errorf("the key is %q instead of %q", l.keys[schema.TopicHits][i], key)
		}
		hits = append(hits, h)
	}
	return hits
}

func (l *recorder) dead(t testing.TB) []*schema.DeadRecord {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var letters []*schema.DeadRecord
	for _, value := range l.topics[schema.TopicDead] {
		d := &schema.DeadRecord{}
		if err := proto.Unmarshal(value, d); err != nil {
			t.Fatal(err)
		}
		letters = append(letters, d)
	}
	return letters
}

type sites struct{}

func (sites) BySiteKey(key string) (*schema.Workspace, bool) {
	if key != siteKey {
		return nil, false
	}
	return &schema.Workspace{ID: 7, SiteKey: siteKey}, true
}

// routes knows an app that was connected a moment ago only after a look at the
// settings.
type routes struct {
	away  error // what a look gives
	fresh atomic.Bool
}

func (r *routes) Route(provider, app string) (uint32, int64, bool) {
	return 7, 42, provider == "intercom" && (app == "connected" || app == "new" && r.fresh.Load()) || provider == "hubspot" && (app == "4242" || app == "4343")
}

func (r *routes) Refresh(context.Context) error {
	r.fresh.Store(r.away == nil)
	return r.away
}

type place struct {
	server   *echo.Echo
	front    *collect.Front
	url      string // of the server behind the front
	behind   string // address of the same server without a front
	log      *recorder
	routes   *routes
	registry *prometheus.Registry
	logged   *bytes.Buffer
	signals  signals
}

func start(t testing.TB, change func(*collect.Config)) *place {
	t.Helper()
	config := collect.DefaultConfig()
	config.Hooks = []collect.Hooks{
		collect.NewIntercomHooks(secret), collect.NewHubSpotHooks(secret, publicURL, func() time.Time { return time.UnixMilli(clock) }),
	}
	if change != nil {
		change(&config)
	}
	countries, err := enrich.NewCountries("")
	if err != nil {
		t.Fatal(err)
	}
	p := &place{log: newRecorder(), routes: &routes{}, registry: prometheus.NewRegistry(), logged: &bytes.Buffer{}}
	edge, err := collect.New(config, collect.Deps{
		Tracker: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "script "+r.URL.Path) }),
		Sites:   sites{}, Routes: p.routes, Log: p.log, Agents: enrich.NewAgents(), Countries: countries,
		Now: func() time.Time { return time.UnixMilli(clock) }, Random: rand.Reader,
		Registerer: p.registry, Logger: slog.New(slog.NewTextHandler(p.logged, nil)), Signals: &p.signals,
		Incoming: shops{}, Persons: identity.Rules{},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	edge.Register(e)
	server := httptest.NewUnstartedServer(e)
	p.front = edge.Front(server.Listener)
	server.Listener = p.front
	server.Start()
	behind := httptest.NewServer(e)
	t.Cleanup(server.Close)
	t.Cleanup(behind.Close)
	p.server, p.url, p.behind = e, server.URL, behind.Listener.Addr().String()
	return p
}

type reply struct {
	status   int
	header   http.Header
	body     string
	Accepted int `json:"accepted"`
	Refused  []struct {
		Index  int    `json:"index"`
		ID     string `json:"id"`
		Reason string `json:"reason"`
	} `json:"refused"`
}

func (p *place) do(t testing.TB, method, path, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: res.StatusCode, header: res.Header, body: string(raw)}
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
	}
	return r
}

func (p *place) send(t testing.TB, body string, headers ...string) reply {
	t.Helper()
	return p.do(t, "POST", "/sl/hits?key="+siteKey, body, headers...)
}

// count sums a counter over the labels that match.
func (p *place) count(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := p.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetValue() == label {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

func id(n int) string {
	return schema.NewHitID(clock-1000, [10]byte{9: byte(n), 8: byte(n >> 8)}).String()
}

func hit(fields string) string {
	base := `"id":"` + id(1) + `","visitor":"v1","at":1763999990000,"type":"pageview","url":"https://shop.example/a"`
	if fields != "" {
		base += "," + fields
	}
	return "{" + base + "}"
}

func signed(body string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

func zipped(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAHitIsEnrichedAndStoredBeforeItIsAcknowledged(t *testing.T) {
	p := start(t, nil)
	got := p.send(t, `{"id":"`+id(1)+`","visitor":"v1","at":1763999990000,"type":"event","name":"chat opened",
		"url":"https://shop.example/a?email=bob%40example.com#x","referrer":"https://www.google.com/","title":"Grüße",
		"properties":{"a":{"b":[1,2.5e3,null,true]}},"traits":{"email":" bob@example.com ","user_id":12},"tz":"Europe/Berlin","unknown":[{}]}`,
		"Content-Type", "text/plain", "User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1")
	if got.status != 202 || got.Accepted != 1 || got.body != `{"accepted":1,"refused":[]}` {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("CORS: %v", got.header)
	}
	hits := p.log.hits(t)
	if len(hits) != 1 {
		t.Fatalf("%d hits", len(hits))
	}
	parsed, err := schema.ParseID(id(1))
	if err != nil {
		t.Fatal(err)
	}
	h := hits[0]
	want := &schema.Hit{
		Id: parsed[:], Workspace: 7, Visitor: "v1", At: 1763999990000, Received: clock, Type: schema.HitType_HIT_TYPE_EVENT,
		Url: "https://shop.example/a?email=redacted", Referrer: "https://www.google.com/", Title: "Grüße", Name: "chat opened",
		Properties: []byte(`{"a":{"b":[1,2.5e3,null,true]}}`), Traits: &schema.Traits{Email: "bob@example.com", UserId: "12"},
		UserAgent: h.UserAgent, Tz: "Europe/Berlin", Country: "DE", CountrySource: "timezone",
		Device: "mobile", Browser: "Safari", Os: "iOS",
	}
	if !proto.Equal(h, want) {
		t.Errorf("got  %v\nwant %v", h, want)
	}
}

func TestWhatIsMissingIsMade(t *testing.T) {
	p := start(t, nil)
	got := p.send(t, `[{"type":"pageview"},{"type":"pageview","visitor":null,"id":null,"at":null,"user_agent":"curl/8"}]`, "User-Agent", "Mozilla/5.0")
	if got.status != 202 || got.Accepted != 2 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	hits := p.log.hits(t)
	for _, h := range hits {
		parsed, err := schema.IDFromBytes(h.GetId())
		if err != nil || !parsed.IsV7() || parsed.Time() != clock || len(h.GetVisitor()) != 32 || h.GetAt() != clock {
			t.Errorf("%v", h)
		}
	}
	if hits[0].GetVisitor() == hits[1].GetVisitor() || bytes.Equal(hits[0].GetId(), hits[1].GetId()) {
		t.Error("two hits without a visitor became one's")
	}
	if hits[0].GetBot() || !hits[1].GetBot() || hits[1].GetUserAgent() != "curl/8" {
		t.Error("the hit's user agent does not outrank the header")
	}
	if p.log.calls != 1 {
		t.Errorf("%d appends for one request", p.log.calls)
	}
}

func TestTimes(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	for _, test := range []struct {
		name, query string
		at          string
		want, shift int64
		dead        bool
	}{
		{"as sent", "", "1763999990000", clock - 10_000, 0, false},
		{"a fraction", "", "1763999990000.75", clock - 10_000, 0, false},
		{"exponent", "", "1.76399999e12", clock - 10_000, 0, false},
		{"two days late", "", fmt.Sprint(clock - 2*day), clock - 2*day, 0, false},
		{"an hour ahead", "", fmt.Sprint(clock + 3_600_000), clock, -3_600_000, false},
		{"a day ahead", "", fmt.Sprint(clock + day), clock, -day, false},
		{"more than a day ahead", "", fmt.Sprint(clock + day + 1), 0, 0, true},
		{"microseconds", "", "1764000000000000", 0, 0, true},
		{"beyond int64", "", "99999999999999999999", 0, 0, true},
		{"seconds", "", "1764000000", 0, 0, true},
		{"negative", "", "-1", 0, 0, true},
		{"clock an hour behind", fmt.Sprint("&t=", clock-3_600_000), fmt.Sprint(clock - 3_605_000), clock - 5_000, 3_600_000, false},
		{"clock two days ahead", fmt.Sprint("&t=", clock+2*day), fmt.Sprint(clock + 2*day - 5_000), clock - 5_000, -2 * day, false},
		{"clock off by a minute", fmt.Sprint("&t=", clock-60_000), fmt.Sprint(clock - 65_000), clock - 65_000, 0, false},
		{"no clock", "&t=abc", "1763999990000", clock - 10_000, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, nil)
			got := p.do(t, "POST", "/sl/hits?key="+siteKey+test.query, `{"type":"pageview","visitor":"v1","at":`+test.at+`}`)
			if want := map[bool]int{false: 202, true: 400}[test.dead]; got.status != want {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if test.dead {
				letters := p.log.dead(t)
				if len(letters) != 1 || len(p.log.hits(t)) != 0 || got.Accepted != 0 || len(got.Refused) != 1 {
					t.Fatalf("%s: %d letters", got.body, len(letters))
				}
				if d := letters[0]; d.GetReason() != schema.DeadBadTime || d.GetStage() != "collect" || !strings.Contains(string(d.GetValue()), test.at) || string(d.GetKey()) != "7/v1" {
					t.Errorf("%v", d)
				}
				return
			}
			hits := p.log.hits(t)
			if len(hits) != 1 || hits[0].GetAt() != test.want || hits[0].GetClockShift() != test.shift {
				t.Errorf("%v", hits)
			}
		})
	}
}

func TestAMixedBatchHasAVerdictPerItem(t *testing.T) {
	p := start(t, nil)
	got := p.send(t, `[`+hit("")+`,{"id":"no-uuid","type":"pageview"},17,{"type":"pageview","visitor":"v2","at":-5},{"type":"leave","visitor":"v3"}]`)
	if got.status != 202 || got.Accepted != 2 || len(got.Refused) != 3 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for i, want := range []struct {
		index int
		id    string
		word  string
	}{{1, "no-uuid", "UUIDv7"}, {2, "", "object"}, {3, "", "set aside"}} {
		if r := got.Refused[i]; r.Index != want.index || r.ID != want.id || !strings.Contains(r.Reason, want.word) {
			t.Errorf("verdict %d: %+v", i, r)
		}
	}
	if len(p.log.hits(t)) != 2 || len(p.log.dead(t)) != 1 {
		t.Errorf("%d hits, %d dead letters", len(p.log.hits(t)), len(p.log.dead(t)))
	}
	if got := p.send(t, `[{"id":"x"}]`); got.status != 202 || got.Accepted != 0 || len(got.Refused) != 1 {
		t.Errorf("an array of refused hits: %d %s", got.status, got.body)
	}
	if got := p.send(t, `[]`); got.status != 202 || got.body != `{"accepted":0,"refused":[]}` {
		t.Errorf("an empty array: %d %s", got.status, got.body)
	}
}

func TestTheLogDecides(t *testing.T) {
	p := start(t, nil)
	p.log.err = errors.New("no broker")
	got := p.send(t, hit(`"title":"canary"`))
	if got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", got.status, got.header)
	}
	if strings.Contains(p.logged.String(), "canary") || !strings.Contains(p.logged.String(), "no broker") {
		t.Errorf("logged: %s", p.logged)
	}
	p.log.err = nil
	if got := p.send(t, hit("")); got.status != 202 {
		t.Errorf("after it recovered: %d", got.status)
	}
	if p.count(t, "sourceloop_collect_requests_refused_total", "unavailable") != 1 {
		t.Error("not counted")
	}
}

func TestScriptAndPreflight(t *testing.T) {
	p := start(t, nil)
	for _, path := range []string{"/sl.js", "/sl.0123abcd.js"} {
		if got := p.do(t, "GET", path, ""); got.body != "script "+path {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if got := p.do(t, "HEAD", path, ""); got.status != 200 {
			t.Errorf("HEAD %s: %d", path, got.status)
		}
	}
	got := p.do(t, "OPTIONS", "/sl/hits?key=x", "", "Origin", "https://shop.example", "Access-Control-Request-Method", "POST")
	if got.status != 204 || got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %d %v", got.status, got.header)
	}
	if got := p.do(t, "GET", "/sl/hits", ""); got.status != 405 {
		t.Errorf("GET hits: %d", got.status)
	}
}
