package intercom

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"sourceloop/control"
	"sourceloop/schema"
)

// Name is the provider's word.
const Name = "intercom"

// Config says where Intercom is and who we are there. Addresses are without a
// slash at the end.
type Config struct {
	ClientID     string
	ClientSecret string
	AuthorizeURL string       // default https://app.intercom.com/oauth
	APIBase      string       // default https://api.intercom.io, which serves every region
	RedirectURL  string       // our callback, registered at Intercom; "" for the first registered
	Client       *http.Client // default: one with a limit of ten seconds
}

// Provider speaks to Intercom. It is safe for concurrent use.
type Provider struct {
	oauth  oauth2.Config
	base   string
	client *http.Client
}

// New makes the provider. Without credentials it cannot be made.
func New(config Config) (*Provider, error) {
	if config.ClientID == "" || config.ClientSecret == "" {
		return nil, schema.E("set up Intercom", schema.KindInvalid, "Intercom's client id and client secret are missing, so nobody can connect. Copy both from the app in Intercom's Developer Hub.")
	}
	if config.AuthorizeURL == "" {
		config.AuthorizeURL = "https://app.intercom.com/oauth"
	}
	if config.APIBase == "" {
		config.APIBase = "https://api.intercom.io"
	}
	if config.Client == nil {
		config.Client = &http.Client{Timeout: 10 * time.Second, CheckRedirect: noRedirect}
	}
	base := strings.TrimSuffix(config.APIBase, "/")
	return &Provider{
		base: base, client: config.Client,
		oauth: oauth2.Config{
			ClientID: config.ClientID, ClientSecret: config.ClientSecret, RedirectURL: config.RedirectURL,
			Endpoint: oauth2.Endpoint{AuthURL: config.AuthorizeURL, TokenURL: base + "/auth/eagle/token", AuthStyle: oauth2.AuthStyleInParams},
		},
	}, nil
}

// noRedirect: a redirect would carry the token to another place.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Name is "intercom".
func (p *Provider) Name() string { return Name }

// APIBase is where the REST API is, without a slash at the end.
func (p *Provider) APIBase() string { return p.base }

// AuthorizeURL is Intercom's consent page. What is asked for is ticked in the
// Developer Hub; there is no scope parameter.
func (p *Provider) AuthorizeURL(state string) string { return p.oauth.AuthCodeURL(state) }

// Exchange turns a code into an access token, which has no end.
func (p *Provider) Exchange(ctx context.Context, code string) (string, error) {
	const op = "ask Intercom for a token"
	token, err := p.oauth.Exchange(context.WithValue(ctx, oauth2.HTTPClient, p.client), code)
	var refused *oauth2.RetrieveError
	switch {
	case err == nil:
		return token.AccessToken, nil
	// The library's error quotes the answer; only its status goes on.
	case errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < http.StatusInternalServerError && refused.Response.StatusCode != http.StatusTooManyRequests:
		return "", schema.E(op, schema.KindDenied, "Intercom did not accept the consent (status %d): it was used, or it is older than five minutes. Click Connect again; if it stays, the client id or secret is wrong.", refused.Response.StatusCode)
	case errors.As(err, &refused) && refused.Response != nil:
		return "", schema.E(op, schema.KindUnavailable, "Intercom could not finish the consent just now (status %d), so nothing was connected. Click Connect again in a minute.", refused.Response.StatusCode)
	}
	return "", schema.E(op, schema.KindUnavailable, "Intercom could not be reached to finish the consent, so nothing was connected. Click Connect again in a minute.")
}

// me is who a token belongs to.
type me struct {
	App struct {
		IDCode string `json:"id_code"`
		Name   string `json:"name"`
		Region string `json:"region"`
	} `json:"app"`
}

// Setup reads whose workspace the token opens and makes sure that the attribute
// is there.
func (p *Provider) Setup(ctx context.Context, token string) (control.Setup, error) {
	var account me
	err := p.call(ctx, token, http.MethodGet, "/me", nil, &account)
	if err != nil {
		return control.Setup{}, worded("ask Intercom whose workspace it is", err)
	}
	if account.App.IDCode == "" {
		return control.Setup{}, schema.E("ask Intercom whose workspace it is", schema.KindInvalid, "Intercom did not say which workspace this is. The person who consented may have lost access to it; connect with another one.")
	}
	a, err := p.ensureAttribute(ctx, token)
	if err != nil {
		return control.Setup{}, err
	}
	return control.Setup{
		App: account.App.IDCode, Name: account.App.Name, Region: account.App.Region,
		Details: map[string]string{"attribute": a.ID.String()},
	}, nil
}

// Revoke removes our app from the workspace, which ends the token.
func (p *Provider) Revoke(ctx context.Context, token string) error {
	err := p.call(ctx, token, http.MethodPost, "/auth/uninstall", nil, nil)
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusUnauthorized {
		return nil // It is dead already.
	}
	return worded("revoke the token at Intercom", err)
}

// CleanUp is what stays in Intercom, since nothing there is ever deleted.
func (p *Provider) CleanUp() []string {
	return []string{
		"In Intercom under Settings → Integrations → Authorised apps: remove the app if it is still listed.",
		"In Intercom under Settings → Data → People: archive the attribute " + attributeName + " if you do not connect again.",
	}
}
