package intercom

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"sourceloop/control"
	"sourceloop/control/connect"
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
	*connect.OAuth
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
		config.Client = connect.NewClient()
	}
	base := strings.TrimSuffix(config.APIBase, "/")
	return &Provider{
		base: base, client: config.Client,
		// What is asked for is ticked in the Developer Hub: there is no scope
		// parameter. The token has no end.
		OAuth: &connect.OAuth{Title: "Intercom", Client: config.Client, Config: oauth2.Config{
			ClientID: config.ClientID, ClientSecret: config.ClientSecret, RedirectURL: config.RedirectURL,
			Endpoint: oauth2.Endpoint{AuthURL: config.AuthorizeURL, TokenURL: base + "/auth/eagle/token", AuthStyle: oauth2.AuthStyleInParams},
		}},
	}, nil
}

// Name is "intercom".
func (p *Provider) Name() string { return Name }

// APIBase is where the REST API is for a connection, without a slash at the end.
func (p *Provider) APIBase(control.Connection) string { return p.base }

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
func (p *Provider) Revoke(ctx context.Context, grant control.Grant) error {
	err := p.call(ctx, grant.Access, http.MethodPost, "/auth/uninstall", nil, nil)
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
