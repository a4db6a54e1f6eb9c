package resolve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"sourceloop/schema"
)

// maxAnswer: a conversation of Intercom's shows 500 parts at most.
const maxAnswer = 16 << 20

// api is a provider's API as far as providers are alike, and where they differ.
type api struct {
	title    string // how the provider writes itself
	access   Access
	failed   func(ctx context.Context, connection int64, words string) error
	client   *http.Client
	backOffs *backOffs
	header   http.Header // of every request, beside what all have
	// unauthorized says what an answer of 401 means.
	unauthorized func(ctx context.Context, connection int64) error
	// asked is how long an answer asks to wait; 0 when it does not say.
	asked func(header http.Header) time.Duration
	// pace rests by what an answer says of the provider's window.
	pace func(connection int64, header http.Header)
}

// newClient asks providers unless another one is given: a limit of five seconds,
// and no redirects, since one would carry the token to another place.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dead says on the card that the token is of no use.
func (a *api) dead(ctx context.Context, connection int64, words string) error {
	if err := a.failed(ctx, connection, words); err != nil {
		return err
	}
	return tokenDead()
}

// line asks for one delivery, or for one page of a look.
type line struct {
	*api
	connection  int64
	bulk        bool // part of a look, which leaves room for webhooks
	base, token string
}

// ask asks one question; in is JSON, or nil. The header is that of an answer
// that came, also of a refusal.
func (l *line) ask(ctx context.Context, method, path string, in []byte, into any) (http.Header, error) {
	if err := l.backOffs.check(l.connection, l.bulk); err != nil {
		return nil, err
	}
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	request, err := l.newRequest(ctx, method, path, in)
	if err != nil {
		return nil, err
	}
	response, err := l.client.Do(request)
	if err != nil {
		return nil, l.unreachable(ctx)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if errors.Join(err, response.Body.Close()) != nil {
		return nil, l.unreachable(ctx)
	}
	err = l.judge(ctx, response)
	if err == nil || errors.Is(err, errGone) || errors.Is(err, errRestricted) {
		l.backOffs.forget(l.connection) // It answers.
		l.pace(l.connection, response.Header)
	}
	if err == nil && json.Unmarshal(body, into) != nil {
		err = l.backOffs.later(l.connection, 0, "the provider's answer is not the JSON that was expected")
	}
	return response.Header, err
}

// open takes the token once.
func (l *line) open(ctx context.Context) (err error) {
	if l.token != "" {
		return nil
	}
	l.base, l.token, err = l.access.Access(ctx, l.connection)
	if err == nil || ctx.Err() != nil {
		return err
	}
	switch schema.KindOf(err) {
	case schema.KindInternal:
		return l.dead(ctx, l.connection, "The token of this connection cannot be opened. Connect again.")
	case schema.KindDenied: // It was not renewed, and the card says so.
		return tokenDead()
	case schema.KindLimited:
		return l.backOffs.later(l.connection, 0, "the provider does not renew the token now")
	}
	return err
}

func (l *line) newRequest(ctx context.Context, method, path string, in []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, l.base+path, bytes.NewReader(in))
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, l.header)
	request.Header.Set("Authorization", "Bearer "+l.token)
	request.Header.Set("Accept", "application/json")
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// unreachable: our own end is no fault of the provider's.
func (l *line) unreachable(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return l.backOffs.later(l.connection, 0, "the provider did not answer in time")
}

// judge turns a status into what it means for what is resolved.
func (l *line) judge(ctx context.Context, response *http.Response) error {
	status := response.StatusCode
	switch {
	case status/100 == 2:
		return nil
	case status == http.StatusUnauthorized:
		return l.unauthorized(ctx, l.connection)
	case status == http.StatusForbidden:
		return errRestricted
	case status == http.StatusNotFound || status == http.StatusGone:
		return errGone
	case status == http.StatusTooManyRequests:
		return l.backOffs.later(l.connection, l.asked(response.Header), "the provider asks for fewer requests")
	case status/100 == 4 && status != http.StatusRequestTimeout:
		return invalid("%s refused the question about it (status %d).", l.title, status)
	}
	return l.backOffs.later(l.connection, 0, "the provider has trouble of its own (status "+strconv.Itoa(status)+")")
}
