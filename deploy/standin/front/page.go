package front

import (
	"context"
	_ "embed" // The style sheet.
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// Sheet is where pages find their style sheet.
const Sheet = "/standin/page.css"

//go:embed page.css
var sheet []byte

// ServeSheet answers at Sheet.
func ServeSheet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(sheet) // The client may be gone; nobody is left to tell.
}

// Show writes a page that loads nothing but the style sheet.
func Show(w http.ResponseWriter, status int, page *template.Template, data any, log *slog.Logger) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	// No form-action: the answer to a consent page's form leads back to the application.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	if err := page.Execute(w, data); err != nil {
		log.Warn("a page was not written whole", "page", page.Name(), "error", err)
	}
}

// Consent is a page that asks whether an app may, and its form. C is what the
// page shows.
type Consent[C any] struct {
	Page *template.Template
	// Read reads an authorization request, from its address or from the form.
	Read func(url.Values) Asked[C]
	// Grant gives what goes back beside the state when the person agreed, or
	// nothing when what they agreed to is nothing.
	Grant func(ctx context.Context, shown C, form url.Values) (url.Values, error)
	// Refused is what goes back when they did not.
	Refused url.Values
	// Keep writes the request log.
	Keep func(r *http.Request, status int) error
	Log  *slog.Logger
}

// Asked is an authorization request.
type Asked[C any] struct {
	Shown    C
	Problem  string // why the browser must not be sent anywhere, or ""
	Redirect string // where it is sent
	State    string
}

// Ask answers with the page.
func (c Consent[C]) Ask(w http.ResponseWriter, r *http.Request) {
	asked := c.Read(r.URL.Query())
	status := http.StatusOK
	if asked.Problem != "" {
		status = http.StatusBadRequest
	}
	if err := c.Keep(r, status); err != nil {
		http.Error(w, "cannot write the request log", http.StatusInternalServerError)
		return
	}
	Show(w, status, c.Page, asked.Shown, c.Log)
}

// Decide answers the form: it sends the browser back.
func (c Consent[C]) Decide(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "cannot read the form", http.StatusBadRequest)
		return
	}
	asked := c.Read(r.PostForm)
	if asked.Problem != "" {
		Show(w, http.StatusBadRequest, c.Page, asked.Shown, c.Log)
		return
	}
	back, err := c.outcome(r, asked.Shown)
	if err != nil {
		c.Log.Error("cannot issue an authorization code", "error", err)
		http.Error(w, "cannot issue an authorization code", http.StatusInternalServerError)
		return
	}
	if asked.State != "" {
		back.Set("state", asked.State)
	}
	if err := c.Keep(r, http.StatusFound); err != nil {
		http.Error(w, "cannot write the request log", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, WithQuery(asked.Redirect, back), http.StatusFound) //nolint:gosec // Read lets through what is registered for the app.
}

// outcome is the caller's to change.
func (c Consent[C]) outcome(r *http.Request, shown C) (url.Values, error) {
	if r.PostForm.Get("decision") == "authorize" {
		granted, err := c.Grant(r.Context(), shown, r.PostForm)
		if err != nil || granted != nil {
			return granted, err
		}
	}
	back := url.Values{}
	for name := range c.Refused {
		back.Set(name, c.Refused.Get(name))
	}
	return back, nil
}

// WithQuery adds parameters to an address.
func WithQuery(address string, values url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + values.Encode()
}
