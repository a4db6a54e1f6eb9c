package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/control"
	"sourceloop/control/biaccess"
	"sourceloop/control/connect"
	"sourceloop/control/controltest"
	"sourceloop/control/outbound"
	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/query/api"
	"sourceloop/query/report"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
	sink "sourceloop/sinks/clickhouse"
)

const password = "correct horse battery"

// world is a server over real HTTP with a real settings database, and two
// workspaces: Ann's, in which Ada chatted, and Ben's, in which Eve did.
type world struct {
	t        testing.TB
	server   *httptest.Server
	store    *control.Store
	clock    *controltest.Clock
	leads    *leads
	chat     *chatProvider
	metrics  *prometheus.Registry
	contract routers.Router
	sink     *sink.Sink // nil without ClickHouse
	tools    *biaccess.Folder
	ann, ben control.Principal
	ada, bob schema.ID // contacts of Ann's workspace
	eve      schema.ID // of Ben's
}

// today is what the API takes for now.
func today() time.Time { return time.Date(2026, 9, 20, 12, 0, 0, 0, time.UTC) }

// newWorld has no ClickHouse: reports fail.
func newWorld(t testing.TB, change ...func(*api.Deps)) *world {
	t.Helper()
	// Nothing listens on the discard port.
	return build(t, &clickhouse.Options{Addr: []string{"127.0.0.1:9"}, DialTimeout: time.Second}, change...)
}

// newStory has the whole of it.
func newStory(t testing.TB, change ...func(*api.Deps)) *world {
	t.Helper()
	db := embeddedtest.ClickHouse(t)
	if err := migrations.Migrate(t.Context(), db.Options(), db.Name); err != nil {
		t.Fatal(err)
	}
	s, err := sink.New(t.Context(), sink.Config{
		Addr: []string{db.Addr}, Database: db.Name, User: db.Username, Password: db.Password, Every: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w := build(t, db.Options(), change...)
	w.sink = s
	w.tell()
	return w
}

func build(t testing.TB, options *clickhouse.Options, change ...func(*api.Deps)) *world {
	t.Helper()
	reader, err := report.New(options, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	channels, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	costs, err := sink.OpenCosts(sink.Config{
		Addr: options.Addr, Database: options.Auth.Database, User: options.Auth.Username, Password: options.Auth.Password,
	}, today)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := costs.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, clock: controltest.NewClock(), leads: &leads{}, chat: &chatProvider{}, metrics: prometheus.NewRegistry()}
	ring := controltest.Keys(t)
	w.store = controltest.Open(t, controltest.SQLite(t), control.Options{Keys: ring, Now: w.clock.Now})
	w.ann, w.ben = controltest.NewOwner(t, w.store, "ann@a.example"), controltest.NewOwner(t, w.store, "ben@b.example")
	w.server = httptest.NewUnstartedServer(nil)
	w.tools = &biaccess.Folder{
		File: biaccess.File{Dir: t.TempDir()}, At: biaccess.Place{Embedded: true, Host: "127.0.0.1", HTTPPort: 8123, NativePort: 9000, Database: "bi"},
		Store: w.store, Now: today,
	}
	deps := api.Deps{
		BITools: w.tools,
		Store:   w.store, Reports: reader.WithChannels(channels), Leads: w.leads, Costs: costs, Normalizer: identity.Rules{}, Channels: channels, Sealer: ring, Addresses: outbound.Guard{Resolver: nowhere{}}, Metrics: w.metrics,
		Connections: connect.NewService(w.store, nil, time.Second, w.chat, &adProvider{"google"}, &pastedAd{adProvider{"meta"}}, &targetedAd{adProvider{"linkedin"}}), Doctor: examiner(w.store),
		Tracking: func(key string) api.Snippet {
			return api.Snippet{HTML: "<script data-key=" + key + "></script>", URL: "https://loop.example/sl.1.js", SRI: "sha384-x"}
		},
		PublicURL: "http://" + w.server.Listener.Addr().String(), Now: today,
	}
	for _, f := range change {
		f(&deps)
	}
	server, err := api.New(deps)
	if err != nil {
		t.Fatal(err)
	}
	outer := echo.New()
	server.Register(outer)
	w.server.Config.Handler = outer
	w.server.Start()
	t.Cleanup(w.server.Close)
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if w.contract, err = legacy.NewRouter(doc); err != nil {
		t.Fatal(err)
	}
	return w
}

// leads is the log of conversions; it can be broken.
type leads struct {
	mu       sync.Mutex
	records  []*schema.LeadRecord
	keys     []string
	credited int
	broken   bool
}

func (l *leads) Append(_ context.Context, topic string, keys, values [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.broken && topic == schema.TopicCredited {
		l.credited += len(values)
		return nil
	}
	if l.broken || topic != schema.TopicLeads {
		return errors.New("the broker is away")
	}
	for i, value := range values {
		record, err := unmarshal(value)
		if err != nil {
			return err
		}
		l.records, l.keys = append(l.records, record), append(l.keys, string(keys[i]))
	}
	return nil
}

// nowhere is a DNS that knows one name.
type nowhere struct{}

func (nowhere) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if host != "receiver.example" {
		return nil, errors.New("no such host")
	}
	return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
}

// chatProvider is Intercom as far as package connect sees it: whoever comes
// with the code "good" is Acme.
type chatProvider struct {
	mu   sync.Mutex
	dead bool // every token is
}

func (p *chatProvider) Name() string { return "intercom" }

func (p *chatProvider) AuthorizeURL(state, _ string) string {
	return "https://chat.example/oauth?state=" + url.QueryEscape(state)
}

func (p *chatProvider) Refresh(_ context.Context, old control.Grant) (control.Grant, error) {
	return old, nil
}

func (p *chatProvider) Exchange(_ context.Context, code, _ string) (control.Grant, error) {
	if code != "good" {
		return control.Grant{}, schema.E("exchange", schema.KindDenied, "The code is not known. Connect again.")
	}
	return control.Grant{Access: "token"}, nil
}

func (p *chatProvider) Setup(context.Context, string) (control.Setup, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return control.Setup{}, schema.E("set up", schema.KindDenied, "Intercom no longer takes the token. Connect again.")
	}
	return control.Setup{App: "acme1", Name: "Acme"}, nil
}

func (p *chatProvider) Revoke(context.Context, control.Grant) error { return nil }

func (p *chatProvider) Listed() {}

func (p *chatProvider) CleanUp() []string { return []string{"Remove the app at Intercom."} }

// client is a browser, or a program with an API key.
type client struct {
	*world
	http http.Client
	key  string
}

// browser keeps cookies and follows no redirect.
func (w *world) browser() *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	c := &client{world: w}
	c.http.Jar = jar
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// signedIn is a browser of a person with the usual password.
func (w *world) signedIn(email string) *client {
	w.t.Helper()
	c := w.browser()
	c.want(200, "POST", "/api/v1/sign-in", map[string]string{"email": email, "password": password})
	return c
}

// keyed is a program with a new API key of that role.
func (w *world) keyed(owner control.Principal, role control.Role) *client {
	w.t.Helper()
	token, err := w.store.CreateAPIKey(w.t.Context(), owner, control.NewAPIKey{Name: "the " + string(role), Role: role})
	if err != nil {
		w.t.Fatal(err)
	}
	return &client{world: w, key: token}
}

// answer is what came back, held against the contract.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// into reads the body.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

func (a answer) problem(t testing.TB) api.Problem {
	t.Helper()
	var p api.Problem
	a.into(t, &p)
	if a.header.Get("Content-Type") != "application/problem+json" || p.Status != a.status || p.Title == "" || p.Detail == "" || p.WhatToDo == "" || p.Type == "" {
		t.Errorf("%d is no whole problem: %s", a.status, a.body)
	}
	return p
}

// csvFile is a body that is one.
type csvFile string

// ask sends a request; body is JSON unless it is a reader or a file. headers are name,
// value pairs.
func (c *client) ask(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	var content io.Reader
	if body != nil {
		if r, ok := body.(io.Reader); ok {
			content = r
		} else if file, ok := body.(csvFile); ok {
			content = strings.NewReader(string(file))
		} else {
			data, err := json.Marshal(body)
			if err != nil {
				c.t.Fatal(err)
			}
			content = bytes.NewReader(data)
		}
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if _, ok := body.(csvFile); ok {
		request.Header.Set("Content-Type", "text/csv")
	}
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := answer{response.StatusCode, response.Header, data}
	c.hold(request, a)
	return a
}

// hold compares an answer with the contract.
func (c *client) hold(request *http.Request, a answer) {
	c.t.Helper()
	route, params, err := c.contract.FindRoute(request)
	if err != nil {
		return // Not an operation.
	}
	err = openapi3filter.ValidateResponse(c.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route},
		Status:                 a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		c.t.Errorf("%s %s answered %d, which breaks the contract: %v", request.Method, request.URL.Path, a.status, err)
	}
}

// want is ask for a status.
func (c *client) want(status int, method, path string, body any, headers ...string) answer {
	c.t.Helper()
	a := c.ask(method, path, body, headers...)
	if a.status != status {
		c.t.Fatalf("%s %s answered %d, want %d: %s", method, path, a.status, status, a.body)
	}
	if status >= 400 {
		a.problem(c.t)
	}
	return a
}

func at(day, clock string) schema.Millis {
	moment, err := time.Parse("2006-01-02T15:04", "2026-09-"+day+"T"+clock)
	if err != nil {
		panic(err)
	}
	return schema.MillisOf(moment)
}

// visit is a session of one minute a page.
func visit(workspace uint32, visitor, day, clock string, touch schema.Touch, urls ...string) schema.SessionRow {
	touch.At = at(day, clock)
	s := schema.Session{
		Workspace: workspace, Visitor: visitor, StartedAt: touch.At, EndedAt: touch.At.Add(time.Duration(len(urls)) * time.Minute),
		Reason: schema.ReasonFirstHit, Touch: touch, Device: "desktop", Country: "DE", Browser: "Firefox", List: 3,
	}
	for i, u := range urls {
		s.Items = append(s.Items, schema.Item{
			Hit: schema.Derive("hit", visitor, day, clock, u), At: touch.At.Add(time.Duration(i) * time.Minute), Type: schema.HitType_HIT_TYPE_PAGEVIEW, URL: u,
		})
	}
	s.ID = schema.SessionID(workspace, visitor, s.Items[0].Hit)
	return schema.SessionRow{Session: s, Version: 1}
}

func chat(workspace uint32, number string, node schema.Node, visitor string, at schema.Millis) schema.FactRow {
	id := schema.ConversationID(workspace, "intercom", number)
	return schema.FactRow{Version: 1, ConversionFact: &schema.ConversionFact{
		Id: id[:], Workspace: workspace, Name: "intercom_conversation", Provider: "intercom", ExternalId: number, Node: string(node),
		Visitor: visitor, At: int64(at), Url: "https://chat.example/" + number, Message: "Hello", State: "open",
	}}
}

func person(workspace uint32, email string, created schema.Millis, nodes ...schema.Node) (schema.ContactRow, []schema.IdentityRow) {
	row := schema.ContactRow{Version: 1, Contact: schema.Contact{
		ID: schema.ContactID(workspace, nodes[0]), Workspace: workspace, Email: email, Emails: []string{email}, Nodes: nodes, CreatedAt: created,
	}}
	var identities []schema.IdentityRow
	for _, node := range nodes {
		row.Evidence = append(row.Evidence, schema.ContactEvidence{Node: node, Method: "intercom", Evidence: "intercom conversation 1", Verified: true, At: created})
		identities = append(identities, schema.IdentityRow{Version: 1, Identity: schema.Identity{
			Workspace: workspace, Node: node, Since: []schema.Millis{created}, Contacts: []schema.ID{row.ID},
		}})
	}
	return row, identities
}

// tell writes the story: Ada came by an ad and, days later, by mail, and then
// chatted; Bob wrote an email and was never on the site; Eve is another's.
func (w *world) tell() {
	w.t.Helper()
	a, b := w.ann.Workspace, w.ben.Workspace
	ad := schema.Touch{Channel: "Paid Search", Source: "google", Medium: "cpc", Campaign: "spring", LandingPage: "https://a.example/ad", Rule: "click id"}
	banner := ad
	banner.LandingPage = "https://b.example/"
	letter := schema.Touch{Channel: "Email", Source: "news", Medium: "email", LandingPage: "https://a.example/", Referrer: "https://mail.example/"}
	ada, adas := person(a, "ada@a.example", at("05", "10:05"), "intercom:ada", "email:ada@a.example", "visitor:laptop")
	bob, bobs := person(a, "bob@a.example", at("04", "09:00"), "intercom:bob", "email:bob@a.example")
	eve, eves := person(b, "eve@b.example", at("06", "10:05"), "intercom:eve", "email:eve@b.example", "visitor:phone")
	w.ada, w.bob, w.eve = ada.ID, bob.ID, eve.ID
	err := w.sink.Write(w.t.Context(), &sink.Batch{
		Sessions: []schema.SessionRow{
			visit(a, "laptop", "01", "10:00", ad, "https://a.example/ad", "https://a.example/pricing"),
			visit(a, "laptop", "05", "10:00", letter, "https://a.example/", "https://a.example/pricing"),
			visit(a, "stranger", "05", "11:00", ad, "https://a.example/ad"),
			visit(b, "phone", "06", "10:00", banner, "https://b.example/", "https://b.example/pricing"),
		},
		Contacts: []schema.ContactRow{ada, bob, eve}, Identities: slices.Concat(adas, bobs, eves),
		Facts: []schema.FactRow{
			chat(a, "1", "intercom:ada", "laptop", at("05", "10:04")),
			chat(a, "2", "intercom:bob", "", at("04", "09:00")),
			chat(b, "1", "intercom:eve", "phone", at("06", "10:04")),
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, workspace := range []uint32{a, b} {
		if err := w.sink.Attribute(w.t.Context(), workspace, nil, 1); err != nil {
			w.t.Fatal(err)
		}
	}
}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
}
