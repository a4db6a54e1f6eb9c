package resolve

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sourceloop/schema"
)

// thread is a HubSpot conversation as far as it is needed.
type thread struct {
	ID        text  `json:"id"`
	CreatedAt stamp `json:"createdAt"`
	Latest    stamp `json:"latestMessageTimestamp"`
	Status    text  `json:"status"`
	Channel   text  `json:"originalChannelId"`
	Contact   text  `json:"associatedContactId"` // a visitor's until there is a contact
	Spam      bool  `json:"spam"`
}

// message is one of six types, which have little in common.
type message struct {
	Type      string `json:"type"`
	Direction string `json:"direction"`
	Text      text   `json:"text"`
	RichText  text   `json:"richText"`
	CreatedAt stamp  `json:"createdAt"`
}

// person is a HubSpot contact as far as it is needed. Properties are strings or
// null.
type person struct {
	ID         text            `json:"id"`
	UpdatedAt  stamp           `json:"updatedAt"`
	Properties map[string]text `json:"properties"`
}

// stamp is a time in RFC 3339 or Unix milliseconds. One without a fraction is a
// whole second.
type stamp string

// UnmarshalJSON takes a string or a number; anything else is no time.
func (s *stamp) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	*s = stamp(t)
	return nil
}

// moment is the time, or other when there is none that can be.
func (s stamp) moment(other schema.Millis) schema.Millis {
	if ms, err := strconv.ParseInt(string(s), 10, 64); err == nil && ms > 0 && ms <= latest*1000 {
		return schema.Millis(ms)
	}
	t, err := time.Parse(time.RFC3339, string(s))
	if err != nil || t.Unix() < 0 || t.Unix() > latest {
		return other
	}
	if !hasFraction(string(s)) {
		return schema.EndOfSecond(t.Unix())
	}
	return schema.MillisOf(t)
}

func hasFraction(text string) bool {
	for _, r := range text {
		if r == '.' || r == ',' {
			return true
		}
	}
	return false
}

const (
	conversations = "/conversations/v3/conversations"
	// maxPages bounds how far a thread is read for its first message, and a
	// contact's threads are listed.
	maxPages = 5
)

// contactProperties are those that say who somebody is.
func contactProperties() []string {
	return []string{"email", "phone", "firstname", "lastname", attributeName}
}

// person reads a contact once. nil is nobody: a visitor, or a contact that was
// deleted. One that was merged is answered with the one it became.
func (q *inquiry) person(ctx context.Context, id string) (*person, error) {
	if p, known := q.people[id]; known {
		return p, nil
	}
	var p person
	err := q.get(ctx, "/crm/v3/objects/contacts/"+url.PathEscape(id)+"?properties="+strings.Join(contactProperties(), ","), &p)
	switch {
	case errors.Is(err, errGone) || errors.Is(err, errRestricted):
		q.people[id] = nil
		return nil, nil
	case err != nil:
		return nil, err
	case p.ID == "":
		return nil, invalid("HubSpot's answer about a contact has no id.")
	}
	q.people[id], q.people[string(p.ID)] = &p, &p
	return &p, nil
}

func (q *inquiry) readThread(ctx context.Context, id string) (*thread, error) {
	var t thread
	err := q.get(ctx, conversations+"/threads/"+url.PathEscape(id), &t)
	if err == nil && t.ID == "" {
		err = invalid("HubSpot's answer about a conversation has no id.")
	}
	return &t, err
}

// page is where a list goes on.
type page struct {
	Next struct {
		After text `json:"after"`
	} `json:"next"`
}

type threadList struct {
	Results []thread `json:"results"`
	Paging  page     `json:"paging"`
}

// firstMessage is the first that somebody from outside wrote; nil when nobody
// did.
func (q *inquiry) firstMessage(ctx context.Context, thread string) (*message, error) {
	after := text("")
	for range maxPages {
		var list struct {
			Results []message `json:"results"`
			Paging  page      `json:"paging"`
		}
		path := conversations + "/threads/" + url.PathEscape(thread) + "/messages?limit=100&sort=createdAt"
		if after != "" {
			path += "&after=" + url.QueryEscape(string(after))
		}
		if err := q.get(ctx, path, &list); err != nil {
			return nil, err
		}
		for i := range list.Results {
			if m := &list.Results[i]; m.Type == typeMessage && m.Direction == incoming {
				return m, nil
			}
		}
		if after = list.Paging.Next.After; after == "" {
			break
		}
	}
	return nil, nil
}

// threadsOf lists a contact's threads. HubSpot wants a status with that
// question. Where it refuses it, the threads tell by themselves, later.
func (q *inquiry) threadsOf(ctx context.Context, contact string) (threads []thread, err error) {
	for _, status := range []string{"OPEN", "CLOSED"} {
		after := text("")
		for range maxPages {
			var list threadList
			path := conversations + "/threads?limit=100&threadStatus=" + status + "&associatedContactId=" + url.QueryEscape(contact)
			if after != "" {
				path += "&after=" + url.QueryEscape(string(after))
			}
			err = q.get(ctx, path, &list)
			if errors.Is(err, errGone) || errors.Is(err, errRestricted) || schema.KindOf(err) == schema.KindInvalid && err != nil {
				break
			}
			if err != nil {
				return nil, err
			}
			threads = append(threads, list.Results...)
			if after = list.Paging.Next.After; after == "" || len(list.Results) == 0 {
				break
			}
		}
	}
	return threads, nil
}

func (q *inquiry) get(ctx context.Context, path string, into any) error {
	_, err := q.ask(ctx, http.MethodGet, path, nil, into)
	return err
}

// unauthorized: by itself a 401 is no sign that the token is dead; HubSpot says
// so.
func (r *HubSpot) unauthorized(ctx context.Context, connection int64) error {
	dead, err := r.config.Doubt(ctx, connection)
	if err != nil {
		return err
	}
	if dead {
		return tokenDead()
	}
	return r.api.backOffs.later(connection, 0, "the provider does not accept the token now")
}

// interval is how long HubSpot asks to wait: by its word, else the length of its
// window; 0 when it does not say.
func interval(header http.Header) time.Duration {
	if seconds, err := strconv.ParseInt(header.Get("Retry-After"), 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if ms, err := strconv.ParseInt(header.Get("X-HubSpot-RateLimit-Interval-Milliseconds"), 10, 32); err == nil && ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return 0
}

// paceHubSpot is pace by HubSpot's words, which tell how long the window is and
// not when it ends.
func (b *backOffs) paceHubSpot(connection int64, header http.Header) {
	left, err := strconv.Atoi(header.Get("X-HubSpot-RateLimit-Remaining"))
	if err != nil {
		return
	}
	limit, err := strconv.Atoi(header.Get("X-HubSpot-RateLimit-Max"))
	if err != nil {
		limit = 0
	}
	if left > 0 && left*reserve > limit {
		return
	}
	until := b.now().Add(min(interval(header), longestPause))
	o := backOff{bulk: until}
	if left <= 0 {
		o.until = until
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.of[connection] = o
}
