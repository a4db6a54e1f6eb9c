package intercom

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sourceloop/deploy/standin/front"
)

// Config describes the Intercom workspace, the app registered with Intercom,
// and how patient the stand-in is.
type Config struct {
	// Dir is the folder that keeps everything. Two stand-ins must not share one.
	Dir string

	// PublicURL is where browsers and the product reach the stand-in, without
	// a slash at the end. It is used in links only.
	PublicURL string

	// ClientID and ClientSecret are the app's credentials. The secret also
	// signs notifications. Neither is stored.
	ClientID, ClientSecret string
	// AppName is the app's name on the consent page. Default "SourceLoop".
	AppName string
	// RedirectURIs are those registered for the app; the first is the default.
	// Plain HTTP is accepted for loopback addresses only.
	RedirectURIs []string
	// WebhookURL receives all notifications of the app. Empty: none are made.
	WebhookURL string
	// PanelURL receives the requests of the Inbox's panel, at …/initialize and
	// …/submit. Empty: the app has none.
	PanelURL string
	// UninstallURL is told when a workspace removes the app. Empty: nobody is.
	UninstallURL string

	// WorkspaceName is the Intercom workspace's name. Default "Northwind Tea".
	WorkspaceName string
	// AppID is the workspace's id_code, the app_id of its notifications.
	// Default: made up at the first start and kept in Dir.
	AppID string
	// Timezone is the workspace's time zone (IANA). Default "UTC".
	Timezone string
	// IdentityVerification makes the Messenger refuse unsigned users.
	IdentityVerification bool
	// AdminUnverified makes /me answer email_verified false.
	AdminUnverified bool

	// RetryAfter is how long a failed notification waits for its repetition.
	// Default one minute, as Intercom's.
	RetryAfter time.Duration
	// Attempts is how often a notification is sent until it is given up.
	// Default 2, as Intercom's: it repeats once. A test of what becomes of what
	// we have taken lets it try on.
	Attempts int
	// AnswerWithin is how long a notification waits for its answer. Default
	// five seconds, as Intercom's.
	AnswerWithin time.Duration
	// RequestsPerMinute is the REST limit, applied in slices of ten seconds.
	// Default 10,000, as Intercom's limit for an app.
	RequestsPerMinute int
	// SearchLag hides contacts younger than this from searches.
	SearchLag time.Duration

	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log receives what an operator should know. Default: discarded.
	Log *slog.Logger
}

func (c *Config) complete() error {
	if c.Dir == "" {
		return errors.New("cannot start the stand-in Intercom: it needs a data folder")
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		return errors.New("cannot start the stand-in Intercom: it needs the app's client id and client secret")
	}
	c.AppName = cmp.Or(c.AppName, "SourceLoop")
	c.WorkspaceName = cmp.Or(c.WorkspaceName, "Northwind Tea")
	c.Timezone = cmp.Or(c.Timezone, "UTC")
	c.RetryAfter = cmp.Or(c.RetryAfter, time.Minute)
	c.Attempts = cmp.Or(c.Attempts, 2)
	c.AnswerWithin = cmp.Or(c.AnswerWithin, 5*time.Second)
	c.RequestsPerMinute = cmp.Or(c.RequestsPerMinute, 10_000)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if _, err := time.LoadLocation(c.Timezone); err != nil {
		return fmt.Errorf("cannot use the workspace's time zone: %w", err)
	}
	return c.checkURLs()
}

func (c *Config) checkURLs() error {
	for _, uri := range c.RedirectURIs {
		if err := front.CheckURL("redirect URI", uri); err != nil {
			return err
		}
	}
	for name, address := range map[string]string{"webhook URL": c.WebhookURL, "uninstall URL": c.UninstallURL, "panel URL": c.PanelURL} {
		if address == "" {
			continue
		}
		if err := front.CheckURL(name, address); err != nil {
			return err
		}
	}
	return nil
}
