package hubspot

import (
	"context"
	"crypto/rand"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sourceloop/deploy/standin/front"
	"sourceloop/deploy/standin/ledger"
)

//go:embed assets
var assets embed.FS

var consentTemplate = template.Must(template.ParseFS(assets, "assets/consent.html"))

const (
	// codeLife is how long an authorization code may be exchanged.
	codeLife = 5 * time.Minute
	// metaInstalled is there while the app is installed in the account.
	metaInstalled = "installed"
	userID        = 9912674
	userEmail     = "ada@northwind-tea.example"
)

// scopes are those that the app is registered with, and their words.
func scopes() []scope {
	return []scope{
		{"oauth", "Basic OAuth functionality"},
		{"conversations.read", "View details about threads in the conversations inbox"},
		{"crm.objects.contacts.read", "View properties and other details about contacts"},
		{"crm.objects.contacts.write", "Create, delete, or make changes to contacts"},
		{"crm.schemas.contacts.read", "View details about property settings for contacts"},
		{"crm.schemas.contacts.write", "Create, delete, or make changes to property settings for contacts"},
	}
}

type scope struct{ Name, Detail string }

// consent is what the consent page shows and what its form sends back.
type consent struct {
	AppName, Account, User              string
	ClientID, State, RedirectURI, Scope string
	Scopes                              []scope
	Problem                             string
}

func (s *Server) oauthRoutes(mux *http.ServeMux) {
	page := s.consent()
	for _, path := range []string{"/oauth/authorize", "/oauth/{hub}/authorize"} {
		mux.HandleFunc("GET "+path, page.Ask)
	}
	mux.HandleFunc("POST /oauth/authorize", page.Decide)
	mux.HandleFunc("GET "+front.Sheet, front.ServeSheet)
	for _, version := range []string{"/oauth/2026-03/token", "/oauth/v3/token"} {
		mux.Handle("POST "+version, s.logged(false, s.form(s.token)))
		mux.Handle("POST "+version+"/introspect", s.logged(false, s.form(s.introspect)))
		mux.Handle("POST "+version+"/revoke", s.logged(false, s.form(s.revokeToken)))
	}
}

// consentRequest reads an authorization request. Problem is set when the
// browser must not be sent anywhere.
func (s *Server) consentRequest(values url.Values) consent {
	c := consent{
		AppName: s.config.AppName, Account: s.config.Domain + " · " + strconv.FormatInt(s.config.HubID, 10), User: userEmail,
		ClientID: values.Get("client_id"), State: values.Get("state"), RedirectURI: values.Get("redirect_uri"),
	}
	required, optional := strings.Fields(values.Get("scope")), strings.Fields(values.Get("optional_scope"))
	known := scopes()
	asked := slices.Concat(required, optional)
	var granted []string
	for _, one := range known {
		if slices.Contains(asked, one.Name) {
			c.Scopes, granted = append(c.Scopes, one), append(granted, one.Name)
		}
	}
	c.Scope = strings.Join(granted, " ")
	switch {
	case c.ClientID != s.config.ClientID:
		c.Problem = "No app has this client id. Check the client id in the settings of the application that sent you here."
	case !slices.Contains(s.config.RedirectURIs, c.RedirectURI):
		c.Problem = "The redirect URL does not match one that is registered for the app."
	case !slices.Contains(required, "oauth"), slices.ContainsFunc(required, func(name string) bool {
		return !slices.ContainsFunc(known, func(one scope) bool { return one.Name == name })
	}):
		c.Problem = "The scopes that were asked for are not those of the app: " + values.Get("scope")
	}
	return c
}

// consent is the page and its form.
func (s *Server) consent() front.Consent[consent] {
	return front.Consent[consent]{
		Page: consentTemplate, Log: s.config.Log,
		Read: func(values url.Values) front.Asked[consent] {
			c := s.consentRequest(values)
			return front.Asked[consent]{Shown: c, Problem: c.Problem, Redirect: c.RedirectURI, State: c.State}
		},
		Grant: func(ctx context.Context, c consent, _ url.Values) (url.Values, error) {
			code, err := s.issueCode(ctx, c)
			return url.Values{"code": {code}}, err
		},
		Refused: url.Values{"error": {"access_denied"}, "error_description": {"The user denied access"}},
		Keep:    func(r *http.Request, status int) error { return s.logRequest(r, nil, status, false) },
	}
}

func (s *Server) issueCode(ctx context.Context, c consent) (string, error) {
	code := rand.Text() + rand.Text()
	expires := s.config.Now().Add(codeLife).UnixMilli()
	return code, s.store.Write(ctx, func(tx *ledger.Session) error {
		_, err := tx.Exec("code_insert", front.HashSecret(code), c.RedirectURI, c.Scope, expires)
		return err
	})
}

// form reads a form, and nothing else: the token endpoint takes no JSON.
func (s *Server) form(run func(context.Context, url.Values) (answer, error)) endpoint {
	return func(header http.Header, r *http.Request, body []byte) (answer, error) {
		header.Set("Cache-Control", "no-store")
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			return refuse(http.StatusUnsupportedMediaType, "VALIDATION_ERROR", "the content type must be application/x-www-form-urlencoded"), nil
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return refuse(http.StatusBadRequest, "VALIDATION_ERROR", "the form cannot be read"), nil
		}
		if !front.SameSecret(form.Get("client_id"), s.config.ClientID) || !front.SameSecret(form.Get("client_secret"), s.config.ClientSecret) {
			return refuse(http.StatusBadRequest, "BAD_CLIENT_SECRET", "missing or invalid client id or client secret"), nil
		}
		return run(r.Context(), form)
	}
}

func (s *Server) token(ctx context.Context, form url.Values) (answer, error) {
	switch form.Get("grant_type") {
	case "authorization_code":
		return s.exchange(ctx, form)
	case "refresh_token":
		return s.refresh(ctx, form.Get("refresh_token"))
	}
	return refuse(http.StatusBadRequest, "BAD_GRANT_TYPE", "unknown grant_type"), nil
}

// exchange uses a code up, once, for a refresh token and an access token.
func (s *Server) exchange(ctx context.Context, form url.Values) (answer, error) {
	reply := refuse(http.StatusBadRequest, "BAD_AUTH_CODE", "missing or unknown auth code")
	now := s.config.Now()
	life, err := s.tokenLife(ctx)
	if err != nil {
		return answer{}, err
	}
	err = s.store.Write(ctx, func(tx *ledger.Session) error {
		hash := front.HashSecret(form.Get("code"))
		var redirect, granted string
		found, err := tx.Row("code_find", []any{hash, now.UnixMilli()}, &redirect, &granted)
		if err != nil || !found || redirect != form.Get("redirect_uri") {
			return err
		}
		if _, err = tx.Exec("code_use", hash); err != nil {
			return err
		}
		if _, err = tx.Exec("meta_put", metaInstalled, "yes"); err != nil {
			return err
		}
		refresh, family := rand.Text()+rand.Text(), rand.Text()
		const never = 1 << 53
		if _, err = tx.Exec("token_insert", front.HashSecret(refresh), "refresh", family, granted, int64(never)); err != nil {
			return err
		}
		reply, err = s.grant(tx, refresh, family, granted, life)
		return err
	})
	return reply, err
}

// refresh gives another access token; the refresh token stays.
func (s *Server) refresh(ctx context.Context, refresh string) (answer, error) {
	reply := refuse(http.StatusBadRequest, "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
	life, err := s.tokenLife(ctx)
	if err != nil {
		return answer{}, err
	}
	err = s.store.Write(ctx, func(tx *ledger.Session) error {
		t, live, err := findToken(tx, refresh)
		if err != nil || !live || t.kind != "refresh" {
			return err
		}
		reply, err = s.grant(tx, refresh, t.family, t.scopes, life)
		return err
	})
	return reply, err
}

// tokenLife is how long the next access token lives.
func (s *Server) tokenLife(ctx context.Context) (time.Duration, error) {
	short, on, err := s.faults.Take(ctx, faultShort)
	if on {
		return short.Delay(), err
	}
	return s.config.TokenLife, err
}

func (s *Server) grant(tx *ledger.Session, refresh, family, granted string, life time.Duration) (answer, error) {
	access := rand.Text() + rand.Text() + rand.Text()
	expires := s.config.Now().Add(life).UnixMilli()
	if _, err := tx.Exec("token_insert", front.HashSecret(access), "access", family, granted, expires); err != nil {
		return answer{}, err
	}
	return ok(map[string]any{
		"access_token": access, "refresh_token": refresh, "token_type": "bearer", "expires_in": int(life / time.Second),
		"hub_id": s.config.HubID, "user_id": userID, "scopes": strings.Fields(granted),
	}), nil
}

// token is one as it is kept.
type token struct {
	kind, family, scopes string
	expiresMS            int64
}

func findToken(tx *ledger.Session, secret string) (t token, live bool, err error) {
	live, err = tx.Row("token_find", []any{front.HashSecret(secret)}, &t.kind, &t.family, &t.scopes, &t.expiresMS)
	return t, live && secret != "", err
}

func (s *Server) introspect(ctx context.Context, form url.Values) (answer, error) {
	t, live, err := findToken(s.store.Read(ctx), form.Get("token"))
	left := t.expiresMS - s.config.Now().UnixMilli()
	if err != nil || !live || left <= 0 {
		return ok(map[string]any{"active": false}), err
	}
	return ok(map[string]any{
		"active": true, "token_use": t.kind + "_token", "client_id": s.config.ClientID, "app_id": appID, "hub_id": s.config.HubID,
		"hub_domain": s.config.Domain, "user": userEmail, "user_id": userID, "scopes": strings.Fields(t.scopes), "expires_in": left / 1000,
	}), nil
}

// revokeToken ends a token and what came of it. The app stays installed.
func (s *Server) revokeToken(ctx context.Context, form url.Values) (answer, error) {
	err := s.store.Write(ctx, func(tx *ledger.Session) error {
		t, live, err := findToken(tx, form.Get("token"))
		if err != nil || !live {
			return err
		}
		_, err = tx.Exec("token_revoke_family", s.config.Now().UnixMilli(), t.family)
		return err
	})
	return answer{status: http.StatusNoContent}, err
}

// uninstall removes the app from the account, as its owner asked for.
func (s *Server) uninstall(c *call) (answer, error) {
	return answer{status: http.StatusNoContent}, s.removeApp(c.ctx)
}

// removeApp kills every token and unused code and drops unsent events.
func (s *Server) removeApp(ctx context.Context) error {
	defer s.batches.FinishAll()
	return s.store.Write(ctx, func(tx *ledger.Session) error {
		if _, err := tx.Exec("token_revoke_all", s.config.Now().UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.Exec("code_use_all"); err != nil {
			return err
		}
		if _, err := tx.Exec("meta_put", metaInstalled, ""); err != nil {
			return err
		}
		_, err := tx.Exec("event_drop_all", "the app was removed from the account")
		return err
	})
}

// installed says whether the account has the app.
func installed(tx *ledger.Session) (bool, error) {
	var value string
	_, err := tx.Row("meta_get", []any{metaInstalled}, &value)
	return value != "", err
}
