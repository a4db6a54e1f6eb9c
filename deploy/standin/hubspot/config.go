package hubspot

import (
	"cmp"
	"errors"
	"log/slog"
	"time"

	"sourceloop/deploy/standin/front"
)

// Config describes the HubSpot account, the app registered with HubSpot, and
// how patient the stand-in is.
type Config struct {
	// Dir is the folder that keeps everything. Two stand-ins must not share one.
	Dir string

	// PublicURL is where browsers and the product reach the stand-in, without
	// a slash at the end. It is used in links only.
	PublicURL string

	// ClientID and ClientSecret are the app's credentials. The secret also
	// signs webhooks. Neither is stored.
	ClientID, ClientSecret string
	// AppName is the app's name on the consent page. Default "SourceLoop".
	AppName string
	// RedirectURIs are those registered for the app. Plain HTTP is accepted
	// for loopback addresses only.
	RedirectURIs []string
	// WebhookURL receives all events of the app. Empty: none are made.
	WebhookURL string

	// Domain is the account's name. Default "northwind-tea.example".
	Domain string
	// HubID is the account's number, the portalId of its events. Default: made
	// up at the first start and kept in Dir.
	HubID int64

	// TokenLife is how long an access token lives. Default 30 minutes.
	TokenLife time.Duration
	// RetryAfter is how long events wait that were not taken; up to as much is
	// added by chance. Default one minute.
	RetryAfter time.Duration
	// Retries is how often events are sent again until they are given up.
	// Default 10, as HubSpot's.
	Retries int
	// AnswerWithin is how long events wait for their answer. Default five
	// seconds, as HubSpot's.
	AnswerWithin time.Duration
	// RequestsPer10s is the API's limit. Default 110, as HubSpot's for an app in
	// one account.
	RequestsPer10s int

	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log receives what an operator should know. Default: discarded.
	Log *slog.Logger
}

func (c *Config) complete() error {
	if c.Dir == "" {
		return errors.New("cannot start the stand-in HubSpot: it needs a data folder")
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		return errors.New("cannot start the stand-in HubSpot: it needs the app's client id and client secret")
	}
	c.AppName = cmp.Or(c.AppName, "SourceLoop")
	c.Domain = cmp.Or(c.Domain, "northwind-tea.example")
	c.TokenLife = cmp.Or(c.TokenLife, 30*time.Minute)
	c.RetryAfter = cmp.Or(c.RetryAfter, time.Minute)
	c.Retries = cmp.Or(c.Retries, 10)
	c.AnswerWithin = cmp.Or(c.AnswerWithin, 5*time.Second)
	c.RequestsPer10s = cmp.Or(c.RequestsPer10s, 110)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for _, address := range append([]string{c.WebhookURL}, c.RedirectURIs...) {
		if address == "" {
			continue
		}
		if err := front.CheckURL("address", address); err != nil {
			return err
		}
	}
	return nil
}
