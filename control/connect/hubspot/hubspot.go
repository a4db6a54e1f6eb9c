package hubspot

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/schema"
)

// Name is the provider's word.
const Name = "hubspot"

// Config says where HubSpot is and who we are there. Addresses are without a
// slash at the end.
type Config struct {
	ClientID     string
	ClientSecret string
	AuthorizeURL string       // default https://app.hubspot.com/oauth/authorize
	APIBase      string       // default https://api.hubapi.com, which serves every region
	RedirectURL  string       // our callback, registered at HubSpot
	Client       *http.Client // default: connect.NewClient
}

// Provider speaks to HubSpot. It is safe for concurrent use.
type Provider struct {
	*connect.OAuth
	base   string
	client *http.Client
}

// tokenPath is of the version that replaces v1, which ends in 2027.
const tokenPath = "/oauth/2026-03/token" //nolint:gosec // An address, no credential.

// scopes are what is asked for: who chats, and the property.
func scopes() []string {
	return []string{
		"oauth", "conversations.read", "crm.objects.contacts.read", "crm.schemas.contacts.read", "crm.schemas.contacts.write",
	}
}

// New makes the provider. Without credentials it cannot be made.
func New(config Config) (*Provider, error) {
	if config.ClientID == "" || config.ClientSecret == "" {
		return nil, schema.E("set up HubSpot", schema.KindInvalid, "HubSpot's client id and client secret are missing, so nobody can connect. Copy both from the app in HubSpot's developer project.")
	}
	if config.AuthorizeURL == "" {
		config.AuthorizeURL = "https://app.hubspot.com/oauth/authorize"
	}
	if config.APIBase == "" {
		config.APIBase = "https://api.hubapi.com"
	}
	if config.Client == nil {
		config.Client = connect.NewClient()
	}
	base := strings.TrimSuffix(config.APIBase, "/")
	return &Provider{
		base: base, client: config.Client,
		OAuth: &connect.OAuth{Title: "HubSpot", Client: config.Client, Config: oauth2.Config{
			ClientID: config.ClientID, ClientSecret: config.ClientSecret, RedirectURL: config.RedirectURL, Scopes: scopes(),
			Endpoint: oauth2.Endpoint{AuthURL: config.AuthorizeURL, TokenURL: base + tokenPath, AuthStyle: oauth2.AuthStyleInParams},
		}},
	}, nil
}

// Name is "hubspot".
func (p *Provider) Name() string { return Name }

// Listed: threads can be listed and contacts searched.
func (p *Provider) Listed() {}

// APIBase is where the API is for a connection, without a slash at the end.
func (p *Provider) APIBase(control.Connection) string { return p.base }

// introspection is what HubSpot says of a token.
type introspection struct {
	Active bool   `json:"active"`
	HubID  number `json:"hub_id"`
	Domain string `json:"hub_domain"`
}

// Setup asks whose account the token opens and makes sure that the property is
// there.
func (p *Provider) Setup(ctx context.Context, token string) (control.Setup, error) {
	const op = "ask HubSpot whose account it is"
	var account introspection
	err := p.form(ctx, tokenPath+"/introspect", url.Values{"token": {token}, "token_type_hint": {"access_token"}}, &account)
	switch {
	case err != nil:
		return control.Setup{}, worded(op, err)
	case !account.Active:
		return control.Setup{}, gone(op)
	case account.HubID == "":
		return control.Setup{}, schema.E(op, schema.KindInvalid, "HubSpot did not say which account this is. Connect again, and choose an account on HubSpot's page.")
	}
	if err := p.ensureProperty(ctx, token); err != nil {
		return control.Setup{}, err
	}
	name := account.Domain
	if name == "" {
		name = "HubSpot account " + string(account.HubID)
	}
	return control.Setup{App: string(account.HubID), Name: name, Details: map[string]string{"property": propertyName}}, nil
}

func gone(op string) error {
	return schema.E(op, schema.KindDenied, "HubSpot does not accept our token any more: the app was removed there, or the person who connected it left. Connect again.")
}

// Revoke removes our app from the account and ends the refresh token. What is
// over already is no failure.
func (p *Provider) Revoke(ctx context.Context, grant control.Grant) error {
	removed := p.call(ctx, grant.Access, http.MethodDelete, "/appinstalls/2026-03/external-install", nil, nil)
	var refused *refusal
	if errors.As(removed, &refused) && (refused.status == http.StatusUnauthorized || refused.status == http.StatusNotFound) {
		removed = nil
	}
	revoked := p.form(ctx, tokenPath+"/revoke", url.Values{"token": {grant.Refresh}, "token_type_hint": {"refresh_token"}}, nil)
	if errors.As(revoked, &refused) && refused.status == http.StatusBadRequest {
		revoked = nil
	}
	return worded("remove the app at HubSpot", errors.Join(removed, revoked))
}

// CleanUp is what stays in HubSpot, since nothing there is ever deleted.
func (p *Provider) CleanUp() []string {
	return []string{
		"In HubSpot under Settings → Integrations → Connected Apps: remove the app if it is still listed.",
		"In HubSpot under Settings → Properties → Contact properties: archive " + propertyName + " if you do not connect again.",
	}
}
