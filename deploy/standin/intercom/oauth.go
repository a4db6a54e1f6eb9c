package intercom

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
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

func (s *Server) consentPage(w http.ResponseWriter, r *http.Request) {
	c := s.consentRequest(r.URL.Query())
	status := http.StatusOK
	if c.Problem != "" {
		status = http.StatusBadRequest
	}
	if err := s.logRequest(r, nil, status, false); err != nil {
		http.Error(w, "cannot write the request log", http.StatusInternalServerError)
		return
	}
	s.renderConsent(w, status, c)
}

func (s *Server) renderConsent(w http.ResponseWriter, status int, c consent) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	// No form-action: the answer to the form leads back to the application.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	if err := consentTemplate.Execute(w, c); err != nil {
		s.config.Log.Warn("the consent page was not written whole", "error", err)
	}
}

func (s *Server) consentDecision(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "cannot read the form", http.StatusBadRequest)
		return
	}
	c := s.consentRequest(r.PostForm)
	if c.Problem != "" {
		s.renderConsent(w, http.StatusBadRequest, c)
		return
	}
	back := url.Values{"state": {c.State}}
	if r.PostForm.Get("decision") == "authorize" {
		code, err := s.issueCode(r.Context(), c.RedirectURI)
		if err != nil {
			s.config.Log.Error("cannot issue an authorization code", "error", err)
			http.Error(w, "cannot issue an authorization code", http.StatusInternalServerError)
			return
		}
		back.Set("code", code)
	} else {
		back.Set("error", "access_denied")
	}
	if err := s.logRequest(r, nil, http.StatusFound, false); err != nil {
		http.Error(w, "cannot write the request log", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, withQuery(c.RedirectURI, back), http.StatusFound)
}

func withQuery(address string, values url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + values.Encode()
}

// issueCode returns a fresh code; its padding makes it end in "=".
func (s *Server) issueCode(ctx context.Context, redirectURI string) (string, error) {
	var raw [32]byte
	_, _ = rand.Read(raw[:])
	code := base64.URLEncoding.EncodeToString(raw[:])
	expires := s.config.Now().Add(codeLife).UnixMilli()
	return code, s.store.write(ctx, func(tx session) error {
		_, err := tx.Exec("code_insert", hashSecret(code), redirectURI, expires)
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
	known := sameSecret(form.Get("client_id"), s.config.ClientID) && sameSecret(form.Get("client_secret"), s.config.ClientSecret)
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

func sameSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// exchange uses the code up and makes the token live, or reports false.
func (s *Server) exchange(ctx context.Context, code, token string) (bool, error) {
	used := false
	now := s.config.Now().UnixMilli()
	err := s.store.write(ctx, func(tx session) error {
		n, err := tx.Exec("code_use", hashSecret(code), now)
		if err != nil || n == 0 {
			return err
		}
		used = true
		_, err = tx.Exec("token_insert", hashSecret(token), now)
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
	_, err := s.store.read(r.Context()).Row("token_live", []any{hashSecret(strings.TrimSpace(token))}, &n)
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
	defer s.batches.finishAll()
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

func serveAsset(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := assets.ReadFile("assets/" + name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		_, _ = w.Write(body) // The client may be gone; nobody is left to tell.
	}
}
