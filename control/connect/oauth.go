package connect

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"sourceloop/control"
	"sourceloop/schema"
)

// OAuth is a provider's side of OAuth 2 as golang.org/x/oauth2 speaks it. A
// Provider embeds it. It is safe for concurrent use.
type OAuth struct {
	// Title is how the provider writes itself: Intercom.
	Title string
	// Config holds the addresses, the credentials and the scopes.
	Config oauth2.Config
	// Options go into the address of the consent page.
	Options []oauth2.AuthCodeOption
	// PKCE is for providers that take a code challenge (RFC 7636).
	PKCE bool
	// Client asks for tokens.
	Client *http.Client
}

// AuthorizeURL is the consent page, which hands the state back.
func (o *OAuth) AuthorizeURL(state, verifier string) string {
	options := o.Options
	if o.PKCE {
		options = append(options[:len(options):len(options)], oauth2.S256ChallengeOption(verifier))
	}
	return o.Config.AuthCodeURL(state, options...)
}

// Exchange turns the code of a callback into a grant.
func (o *OAuth) Exchange(ctx context.Context, code, verifier string) (control.Grant, error) {
	var options []oauth2.AuthCodeOption
	if o.PKCE {
		options = append(options, oauth2.VerifierOption(verifier))
	}
	token, err := o.Config.Exchange(o.context(ctx), code, options...)
	if err != nil {
		return control.Grant{}, o.notExchanged(err)
	}
	return granted(token), nil
}

// Refresh replaces an access token that ends. Some providers give nothing to
// renew it with; then a person has to.
func (o *OAuth) Refresh(ctx context.Context, old control.Grant) (control.Grant, error) {
	if old.Refresh == "" {
		return control.Grant{}, schema.E("refresh the token of "+o.Title, schema.KindDenied, "The access that %s gave us has come to its end, and it gives none that renews itself. Connect again.", o.Title)
	}
	// A token without an access token is refreshed at once.
	token, err := o.Config.TokenSource(o.context(ctx), &oauth2.Token{RefreshToken: old.Refresh}).Token()
	if err != nil {
		return control.Grant{}, o.notRefreshed(err)
	}
	return granted(token), nil
}

func (o *OAuth) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, o.Client)
}

func granted(token *oauth2.Token) control.Grant {
	grant := control.Grant{Access: token.AccessToken, Refresh: token.RefreshToken}
	if !token.Expiry.IsZero() {
		grant.Expires = schema.MillisOf(token.Expiry)
	}
	return grant
}

// status is the status of a refusal, or 0 when the provider was not reached.
// The library's error quotes the answer; nothing of it but this goes on.
func status(err error) int {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return refused.Response.StatusCode
	}
	return 0
}

// final tells whether asking again would be answered in the same way.
func final(status int) bool {
	return status != 0 && status < http.StatusInternalServerError && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

func (o *OAuth) notExchanged(err error) error {
	op := "ask " + o.Title + " for a token"
	switch s := status(err); {
	case final(s):
		return schema.E(op, schema.KindDenied, "%s did not accept the consent (status %d): it was used, or it is older than a few minutes. Click Connect again; if it stays, the client id or secret is wrong.", o.Title, s)
	case s != 0:
		return schema.E(op, schema.KindUnavailable, "%s could not finish the consent just now (status %d), so nothing was connected. Click Connect again in a minute.", o.Title, s)
	}
	return schema.E(op, schema.KindUnavailable, "%s could not be reached to finish the consent, so nothing was connected. Click Connect again in a minute.", o.Title)
}

func (o *OAuth) notRefreshed(err error) error {
	op := "refresh the token of " + o.Title
	switch s := status(err); {
	case final(s):
		return schema.E(op, schema.KindDenied, "%s does not renew our token any more (status %d): the app was removed there, or the person who connected it left. Connect again.", o.Title, s)
	case s == http.StatusTooManyRequests:
		return schema.E(op, schema.KindLimited, "%s is busy with too many requests. It is tried again by itself.", o.Title)
	case s != 0:
		return schema.E(op, schema.KindUnavailable, "%s could not renew our token just now (status %d). It is tried again by itself.", o.Title, s)
	}
	return schema.E(op, schema.KindUnavailable, "%s could not be reached to renew our token. It is tried again by itself; if it stays, check that this server may reach %s.", o.Title, o.Title)
}

// verifierOf is the PKCE verifier of a consent. It is made of what the browser
// brings back and what only its own session knows, so that it need not be kept:
// who reads code and state on their way back lacks the session.
func verifierOf(state, browser string) string {
	sum := sha256.Sum256([]byte("sourceloop pkce verifier\x00" + state + "\x00" + browser))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// NewClient asks providers: a limit of ten seconds, and no redirects, since one
// would carry the token to another place.
func NewClient() *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
