package connect

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

	"sourceloop/schema"
)

// maxAnswer bounds what is read of a provider's answer, in bytes.
const maxAnswer = 4 << 20

// Reply is a provider's answer, read whole.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// OK tells whether the provider did what it was asked.
func (r *Reply) OK() bool { return r.Status/100 == 2 }

// NewRequest makes a request to a provider's API, opened by a token; in is its
// JSON, or nil.
func NewRequest(ctx context.Context, token, method, address string, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("cannot encode a request: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("cannot make a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// NewForm makes a request that posts a form, as token endpoints want it.
func NewForm(ctx context.Context, address string, fields url.Values) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, fmt.Errorf("cannot make a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request, nil
}

// Fetch asks a provider. title is its name for people. The error says that no
// answer came; whatever the provider answered is a Reply.
func Fetch(client *http.Client, request *http.Request, title string) (*Reply, error) {
	if request.Header.Get("Accept") == "" {
		request.Header.Set("Accept", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %s: %w", title, err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("cannot read %s's answer: %w", title, err)
	}
	return &Reply{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// Decode reads an answer's JSON; nothing is read where out is nil. The error
// repeats nothing of the answer, which may hold what nobody should see.
func (r *Reply) Decode(out any, title string) error {
	if out == nil || json.Unmarshal(r.Body, out) == nil {
		return nil
	}
	return fmt.Errorf("cannot read %s's answer: it is not the JSON that was expected", title)
}

// Unreached is the error of a provider that gave no answer, which is err's.
func Unreached(op, title string, err error) *schema.Error {
	e := schema.E(op, schema.KindUnavailable, "%s could not be reached. It is tried again; if it stays, check that this server may reach %s.", title, title)
	e.Err = err
	return e
}

// Busy is the error of a provider that answers with 429.
func Busy(op, title string) *schema.Error {
	return schema.E(op, schema.KindLimited, "%s is busy with too many requests. It is tried again by itself.", title)
}

// Trouble is the error of a provider that answers with 5xx.
func Trouble(op, title string, status int) *schema.Error {
	return schema.E(op, schema.KindUnavailable, "%s has trouble of its own just now (status %d). It is tried again by itself.", title, status)
}
