package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"sourceloop/schema"
)

// deepest is how far HubSpot's search goes: what lies behind the first ten
// thousand is refused.
const deepest = 10_000

// Page reads one page of what an account at HubSpot has: first the threads,
// then, when it looks for changes, the contacts, since a visitor who gives an
// email changes no thread. Where HubSpot refuses conversations it goes on with
// the contacts.
func (r *HubSpot) Page(ctx context.Context, ask Ask) (*Page, error) {
	at, err := parsePosition(ask.Position)
	if err != nil {
		return nil, invalid("%v", err)
	}
	s := &survey{Ask: ask, inquiry: &inquiry{
		HubSpot: r, line: &line{api: r.api, connection: ask.Connection, bulk: true}, result: &Result{}, people: map[string]*person{},
		rec: &schema.WebhookRecord{
			Provider: hubspotProvider, App: ask.App, Workspace: ask.Workspace, Connection: ask.Connection, Received: int64(ask.Now),
		},
	}}
	var page *Page
	if at.Of == listConversations {
		page, err = s.threads(ctx, at)
	} else {
		page, err = s.contacts(ctx, at)
	}
	if errors.Is(err, errGone) {
		err = invalid("HubSpot does not know the list.")
	}
	return page, err
}

// survey is one page of HubSpot's while it is read. A page's questions, two a
// thread or contact, fit in what looks may ask in one window of HubSpot's: one
// that does not is begun anew.
type survey struct {
	Ask
	*inquiry
}

// threads come in the order of their ids, or from the one whose latest message
// is the oldest: one that moves meanwhile moves behind what is still to be read.
func (s *survey) threads(ctx context.Context, at position) (*Page, error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if !s.Everything {
		query.Set("sort", "latestMessageTimestamp")
		query.Set("latestMessageTimestampAfter", max(s.Since-1000, 0).Time().UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	if at.After != "" {
		query.Set("after", at.After)
	}
	var list threadList
	err := s.get(ctx, conversations+"/threads?"+query.Encode(), &list)
	if errors.Is(err, errRestricted) {
		at.Note = "HubSpot refuses conversations to us, so only contacts were looked through."
		return s.next(&Page{Note: at.Note}, at, ""), nil
	}
	if err != nil {
		return nil, err
	}
	page := &Page{Note: at.Note}
	for i := range list.Results {
		t := &list.Results[i]
		if t.ID == "" || !t.isChat() {
			continue
		}
		page.Found++
		if err := s.each(page, func(q *inquiry) error { return q.tellThread(ctx, t) }); err != nil {
			return nil, err
		}
	}
	return s.next(page, at, string(list.Paging.Next.After)), nil
}

// each asks about one of the page, by an inquiry of its own. One that cannot be
// read does not end the look.
func (s *survey) each(page *Page, tell func(*inquiry) error) error {
	q := *s.inquiry
	q.result = &Result{Outcome: Resolved}
	err := tell(&q)
	if errors.Is(err, errGone) || errors.Is(err, errRestricted) || schema.KindOf(err) == schema.KindInvalid {
		return nil
	}
	if err == nil && len(q.result.Evidence) > 0 {
		page.add(q.result)
	}
	return err
}

// contactSearch is the body of a search for contacts.
type contactSearch struct {
	Groups     []filterGroup `json:"filterGroups"`
	Sorts      []sorting     `json:"sorts"`
	Properties []string      `json:"properties"`
	Limit      int           `json:"limit"`
	After      string        `json:"after,omitempty"`
}

type filterGroup struct {
	Filters []propertyFilter `json:"filters"`
}

type propertyFilter struct {
	Property string `json:"propertyName"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

type sorting struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

// contacts come newest first: one that changes meanwhile is not read over, and
// the others are pushed towards what is still to be read.
func (s *survey) contacts(ctx context.Context, at position) (*Page, error) {
	const changed = "lastmodifieddate"
	found, err := s.search(ctx, contactSearch{
		Groups: []filterGroup{{[]propertyFilter{{changed, "GTE", strconv.FormatInt(int64(s.Since), 10)}}}},
		Sorts:  []sorting{{changed, "DESCENDING"}}, Properties: contactProperties(), Limit: pageSize, After: at.After,
	})
	if errors.Is(err, errRestricted) {
		return &Page{Note: "HubSpot refuses contacts to us."}, nil
	}
	if err != nil {
		return nil, err
	}
	page := &Page{Note: at.Note}
	for i := range found.Results {
		p := &found.Results[i]
		if p.ID == "" {
			continue
		}
		if err := s.each(page, func(q *inquiry) error { return q.tellPerson(ctx, p) }); err != nil {
			return nil, err
		}
	}
	after := string(found.Paging.Next.After)
	if n, err := strconv.Atoi(after); err == nil && n >= deepest {
		page.Note, after = fmt.Sprintf("More than %d contacts changed, and HubSpot does not show the others.", deepest), ""
	}
	return s.next(page, at, after), nil
}

// personList is the answer to a search for contacts.
type personList struct {
	Results []person `json:"results"`
	Paging  page     `json:"paging"`
}

// search asks by a POST that changes nothing.
func (s *survey) search(ctx context.Context, body contactSearch) (*personList, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("cannot encode a search: %w", err)
	}
	var found personList
	_, err = s.ask(ctx, http.MethodPost, "/crm/v3/objects/contacts/search", encoded, &found)
	return &found, err
}

// tellPerson ties a contact that was found to their threads. Messages are not
// asked for, which bounds the questions of a page: what was said is told by the
// look through the threads.
func (q *inquiry) tellPerson(ctx context.Context, p *person) error {
	at := p.UpdatedAt.moment(0)
	if at == 0 {
		return nil // Without a time it would be other evidence every hour.
	}
	q.found(&schema.Evidence{Claims: q.claims(p, "", hubspotContactEvidence(string(p.ID)), at)})
	threads, err := q.threadsOf(ctx, string(p.ID))
	if err != nil {
		return err
	}
	for i := range threads {
		t := &threads[i]
		began := t.CreatedAt.moment(0)
		if t.ID != "" && began > 0 && t.isChat() && t.Contact == p.ID {
			q.found(&schema.Evidence{Claims: q.threadClaims(t, p, began)})
		}
	}
	return nil
}
