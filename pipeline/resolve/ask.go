package resolve

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// apiVersion is the one the shapes were written against.
	apiVersion = "2.16"
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
	header, err := q.ask(ctx, http.MethodGet, path, nil, into)
	if errors.Is(err, errGone) {
		canonical = canonicalContact(header)
	}
	return canonical, err
}

// unauthorized: Intercom says so of dead tokens only.
func (r *Intercom) unauthorized(ctx context.Context, connection int64) error {
	return r.api.dead(ctx, connection, "Intercom does not accept the token any more: the app was removed there, or the person who connected it left. Connect again.")
}

func tokenDead() error {
	return &ErrLater{After: revokedAfter, Reason: errDead.Error(), cause: errDead}
}

// pause is how long Intercom asks to wait, by the end of its window.
func (r *Intercom) pause(header http.Header) time.Duration {
	if seconds, err := strconv.ParseInt(header.Get("Retry-After"), 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if unix, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		return time.Unix(unix, 0).Sub(r.config.Now())
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
