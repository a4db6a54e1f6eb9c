package google

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/schema"
)

// Name is the provider's word.
const Name = "google"

// scope is the permission to send conversions.
const scope = "https://www.googleapis.com/auth/datamanager"

// Config says where Google is and who we are there. Addresses are without a
// slash at the end.
type Config struct {
	ClientID     string
	ClientSecret string
	AuthorizeURL string       // default https://accounts.google.com/o/oauth2/auth
	TokenURL     string       // default https://oauth2.googleapis.com/token
	RevokeURL    string       // default https://oauth2.googleapis.com/revoke
	APIBase      string       // default https://datamanager.googleapis.com
	RedirectURL  string       // our callback, registered at Google
	Client       *http.Client // default: connect.NewClient
}

// Provider speaks to Google. It is safe for concurrent use.
type Provider struct {
	*connect.OAuth
	base, revoke string
	client       *http.Client
}

// New makes the provider. Without credentials it cannot be made.
func New(config Config) (*Provider, error) {
	if config.ClientID == "" || config.ClientSecret == "" {
		return nil, schema.E("set up Google Ads", schema.KindInvalid, "Google's client id and client secret are missing, so nobody can connect. Copy both from the OAuth client in the Google Cloud project.")
	}
	for _, given := range []struct {
		address *string
		usual   string
	}{
		{&config.AuthorizeURL, "https://accounts.google.com/o/oauth2/auth"}, {&config.TokenURL, "https://oauth2.googleapis.com/token"},
		{&config.RevokeURL, "https://oauth2.googleapis.com/revoke"}, {&config.APIBase, "https://datamanager.googleapis.com"},
	} {
		if *given.address == "" {
			*given.address = given.usual
		}
	}
	if config.Client == nil {
		config.Client = connect.NewClient()
	}
	return &Provider{
		base: strings.TrimSuffix(config.APIBase, "/"), revoke: config.RevokeURL, client: config.Client,
		OAuth: &connect.OAuth{
			Title: "Google", Client: config.Client, PKCE: true,
			// A refresh token comes only with offline, and the second time only with
			// a consent that is asked for anew.
			Options: []oauth2.AuthCodeOption{oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent")},
			Config: oauth2.Config{
				ClientID: config.ClientID, ClientSecret: config.ClientSecret, RedirectURL: config.RedirectURL, Scopes: []string{scope},
				Endpoint: oauth2.Endpoint{AuthURL: config.AuthorizeURL, TokenURL: config.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
			},
		},
	}, nil
}

// Name is "google".
func (p *Provider) Name() string { return Name }

// Advertises: conversions go there, and nothing comes.
func (p *Provider) Advertises() {}

// Exchange turns the code of a callback into a grant, which must have what
// renews it.
func (p *Provider) Exchange(ctx context.Context, code, verifier string) (control.Grant, error) {
	grant, err := p.OAuth.Exchange(ctx, code, verifier)
	if err == nil && grant.Refresh == "" {
		return control.Grant{}, schema.E("ask Google for a token", schema.KindDenied, "Google gave access for an hour only, so nothing was connected. Remove SourceLoop in your Google account under Security → Third-party access, then click Connect again.")
	}
	return grant, err
}

// nobodys is a request id that Google never gave.
const nobodys = "sourceloop-asks-whether-it-may"

// Setup finds out whether the token may send conversions. Whose it is, Google
// does not say.
func (p *Provider) Setup(ctx context.Context, token string) (control.Setup, error) {
	const op = "ask Google what the token may"
	request, err := connect.NewRequest(ctx, token, http.MethodGet, p.base+"/v1/requestStatus:retrieve?"+url.Values{"requestId": {nobodys}}.Encode(), nil)
	if err != nil {
		return control.Setup{}, schema.E(op, schema.KindInvalid, "The address of Google's API is none. Whoever runs this server corrects SOURCELOOP_GOOGLE_API_URL.")
	}
	status, reason, err := p.send(request)
	if err != nil {
		return control.Setup{}, connect.Unreached(op, "Google", err)
	}
	if err = allowed(op, status, reason); err != nil {
		return control.Setup{}, err
	}
	return control.Setup{Sends: true, Name: "Google Ads"}, nil
}

// allowed reads an answer to a question about nothing: that there is nothing, or
// that the question was bad, is as good as yes.
func allowed(op string, status int, reason string) error {
	switch {
	case status/100 == 2, status == http.StatusNotFound, status == http.StatusBadRequest:
		return nil
	case status == http.StatusUnauthorized:
		return schema.E(op, schema.KindDenied, "Google does not accept our access any more: it was removed in the Google account, or the password was changed. Connect Google Ads again.")
	case status == http.StatusForbidden && reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		return schema.E(op, schema.KindInvalid, "The box that lets SourceLoop send conversions was not ticked on Google's page. Click Connect again and leave it ticked.")
	case status == http.StatusForbidden:
		return schema.E(op, schema.KindInvalid, "Google does not let this server's app use the Data Manager API (%s). Whoever runs this server switches that API on in the app's Google Cloud project; connect again then.", reason)
	case status == http.StatusTooManyRequests:
		return connect.Busy(op, "Google")
	default:
		return connect.Trouble(op, "Google", status)
	}
}

// send asks, and gives status and reason of the answer. Nothing else of it goes
// on, for it may quote what was sent.
func (p *Provider) send(request *http.Request) (status int, reason string, err error) {
	reply, err := connect.Fetch(p.client, request, "Google")
	if err != nil {
		return 0, "", err
	}
	var said struct {
		Error struct {
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
		} `json:"error"`
	}
	if json.Unmarshal(reply.Body, &said) == nil {
		for _, d := range said.Error.Details {
			reason += d.Reason
		}
	}
	if strings.Trim(reason, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		reason = ""
	}
	return reply.Status, reason, nil
}

// Revoke ends what the person granted. What is over already is no failure.
func (p *Provider) Revoke(ctx context.Context, grant control.Grant) error {
	const op = "end our access at Google"
	token := grant.Refresh
	if token == "" {
		token = grant.Access
	}
	request, err := connect.NewForm(ctx, p.revoke, url.Values{"token": {token}})
	if err != nil {
		return schema.E(op, schema.KindInvalid, "The address at which Google ends access is none.")
	}
	status, _, err := p.send(request)
	switch {
	case err != nil:
		return schema.E(op, schema.KindUnavailable, "Google could not be reached to end our access.")
	case status/100 == 2 || status == http.StatusBadRequest: // Expired or revoked already.
		return nil
	default:
		return schema.E(op, schema.KindUnavailable, "Google did not end our access (status %d).", status)
	}
}

// CleanUp is what stays at Google.
func (p *Provider) CleanUp() []string {
	return []string{
		"In your Google account under Security → Third-party access: remove the app if it is still listed.",
		"In Google Ads under Goals → Conversions: remove the conversion actions made for SourceLoop if nothing else sends to them. Conversions that were sent stay.",
	}
}
