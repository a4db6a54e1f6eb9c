package connect_test

import (
	"bytes"
	"fmt"
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
	"sourceloop/control/connect/google"
	"sourceloop/control/connect/linkedin"
	"sourceloop/control/connect/meta"
	"sourceloop/control/controltest"
	"sourceloop/deploy/standin/ads"
	standingoogle "sourceloop/deploy/standin/google"
	standinlinkedin "sourceloop/deploy/standin/linkedin"
	standinmeta "sourceloop/deploy/standin/meta"
	"sourceloop/schema"
)

const (
	clientID     = "client-1"
	clientSecret = "the client secret of the tests"
	browser      = "the browser's session cookie"
)

// platform is one advertising platform as the tests know it.
type platform struct {
	name     string
	scopes   []string
	open     func(ads.Config) (standin, error)
	provider func(url, redirect string) (connect.Provider, error)
	use      func(token string) *http.Request // something that only a token that lives may do; the host is set later
}

type standin interface {
	Handler() http.Handler
	Close() error
}

func byConsent() []platform {
	return []platform{
		{
			name: "google", scopes: []string{"https://www.googleapis.com/auth/datamanager"},
			open: func(c ads.Config) (standin, error) { return standingoogle.New(standingoogle.Config{Config: c}) },
			provider: func(url, redirect string) (connect.Provider, error) {
				return google.New(google.Config{
					ClientID: clientID, ClientSecret: clientSecret, AuthorizeURL: url + "/o/oauth2/auth", TokenURL: url + "/token", RevokeURL: url + "/revoke", APIBase: url, RedirectURL: redirect,
				})
			},
			use: func(token string) *http.Request { return ask("/v1/requestStatus:retrieve?requestId=x", token) },
		},
		{
			name: "linkedin",
			open: func(c ads.Config) (standin, error) { return standinlinkedin.New(standinlinkedin.Config{Config: c}) },
			provider: func(url, redirect string) (connect.Provider, error) {
				return linkedin.New(linkedin.Config{
					ClientID: clientID, ClientSecret: clientSecret, Version: "202607", AuthorizeURL: url + "/oauth/v2/authorization",
					TokenURL: url + "/oauth/v2/accessToken", RevokeURL: url + "/oauth/v2/revoke", APIBase: url, RedirectURL: redirect,
				})
			},
			use: func(token string) *http.Request { return ask("/rest/adAccountUsers?q=authenticatedUser", token) },
		},
	}
}

func byToken() platform {
	return platform{
		name: "meta",
		open: func(c ads.Config) (standin, error) { return standinmeta.New(standinmeta.Config{Config: c}) },
		provider: func(url, _ string) (connect.Provider, error) {
			return meta.New(meta.Config{APIBase: url}), nil
		},
		use: func(token string) *http.Request { return ask("/v26.0/me", token) },
	}
}

// ask is a request to a host that is not known yet.
func ask(path, token string) *http.Request {
	request, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("LinkedIn-Version", "202607")
	request.Header.Set("X-Restli-Protocol-Version", "2.0.0")
	return request
}

// house is a settings database, a stand-in, and the service between them, all
// under one folder, with one clock.
type house struct {
	t        *testing.T
	platform platform
	dir      string
	store    *control.Store
	service  *connect.Service
	who      control.Principal
	vendor   *httptest.Server
	logs     *lockedBuffer
	ahead    atomic.Int64 // how far the clock is ahead, in nanoseconds
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

func newHouse(t *testing.T, p platform) *house {
	t.Helper()
	h := &house{t: t, platform: p, dir: t.TempDir(), logs: &lockedBuffer{}}
	now := func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }
	redirect := "http://127.0.0.1:9/connect/" + p.name + "/callback"
	vendor, err := p.open(ads.Config{
		Dir: filepath.Join(h.dir, p.name), ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{redirect}, RequestsPerMinute: -1, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.vendor = httptest.NewServer(vendor.Handler())
	t.Cleanup(func() {
		h.vendor.Close()
		if err := vendor.Close(); err != nil {
			t.Error(err)
		}
	})
	log := slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.store = controltest.Open(t, "sqlite:"+filepath.Join(h.dir, "control.db"), control.Options{Log: log, Now: now})
	h.who = controltest.NewOwner(t, h.store, "ann@example.com")
	provider, err := p.provider(h.vendor.URL, redirect)
	if err != nil {
		t.Fatal(err)
	}
	h.service = connect.NewService(h.store, log, 10*time.Millisecond, provider)
	return h
}

// consent presses a button on the consent page, as a browser does.
func (h *house) consent(who control.Principal, decision string) url.Values {
	h.t.Helper()
	page, err := h.service.Connect(h.t.Context(), who, h.platform.name, browser)
	if err != nil {
		h.t.Fatal(err)
	}
	address, err := url.Parse(page)
	if err != nil {
		h.t.Fatal(err)
	}
	form := address.Query()
	form.Set("decision", decision)
	form["grant"] = h.platform.scopes
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(address.Scheme+"://"+address.Host+address.Path, form)
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

func (h *house) connect(who control.Principal) control.Connection {
	h.t.Helper()
	c, err := h.service.Callback(h.t.Context(), h.platform.name, browser, h.consent(who, "authorize"))
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) fault(kind string) {
	h.t.Helper()
	h.post("/standin/fault", fmt.Sprintf(`{"kind":%q,"times":1}`, kind))
}

func (h *house) post(path, body string) string {
	h.t.Helper()
	response, err := http.Post(h.vendor.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer bytes.Buffer
	if _, err = answer.ReadFrom(response.Body); err != nil || response.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %d, %v", path, response.StatusCode, err)
	}
	return answer.String()
}

// newToken is one that a person made at the platform.
func (h *house) newToken(scopes string) string {
	h.t.Helper()
	_, rest, _ := strings.Cut(h.post("/standin/token", fmt.Sprintf(`{"scopes":%q}`, scopes)), `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	return token
}

// lives tells whether the platform takes a token.
func (h *house) lives(token string) bool {
	h.t.Helper()
	request := h.platform.use(token)
	vendor, err := url.Parse(h.vendor.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	request.URL.Scheme, request.URL.Host = vendor.Scheme, vendor.Host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode != http.StatusUnauthorized
}

func (h *house) card() connect.Card {
	h.t.Helper()
	cards, err := h.service.Cards(h.t.Context(), h.who)
	if err != nil || len(cards) != 1 {
		h.t.Fatalf("%v %v", cards, err)
	}
	return cards[0]
}

// each runs a test for the platforms with a consent page.
func each(t *testing.T, run func(t *testing.T, h *house)) {
	for _, p := range byConsent() {
		t.Run(p.name, func(t *testing.T) { run(t, newHouse(t, p)) })
	}
}

// TestConnectingPlatforms: connected by consent, looked through by nobody, and
// open to several workspaces with the same account.
func TestConnectingPlatforms(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.connect(h.who)
		if c.State != control.Connected || c.Name == "" || !h.card().Sends || !c.Sends() {
			t.Errorf("%+v %+v", c, h.card())
		}
		grant, err := h.store.Grant(t.Context(), c.ID)
		if err != nil || grant.Access == "" || grant.Refresh == "" || grant.Expires == 0 {
			t.Errorf("the grant lacks something: %v", err)
		}
		if looks, err := h.store.Looks(t.Context(), c.ID); err != nil || len(looks) != 0 {
			t.Errorf("it is looked through: %v %v", looks, err)
		}
		bob := controltest.NewOwner(t, h.store, "bob@example.com")
		if other := h.connect(bob); other.State != control.Connected || other.App == c.App || other.Workspace == c.Workspace {
			t.Errorf("the same account in another workspace: %+v", other)
		}
		if again := h.connect(h.who); again.ID != c.ID || again.State != control.Connected {
			t.Errorf("%+v", again)
		}
		if _, err := h.service.Callback(t.Context(), h.platform.name, browser, h.consent(h.who, "cancel")); schema.KindOf(err) != schema.KindDenied || h.card().State != control.Connected {
			t.Errorf("a consent that was refused: %v, %+v", err, h.card())
		}
		since := h.card().Since
		h.ahead.Store(int64(time.Minute))
		if _, err := h.service.Test(t.Context(), h.who, h.platform.name); err != nil || h.card().Since != since {
			t.Errorf("a test connects anew: %v", err)
		}
	})
}

// TestPlatformTokensAreRenewed by time, and when they are not any more, the card
// says so.
func TestPlatformTokensAreRenewed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.connect(h.who)
		first, err := h.service.Tokens().Grant(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		h.ahead.Store(int64(time.Until(first.Expires.Time()) - time.Minute))
		second, err := h.service.Tokens().Grant(t.Context(), c.ID)
		if err != nil || second.Access == first.Access || second.Refresh != first.Refresh {
			t.Fatalf("not renewed: %v", err)
		}
		if _, err := h.service.Test(t.Context(), h.who, h.platform.name); err != nil {
			t.Errorf("with the new one: %v", err)
		}
		h.post("/standin/fault", `{"kind":"revoke"}`)
		h.ahead.Add(int64(time.Until(second.Expires.Time())))
		if _, err := h.service.Test(t.Context(), h.who, h.platform.name); schema.KindOf(err) != schema.KindDenied || h.card().State != control.Failed || !strings.Contains(h.card().LastError, "Connect again") {
			t.Errorf("not renewed any more: %v, %+v", err, h.card())
		}
		if c = h.connect(h.who); c.State != control.Connected {
			t.Errorf("connected anew: %+v", c)
		}
	})
}

// TestWithoutARefreshToken: when access ends that nothing renews, the card says
// so, and it is no passing trouble.
func TestWithoutARefreshToken(t *testing.T) {
	h := newHouse(t, byConsent()[1])
	c := h.connect(h.who)
	if err := h.store.SaveGrant(t.Context(), c.ID, control.Grant{Access: "ended", Expires: schema.MillisOf(time.Now())}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.service.Test(t.Context(), h.who, "linkedin"); schema.KindOf(err) != schema.KindDenied || h.card().State != control.Failed || !strings.Contains(h.card().LastError, "Connect again") {
		t.Errorf("%v, %+v", err, h.card())
	}
}

// TestPlatformsInTrouble: what passes leaves the card alone.
func TestPlatformsInTrouble(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.connect(h.who)
		for _, kind := range []string{"429", "500"} {
			h.fault(kind)
			if _, err := h.service.Test(t.Context(), h.who, h.platform.name); err == nil || h.card().State != control.Connected {
				t.Errorf("%s: %v, %+v", kind, err, h.card())
			}
		}
		h.fault("bad_token")
		if _, err := h.service.Test(t.Context(), h.who, h.platform.name); schema.KindOf(err) != schema.KindDenied || h.card().State != control.Failed || !strings.Contains(h.card().LastError, "again") {
			t.Errorf("%v, %+v", err, h.card())
		}
		if _, err := h.service.Test(t.Context(), h.who, h.platform.name); err != nil || h.card().State != control.Connected || h.card().LastError != "" {
			t.Errorf("repaired: %v, %+v", err, h.card())
		}
	})
}

// TestUntickedPermission: what was not ticked on the page is said in words.
func TestUntickedPermission(t *testing.T) {
	for _, p := range append(byConsent(), byToken()) {
		h := newHouse(t, p)
		scopes := map[string]string{"google": "openid", "linkedin": "rw_conversions", "meta": "public_profile"}[p.name]
		provider, err := p.provider(h.vendor.URL, "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = provider.Setup(t.Context(), h.newToken(scopes))
		if schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("%s: %v", p.name, err)
		}
		if p.name == "google" && !strings.Contains(err.Error(), "leave it ticked") {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}

// TestDisconnectingPlatforms: tokens are dead there and gone here, and nothing of
// them lies in the folder or in a log.
func TestDisconnectingPlatforms(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.connect(h.who)
		grant, err := h.store.Grant(t.Context(), c.ID)
		if err != nil || !h.lives(grant.Access) {
			t.Fatalf("the token does not live: %v", err)
		}
		farewell, err := h.service.Disconnect(t.Context(), h.who, h.platform.name)
		if err != nil || !farewell.Revoked || farewell.Words != "" || len(farewell.CleanUp) < 2 {
			t.Errorf("%+v, %v", farewell, err)
		}
		if h.lives(grant.Access) {
			t.Error("the token still lives")
		}
		if _, err := h.store.Grant(t.Context(), c.ID); schema.KindOf(err) != schema.KindUnknown {
			t.Errorf("there is still a token: %v", err)
		}
		h.nowhere(grant.Access, grant.Refresh, clientSecret)
		if c = h.connect(h.who); c.State != control.Connected {
			t.Errorf("connected anew: %+v", c)
		}
	})
}

// TestPastedToken: tried at the platform first; one that does not live changes
// nothing.
func TestPastedToken(t *testing.T) {
	h := newHouse(t, byToken())
	for kind, token := range map[string]string{"nonsense": "nonsense", "no permission": h.newToken("public_profile")} {
		if _, err := h.service.Paste(t.Context(), h.who, "meta", token); schema.KindOf(err) != schema.KindInvalid || !strings.Contains(err.Error(), "Events Manager") && !strings.Contains(err.Error(), "Business settings") {
			t.Errorf("%s: %v", kind, err)
		}
		if h.card().State != control.Disconnected || h.card().Connection != 0 {
			t.Errorf("%s: %+v", kind, h.card())
		}
	}
	h.fault("500")
	if _, err := h.service.Paste(t.Context(), h.who, "meta", h.newToken("")); schema.KindOf(err) != schema.KindUnavailable || h.card().Connection != 0 {
		t.Errorf("in trouble: %v %+v", err, h.card())
	}
	good := h.newToken("")
	c, err := h.service.Paste(t.Context(), h.who, "meta", good)
	if err != nil || c.State != control.Connected || !h.card().Pasted || !h.card().Sends {
		t.Fatalf("%+v %v", c, err)
	}
	if token, err := h.service.Tokens().Token(t.Context(), c.ID); err != nil || token != good {
		t.Errorf("the token is not kept: %v", err)
	}
	if _, err := h.service.Paste(t.Context(), h.who, "meta", "nonsense"); err == nil || h.card().State != control.Connected {
		t.Errorf("a bad one later: %v %+v", err, h.card())
	}
	bob := controltest.NewOwner(t, h.store, "bob@example.com")
	if other, err := h.service.Paste(t.Context(), bob, "meta", good); err != nil || other.App == c.App {
		t.Errorf("the same token in another workspace: %+v %v", other, err)
	}
	farewell, err := h.service.Disconnect(t.Context(), h.who, "meta")
	if err != nil || farewell.Revoked || !strings.Contains(farewell.Words, "only you end the access token") {
		t.Errorf("%+v %v", farewell, err)
	}
	if _, err := h.service.Disconnect(t.Context(), bob, "meta"); err != nil {
		t.Error(err)
	}
	h.nowhere(good)
}

// TestTargets: LinkedIn's rules, and which of them count.
func TestTargets(t *testing.T) {
	h := newHouse(t, byConsent()[1])
	h.connect(h.who)
	targets, listed, err := h.service.Targets(t.Context(), h.who, "linkedin", "512345678")
	want := []control.AdTarget{{ID: "8001001", Name: "Chat started", Active: true}, {ID: "8001002", Name: "Qualified chat", Active: true}, {ID: "8001003", Name: "Of last year"}}
	if err != nil || !listed || fmt.Sprint(targets) != fmt.Sprint(want) {
		t.Errorf("%v %v %v", targets, listed, err)
	}
	for _, account := range []string{"999", "my account", ""} {
		if _, _, err := h.service.Targets(t.Context(), h.who, "linkedin", account); schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("%q: %v", account, err)
		}
	}
}

// nowhere searches the data folder and the logs for secrets.
func (h *house) nowhere(secrets ...string) {
	h.t.Helper()
	h.logs.mu.Lock()
	texts := map[string][]byte{"the log": h.logs.buf.Bytes()}
	h.logs.mu.Unlock()
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		texts[filepath.Base(path)], err = os.ReadFile(path)
		return err
	})
	if err != nil || len(texts) < 3 {
		h.t.Fatalf("%d files, %v", len(texts), err)
	}
	for name, text := range texts {
		for _, secret := range secrets {
			if secret == "" || bytes.Contains(text, []byte(secret)) {
				h.t.Errorf("a secret is in %s", name)
			}
		}
	}
}
