package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sourceloop/schema"
)

const (
	// apiVersion is the one the shapes were written against.
	apiVersion = "2.16"
	// maxAnswer: a conversation shows 500 parts at most.
	maxAnswer = 16 << 20
	// maxHops is how far a chain of merged contacts is followed.
	maxHops = 3
	// revokedAfter is how long webhooks of a connection with a dead token wait;
	// connecting again wakes them.
	revokedAfter = 15 * time.Minute
)

var (
	errGone       = errors.New("the provider no longer has it")
	errRestricted = errors.New("the provider's plan refuses the question")
	// errDead is inside the ErrLater of a dead token.
	errDead = errors.New("the connection's token is dead")
)

// contact reads a contact, over merges to where it is now, and says which
// merges it went over. hint stands in where the plan refuses the question.
func (q *question) contact(ctx context.Context, id string, hint *contact, history bool) (*contact, []merge, error) {
	var merges []merge
	for range maxHops + 1 {
		path := "/contacts/" + url.PathEscape(id)
		if history {
			path += "?include_merge_history=true"
		}
		var c contact
		next, err := q.get(ctx, path, &c)
		switch {
		case errors.Is(err, errRestricted):
			return hint, merges, nil
		case errors.Is(err, errGone) && next != "" && next != id:
			merges = append(merges, merge{from: id, into: next})
			id = next
			continue
		case err != nil:
			return nil, nil, err
		case c.ID == "":
			return nil, nil, invalid("Intercom's answer about a contact has no id.")
		case string(c.ID) != id:
			merges = append(merges, merge{from: id, into: string(c.ID)})
		}
		return &c, merges, nil
	}
	return nil, nil, errGone
}

func (q *question) conversation(ctx context.Context, hint *conversation) (*conversation, error) {
	var c conversation
	_, err := q.get(ctx, "/conversations/"+url.PathEscape(string(hint.ID))+"?display_as=plaintext", &c)
	if errors.Is(err, errRestricted) {
		return hint, nil
	}
	if err == nil && c.ID == "" {
		err = invalid("Intercom's answer about a conversation has no id.")
	}
	return &c, err
}

// get asks one question. With errGone it returns the contact that the one asked
// for became part of, where Intercom says so.
func (q *question) get(ctx context.Context, path string, into any) (canonical string, err error) {
	return q.ask(ctx, http.MethodGet, path, nil, into)
}

func (q *question) ask(ctx context.Context, method, path string, in []byte, into any) (canonical string, err error) {
	if err = q.backOffs.check(q.rec.GetConnection(), q.bulk); err != nil {
		return "", err
	}
	if err = q.open(ctx); err != nil {
		return "", err
	}
	request, err := q.newRequest(ctx, method, path, in)
	if err != nil {
		return "", err
	}
	response, err := q.config.Client.Do(request)
	if err != nil {
		return "", q.unreachable(ctx)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if errors.Join(err, response.Body.Close()) != nil {
		return "", q.unreachable(ctx)
	}
	err = q.judge(ctx, response)
	if err == nil || errors.Is(err, errGone) || errors.Is(err, errRestricted) {
		q.backOffs.forget(q.rec.GetConnection()) // It answers.
		q.backOffs.pace(q.rec.GetConnection(), response.Header, q.config.Now())
	}
	if err != nil {
		return canonicalContact(response.Header), err
	}
	if err = json.Unmarshal(body, into); err != nil {
		return "", q.backOffs.later(q.rec.GetConnection(), 0, "the provider's answer is not the JSON that was expected")
	}
	return "", nil
}

// open takes the token once per webhook.
func (q *question) open(ctx context.Context) (err error) {
	if q.token != "" {
		return nil
	}
	q.base, q.token, err = q.config.Access.Access(ctx, q.rec.GetConnection())
	if err == nil || ctx.Err() != nil {
		return err
	}
	switch schema.KindOf(err) {
	case schema.KindInternal:
		return q.dead(ctx, "The token of this connection cannot be opened. Connect again.")
	case schema.KindDenied: // It was not renewed, and the card says so.
		return tokenDead()
	case schema.KindLimited:
		return q.backOffs.later(q.rec.GetConnection(), 0, "the provider does not renew the token now")
	}
	return err
}

// unreachable: our own end is no fault of the provider's.
func (q *question) unreachable(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return q.backOffs.later(q.rec.GetConnection(), 0, "the provider did not answer in time")
}

// judge turns a status into what it means for the webhook.
func (q *question) judge(ctx context.Context, response *http.Response) error {
	status := response.StatusCode
	switch {
	case status/100 == 2:
		return nil
	case status == http.StatusUnauthorized:
		return q.dead(ctx, "Intercom does not accept the token any more: the app was removed there, or the person who connected it left. Connect again.")
	case status == http.StatusForbidden:
		return errRestricted
	case status == http.StatusNotFound || status == http.StatusGone:
		return errGone
	case status == http.StatusTooManyRequests:
		return q.backOffs.later(q.rec.GetConnection(), q.pause(response.Header), "the provider asks for fewer requests")
	case status/100 == 4 && status != http.StatusRequestTimeout:
		return invalid("Intercom refused the question about it (status %d).", status)
	}
	return q.backOffs.later(q.rec.GetConnection(), 0, "the provider has trouble of its own (status "+strconv.Itoa(status)+")")
}

func tokenDead() error {
	return &ErrLater{After: revokedAfter, Reason: errDead.Error(), cause: errDead}
}

// dead says on the card that the token is of no use.
func (q *question) dead(ctx context.Context, words string) error {
	if err := q.config.Failed(ctx, q.rec.GetConnection(), words); err != nil {
		return err
	}
	return tokenDead()
}

// pause is how long Intercom asks to wait, by the end of its window.
func (q *question) pause(header http.Header) time.Duration {
	if seconds, err := strconv.ParseInt(header.Get("Retry-After"), 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if unix, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		return time.Unix(unix, 0).Sub(q.config.Now())
	}
	return 0
}

// canonicalContact reads </contacts/{id}>; rel="canonical" from the Link headers.
func canonicalContact(header http.Header) string {
	for _, line := range header.Values("Link") {
		for link := range strings.SplitSeq(line, ",") {
			target, parameters, _ := strings.Cut(strings.TrimSpace(link), ">")
			id, ok := strings.CutPrefix(target, "</contacts/")
			if ok && strings.Contains(parameters, `rel="canonical"`) && id != "" && !strings.ContainsAny(id, "/?#") {
				return id
			}
		}
	}
	return ""
}
