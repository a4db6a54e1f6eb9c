package connect_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/control/controltest"
	"sourceloop/control/seal"
	"sourceloop/schema"
)

// vendor is a provider whose access tokens end after half an hour.
type vendor struct {
	*connect.OAuth
	server    *httptest.Server
	now       func() time.Time
	exchanges atomic.Int64
	refreshes atomic.Int64
	status    atomic.Int64 // of refusals; 0 answers
	hold      chan struct{}
	verifier  atomic.Value
	revoked   atomic.Value
}

func newVendor(t *testing.T, clock *controltest.Clock) *vendor {
	t.Helper()
	v := &vendor{now: clock.Now}
	v.server = httptest.NewServer(http.HandlerFunc(v.token))
	t.Cleanup(v.server.Close)
	v.OAuth = &connect.OAuth{Title: "Fake", PKCE: true, Client: connect.NewClient(), Config: oauth2.Config{
		ClientID: "us", ClientSecret: "the client secret", RedirectURL: "https://loop.example/connect/fake/callback", Scopes: []string{"a", "b"},
		Endpoint: oauth2.Endpoint{AuthURL: "https://fake.example/oauth?x=1", TokenURL: v.server.URL + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}}
	return v
}

func (v *vendor) token(w http.ResponseWriter, r *http.Request) {
	if status := int(v.status.Load()); status != 0 {
		if r.FormValue("grant_type") == "refresh_token" {
			v.refreshes.Add(1)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"the secret refresh-1"}`)
		return
	}
	var n int64
	switch {
	case r.FormValue("client_secret") != "the client secret":
		w.WriteHeader(http.StatusUnauthorized)
		return
	case r.FormValue("grant_type") == "authorization_code":
		v.exchanges.Add(1)
		v.verifier.Store(r.FormValue("code_verifier"))
	case r.FormValue("refresh_token") == "refresh-1":
		n = v.refreshes.Add(1)
		if v.hold != nil {
			<-v.hold
		}
	}
	// The library counts from its own clock, which the test's is ahead of or behind.
	life := int64(time.Until(v.now().Add(30*time.Minute)).Seconds()) + n
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":"access-%d","refresh_token":"refresh-1","token_type":"bearer","expires_in":%d}`, n, life)
}

func (v *vendor) Name() string { return "fake" }

func (v *vendor) Setup(_ context.Context, token string) (control.Setup, error) {
	return control.Setup{App: "app", Name: token}, nil
}

func (v *vendor) Revoke(_ context.Context, grant control.Grant) error {
	v.revoked.Store(grant.Access)
	return nil
}

func (v *vendor) CleanUp() []string { return nil }

// connected has one connection, made through consent page and callback.
func connected(t *testing.T, dsn string, keys *seal.Ring, clock *controltest.Clock, v *vendor) (*control.Store, *connect.Service, control.Principal, control.Connection) {
	t.Helper()
	store := controltest.Open(t, dsn, control.Options{Keys: keys, Now: clock.Now})
	who := controltest.NewOwner(t, store, "ann@example.com")
	service := connect.NewService(store, nil, 0, v)
	page, err := service.Connect(t.Context(), who, "fake", "the cookie")
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	c, err := service.Callback(t.Context(), "fake", "the cookie", url.Values{"state": query["state"], "code": {"code"}})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(v.verifier.Load())))
	if got := query.Get("code_challenge"); got != base64.RawURLEncoding.EncodeToString(sum[:]) || query.Get("code_challenge_method") != "S256" {
		t.Fatalf("the challenge %q does not fit the verifier", got)
	}
	if query.Get("scope") != "a b" || query.Get("x") != "1" {
		t.Fatalf("the consent page is %s", page)
	}
	return store, service, who, c
}

// TestTwoTokenRefreshesRace: however many goroutines of however many processes
// find the token near its end at once, the provider is asked once.
func TestTwoTokenRefreshesRace(t *testing.T) {
	controltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		dsn, keys, clock := fresh(t), controltest.Keys(t), controltest.NewClock()
		v := newVendor(t, clock)
		store, service, _, c := connected(t, dsn, keys, clock, v)
		other := controltest.Open(t, dsn, control.Options{Keys: keys, Now: clock.Now})
		processes := []*connect.Tokens{service.Tokens(), connect.NewTokens(other, clock.Now, v)}
		if token, err := processes[1].Token(t.Context(), c.ID); err != nil || token != "access-0" || v.refreshes.Load() != 0 {
			t.Fatalf("a fresh token: %q, %v after %d refreshes", token, err, v.refreshes.Load())
		}
		clock.Advance(31 * time.Minute) // Past its end, so that nobody can do with the old one.
		before, err := store.SealedToken(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		v.hold = make(chan struct{})
		var group sync.WaitGroup
		got := make(chan string, 40)
		for i := range 40 {
			group.Go(func() {
				token, err := processes[i%2].Token(t.Context(), c.ID)
				got <- fmt.Sprint(token, err)
			})
		}
		controltest.Within(t, "one asks", func() bool { return v.refreshes.Load() == 1 })
		close(v.hold)
		group.Wait()
		close(got)
		for answer := range got {
			if answer != "access-1<nil>" {
				t.Errorf("somebody was given %s", answer)
			}
		}
		if n := v.refreshes.Load(); n != 1 {
			t.Errorf("the provider was asked %d times", n)
		}
		after, err := store.SealedToken(t.Context(), c.ID)
		if err != nil || string(after) == string(before) || strings.Contains(string(after), "access-1") {
			t.Errorf("the new token is not kept, or not sealed: %v", err)
		}
	})
}

// TestTheRefresherDied: whoever had the turn and ended leaves it after its lease.
func TestTheRefresherDied(t *testing.T) {
	clock := controltest.NewClock()
	v := newVendor(t, clock)
	store, service, _, c := connected(t, controltest.SQLite(t), nil, clock, v)
	grant, err := store.Grant(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(29 * time.Minute)
	dead, err := store.TakeTurn(t.Context(), c.ID, grant, 30*time.Second)
	if err != nil || !dead.Mine {
		t.Fatalf("the turn: %+v, %v", dead, err)
	}
	if token, err := service.Tokens().Token(t.Context(), c.ID); err != nil || token != "access-0" {
		t.Fatalf("while somebody refreshes, the old one, which still lives: %q, %v", token, err)
	}
	clock.Advance(40 * time.Second)
	if token, err := service.Tokens().Token(t.Context(), c.ID); err != nil || token != "access-1" {
		t.Fatalf("after the lease: %q, %v", token, err)
	}
	if kept, err := store.EndTurn(t.Context(), dead, control.Grant{Access: "late"}); kept || err != nil {
		t.Fatalf("who lost the turn keeps a token: %v", err)
	}
}

// TestRefreshRefused: a passing reason rests and is tried again; a final one is
// said on the card.
func TestRefreshRefused(t *testing.T) {
	clock := controltest.NewClock()
	v := newVendor(t, clock)
	store, service, who, c := connected(t, controltest.SQLite(t), nil, clock, v)
	tokens := service.Tokens()
	v.status.Store(http.StatusServiceUnavailable)
	clock.Advance(29 * time.Minute)
	if token, err := tokens.Token(t.Context(), c.ID); err != nil || token != "access-0" {
		t.Fatalf("the old one still lives: %q, %v", token, err)
	}
	clock.Advance(2 * time.Minute)
	for range 3 {
		if _, err := tokens.Token(t.Context(), c.ID); schema.KindOf(err) != schema.KindLimited {
			t.Fatalf("an ended token, and a provider in trouble: %v", err)
		}
	}
	if n := v.refreshes.Load(); n != 2 {
		t.Fatalf("asked %d times, want once a rest", n)
	}
	if again, err := store.Connection(t.Context(), c.ID); err != nil || again.State != control.Connected {
		t.Fatalf("a passing reason left the card %+v, %v", again, err)
	}
	v.status.Store(http.StatusBadRequest)
	clock.Advance(6 * time.Second)
	_, err := tokens.Token(t.Context(), c.ID)
	if schema.KindOf(err) != schema.KindDenied || strings.Contains(err.Error(), "refresh-1") {
		t.Fatalf("a dead refresh token: %v", err)
	}
	cards, err := service.Cards(t.Context(), who)
	if err != nil || cards[0].State != control.Failed || !strings.Contains(cards[0].LastError, "Connect again") {
		t.Fatalf("the cards: %+v, %v", cards, err)
	}
}

// TestRevokedWithALivingToken: an ended access token is renewed before it is
// revoked.
func TestRevokedWithALivingToken(t *testing.T) {
	clock := controltest.NewClock()
	v := newVendor(t, clock)
	_, service, who, _ := connected(t, controltest.SQLite(t), nil, clock, v)
	clock.Advance(2 * time.Hour)
	farewell, err := service.Disconnect(t.Context(), who, "fake")
	if err != nil || !farewell.Revoked || v.revoked.Load() != "access-1" {
		t.Fatalf("revoked %v, %+v, %v", v.revoked.Load(), farewell, err)
	}
}
