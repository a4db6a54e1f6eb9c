package linkedin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/schema"
)

// Name is the provider's word.
const Name = "linkedin"

// accountPrefix is before the number of an ad account.
const accountPrefix = "urn:li:sponsoredAccount:"

// Config says where LinkedIn is and who we are there. Addresses are without a
// slash at the end.
type Config struct {
	ClientID     string
	ClientSecret string
	AuthorizeURL string       // default https://www.linkedin.com/oauth/v2/authorization
	TokenURL     string       // default https://www.linkedin.com/oauth/v2/accessToken
	RevokeURL    string       // default https://www.linkedin.com/oauth/v2/revoke
	APIBase      string       // default https://api.linkedin.com
	Version      string       // LinkedIn-Version, YYYYMM
	RedirectURL  string       // our callback, registered at LinkedIn
	Client       *http.Client // default: connect.NewClient
}

// Provider speaks to LinkedIn. It is safe for concurrent use.
type Provider struct {
	*connect.OAuth
	config Config
}

// New makes the provider. Without credentials it cannot be made.
func New(config Config) (*Provider, error) {
	if config.ClientID == "" || config.ClientSecret == "" {
		return nil, schema.E("set up LinkedIn", schema.KindInvalid, "LinkedIn's client id and client secret are missing, so nobody can connect. Copy both from the app in LinkedIn's developer portal.")
	}
	for _, given := range []struct {
		address *string
		usual   string
	}{
		{&config.AuthorizeURL, "https://www.linkedin.com/oauth/v2/authorization"}, {&config.TokenURL, "https://www.linkedin.com/oauth/v2/accessToken"},
		{&config.RevokeURL, "https://www.linkedin.com/oauth/v2/revoke"}, {&config.APIBase, "https://api.linkedin.com"},
	} {
		if *given.address == "" {
			*given.address = given.usual
		}
	}
	if config.Client == nil {
		config.Client = connect.NewClient()
	}
	config.APIBase = strings.TrimSuffix(config.APIBase, "/")
	return &Provider{config: config, OAuth: &connect.OAuth{Title: "LinkedIn", Client: config.Client, Config: oauth2.Config{
		ClientID: config.ClientID, ClientSecret: config.ClientSecret, RedirectURL: config.RedirectURL, Scopes: []string{"rw_conversions", "r_ads"},
		Endpoint: oauth2.Endpoint{AuthURL: config.AuthorizeURL, TokenURL: config.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}}}, nil
}

// Name is "linkedin".
func (p *Provider) Name() string { return Name }

// Advertises: conversions go there, and nothing comes.
func (p *Provider) Advertises() {}

// Setup asks on which ad accounts the person has a role.
func (p *Provider) Setup(ctx context.Context, token string) (control.Setup, error) {
	const op = "ask LinkedIn for the ad accounts"
	var roles struct {
		Elements []struct {
			Account string `json:"account"`
		} `json:"elements"`
	}
	if err := p.get(ctx, token, "/rest/adAccountUsers?q=authenticatedUser", &roles); err != nil {
		return control.Setup{}, worded(op, err)
	}
	var accounts []string
	for _, r := range roles.Elements {
		if number := strings.TrimPrefix(r.Account, accountPrefix); isNumber(number) && !slices.Contains(accounts, number) {
			accounts = append(accounts, number)
		}
	}
	if len(accounts) == 0 {
		return control.Setup{}, schema.E(op, schema.KindInvalid, "This LinkedIn member has no role on any ad account, so no conversion can be sent. Get a role in the Campaign Manager under Account settings → Manage access, then click Connect again.")
	}
	slices.Sort(accounts)
	name := "LinkedIn ad account " + accounts[0]
	if len(accounts) > 1 {
		name = fmt.Sprintf("LinkedIn, %d ad accounts", len(accounts))
	}
	return control.Setup{Sends: true, Name: name, Details: map[string]string{"accounts": strings.Join(accounts, ",")}}, nil
}

// Targets lists the conversion rules of an ad account that take conversions by
// this API. LinkedIn counts what goes to those that are switched on.
func (p *Provider) Targets(ctx context.Context, token, account string) ([]control.AdTarget, error) {
	const op = "list LinkedIn's conversion rules"
	number := strings.TrimPrefix(strings.TrimSpace(account), accountPrefix)
	if !isNumber(number) {
		return nil, schema.E(op, schema.KindInvalid, "An ad account of LinkedIn is a number, such as 512345678. Copy it from the Campaign Manager.")
	}
	var rules struct {
		Elements []struct {
			ID      json.Number `json:"id"`
			Name    string      `json:"name"`
			Enabled bool        `json:"enabled"`
			Method  string      `json:"conversionMethod"`
		} `json:"elements"`
	}
	query := url.Values{"q": {"account"}, "account": {accountPrefix + number}, "count": {"500"}}
	if err := p.get(ctx, token, "/rest/conversions?"+query.Encode(), &rules); err != nil {
		return nil, worded(op, err)
	}
	targets := []control.AdTarget{}
	for _, r := range rules.Elements {
		if r.Method == "CONVERSIONS_API" && isNumber(r.ID.String()) {
			targets = append(targets, control.AdTarget{ID: r.ID.String(), Name: r.Name, Active: r.Enabled})
		}
	}
	return targets, nil
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// Revoke ends our access. What is over already is no failure.
func (p *Provider) Revoke(ctx context.Context, grant control.Grant) error {
	const op = "end our access at LinkedIn"
	form := url.Values{"client_id": {p.config.ClientID}, "client_secret": {p.config.ClientSecret}, "token": {grant.Access}}
	request, err := connect.NewForm(ctx, p.config.RevokeURL, form)
	if err != nil {
		return schema.E(op, schema.KindInvalid, "The address at which LinkedIn ends access is none.")
	}
	err = p.send(request, nil)
	var refused *refusal
	if errors.As(err, &refused) && (refused.status == http.StatusBadRequest || refused.status == http.StatusUnauthorized) {
		return nil
	}
	return worded(op, err)
}

// CleanUp is what stays at LinkedIn.
func (p *Provider) CleanUp() []string {
	return []string{
		"In LinkedIn under Settings → Data privacy → Permitted services: remove the app if it is still listed.",
		"In the Campaign Manager under Analyze → Conversion tracking: switch off the rules made for SourceLoop. Conversions that were sent stay.",
	}
}

// refusal is an answer other than 2xx. Its message may quote what was sent and
// does not go on.
type refusal struct {
	status int
	code   string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("LinkedIn answered with status %d and code %q", r.status, r.code)
}

func (p *Provider) get(ctx context.Context, token, path string, out any) error {
	request, err := connect.NewRequest(ctx, token, http.MethodGet, p.config.APIBase+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("LinkedIn-Version", p.config.Version)
	request.Header.Set("X-Restli-Protocol-Version", "2.0.0")
	return p.send(request, out)
}

func (p *Provider) send(request *http.Request, out any) error {
	reply, err := connect.Fetch(p.config.Client, request, "LinkedIn")
	if err != nil {
		return err
	}
	if !reply.OK() {
		var said struct{ Code string }
		_ = json.Unmarshal(reply.Body, &said) // A refusal need not be JSON.
		if strings.Trim(said.Code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
			said.Code = ""
		}
		return &refusal{status: reply.Status, code: said.Code}
	}
	return reply.Decode(out, "LinkedIn")
}

// worded gives what went wrong with LinkedIn a kind and words.
func worded(op string, err error) error {
	if err == nil {
		return nil
	}
	var r *refusal
	var e *schema.Error
	switch {
	case !errors.As(err, &r):
		e = connect.Unreached(op, "LinkedIn", err)
	case r.status == http.StatusUnauthorized:
		e = schema.E(op, schema.KindDenied, "LinkedIn does not accept our access any more: it ended, or was removed in the LinkedIn account. Connect LinkedIn again.")
	case r.status == http.StatusForbidden:
		e = schema.E(op, schema.KindInvalid, "LinkedIn does not show this to the person who connected it. That person needs a role on the ad account, and the app the Conversions API product; then connect again.")
	case r.status == http.StatusUpgradeRequired || r.code == "VERSION_MISSING":
		e = schema.E(op, schema.KindInvalid, "The version of LinkedIn's API that this server speaks has ended. Whoever runs this server sets SOURCELOOP_LINKEDIN_VERSION to one that lives, such as the month before last.")
	case r.status == http.StatusTooManyRequests:
		e = connect.Busy(op, "LinkedIn")
	case r.status >= http.StatusInternalServerError:
		e = connect.Trouble(op, "LinkedIn", r.status)
	default:
		e = schema.E(op, schema.KindInvalid, "LinkedIn did not accept what we asked (status %d, %s). Connect again; if it stays, tell the operator.", r.status, r.code)
	}
	e.Err = err
	return e
}
