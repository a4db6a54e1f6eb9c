package intercom

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
)

const (
	testClientID     = "client-1"
	testClientSecret = "the client secret of the tests"
	patience         = 2 * time.Minute
)

// product plays the other side: it registers redirect, webhook and uninstall
// addresses and keeps what arrives.
type product struct {
	*httptest.Server
	mu         sync.Mutex
	arrived    []arrival
	uninstalls []string
	heads      int
	answers    []int // Statuses of the next webhooks; 200 when empty.
	changed    chan struct{}
}

type arrival struct {
	body      []byte
	signature string
	agent     string
	Envelope  struct {
		Type, Topic, DeliveryStatus string
		AppID                       string `json:"app_id"`
		ID                          *string
		DeliveryAttempts            int   `json:"delivery_attempts"`
		DeliveredAt                 int64 `json:"delivered_at"`
		CreatedAt                   int64 `json:"created_at"`
		FirstSentAt                 int64 `json:"first_sent_at"`
		Data                        struct {
			Type string
			Item map[string]any
		}
	}
}

func newProduct(t *testing.T) *product {
	t.Helper()
	p := &product{changed: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("HEAD /hooks/intercom", func(http.ResponseWriter, *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.heads++
	})
	mux.HandleFunc("POST /hooks/intercom", p.take)
	mux.HandleFunc("POST /hooks/intercom/uninstall", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.uninstalls = append(p.uninstalls, string(body))
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *product) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a := arrival{body: body, signature: r.Header.Get("X-Hub-Signature"), agent: r.UserAgent()}
	if err := json.Unmarshal(body, &a.Envelope); err != nil {
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

func (p *product) topics() string {
	var topics []string
	for _, a := range p.all() {
		topics = append(topics, a.Envelope.Topic)
	}
	return strings.Join(topics, " ")
}

// await waits until n webhooks have arrived.
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
			t.Fatalf("%d webhooks expected, these arrived: %s", n, p.topics())
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
	token   string
	cancel  func() // Ends Run.
	stop    func()
}

func newBench(t *testing.T, edit func(*Config)) *bench {
	t.Helper()
	p := newProduct(t)
	config := Config{
		Dir: t.TempDir(), ClientID: testClientID, ClientSecret: testClientSecret,
		RedirectURIs: []string{p.URL + "/connect/intercom/callback"},
		WebhookURL:   p.URL + "/hooks/intercom", UninstallURL: p.URL + "/hooks/intercom/uninstall",
		AppID: "abc123", RetryAfter: 20 * time.Millisecond,
	}
	if edit != nil {
		edit(&config)
	}
	b := &bench{t: t, product: p, config: config}
	b.start()
	return b
}

func (b *bench) start() {
	b.t.Helper()
	server, err := New(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	b.cancel = cancel
	b.server, b.http = server, httptest.NewServer(server.Handler())
	stopped := false
	b.stop = func() {
		if stopped {
			return
		}
		stopped = true
		b.http.Close()
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run: %v", err)
		}
		if err := server.Close(); err != nil {
			b.t.Errorf("Close: %v", err)
		}
	}
	b.t.Cleanup(b.stop)
}

func (b *bench) restart() {
	b.t.Helper()
	b.stop()
	b.start()
}

// connect walks the OAuth pages as a browser and a product do.
func (b *bench) connect() string {
	b.t.Helper()
	back := b.decide("authorize", "state-1")
	token, status, body := b.exchange(back.Get("code"))
	if status != http.StatusOK || token == "" {
		b.t.Fatalf("token: %d %s", status, body)
	}
	b.token = token
	return token
}

// decide presses a button on the consent page and returns what comes back.
func (b *bench) decide(decision, state string) url.Values {
	b.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(b.http.URL+"/oauth", url.Values{
		"client_id": {testClientID}, "state": {state}, "decision": {decision},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	to, err := response.Location()
	if err != nil {
		b.t.Fatalf("no redirect: %d %v", response.StatusCode, err)
	}
	if !strings.HasPrefix(to.String(), b.config.RedirectURIs[0]+"?") {
		b.t.Fatalf("redirected to %s", to)
	}
	return to.Query()
}

func (b *bench) exchange(code string) (token string, status int, body string) {
	b.t.Helper()
	response, err := http.PostForm(b.http.URL+"/auth/eagle/token", url.Values{
		"code": {code}, "client_id": {testClientID}, "client_secret": {testClientSecret},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, _ := io.ReadAll(response.Body)
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		b.t.Fatalf("token answer %q: %v", raw, err)
	}
	if got["token_type"] == "Bearer" && got["token"] == got["access_token"] {
		token, _ = got["access_token"].(string)
	}
	return token, response.StatusCode, string(raw)
}

// reply is a REST answer that was held against the description.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// api sends a REST request with the token; every answer must fit Intercom's
// description, refusals its error list.
func (b *bench) api(method, path string, body any, header ...string) reply {
	b.t.Helper()
	var reader io.Reader
	if text, isText := body.(string); isText {
		reader = strings.NewReader(text)
	} else if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	request, err := http.NewRequest(method, b.http.URL+path, reader)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+b.token)
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	r := reply{status: response.StatusCode, header: response.Header}
	if err := json.Unmarshal(raw, &r.body); err != nil {
		b.t.Fatalf("%s %s answered %q: %v", method, path, raw, err)
	}
	b.conforms(request, r, raw)
	return r
}

func (b *bench) conforms(request *http.Request, r reply, raw []byte) {
	b.t.Helper()
	if r.status >= 400 {
		if err := b.server.spec.doc.Components.Schemas["error"].Value.VisitJSON(r.body); err != nil {
			b.t.Errorf("%s %s: the error does not fit the description: %v", request.Method, request.URL.Path, err)
		}
		return
	}
	if strings.HasPrefix(request.URL.Path, "/auth/") {
		return
	}
	if err := b.server.spec.checkAnswer(request, r.status, r.header, raw); err != nil {
		b.t.Errorf("%s %s: the answer does not fit the description: %v", request.Method, request.URL.Path, err)
	}
}

// code is the first error's code.
func (r reply) code() string {
	list, _ := r.body["errors"].([]any)
	if len(list) == 0 {
		return ""
	}
	first, _ := list[0].(map[string]any)
	return fmt.Sprint(first["code"])
}

func (r reply) message() string {
	list, _ := r.body["errors"].([]any)
	if len(list) == 0 {
		return ""
	}
	first, _ := list[0].(map[string]any)
	return fmt.Sprint(first["message"])
}

// at finds a value by a path such as "app.id_code" or "data.0.name".
func (r reply) at(path string) any { return dig(r.body, path) }

func dig(value any, path string) any {
	for _, key := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// post sends JSON to a side door of the stand-in.
func (b *bench) post(path string, body any) (int, map[string]any) {
	b.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.Post(b.http.URL+path, "application/json", bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var got map[string]any
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		b.t.Fatalf("POST %s: %v", path, err)
	}
	return response.StatusCode, got
}

func (b *bench) chat(body map[string]any) (contactID, conversationID string) {
	b.t.Helper()
	status, got := b.post("/standin/chat", body)
	if status != http.StatusOK {
		b.t.Fatalf("chat: %d %v", status, got)
	}
	return fmt.Sprint(got["contact_id"]), fmt.Sprint(got["conversation_id"])
}

func (b *bench) fault(kind string, times int, more ...any) {
	b.t.Helper()
	body := map[string]any{"kind": kind, "times": times}
	if len(more) > 0 {
		body["delay_ms"] = more[0]
	}
	if status, got := b.post("/standin/fault", body); status != http.StatusOK {
		b.t.Fatalf("fault %s: %d %v", kind, status, got)
	}
}

func (b *bench) get(path string) map[string]any {
	b.t.Helper()
	response, err := http.Get(b.http.URL + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var got map[string]any
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		b.t.Fatalf("GET %s: %v", path, err)
	}
	return got
}

// attribute creates sourceloop_id as the product does.
func (b *bench) attribute() int {
	b.t.Helper()
	r := b.api("POST", "/data_attributes", map[string]any{
		"name": "sourceloop_id", "model": "contact", "data_type": "string", "messenger_writable": true,
	})
	if r.status != http.StatusOK {
		b.t.Fatalf("attribute: %d %v", r.status, r.body)
	}
	return int(r.at("id").(float64))
}
