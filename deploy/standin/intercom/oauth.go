package intercom

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sourceloop/deploy/standin/front"
)

//go:embed assets
var assets embed.FS

var consentTemplate = template.Must(template.ParseFS(assets, "assets/consent.html"))

// codeLife is how long an authorization code may be exchanged.
const codeLife = 5 * time.Minute

// scopes are what the app's permissions are called on the consent page.
func scopes() []scope {
	return []scope{
		{"People", "Read your users and leads, one by one and in lists"},
		{"Companies", "Read the companies your people belong to"},
		{"Conversations", "Read conversations and their messages"},
		{"Teams and teammates", "Read who works in your workspace"},
		{"Tags", "Read the tags you use"},
		{"Data attributes", "Read and write the attributes that describe people"},
	}
}

type scope struct{ Name, Detail string }

// consent is what the consent page shows and what its form sends back.
type consent struct {
	AppName, Workspace, Admin    string
	ClientID, State, RedirectURI string
	Scopes                       []scope
	Problem                      string
}

// consentRequest reads an authorization request. Problem is set when the
// browser must not be sent anywhere.
func (s *Server) consentRequest(values url.Values) consent {
	c := consent{
		AppName: s.config.AppName, Workspace: s.config.WorkspaceName, Admin: adminName + " · " + adminEmail,
		ClientID: values.Get("client_id"), State: values.Get("state"), RedirectURI: values.Get("redirect_uri"),
		Scopes: scopes(),
	}
	if c.RedirectURI == "" && len(s.config.RedirectURIs) > 0 {
		c.RedirectURI = s.config.RedirectURIs[0]
	}
	switch {
	case c.ClientID != s.config.ClientID:
		c.Problem = "No app has this client_id. Check the client id in the settings of the application that sent you here."
	case !slices.Contains(s.config.RedirectURIs, c.RedirectURI):
		c.Problem = "This redirect_uri is not registered for the app. Register it, or leave the parameter out to use the default."
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
			code, err := s.issueCode(ctx, c.RedirectURI)
			return url.Values{"code": {code}}, err
		},
		Refused: url.Values{"error": {"access_denied"}},
		Keep:    func(r *http.Request, status int) error { return s.logRequest(r, nil, status, false) },
	}
}

// issueCode returns a fresh code; its padding makes it end in "=".
func (s *Server) issueCode(ctx context.Context, redirectURI string) (string, error) {
	var raw [32]byte
	_, _ = rand.Read(raw[:])
	code := base64.URLEncoding.EncodeToString(raw[:])
	expires := s.config.Now().Add(codeLife).UnixMilli()
	return code, s.store.write(ctx, func(tx session) error {
		_, err := tx.Exec("code_insert", front.HashSecret(code), redirectURI, expires)
		return err
	})
}

// tokenForm reads the token request's fields from a form or a JSON object.
func tokenForm(r *http.Request, body []byte) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind == "application/x-www-form-urlencoded" {
		return url.ParseQuery(string(body))
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, fmt.Errorf("cannot read the token request: %w", err)
	}
	values := url.Values{}
	for name, value := range fields {
		if text, isText := value.(string); isText {
			values.Set(name, text)
		}
	}
	return values, nil
}

// tokenRequest exchanges a code, once, for an access token without an end.
func (s *Server) tokenRequest(header http.Header, r *http.Request, body []byte) (answer, error) {
	header.Set("Cache-Control", "no-store")
	form, err := tokenForm(r, body)
	if err != nil {
		return refuse(http.StatusBadRequest, "parameter_invalid", "The body is neither a form nor a JSON object"), nil
	}
	known := front.SameSecret(form.Get("client_id"), s.config.ClientID) && front.SameSecret(form.Get("client_secret"), s.config.ClientSecret)
	if !known {
		return refuse(http.StatusUnauthorized, "unauthorized", "Unauthorized Client"), nil
	}
	token := rand.Text() + rand.Text()
	used, err := s.exchange(r.Context(), form.Get("code"), token)
	if err != nil {
		return answer{}, err
	}
	if !used {
		return refuse(http.StatusUnauthorized, "unauthorized", "Unauthorized Code"), nil
	}
	return ok(map[string]string{"token_type": "Bearer", "token": token, "access_token": token}), nil
}

// exchange uses the code up and makes the token live, or reports false.
func (s *Server) exchange(ctx context.Context, code, token string) (bool, error) {
	used := false
	now := s.config.Now().UnixMilli()
	err := s.store.write(ctx, func(tx session) error {
		n, err := tx.Exec("code_use", front.HashSecret(code), now)
		if err != nil || n == 0 {
			return err
		}
		used = true
		_, err = tx.Exec("token_insert", front.HashSecret(token), now)
		return err
	})
	return used, err
}

// tokenIsLive looks at the bearer token of a request.
func (s *Server) tokenIsLive(r *http.Request) (bool, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return false, nil
	}
	var n int
	_, err := s.store.read(r.Context()).Row("token_live", []any{front.HashSecret(strings.TrimSpace(token))}, &n)
	return n > 0, err
}

// uninstall removes the app from the workspace, as its owner asked for.
func (s *Server) uninstall(c *call) (answer, error) {
	if err := s.removeApp(c.ctx); err != nil {
		return answer{}, err
	}
	return ok(map[string]any{}), nil
}

// removeApp kills every token and unused code and drops unsent notifications.
func (s *Server) removeApp(ctx context.Context) error {
	defer s.batches.FinishAll()
	return s.store.write(ctx, func(tx session) error {
		if _, err := tx.Exec("token_revoke_all", s.config.Now().UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.Exec("code_revoke_all"); err != nil {
			return err
		}
		_, err := tx.Exec("webhook_drop_all", "the app was removed from the workspace")
		return err
	})
}

// installed says whether the workspace has the app, by its live tokens.
func (s session) installed() (bool, error) {
	var n int
	_, err := s.Row("token_any_live", nil, &n)
	return n > 0, err
}
