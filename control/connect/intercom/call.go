package intercom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"sourceloop/control/connect"
	"sourceloop/schema"
)

// apiVersion is the newest published one that the code was written against.
const apiVersion = "2.16"

// refusal is an answer that is no success. It holds nothing that was sent.
type refusal struct {
	status  int
	code    string
	message string
	after   time.Duration // how long Intercom asks to wait; 0 when it does not say
}

// RetryAfter is how long Intercom asks to wait.
func (r *refusal) RetryAfter() time.Duration { return r.after }

func (r *refusal) Error() string {
	return fmt.Sprintf("Intercom answered with status %d and code %q", r.status, r.code)
}

// api is the REST API of one host, opened by one token.
type api struct {
	client *http.Client
	base   string
	token  string
}

// call sends one request and reads a JSON answer into out, unless it is nil.
func (a *api) call(ctx context.Context, method, path string, in, out any) error {
	request, err := connect.NewRequest(ctx, a.token, method, a.base+path, in)
	if err != nil {
		return err
	}
	request.Header.Set("Intercom-Version", apiVersion)
	reply, err := connect.Fetch(a.client, request, "Intercom")
	if err != nil {
		return err
	}
	if !reply.OK() {
		return newRefusal(reply)
	}
	return reply.Decode(out, "Intercom")
}

func newRefusal(reply *connect.Reply) *refusal {
	var list struct {
		Errors []struct{ Code, Message string }
	}
	r := &refusal{status: reply.Status}
	if json.Unmarshal(reply.Body, &list) == nil && len(list.Errors) > 0 {
		r.code, r.message = list.Errors[0].Code, list.Errors[0].Message
	}
	// The end of the window that is full, in seconds since 1970.
	if unix, err := strconv.ParseInt(reply.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil && r.status == http.StatusTooManyRequests {
		r.after = max(time.Until(time.Unix(unix, 0)), 0)
	}
	return r
}

// unauthorized tells whether a host does not know the token.
func unauthorized(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusUnauthorized
}

// worded gives what went wrong with Intercom a kind and words.
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
		return connect.Unreached(op, "Intercom", err)
	}
	var e *schema.Error
	switch {
	case r.status == http.StatusUnauthorized:
		e = schema.E(op, schema.KindDenied, "Intercom does not accept the token any more: the app was removed there, or the person who connected it left. Connect again.")
	case r.status == http.StatusForbidden:
		e = schema.E(op, schema.KindInvalid, "Intercom refuses this to us (%s). In the Developer Hub, the app needs the permissions for people, conversations and data attributes; some plans refuse it as well.", r.code)
	case r.status == http.StatusTooManyRequests:
		e = connect.Busy(op, "Intercom")
	case r.status >= http.StatusInternalServerError:
		e = connect.Trouble(op, "Intercom", r.status)
	default:
		e = schema.E(op, schema.KindInvalid, "Intercom did not accept what we asked (status %d, %s: %s). Connect again; if it stays, tell the operator.", r.status, r.code, r.message)
	}
	e.Err = r
	return e
}
