package intercom

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/schema"
)

// Name is the provider's word.
const Name = "intercom"

// usHost serves the US, and is where codes become tokens for every region.
const usHost = "https://api.intercom.io"

// Config says where Intercom is and who we are there. Addresses are without a
// slash at the end.
type Config struct {
	ClientID     string
	ClientSecret string
	AuthorizeURL string // default https://app.intercom.com/oauth
	APIBase      string // default https://api.intercom.io, the host of the US; see Regions
	// Regions are the hosts of the other regions, by what /me calls them. Default
	// with the default APIBase: those of EU and AU; else none, and APIBase is
	// asked for every workspace.
	Regions     map[string]string
	RedirectURL string       // our callback, registered at Intercom; "" for the first registered
	Client      *http.Client // default: one with a limit of ten seconds
}

// Provider speaks to Intercom. It is safe for concurrent use.
type Provider struct {
	*connect.OAuth
	base    string
	regions map[string]string
	client  *http.Client
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
		config.APIBase = usHost
	}
	if config.APIBase == usHost && config.Regions == nil {
		config.Regions = map[string]string{"EU": "https://api.eu.intercom.io", "AU": "https://api.au.intercom.io"}
	}
	if config.Client == nil {
		config.Client = connect.NewClient()
	}
	base := strings.TrimSuffix(config.APIBase, "/")
	return &Provider{
		base: base, regions: config.Regions, client: config.Client,
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

// Listed: conversations and contacts can be searched.
func (p *Provider) Listed() {}

// APIBase is where the REST API is for a connection, without a slash at the end.
func (p *Provider) APIBase(c control.Connection) string {
	if base, ok := p.regions[c.Region]; ok {
		return base
	}
	return p.base
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
	account, err := p.whose(ctx, token)
	if err != nil {
		return control.Setup{}, err
	}
	base := p.APIBase(control.Connection{Region: account.App.Region})
	a, err := (&api{p.client, base, token}).ensureAttribute(ctx)
	if err != nil {
		return control.Setup{}, err
	}
	return control.Setup{
		App: account.App.IDCode, Name: account.App.Name, Region: account.App.Region,
		Details: map[string]string{"attribute": a.ID.String()},
	}, nil
}

// whose asks at one region's host after the other: documents differ on whether
// the first knows the tokens of all. It is dead when none knows it.
func (p *Provider) whose(ctx context.Context, token string) (me, error) {
	const op = "ask Intercom whose workspace it is"
	var first error
	for _, base := range p.bases() {
		var account me
		err := (&api{p.client, base, token}).call(ctx, http.MethodGet, "/me", nil, &account)
		switch {
		case unauthorized(err):
			first = cmp.Or(first, err)
			continue
		case err != nil:
			return me{}, worded(op, err)
		case account.App.IDCode == "":
			return me{}, schema.E(op, schema.KindInvalid, "Intercom did not say which workspace this is. The person who consented may have lost access to it; connect with another one.")
		}
		return account, nil
	}
	return me{}, worded(op, first)
}

// bases are the hosts that may know a token, the usual one first.
func (p *Provider) bases() []string {
	return append([]string{p.base}, slices.Sorted(maps.Values(p.regions))...)
}

// Revoke removes our app from the workspace, which ends the token. A host that
// does not know the token is no proof that it is dead while there are others.
func (p *Provider) Revoke(ctx context.Context, grant control.Grant) error {
	for _, base := range p.bases() {
		err := (&api{p.client, base, grant.Access}).call(ctx, http.MethodPost, "/auth/uninstall", nil, nil)
		if !unauthorized(err) {
			return worded("revoke the token at Intercom", err)
		}
	}
	return nil // It is dead already.
}

// CleanUp is what stays in Intercom, since nothing there is ever deleted.
func (p *Provider) CleanUp() []string {
	return []string{
		"In Intercom under Settings → Integrations → Authorised apps: remove the app if it is still listed.",
		"In Intercom under Settings → Data → People: archive the attribute " + attributeName + " if you do not connect again.",
	}
}
