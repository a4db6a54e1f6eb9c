package meta

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/schema"
)

// Name is the provider's word.
const Name = "meta"

// Config says where Meta is.
type Config struct {
	APIBase string       // without a slash at the end; default https://graph.facebook.com
	Version string       // of the Graph API: v26.0
	Client  *http.Client // default: connect.NewClient
}

// Provider speaks to Meta. It is safe for concurrent use.
type Provider struct {
	base   string // with the version
	client *http.Client
}

// New makes the provider. It needs no credentials.
func New(config Config) *Provider {
	if config.APIBase == "" {
		config.APIBase = "https://graph.facebook.com"
	}
	if config.Version == "" {
		config.Version = "v26.0"
	}
	if config.Client == nil {
		config.Client = connect.NewClient()
	}
	return &Provider{base: strings.TrimSuffix(config.APIBase, "/") + "/" + config.Version, client: config.Client}
}

// Name is "meta".
func (p *Provider) Name() string { return Name }

// Advertises: conversions go there, and nothing comes.
func (p *Provider) Advertises() {}

// Pasted: a person generates the token there and pastes it here.
func (p *Provider) Pasted() {}

// AuthorizeURL has nothing to lead to.
func (p *Provider) AuthorizeURL(string, string) string { return "" }

// Exchange has nothing to exchange.
func (p *Provider) Exchange(context.Context, string, string) (control.Grant, error) {
	return control.Grant{}, schema.E("connect Meta", schema.KindInvalid, "Meta is connected by an access token. Generate one in Meta's Events Manager and paste it on the card.")
}

// Refresh cannot renew a token of Meta's; one made in the Events Manager has no
// end.
func (p *Provider) Refresh(context.Context, control.Grant) (control.Grant, error) {
	return control.Grant{}, schema.E("renew Meta's token", schema.KindDenied, "The access token of Meta has ended. Generate another one in Meta's Events Manager and paste it on the card.")
}

// graphError is what is read of a refusal.
type graphError struct {
	Error struct {
		Code      int  `json:"code"`
		Transient bool `json:"is_transient"`
	} `json:"error"`
}

// Setup asks whose the token is.
func (p *Provider) Setup(ctx context.Context, token string) (control.Setup, error) {
	const op = "ask Meta whose the token is"
	request, err := connect.NewRequest(ctx, strings.TrimSpace(token), http.MethodGet, p.base+"/me?fields=id,name", nil)
	if err != nil {
		return control.Setup{}, schema.E(op, schema.KindInvalid, "The address of Meta's API is none. Whoever runs this server corrects SOURCELOOP_META_API_URL.")
	}
	reply, err := connect.Fetch(p.client, request, "Meta")
	if err != nil {
		e := schema.E(op, schema.KindUnavailable, "Meta could not be reached, so the token could not be tried. Try again; if it stays, check that this server may reach Meta.")
		e.Err = err
		return control.Setup{}, e
	}
	if reply.Status != http.StatusOK {
		return control.Setup{}, refused(op, reply.Status, reply.Body)
	}
	var me struct{ Name string }
	if err = json.Unmarshal(reply.Body, &me); err != nil {
		return control.Setup{}, schema.E(op, schema.KindUnavailable, "Something answered in Meta's place, so the token could not be tried. Try again; if it stays, check what stands between this server and Meta.")
	}
	name := "Meta"
	if me.Name != "" {
		name += ", as " + me.Name
	}
	return control.Setup{Sends: true, Name: name}, nil
}

// refused branches on codes: words are in the language of whoever made the
// token.
func refused(op string, status int, answer []byte) error {
	var e graphError
	_ = json.Unmarshal(answer, &e) // A refusal need not be JSON.
	switch code := e.Error.Code; {
	case code == 190 || code == 102 || status == http.StatusUnauthorized:
		return schema.E(op, schema.KindDenied, "Meta does not accept this access token: it is not whole, or it was ended. In Meta's Events Manager, open the dataset's settings, generate an access token under Conversions API, copy it whole, and paste it on the card.")
	case code == 2635:
		return schema.E(op, schema.KindInvalid, "The version of Meta's API that this server speaks has ended. Whoever runs this server sets SOURCELOOP_META_VERSION to one that lives.")
	case code == 4 || code == 17 || code == 32 || code == 613 || status == http.StatusTooManyRequests:
		return schema.E(op, schema.KindLimited, "Meta is busy with too many requests. Try again in a few minutes.")
	case code == 1 || code == 2 || e.Error.Transient || status >= http.StatusInternalServerError:
		return schema.E(op, schema.KindUnavailable, "Meta has trouble of its own just now (status %d, code %d). Try again in a minute.", status, code)
	case code == 10 || code >= 200 && code < 300:
		return schema.E(op, schema.KindInvalid, "The access token may not send conversions (code %d). In Meta's Business settings, give its system user access to the dataset, generate another token, and paste it on the card.", code)
	default:
		return schema.E(op, schema.KindInvalid, "Meta did not accept the access token (status %d, code %d). Generate another one in Meta's Events Manager and paste it on the card.", status, code)
	}
}

// Revoke cannot be done from here.
func (p *Provider) Revoke(context.Context, control.Grant) error {
	return schema.E("end the token at Meta", schema.KindInvalid, "Meta lets only you end the access token: remove it in Meta's Business settings under System users.")
}

// CleanUp is what stays at Meta.
func (p *Provider) CleanUp() []string {
	return []string{
		"In Meta's Business settings under Users → System users: remove the access token that was pasted here.",
		"In Meta's Events Manager: nothing else needs to be removed. Events that were sent stay.",
	}
}
