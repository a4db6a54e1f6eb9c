package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/deploy/standin/chats"
)

const (
	testClientID     = "client-1"
	testClientSecret = "the client secret of the tests"
	patience         = 2 * time.Minute
	allScopes        = "oauth conversations.read crm.objects.contacts.read crm.objects.contacts.write crm.schemas.contacts.write"
)

// product plays the other side: it has redirect and webhook addresses and
// keeps what arrives.
type product struct {
	*httptest.Server
	mu      sync.Mutex
	arrived []arrival
	answers []int // Statuses of the next arrays; 200 when empty.
	changed chan struct{}
}

type arrival struct {
	signed bool
	events []map[string]any
}

func newProduct(t *testing.T) *product {
	t.Helper()
	p := &product{changed: make(chan struct{}, 1)}
	p.Server = httptest.NewServer(http.HandlerFunc(p.take))
	t.Cleanup(p.Close)
	return p
}

func (p *product) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	called, timestamp := "http://"+r.Host+r.RequestURI, r.Header.Get("X-HubSpot-Request-Timestamp")
	a := arrival{signed: r.Header.Get("X-HubSpot-Signature-v3") == Sign(testClientSecret, r.Method, called, body, timestamp)}
	if err := json.Unmarshal(body, &a.events); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrived = append(p.arrived, a)
	status := http.StatusOK
	if len(p.answers) > 0 {
		status, p.answers = p.answers[0], p.answers[1:]
	}
	w.WriteHeader(status)
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *product) all() []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]arrival(nil), p.arrived...)
}

func (p *product) types() string {
	var list []string
	for _, a := range p.all() {
		for _, e := range a.events {
			list = append(list, fmt.Sprint(e["subscriptionType"]))
		}
	}
	return strings.Join(list, " ")
}

// await waits until n arrays have arrived.
func (p *product) await(t *testing.T, n int) []arrival {
	t.Helper()
	deadline := time.After(patience)
	for {
		if list := p.all(); len(list) >= n {
			return list
		}
		select {
		case <-p.changed:
		case <-deadline:
			t.Fatalf("%d arrays expected, these arrived: %s", n, p.types())
		}
	}
}

// bench is a stand-in on loopback with its product.
type bench struct {
	t       *testing.T
	product *product
	server  *Server
	http    *httptest.Server
	config  Config
	grant   grant
	stop    func()
}

type grant struct {
	Access  string   `json:"access_token"`
	Refresh string   `json:"refresh_token"`
	Expires int      `json:"expires_in"`
	HubID   int64    `json:"hub_id"`
	Scopes  []string `json:"scopes"`
}

func newBench(t *testing.T, edit func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, product: newProduct(t)}
	b.config = Config{
		Dir: t.TempDir(), ClientID: testClientID, ClientSecret: testClientSecret,
		RedirectURIs: []string{b.product.URL + "/callback"}, WebhookURL: b.product.URL + "/hooks/hubspot?a=b%3Ac", RetryAfter: time.Millisecond,
	}
	if edit != nil {
		edit(&b.config)
	}
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bench) start() {
	b.t.Helper()
	server, err := New(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	b.server, b.http = server, httptest.NewServer(server.Handler())
	b.stop = func() {
		b.stop = func() {}
		b.http.Close()
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
		if err := server.Close(); err != nil {
			b.t.Error(err)
		}
	}
}

// connect walks through OAuth and makes the property.
func (b *bench) connect() *bench {
	b.t.Helper()
	location := b.authorize(url.Values{
		"client_id": {testClientID}, "redirect_uri": {b.product.URL + "/callback"}, "scope": {allScopes}, "state": {"s"}, "decision": {"authorize"},
	})
	if location.Query().Get("state") != "s" {
		b.t.Fatalf("sent back to %s", location)
	}
	b.token(url.Values{
		"grant_type": {"authorization_code"}, "redirect_uri": {b.product.URL + "/callback"}, "code": {location.Query().Get("code")},
	}, http.StatusOK, &b.grant)
	b.api("POST", "/crm/v3/properties/contacts", `{"name":"sourceloop_id","label":"SourceLoop id","type":"string","fieldType":"text","groupName":"contactinformation"}`, http.StatusCreated, nil)
	return b
}

func (b *bench) authorize(form url.Values) *url.URL {
	b.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(b.http.URL+"/oauth/authorize", form)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	location, err := response.Location()
	if err != nil {
		b.t.Fatalf("%d: %v", response.StatusCode, err)
	}
	return location
}

// token posts a form with the app's credentials to the token endpoint.
func (b *bench) token(form url.Values, status int, into any) {
	b.t.Helper()
	form.Set("client_id", testClientID)
	form.Set("client_secret", testClientSecret)
	b.send(b.request("POST", "/oauth/2026-03/token", form.Encode(), "application/x-www-form-urlencoded"), status, into)
}

func (b *bench) request(method, path, body, contentType string) *http.Request {
	b.t.Helper()
	request, err := http.NewRequest(method, b.http.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	return request
}

func (b *bench) send(request *http.Request, status int, into any) http.Header {
	b.t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != status {
		b.t.Fatalf("%s %s: %d %s, not %d", request.Method, request.URL.Path, response.StatusCode, body, status)
	}
	if into != nil {
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(into); err != nil {
			b.t.Fatalf("%s: %v", body, err)
		}
	}
	return response.Header
}

// api is one request with the access token.
func (b *bench) api(method, path, body string, status int, into any) http.Header {
	b.t.Helper()
	request := b.request(method, path, body, "application/json")
	request.Header.Set("Authorization", "Bearer "+b.grant.Access)
	return b.send(request, status, into)
}

func (b *bench) post(path, body string, into any) {
	b.t.Helper()
	b.send(b.request("POST", path, body, "application/json"), http.StatusOK, into)
}

func (b *bench) chat(body string) (reply chats.Answer) {
	b.t.Helper()
	b.post("/standin/chat", body, &reply)
	return reply
}
