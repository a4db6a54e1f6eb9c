package intercom_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/control/connect/intercom"
	"sourceloop/control/controltest"
	standin "sourceloop/deploy/standin/intercom"
	"sourceloop/schema"
)

const (
	clientID     = "client-1"
	clientSecret = "the client secret of the tests"
	browser      = "the browser's session cookie"
)

// house is a settings database, a stand-in Intercom, and the service between
// them, all under one data folder as in the embedded mode.
type house struct {
	t       *testing.T
	dir     string
	store   *control.Store
	service *connect.Service
	who     control.Principal
	vendor  *httptest.Server
	logs    *lockedBuffer
	token   string       // the last one that Intercom gave out
	ahead   atomic.Int64 // how far the database's clock is ahead, in nanoseconds
}

// lockedBuffer takes logs from several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), logs: &lockedBuffer{}}
	redirect := "http://127.0.0.1:9/connect/intercom/callback"
	server, err := standin.New(standin.Config{
		Dir: filepath.Join(h.dir, "intercom"), ClientID: clientID, ClientSecret: clientSecret,
		RedirectURIs: []string{redirect}, AppID: "tea1", WorkspaceName: "Northwind Tea",
	})
	if err != nil {
		t.Fatal(err)
	}
	h.vendor = httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		h.vendor.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	log := slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.store = controltest.Open(t, "sqlite:"+filepath.Join(h.dir, "control.db"), control.Options{
		Log: log, Now: func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) },
	})
	h.who = controltest.NewOwner(t, h.store, "ann@example.com")
	provider, err := intercom.New(intercom.Config{
		ClientID: clientID, ClientSecret: clientSecret, AuthorizeURL: h.vendor.URL + "/oauth", APIBase: h.vendor.URL, RedirectURL: redirect,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.service = connect.NewService(h.store, log, 10*time.Millisecond, provider)
	return h
}

// consent presses a button on the consent page, as a browser does.
func (h *house) consent(who control.Principal, decision string) url.Values {
	h.t.Helper()
	page, err := h.service.Connect(h.t.Context(), who, "intercom", browser)
	if err != nil {
		h.t.Fatal(err)
	}
	address, err := url.Parse(page)
	if err != nil {
		h.t.Fatal(err)
	}
	form := address.Query()
	form.Set("decision", decision)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(h.vendor.URL+"/oauth", form)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	back, err := response.Location()
	if err != nil {
		h.t.Fatalf("the consent page answered %d: %v", response.StatusCode, err)
	}
	return back.Query()
}

func (h *house) connect() control.Connection {
	h.t.Helper()
	query := h.consent(h.who, "authorize")
	if !strings.HasSuffix(query.Get("code"), "=") {
		h.t.Fatal("this code does not end in =, so that nothing is tried")
	}
	c, err := h.service.Callback(h.t.Context(), "intercom", browser, query)
	if err != nil {
		h.t.Fatal(err)
	}
	h.token, err = h.store.Token(h.t.Context(), c.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) card() connect.Card {
	h.t.Helper()
	cards, err := h.service.Cards(h.t.Context(), h.who)
	if err != nil || len(cards) != 1 {
		h.t.Fatalf("cards %+v, error %v", cards, err)
	}
	return cards[0]
}

// run starts the service's background work.
func (h *house) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.service.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
}

// ask sends a request to the vendor and reads its JSON answer.
func (h *house) ask(method, path, token string, in any) map[string]any {
	h.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		h.t.Fatal(err)
	}
	request, err := http.NewRequest(method, h.vendor.URL+path, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Intercom-Version", "2.16")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if method == http.MethodGet {
		request.Body, request.ContentLength = nil, 0
		request.Header.Del("Content-Type")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(answer, &out); err != nil || response.StatusCode >= 300 {
		h.t.Fatalf("%s %s answered %d %s", method, path, response.StatusCode, answer)
	}
	return out
}

func (h *house) fault(kind string, times int) {
	h.ask(http.MethodPost, "/standin/fault", "", map[string]any{"kind": kind, "times": times})
}

// attribute is what Intercom has under the name, archived ones included.
func (h *house) attribute(token string) map[string]any {
	h.t.Helper()
	list := h.ask(http.MethodGet, "/data_attributes?model=contact&include_archived=true", token, nil)
	for _, a := range list["data"].([]any) {
		if a := a.(map[string]any); a["name"] == "sourceloop_id" {
			return a
		}
	}
	return nil
}

// writes are the requests that changed something at the vendor.
func (h *house) writes() []string {
	h.t.Helper()
	var writes []string
	for _, e := range h.ask(http.MethodGet, "/standin/requests", "", nil)["requests"].([]any) {
		if e := e.(map[string]any); e["write"] == true {
			writes = append(writes, fmt.Sprint(e["method"], " ", e["path"]))
		}
	}
	return writes
}

func TestConnect(t *testing.T) {
	h := newHouse(t)
	if card := h.card(); card.State != control.Disconnected || card.Connection != 0 {
		t.Fatalf("before the first click the card is %+v", card)
	}
	query := h.consent(h.who, "authorize")
	if card := h.card(); card.State != control.Pending {
		t.Fatalf("on the consent page the card is %+v", card)
	}
	if _, err := h.service.Callback(t.Context(), "intercom", "another browser", query); schema.KindOf(err) != schema.KindDenied {
		t.Fatalf("another browser's callback: %v", err)
	}
	c := h.connect()
	if c.State != control.Connected || c.App != "tea1" || c.Name != "Northwind Tea" || c.Region == "" || c.Details["attribute"] == "" {
		t.Fatalf("connected as %+v", c)
	}
	if card := h.card(); card.State != control.Connected || card.Name != "Northwind Tea" || card.LastError != "" {
		t.Fatalf("the card is %+v", card)
	}
	if w, id, ok := h.store.Directory().Route("intercom", "tea1"); !ok || w != h.who.Workspace || id != c.ID {
		t.Fatal("the connection has no route")
	}
	a := h.attribute(h.token)
	if a["messenger_writable"] != true || a["data_type"] != "string" || a["archived"] != false {
		t.Fatalf("the attribute is %v", a)
	}
	// Connecting again reuses everything.
	if again := h.connect(); again.ID != c.ID || again.State != control.Connected {
		t.Fatalf("connected again as %+v", again)
	}
	if writes := h.writes(); len(writes) != 1 || writes[0] != "POST /data_attributes" {
		t.Fatalf("what was written at Intercom: %v", writes)
	}
}

func TestConsentRefused(t *testing.T) {
	h := newHouse(t)
	query := h.consent(h.who, "deny")
	_, err := h.service.Callback(t.Context(), "intercom", browser, query)
	if schema.KindOf(err) != schema.KindDenied {
		t.Fatalf("got %v", err)
	}
	if card := h.card(); card.State != control.Failed || !strings.Contains(card.LastError, "click Connect") {
		t.Fatalf("the card is %+v", card)
	}
	// The state is used up.
	query.Del("error")
	query.Set("code", "x")
	if _, err = h.service.Callback(t.Context(), "intercom", browser, query); schema.KindOf(err) != schema.KindDenied {
		t.Fatalf("a used state: %v", err)
	}
	// A code that Intercom does not know.
	query = h.consent(h.who, "authorize")
	query.Set("code", strings.TrimRight(query.Get("code"), "="))
	if _, err = h.service.Callback(t.Context(), "intercom", browser, query); schema.KindOf(err) != schema.KindDenied {
		t.Fatalf("a cut code: %v", err)
	}
	// Refusing while connected changes nothing.
	h.connect()
	if _, err = h.service.Callback(t.Context(), "intercom", browser, h.consent(h.who, "deny")); err == nil {
		t.Fatal("a refusal is no error")
	}
	if card := h.card(); card.State != control.Connected {
		t.Fatalf("the card is %+v", card)
	}
}

func TestPassingTrouble(t *testing.T) {
	h := newHouse(t)
	query := h.consent(h.who, "authorize")
	provider, err := intercom.New(intercom.Config{ClientID: clientID, ClientSecret: clientSecret, APIBase: h.vendor.URL})
	if err != nil {
		t.Fatal(err)
	}
	grant, err := provider.Exchange(t.Context(), query.Get("code"), "")
	if err != nil {
		t.Fatal(err)
	}
	token := grant.Access
	for kind, want := range map[string]schema.Kind{"429": schema.KindLimited, "500": schema.KindUnavailable} {
		h.fault(kind, 1)
		if _, err = provider.Setup(t.Context(), token); schema.KindOf(err) != want {
			t.Fatalf("at %s: %v", kind, err)
		}
		if strings.Contains(err.Error(), token) {
			t.Fatal("the error holds the token")
		}
	}
}

// TestRetried: a setup that fails for a passing reason is finished by Run.
func TestRetried(t *testing.T) {
	h := newHouse(t)
	query := h.consent(h.who, "authorize")
	front := h.failing(2, "/me")
	provider, err := intercom.New(intercom.Config{ClientID: clientID, ClientSecret: clientSecret, AuthorizeURL: h.vendor.URL + "/oauth", APIBase: front})
	if err != nil {
		t.Fatal(err)
	}
	h.service = connect.NewService(h.store, slog.New(slog.NewTextHandler(h.logs, nil)), 10*time.Millisecond, provider)
	c, err := h.service.Callback(t.Context(), "intercom", browser, query)
	if err != nil || c.State != control.Pending || c.LastError == "" {
		t.Fatalf("with Intercom down: %+v, %v", c, err)
	}
	if _, _, ok := h.store.Directory().Route("intercom", "tea1"); ok {
		t.Fatal("a pending connection is routed")
	}
	h.run()
	controltest.Within(t, "the card says Connected", func() bool { return h.card().State == control.Connected })
	if h.card().LastError != "" {
		t.Fatalf("the card still says %q", h.card().LastError)
	}
}

// TestSetupWaitsAsLongAsAsked: when Intercom says until when it is busy, it is
// not asked before.
func TestSetupWaitsAsLongAsAsked(t *testing.T) {
	h := newHouse(t)
	query := h.consent(h.who, "authorize")
	target, err := url.Parse(h.vendor.URL)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/me" && asked.Add(1) == 1 {
			w.Header().Set("X-RateLimit-Reset", fmt.Sprint(time.Now().Add(time.Minute).Unix()))
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	provider, err := intercom.New(intercom.Config{ClientID: clientID, ClientSecret: clientSecret, AuthorizeURL: h.vendor.URL + "/oauth", APIBase: front.URL})
	if err != nil {
		t.Fatal(err)
	}
	h.service = connect.NewService(h.store, nil, 10*time.Millisecond, provider)
	c, err := h.service.Callback(t.Context(), "intercom", browser, query)
	if err != nil || c.State != control.Pending {
		t.Fatalf("%+v, %v", c, err)
	}
	h.ahead.Store(int64(40 * time.Second))
	if due, err := h.store.TakeSetups(t.Context(), time.Second); err != nil || len(due) != 0 {
		t.Fatalf("it is due before: %+v, %v", due, err)
	}
	h.ahead.Store(int64(2 * time.Minute))
	h.run()
	controltest.Within(t, "the card says Connected", func() bool { return h.card().State == control.Connected })
}

// failing is an address in front of the vendor that answers 503 to the first
// requests of a path.
func (h *house) failing(times int, path string) string {
	target, err := url.Parse(h.vendor.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	var mu sync.Mutex
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		fail := r.URL.Path == path && times > 0
		if fail {
			times--
		}
		mu.Unlock()
		if fail {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	h.t.Cleanup(front.Close)
	return front.URL
}

// TestTwoWorkspaces: a provider's workspace is connected to one of ours.
func TestTwoWorkspaces(t *testing.T) {
	h := newHouse(t)
	first := h.connect()
	bob := controltest.NewOwner(t, h.store, "bob@example.com")
	_, err := h.service.Callback(t.Context(), "intercom", browser, h.consent(bob, "authorize"))
	if schema.KindOf(err) != schema.KindConflict || !strings.Contains(err.Error(), "another workspace") {
		t.Fatalf("got %v", err)
	}
	if _, id, _ := h.store.Directory().Route("intercom", "tea1"); id != first.ID {
		t.Fatal("the route was stolen")
	}
	if _, err = h.service.Test(t.Context(), h.who, "intercom"); err != nil {
		t.Fatalf("the first connection is broken: %v", err)
	}
	if _, err = h.service.Disconnect(t.Context(), control.Principal{User: bob.User, Workspace: bob.Workspace, Role: control.Editor}, "intercom"); schema.KindOf(err) != schema.KindDenied {
		t.Fatalf("an Editor disconnected: %v", err)
	}
}

func TestRevokedAtIntercom(t *testing.T) {
	h := newHouse(t)
	h.connect()
	h.fault("revoke", 1)
	if _, err := h.service.Test(t.Context(), h.who, "intercom"); schema.KindOf(err) != schema.KindDenied {
		t.Fatalf("testing a token that was revoked: %v", err)
	}
	card := h.card()
	if card.State != control.Failed || !strings.Contains(card.LastError, "Connect again") {
		t.Fatalf("the card is %+v", card)
	}
	if _, err := h.service.Test(t.Context(), h.who, "intercom"); schema.KindOf(err) != schema.KindDenied {
		t.Fatalf("testing a dead token: %v", err)
	}
	h.connect()
	if card = h.card(); card.State != control.Connected || card.LastError != "" {
		t.Fatalf("connected anew, the card is %+v", card)
	}
}

// TestDisconnect: afterwards neither the token nor its sealed bytes are
// anywhere under the data folder, write-ahead logs included, nor in the logs.
func TestDisconnect(t *testing.T) {
	for name, broken := range map[string]bool{"Intercom answers": false, "Intercom is away": true} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			c := h.connect()
			sealed, err := h.store.SealedToken(t.Context(), c.ID)
			if err != nil {
				t.Fatal(err)
			}
			if where := h.find(sealed); len(where) == 0 {
				t.Fatal("the sealed token is not found while it exists, so the search proves nothing")
			}
			if broken {
				h.fault("500", 1)
			}
			farewell, err := h.service.Disconnect(t.Context(), h.who, "intercom")
			if err != nil {
				t.Fatal(err)
			}
			if farewell.Revoked == broken || (farewell.Words == "") == broken || len(farewell.CleanUp) == 0 {
				t.Fatalf("the farewell is %+v", farewell)
			}
			if _, _, ok := h.store.Directory().Route("intercom", "tea1"); ok {
				t.Fatal("still routed")
			}
			if card := h.card(); card.State != control.Disconnected {
				t.Fatalf("the card is %+v", card)
			}
			for what, secret := range map[string][]byte{"plain": []byte(h.token), "sealed": sealed, "part of the sealed": sealed[21:37]} {
				if where := h.find(secret); len(where) > 0 {
					t.Errorf("the %s token is in %v", what, where)
				}
			}
			for _, secret := range []string{h.token, clientSecret} {
				if strings.Contains(h.logs.String(), secret) {
					t.Error("a secret is in the logs")
				}
			}
			if again := h.connect(); again.ID != c.ID || again.State != control.Connected {
				t.Fatalf("connected anew as %+v", again)
			}
		})
	}
}

// find lists the files under the data folder that hold some bytes.
func (h *house) find(needle []byte) []string {
	h.t.Helper()
	var where []string
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if bytes.Contains(body, needle) {
			where = append(where, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return where
}

// TestHalfDone: a process ended between closing the route and destroying.
func TestHalfDone(t *testing.T) {
	h := newHouse(t)
	c := h.connect()
	if _, err := h.store.CloseRoute(t.Context(), h.who, c.ID); err != nil {
		t.Fatal(err)
	}
	h.run()
	if left, err := h.store.UndestroyedTokens(t.Context(), 0); err != nil || len(left) != 1 {
		t.Fatalf("a fresh one is left to who is at it, but: %v, %v", left, err)
	}
	h.ahead.Store(int64(time.Minute))
	controltest.Within(t, "the token is destroyed", func() bool {
		_, err := h.store.Token(t.Context(), c.ID)
		return schema.KindOf(err) == schema.KindUnknown
	})
	for _, e := range h.ask(http.MethodGet, "/standin/requests", "", nil)["requests"].([]any) {
		if e.(map[string]any)["path"] == "/auth/uninstall" {
			return
		}
	}
	t.Fatal("the token was not revoked at Intercom")
}
