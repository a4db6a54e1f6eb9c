package hubspot_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
	"sourceloop/control/connect/hubspot"
	"sourceloop/control/controltest"
	standin "sourceloop/deploy/standin/hubspot"
	"sourceloop/schema"
)

const (
	clientID     = "client-1"
	clientSecret = "the client secret of the tests"
	browser      = "the browser's session cookie"
	redirect     = "http://127.0.0.1:9/connect/hubspot/callback"
)

// house is a settings database, a stand-in HubSpot, and the service between
// them, all under one data folder as in the embedded mode, with one clock.
type house struct {
	t       *testing.T
	dir     string
	store   *control.Store
	service *connect.Service
	who     control.Principal
	vendor  *httptest.Server
	hub     *standin.Server
	logs    *lockedBuffer
	ahead   atomic.Int64 // how far the clock is ahead, in nanoseconds
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
	now := func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }
	var err error
	h.hub, err = standin.New(standin.Config{
		Dir: filepath.Join(h.dir, "hubspot"), ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{redirect}, HubID: 4242, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.vendor = httptest.NewServer(h.hub.Handler())
	t.Cleanup(func() {
		h.vendor.Close()
		if err := h.hub.Close(); err != nil {
			t.Error(err)
		}
	})
	log := slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.store = controltest.Open(t, "sqlite:"+filepath.Join(h.dir, "control.db"), control.Options{Log: log, Now: now})
	h.who = controltest.NewOwner(t, h.store, "ann@example.com")
	provider, err := hubspot.New(hubspot.Config{
		ClientID: clientID, ClientSecret: clientSecret, AuthorizeURL: h.vendor.URL + "/oauth/authorize", APIBase: h.vendor.URL, RedirectURL: redirect,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.service = connect.NewService(h.store, log, 10*time.Millisecond, provider)
	return h
}

// consent presses a button on the consent page, as a browser does.
func (h *house) consent(decision string) url.Values {
	h.t.Helper()
	page, err := h.service.Connect(h.t.Context(), h.who, "hubspot", browser)
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
	response, err := client.PostForm(h.vendor.URL+"/oauth/authorize", form)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	back, err := response.Location()
	if err != nil {
		h.t.Fatalf("the consent page answered %d: %v", response.StatusCode, err)
	}
	return back.Query()
}

func (h *house) connect() control.Connection {
	h.t.Helper()
	c, err := h.service.Callback(h.t.Context(), "hubspot", browser, h.consent("authorize"))
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) post(path, body string) {
	h.t.Helper()
	response, err := http.Post(h.vendor.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %d", path, response.StatusCode)
	}
}

func (h *house) card() connect.Card {
	h.t.Helper()
	cards, err := h.service.Cards(h.t.Context(), h.who)
	if err != nil || len(cards) != 1 {
		h.t.Fatal(cards, err)
	}
	return cards[0]
}

// writes are what was changed in HubSpot.
func (h *house) writes() (list []string) {
	h.t.Helper()
	response, err := http.Get(h.vendor.URL + "/standin/accepted")
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	var told struct {
		Writes []struct{ Method, Path string }
	}
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		h.t.Fatal(err)
	}
	for _, w := range told.Writes {
		list = append(list, w.Method+" "+w.Path)
	}
	return list
}

func TestConnecting(t *testing.T) {
	h := newHouse(t)
	c := h.connect()
	if c.State != control.Connected || c.App != "4242" || c.Name != "northwind-tea.example" {
		t.Errorf("%+v", c)
	}
	if _, id, ok := h.store.Directory().Route("hubspot", "4242"); !ok || id != c.ID {
		t.Error("its webhooks are not routed")
	}
	if again := h.connect(); again.ID != c.ID || again.State != control.Connected {
		t.Errorf("%+v", again)
	}
	if got := strings.Join(h.writes(), ", "); got != "POST /crm/v3/properties/contacts" {
		t.Errorf("written in HubSpot: %s", got)
	}
	if _, err := h.service.Callback(t.Context(), "hubspot", browser, h.consent("cancel")); schema.KindOf(err) != schema.KindDenied || h.card().State != control.Connected {
		t.Errorf("a consent that was refused: %v, %+v", err, h.card())
	}
}

// TestTokensAreRenewedByTime: an access token lives for half an hour.
func TestTokensAreRenewedByTime(t *testing.T) {
	h := newHouse(t)
	c := h.connect()
	first, err := h.service.Tokens().Token(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.ahead.Store(int64(29 * time.Minute))
	second, err := h.service.Tokens().Token(t.Context(), c.ID)
	if err != nil || second == first {
		t.Fatalf("not renewed: %v", err)
	}
	h.ahead.Store(int64(40 * time.Minute))
	if _, err := h.service.Test(t.Context(), h.who, "hubspot"); err != nil || h.card().State != control.Connected {
		t.Errorf("%v, %+v", err, h.card())
	}
	h.ahead.Store(int64(90 * time.Minute))
	if _, err := h.service.Test(t.Context(), h.who, "hubspot"); err != nil || h.card().State != control.Connected {
		t.Errorf("%v, %+v", err, h.card())
	}
}

// TestInTrouble: what passes leaves the card alone; what does not says what to
// do, and doing it repairs it.
func TestInTrouble(t *testing.T) {
	h := newHouse(t)
	h.connect()
	for _, kind := range []string{"429", "500", "401"} {
		h.post("/standin/fault", `{"kind":"`+kind+`"}`)
		if _, err := h.service.Test(t.Context(), h.who, "hubspot"); err == nil || h.card().State != control.Connected {
			t.Errorf("%s: %v, %+v", kind, err, h.card())
		}
	}
	for _, trouble := range []struct{ property, words, repaired string }{
		{`"type":"number","fieldType":"number"`, "must be text", `"type":"string","fieldType":"text"`},
		{`"type":"string","fieldType":"text","archived":true`, "Restore it", `"type":"string","fieldType":"text"`},
	} {
		h.post("/standin/property", `{"property":{"name":"sourceloop_id",`+trouble.property+`}}`)
		if _, err := h.service.Test(t.Context(), h.who, "hubspot"); err == nil || h.card().State != control.Failed || !strings.Contains(h.card().LastError, trouble.words) {
			t.Errorf("%s: %v, %+v", trouble.property, err, h.card())
		}
		h.post("/standin/property", `{"property":{"name":"sourceloop_id",`+trouble.repaired+`}}`)
		if _, err := h.service.Test(t.Context(), h.who, "hubspot"); err != nil || h.card().State != control.Connected || h.card().LastError != "" {
			t.Errorf("repaired: %v, %+v", err, h.card())
		}
	}
	h.post("/standin/fault", `{"kind":"revoke"}`)
	if _, err := h.service.Test(t.Context(), h.who, "hubspot"); schema.KindOf(err) != schema.KindDenied || h.card().State != control.Failed || !strings.Contains(h.card().LastError, "Connect again") {
		t.Errorf("removed at HubSpot: %v, %+v", err, h.card())
	}
	if c := h.connect(); c.State != control.Connected {
		t.Errorf("connected anew: %+v", c)
	}
	h.post("/standin/fault", `{"kind":"revoke"}`)
	h.ahead.Store(int64(time.Hour))
	if _, err := h.service.Test(t.Context(), h.who, "hubspot"); schema.KindOf(err) != schema.KindDenied || h.card().State != control.Failed || !strings.Contains(h.card().LastError, "does not renew") {
		t.Errorf("not renewed: %v, %+v", err, h.card())
	}
}

// TestDisconnecting: the app is removed at HubSpot, the tokens are dead there
// and gone here, and nothing of them lies in the folder or in a log.
func TestDisconnecting(t *testing.T) {
	h := newHouse(t)
	c := h.connect()
	grant, err := h.store.Grant(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	farewell, err := h.service.Disconnect(t.Context(), h.who, "hubspot")
	if err != nil || !farewell.Revoked || farewell.Words != "" || len(farewell.CleanUp) != 2 {
		t.Errorf("%+v, %v", farewell, err)
	}
	if _, _, ok := h.store.Directory().Route("hubspot", "4242"); ok {
		t.Error("webhooks are still routed")
	}
	if _, err := h.store.Grant(t.Context(), c.ID); schema.KindOf(err) != schema.KindUnknown {
		t.Errorf("there is still a token: %v", err)
	}
	response, err := http.PostForm(h.vendor.URL+"/oauth/2026-03/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {grant.Refresh}, "client_id": {clientID}, "client_secret": {clientSecret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("HubSpot still renews: %d", response.StatusCode)
	}
	h.nowhere(grant.Access, grant.Refresh, clientSecret)
	if c = h.connect(); c.State != control.Connected {
		t.Errorf("connected anew: %+v", c)
	}
}

// nowhere searches the data folder and the logs for secrets.
func (h *house) nowhere(secrets ...string) {
	h.t.Helper()
	texts := map[string][]byte{"the log": []byte(h.logs.String())}
	files, err := filepath.Glob(filepath.Join(h.dir, "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	vendors, err := filepath.Glob(filepath.Join(h.dir, "*", "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, file := range append(files, vendors...) {
		if info, err := os.Stat(file); err != nil || info.IsDir() {
			continue
		}
		if texts[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			h.t.Fatal(err)
		}
	}
	for name, text := range texts {
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				h.t.Errorf("a secret is in %s", name)
			}
		}
	}
}
