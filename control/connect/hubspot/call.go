package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"sourceloop/control/connect"
	"sourceloop/schema"
)

// number is an id that is a number in some answers and a string in others.
type number string

// UnmarshalJSON takes the digits; anything else is no id.
func (n *number) UnmarshalJSON(b []byte) error {
	*n = number(strings.Trim(string(b), `"`))
	if strings.Trim(string(*n), "0123456789") != "" {
		*n = ""
	}
	return nil
}

// refusal is an answer other than 2xx. Its message is HubSpot's and may quote
// what was sent.
type refusal struct {
	status   int
	category string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("HubSpot answered with status %d and category %q", r.status, r.category)
}

// call sends one request and reads a JSON answer into out, unless it is nil.
func (p *Provider) call(ctx context.Context, token, method, path string, in, out any) error {
	request, err := connect.NewRequest(ctx, token, method, p.base+path, in)
	if err != nil {
		return err
	}
	return p.send(request, out)
}

// form posts a form with the app's credentials, as the token endpoints want it.
func (p *Provider) form(ctx context.Context, path string, fields url.Values, out any) error {
	fields.Set("client_id", p.Config.ClientID)
	fields.Set("client_secret", p.Config.ClientSecret)
	request, err := connect.NewForm(ctx, p.base+path, fields)
	if err != nil {
		return err
	}
	return p.send(request, out)
}

func (p *Provider) send(request *http.Request, out any) error {
	reply, err := connect.Fetch(p.client, request, "HubSpot")
	if err != nil {
		return err
	}
	if !reply.OK() {
		var said struct{ Category string }
		_ = json.Unmarshal(reply.Body, &said) // A refusal need not be JSON.
		return &refusal{status: reply.Status, category: said.Category}
	}
	return reply.Decode(out, "HubSpot")
}

// worded gives what went wrong with HubSpot a kind and words.
func worded(op string, err error) error {
	if err == nil {
		return nil
	}
	var known *schema.Error
	if errors.As(err, &known) {
		return err
	}
	var r *refusal
	if !errors.As(err, &r) {
		return connect.Unreached(op, "HubSpot", err)
	}
	var e *schema.Error
	switch {
	case r.status == http.StatusUnauthorized:
		// A token that was good a moment ago: introspection says whether it is.
		e = schema.E(op, schema.KindUnavailable, "HubSpot does not accept our token just now (status 401). It is tried again by itself; if it stays, connect again.")
	case r.status == http.StatusForbidden:
		e = schema.E(op, schema.KindInvalid, "HubSpot refuses this to us (%s). The app needs the scopes for conversations, contacts and contact properties; connect again as somebody who may grant them. Some plans refuse it as well.", r.category)
	case r.status == http.StatusTooManyRequests:
		e = connect.Busy(op, "HubSpot")
	case r.status >= http.StatusInternalServerError:
		e = connect.Trouble(op, "HubSpot", r.status)
	default:
		e = schema.E(op, schema.KindInvalid, "HubSpot did not accept what we asked (status %d, %s). Connect again; if it stays, tell the operator.", r.status, r.category)
	}
	e.Err = r
	return e
}
