package ads

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"sourceloop/deploy/standin/front"
)

// Config is what the stand-ins are alike in.
type Config struct {
	// Dir is the folder that keeps everything. Two stand-ins must not share one.
	Dir string
	// PublicURL is where browsers and the product reach the stand-in, without
	// a slash at the end. It is shown only.
	PublicURL string

	// ClientID and ClientSecret are the app's credentials. Neither is stored.
	ClientID, ClientSecret string
	// AppName is the app's name on the consent page. Default "SourceLoop".
	AppName string
	// RedirectURIs are those registered for the app: https, or http to this
	// machine.
	RedirectURIs []string

	// RequestsPerMinute is the API's limit. Default the platform's; below zero
	// there is none.
	RequestsPerMinute int

	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log receives what an operator should know. Default: discarded.
	Log *slog.Logger
}

// Platform is what makes one vendor's stand-in different.
type Platform struct {
	Name  string // Of the file that keeps everything.
	Title string // On pages.

	// Authorize, Token and Revoke are OAuth's paths. Authorize is "" where
	// tokens are made by hand.
	Authorize, Exchange, Revoke string
	// Scopes are those that the app may ask for, in order.
	Scopes []Scope
	// Optional lets people untick scopes. Offline gives a refresh token only to
	// who asks for access_type=offline and has none yet, or for prompt=consent.
	Optional, Offline bool
	// ScopeSeparator is between the scopes that the token endpoint tells.
	ScopeSeparator string
	// AccessLife and RefreshLife are how long tokens live. A RefreshLife of
	// zero has no end.
	AccessLife, RefreshLife time.Duration

	// Schema and Statements are added to those of the package.
	Schema, Statements string
	// Faults are kinds beside those of the package; the platform takes them.
	Faults []string
	// Personal names JSON members whose value is kept only if it is a SHA-256,
	// or Public says that it may be.
	Personal []string
	Public   func(value string) bool

	RequestsPerMinute int
	// TokenInBody is where a body may hold the access token: a member's name.
	TokenInBody string
	// Refuse is a refusal in the platform's words: 400, 401, 403 (a scope is
	// missing), 404, 413, 429 and 500.
	Refuse func(status int, message string) Answer
	// About is shown at the front page as JSON.
	About map[string]any
}

// Scope is one permission and its words on the consent page.
type Scope struct{ Name, Detail string }

// Answer is what an endpoint says. A nil Body is an empty one.
type Answer struct {
	Status int
	Body   any
	Header http.Header
}

func (c *Config) complete(p *Platform) error {
	if c.Dir == "" || c.ClientID == "" || c.ClientSecret == "" {
		return fmt.Errorf("cannot start the stand-in %s: it needs a data folder, the app's client id and client secret", p.Title)
	}
	if c.AppName == "" {
		c.AppName = "SourceLoop"
	}
	if c.RequestsPerMinute == 0 {
		c.RequestsPerMinute = p.RequestsPerMinute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	var wrong error
	for _, address := range c.RedirectURIs {
		wrong = errors.Join(wrong, front.CheckURL("address", address))
	}
	return wrong
}
