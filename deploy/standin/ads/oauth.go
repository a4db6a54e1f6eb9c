package ads

import (
	"context"
	"crypto/rand"
	"embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
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
	codeLife = 10 * time.Minute
	// never is a time that does not come, in Unix milliseconds.
	never = int64(1) << 53
	// userEmail is who is signed in to the platform.
	userEmail = "ada@northwind-tea.example"
)

// consent is what the consent page shows and what its form sends back.
type consent struct {
	Platform, AppName, User, Action string
	Scopes                          []Scope
	Optional                        bool
	Fields                          map[string]string
	Problem                         string
}

// kept are the parameters that the form repeats.
func kept() []string {
	return []string{"client_id", "redirect_uri", "response_type", "scope", "state", "access_type", "prompt"}
}

func (s *Server) oauthRoutes() {
	s.mux.HandleFunc("GET "+front.Sheet, front.ServeSheet)
	if s.platform.Authorize == "" {
		return
	}
	page := s.consent()
	s.mux.HandleFunc("GET "+s.platform.Authorize, page.Ask)
	s.mux.HandleFunc("POST "+s.platform.Authorize, page.Decide)
	s.mux.Handle("POST "+s.platform.Exchange, s.logged(false, s.token))
	s.mux.Handle("POST "+s.platform.Revoke, s.logged(false, s.revoke))
}

// consentRequest reads an authorization request. Problem is set when the
// browser must not be sent anywhere.
func (s *Server) consentRequest(values url.Values) consent {
	c := consent{
		Platform: s.platform.Title, AppName: s.config.AppName, User: userEmail, Action: s.platform.Authorize,
		Optional: s.platform.Optional, Fields: map[string]string{},
	}
	for _, name := range kept() {
		if value := values.Get(name); value != "" {
			c.Fields[name] = value
		}
	}
	asked := strings.Fields(values.Get("scope"))
	for _, one := range s.platform.Scopes {
		if slices.Contains(asked, one.Name) {
			c.Scopes = append(c.Scopes, one)
		}
	}
	switch {
	case values.Get("client_id") != s.config.ClientID:
		c.Problem = "The OAuth client was not found. Check the client id in the settings of the application that sent you here."
	case !slices.Contains(s.config.RedirectURIs, values.Get("redirect_uri")):
		c.Problem = "redirect_uri_mismatch: the redirect address is not one that is registered for the app."
	case values.Get("response_type") != "code":
		c.Problem = "unsupported_response_type: only code is known here."
	case len(asked) == 0 || len(c.Scopes) != len(asked):
		c.Problem = "invalid_scope: the app may not ask for these: " + values.Get("scope")
	}
	return c
}

// consent is the page and its form.
func (s *Server) consent() front.Consent[consent] {
	return front.Consent[consent]{
		Page: consentTemplate, Log: s.config.Log,
		Read: func(values url.Values) front.Asked[consent] {
			c := s.consentRequest(values)
			return front.Asked[consent]{Shown: c, Problem: c.Problem, Redirect: c.Fields["redirect_uri"], State: c.Fields["state"]}
		},
		Grant:   s.agree,
		Refused: url.Values{"error": {"access_denied"}},
		Keep:    func(r *http.Request, status int) error { return s.logRequest(r, nil, status, false) },
	}
}

// agree issues a code for what was ticked; for nothing, none.
func (s *Server) agree(ctx context.Context, c consent, form url.Values) (url.Values, error) {
	granted := s.granted(c, form["grant"])
	if granted == "" {
		return nil, nil
	}
	code, err := s.issueCode(ctx, c, granted)
	return url.Values{"code": {code}, "scope": {granted}}, err
}

// Show writes a page that loads nothing but the stand-ins' style sheet.
func (s *Server) Show(w http.ResponseWriter, status int, page *template.Template, data any) {
	front.Show(w, status, page, data, s.config.Log)
}

// granted are the scopes that were asked for and, where people may choose,
// ticked.
func (s *Server) granted(c consent, ticked []string) string {
	var names []string
	for _, one := range c.Scopes {
		if !s.platform.Optional || slices.Contains(ticked, one.Name) {
			names = append(names, one.Name)
		}
	}
	return strings.Join(names, " ")
}

func (s *Server) issueCode(ctx context.Context, c consent, granted string) (string, error) {
	code, now := rand.Text()+rand.Text(), s.config.Now()
	return code, s.store.Write(ctx, func(tx *ledger.Session) error {
		offline := !s.platform.Offline
		if c.Fields["access_type"] == "offline" {
			var one int
			lives, err := tx.Row("token_refresh_lives", []any{now.UnixMilli()}, &one)
			if err != nil {
				return err
			}
			offline = !lives || c.Fields["prompt"] == "consent"
		}
		_, err := tx.Exec("code_insert", front.HashSecret(code), c.Fields["redirect_uri"], granted, offline, now.Add(codeLife).UnixMilli())
		return err
	})
}

// oauthError is a refusal of the token endpoint (RFC 6749, 5.2).
func oauthError(status int, name, description string) Answer {
	return Answer{Status: status, Body: map[string]string{"error": name, "error_description": description}}
}

func (s *Server) token(c *Call) (Answer, error) {
	form, err := url.ParseQuery(string(c.Body))
	if err != nil || !strings.HasPrefix(c.Request.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return oauthError(http.StatusBadRequest, "invalid_request", "The body must be a form."), nil
	}
	if !s.isApp(c.Request, form) {
		return oauthError(http.StatusUnauthorized, "invalid_client", "The OAuth client was not found, or its secret is wrong."), nil
	}
	reply := oauthError(http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+form.Get("grant_type"))
	switch form.Get("grant_type") {
	case "authorization_code":
		reply, err = s.exchange(c.Request.Context(), form)
	case "refresh_token":
		reply, err = s.refresh(c.Request.Context(), form.Get("refresh_token"))
	}
	if reply.Header == nil {
		reply.Header = http.Header{"Cache-Control": {"no-store"}}
	}
	return reply, err
}

// isApp takes the app's credentials from the form or from the header.
func (s *Server) isApp(r *http.Request, form url.Values) bool {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, basic := r.BasicAuth(); basic {
		id, secret = user, password
	}
	return front.SameSecret(id, s.config.ClientID) && front.SameSecret(secret, s.config.ClientSecret)
}

func badGrant() Answer {
	return oauthError(http.StatusBadRequest, "invalid_grant", "The code or token is unknown, was used, has expired or was revoked.")
}

// exchange uses a code up, once.
func (s *Server) exchange(ctx context.Context, form url.Values) (Answer, error) {
	reply := badGrant()
	err := s.store.Write(ctx, func(tx *ledger.Session) error {
		hash := front.HashSecret(form.Get("code"))
		var redirect, scopes string
		var offline bool
		found, err := tx.Row("code_find", []any{hash, s.config.Now().UnixMilli()}, &redirect, &scopes, &offline)
		if err != nil || !found || redirect != form.Get("redirect_uri") {
			return err
		}
		if _, err = tx.Exec("code_use", hash); err != nil {
			return err
		}
		family, more := rand.Text(), map[string]any{}
		if offline {
			if more, err = s.newRefresh(tx, family, scopes); err != nil {
				return err
			}
		}
		reply, err = s.grant(tx, family, scopes, more)
		return err
	})
	return reply, err
}

// newRefresh makes a refresh token and what is told of it.
func (s *Server) newRefresh(tx *ledger.Session, family, scopes string) (map[string]any, error) {
	secret, expires := rand.Text()+rand.Text(), never
	told := map[string]any{"refresh_token": secret}
	if life := s.platform.RefreshLife; life > 0 {
		expires, told["refresh_token_expires_in"] = s.config.Now().Add(life).UnixMilli(), int(life/time.Second)
	}
	_, err := tx.Exec("token_insert", front.HashSecret(secret), "refresh", family, scopes, expires)
	return told, err
}

// refresh gives another access token; the refresh token stays.
func (s *Server) refresh(ctx context.Context, secret string) (Answer, error) {
	reply := badGrant()
	err := s.store.Write(ctx, func(tx *ledger.Session) error {
		t, live, err := findToken(tx, secret)
		if err != nil || !live || t.kind != "refresh" || t.expiresMS <= s.config.Now().UnixMilli() {
			return err
		}
		reply, err = s.grant(tx, t.family, t.scopes, nil)
		return err
	})
	return reply, err
}

func (s *Server) grant(tx *ledger.Session, family, scopes string, more map[string]any) (Answer, error) {
	access, life := rand.Text()+rand.Text()+rand.Text(), s.platform.AccessLife
	_, err := tx.Exec("token_insert", front.HashSecret(access), "access", family, scopes, s.config.Now().Add(life).UnixMilli())
	told := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(life / time.Second),
		"scope": strings.ReplaceAll(scopes, " ", s.platform.ScopeSeparator),
	}
	maps.Copy(told, more)
	return Answer{Status: http.StatusOK, Body: told}, err
}

// revoke ends a token, what it came from and what came of it.
func (s *Server) revoke(c *Call) (Answer, error) {
	form, err := url.ParseQuery(string(c.Body))
	secret := form.Get("token")
	if secret == "" {
		secret = c.Request.URL.Query().Get("token")
	}
	reply := oauthError(http.StatusBadRequest, "invalid_token", "Token expired or revoked")
	if err != nil {
		return reply, nil //nolint:nilerr // A form that cannot be read holds no token.
	}
	err = s.store.Write(c.Request.Context(), func(tx *ledger.Session) error {
		t, live, err := findToken(tx, secret)
		if err != nil || !live {
			return err
		}
		reply = Answer{Status: http.StatusOK, Body: map[string]any{}}
		_, err = tx.Exec("token_revoke_family", s.config.Now().UnixMilli(), t.family)
		return err
	})
	return reply, err
}

// NewToken makes an access token that lives until it is revoked, as people
// make one by hand.
func (s *Server) NewToken(ctx context.Context, scopes []string) (string, error) {
	secret := rand.Text() + rand.Text() + rand.Text()
	return secret, s.store.Write(ctx, func(tx *ledger.Session) error {
		_, err := tx.Exec("token_insert", front.HashSecret(secret), "access", rand.Text(), strings.Join(scopes, " "), never)
		return err
	})
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
