package api_test

import (
	"net/http"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/query/api"
)

func signIn(email, secret string) map[string]string {
	return map[string]string{"email": email, "password": secret}
}

func cookieOf(t *testing.T, a answer) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("there are %d cookies", len(cookies))
	}
	return cookies[0]
}

func TestSigningInAndOut(t *testing.T) {
	w := newWorld(t)
	c := w.browser()
	c.want(401, "GET", "/api/v1/session", nil)
	a := c.want(200, "POST", "/api/v1/sign-in", signIn("Ann@a.example ", password))
	cookie := cookieOf(t, a)
	if cookie.Name != "sourceloop" || cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
		t.Errorf("over plain http the cookie is %v", cookie)
	}
	var s api.Session
	c.want(200, "GET", "/api/v1/session", nil).into(t, &s)
	if s.User.Email != "ann@a.example" || s.Role != api.Owner || s.Workspace.Zone != "UTC" || s.Workspace.Currency != "EUR" || len(s.Workspaces) != 1 {
		t.Errorf("the session is %+v", s)
	}
	// Signing in again gives another session and ends the one before.
	next := cookieOf(t, c.want(200, "POST", "/api/v1/sign-in", signIn("ann@a.example", password)))
	if next.Value == cookie.Value {
		t.Error("the session was not rotated")
	}
	old := w.browser()
	old.want(401, "GET", "/api/v1/session", nil, "Cookie", "sourceloop="+cookie.Value)
	gone := cookieOf(t, c.want(204, "POST", "/api/v1/sign-out", nil))
	if gone.Value != "" || gone.MaxAge >= 0 {
		t.Errorf("signing out leaves the cookie %v", gone)
	}
	old.want(401, "GET", "/api/v1/session", nil, "Cookie", "sourceloop="+next.Value)
	c.want(204, "POST", "/api/v1/sign-out", nil)
}

func TestTheCookieBehindHTTPS(t *testing.T) {
	w := newWorld(t, func(d *api.Deps) { d.PublicURL = "https://loop.example" })
	a := w.browser().want(200, "POST", "/api/v1/sign-in", signIn("ann@a.example", password))
	cookie := cookieOf(t, a)
	if cookie.Name != "__Host-sourceloop" || !cookie.Secure || !cookie.HttpOnly || cookie.Domain != "" || cookie.Path != "/" {
		t.Errorf("the cookie is %v", cookie)
	}
	if a.header.Get("Strict-Transport-Security") == "" {
		t.Error("browsers are not told to stay on https")
	}
}

func TestARemovedMemberIsOutAtOnce(t *testing.T) {
	w := newWorld(t)
	if err := w.store.AddMember(t.Context(), w.ann, "ben@b.example", control.Owner); err != nil {
		t.Fatal(err)
	}
	c := w.signedIn("ann@a.example")
	c.want(200, "GET", "/api/v1/session", nil)
	if err := w.store.RemoveMember(t.Context(), w.ann, w.ann.User); err != nil {
		t.Fatal(err)
	}
	c.want(401, "GET", "/api/v1/session", nil)
}

func TestWrongPasswordsAnswerAlikeAndAreSlowedDown(t *testing.T) {
	w := newWorld(t)
	c := w.browser()
	known := c.want(401, "POST", "/api/v1/sign-in", signIn("ann@a.example", "wrong horse battery"))
	unknown := c.want(401, "POST", "/api/v1/sign-in", signIn("zoe@a.example", "wrong horse battery"))
	if string(known.body) != string(unknown.body) {
		t.Errorf("%s tells that the account exists, %s that it does not", known.body, unknown.body)
	}
	for range 4 {
		c.want(401, "POST", "/api/v1/sign-in", signIn("ann@a.example", "wrong horse battery"))
	}
	c.want(429, "POST", "/api/v1/sign-in", signIn("ann@a.example", password))
}

func TestSigningUpByALink(t *testing.T) {
	w := newWorld(t)
	token, err := w.store.NewSignUpLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]string{"token": token, "email": "cleo@c.example", "password": password, "workspace": "C", "zone": "Europe/Berlin", "currency": "EUR"}
	c := w.browser()
	var s api.Session
	c.want(201, "POST", "/api/v1/sign-up", body).into(t, &s)
	if s.Workspace.Name != "C" || s.Workspace.Zone != "Europe/Berlin" || s.Role != api.Owner {
		t.Errorf("the session is %+v", s)
	}
	c.want(200, "GET", "/api/v1/session", nil)
	if p := c.want(410, "POST", "/api/v1/sign-up", body).problem(t); p.Type != "gone" {
		t.Errorf("a spent link is %q", p.Type)
	}
	body["zone"] = "Moon/Mare"
	if body["token"], err = w.store.NewSignUpLink(t.Context()); err != nil {
		t.Fatal(err)
	}
	contains(t, string(c.want(400, "POST", "/api/v1/sign-up", body).body), "time zone")
	body["password"] = "short"
	contains(t, string(c.want(400, "POST", "/api/v1/sign-up", body).body), "The field password")
}

func TestForeignPagesChangeNothing(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	funnel := map[string]any{"name": "F", "definition": map[string]any{"steps": []any{
		map[string]string{"type": "conversion", "name": "contact"}, map[string]string{"type": "event", "name": "x"},
	}}}
	c.want(403, "POST", "/api/v1/funnels", funnel, "Origin", "https://evil.example")
	c.want(403, "POST", "/api/v1/funnels", funnel, "Sec-Fetch-Site", "cross-site")
	c.want(403, "POST", "/api/v1/sign-in", signIn("ann@a.example", password), "Sec-Fetch-Site", "cross-site")
	c.want(201, "POST", "/api/v1/funnels", funnel, "Origin", w.server.URL, "Sec-Fetch-Site", "same-origin")
	// A page of another site cannot send a key.
	funnel["name"] = "G"
	w.keyed(w.ann, control.Editor).want(201, "POST", "/api/v1/funnels", funnel, "Origin", "https://else.example")
}

func TestKeys(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	var made api.NewKey
	c.want(201, "POST", "/api/v1/keys", map[string]string{"name": "shop", "role": "viewer"}).into(t, &made)
	if made.Key.Hint == "" || !strings.HasPrefix(made.Secret, made.Key.Hint) || made.Key.LastUsedAt != nil || made.Key.Role != api.Viewer {
		t.Errorf("the key is %+v", made.Key)
	}
	holder := &client{world: w, key: made.Secret}
	var s api.Session
	holder.want(200, "GET", "/api/v1/session", nil).into(t, &s)
	if s.User.Name != "shop" || s.User.Email != "" || s.Role != api.Viewer || s.Workspace.Id != int64(w.ann.Workspace) {
		t.Errorf("the key's session is %+v", s)
	}
	var all api.KeyList
	a := c.want(200, "GET", "/api/v1/keys", nil)
	a.into(t, &all)
	if len(all.Items) != 1 || all.Items[0].LastUsedAt == nil || strings.Contains(string(a.body), made.Secret) {
		t.Errorf("the list is %s", a.body)
	}
	c.want(204, "DELETE", "/api/v1/keys/"+made.Key.Id, nil)
	holder.want(401, "GET", "/api/v1/session", nil)
	c.want(404, "DELETE", "/api/v1/keys/"+made.Key.Id, nil)
	c.want(404, "DELETE", "/api/v1/keys/x", nil)
	// A wrong key is not made good by a cookie.
	c.want(401, "GET", "/api/v1/session", nil, "Authorization", "Bearer nonsense")
	c.want(401, "GET", "/api/v1/session", nil, "Authorization", "Basic YTpi")
	contains(t, string(w.keyed(w.ann, control.Admin).want(400, "POST", "/api/v1/keys", map[string]string{"name": "n", "role": "owner"}).body), "not above your own")
}
