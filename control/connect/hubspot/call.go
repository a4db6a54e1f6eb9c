package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("cannot encode a request: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, p.base+path, body)
	if err != nil {
		return fmt.Errorf("cannot make a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return p.send(request, out)
}

// form posts a form with the app's credentials, as the token endpoints want it.
func (p *Provider) form(ctx context.Context, path string, fields url.Values, out any) error {
	fields.Set("client_id", p.Config.ClientID)
	fields.Set("client_secret", p.Config.ClientSecret)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+path, strings.NewReader(fields.Encode()))
	if err != nil {
		return fmt.Errorf("cannot make a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
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
		e := schema.E(op, schema.KindUnavailable, "HubSpot could not be reached. It is tried again; if it stays, check that this server may reach HubSpot.")
		e.Err = err
		return e
	}
	var e *schema.Error
	switch {
	case r.status == http.StatusUnauthorized:
		// A token that was good a moment ago: introspection says whether it is.
		e = schema.E(op, schema.KindUnavailable, "HubSpot does not accept our token just now (status 401). It is tried again by itself; if it stays, connect again.")
	case r.status == http.StatusForbidden:
		e = schema.E(op, schema.KindInvalid, "HubSpot refuses this to us (%s). The app needs the scopes for conversations, contacts and contact properties; connect again as somebody who may grant them. Some plans refuse it as well.", r.category)
	case r.status == http.StatusTooManyRequests:
		e = schema.E(op, schema.KindLimited, "HubSpot is busy with too many requests. It is tried again by itself.")
	case r.status >= http.StatusInternalServerError:
		e = schema.E(op, schema.KindUnavailable, "HubSpot has trouble of its own just now (status %d). It is tried again by itself.", r.status)
	default:
		e = schema.E(op, schema.KindInvalid, "HubSpot did not accept what we asked (status %d, %s). Connect again; if it stays, tell the operator.", r.status, r.category)
	}
	e.Err = r
	return e
}
