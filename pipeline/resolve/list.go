package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sourceloop/schema"
)

// pageSize is how many conversations or contacts are asked for at once. Each
// conversation takes two more questions.
const pageSize = 20

// What a look goes through, in this order.
const (
	listConversations = "conversations"
	listContacts      = "contacts"
)

// position is where a look stands.
type position struct {
	Of    string `json:"of"`
	After string `json:"after,omitempty"` // the provider's cursor
	Note  string `json:"note,omitempty"`  // of the pages before
	Pages int    `json:"pages,omitempty"` // read of this kind
	Seen  string `json:"seen,omitempty"`  // the cursor that came when Pages was a power of two
}

// further is the position of the page at a provider's next cursor, and false
// when there was that page already. Of all cursors one is remembered, twice as
// long each time: so one that leads in a circle, however long, is found out.
func (p position) further(after string) (next position, on bool) {
	if after == p.After || after == p.Seen {
		return p, false
	}
	p.After = after
	if p.Pages++; p.Pages&(p.Pages-1) == 0 {
		p.Seen = after
	}
	return p, true
}

func parsePosition(text string) (position, error) {
	p := position{Of: listConversations}
	if text == "" {
		return p, nil
	}
	err := json.Unmarshal([]byte(text), &p)
	if err == nil && p.Of != listConversations && p.Of != listContacts {
		err = errors.New("it names neither conversations nor contacts")
	}
	if err != nil {
		return p, fmt.Errorf("cannot read the position of a look: %w", err)
	}
	return p, nil
}

func (p position) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		return "" // Three strings always encode.
	}
	return string(text)
}

// search is the body of a search.
type search struct {
	Query      filter    `json:"query"`
	Pagination paging    `json:"pagination"`
	Sort       *ordering `json:"sort,omitempty"`
}

type filter struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    int64  `json:"value"`
}

type paging struct {
	PerPage       int    `json:"per_page"`
	StartingAfter string `json:"starting_after,omitempty"`
}

type ordering struct {
	Field string `json:"field"`
	Order string `json:"order"`
}

// listing is the answer to a search.
type listing struct {
	Conversations []*conversation `json:"conversations"`
	Contacts      []*contact      `json:"data"`
	TotalCount    int64           `json:"total_count"`
	Pages         struct {
		Next struct {
			StartingAfter string `json:"starting_after"`
		} `json:"next"`
	} `json:"pages"`
}

// Page reads one page of what a workspace at Intercom has: first the
// conversations, then, when it looks for changes, the contacts. Where the plan
// refuses conversations it goes on with the contacts.
func (r *Intercom) Page(ctx context.Context, ask Ask) (*Page, error) {
	at, err := parsePosition(ask.Position)
	if err != nil {
		return nil, invalid("%v", err)
	}
	l := &look{Ask: ask, question: &question{
		Intercom: r, line: &line{api: r.api, connection: ask.Connection, bulk: true}, at: ask.Now, result: &Result{}, envelope: &envelope{AppID: ask.App},
		rec: &schema.WebhookRecord{Provider: provider, App: ask.App, Workspace: ask.Workspace, Connection: ask.Connection, Received: int64(ask.Now)},
	}}
	var page *Page
	if at.Of == listConversations {
		page, err = l.conversations(ctx, at)
	} else {
		page, err = l.contacts(ctx, at)
	}
	if errors.Is(err, errGone) {
		err = invalid("Intercom does not know the search.")
	}
	return page, err
}

// look is one page while it is read.
type look struct {
	Ask
	*question
}

func (l *look) conversations(ctx context.Context, at position) (*Page, error) {
	found, err := l.search(ctx, "/conversations/search", search{
		Query: filter{"updated_at", ">", max(l.Since.Time().Unix()-1, 0)}, Pagination: paging{pageSize, at.After},
	})
	if errors.Is(err, errRestricted) {
		at.Note = "Intercom's plan refuses conversations to us, so only contacts were looked through."
		return l.next(&Page{Note: at.Note}, at, ""), nil
	}
	if err != nil {
		return nil, err
	}
	page := &Page{Found: int64(len(found.Conversations)), Total: found.TotalCount, Note: at.Note}
	for _, chat := range found.Conversations {
		result, err := l.each(func(q *question) error { return q.tellConversation(ctx, chat) })
		if err != nil {
			return nil, err
		}
		page.add(result)
	}
	return l.next(page, at, found.Pages.Next.StartingAfter), nil
}

// contacts come newest first, so that the first one from before ends the look.
// Searches compare times by whole days of the workspace, wherever that is.
func (l *look) contacts(ctx context.Context, at position) (*Page, error) {
	day := l.Since.Add(-48 * time.Hour).Time().Unix()
	found, err := l.search(ctx, "/contacts/search", search{
		Query: filter{"updated_at", ">", day}, Pagination: paging{pageSize, at.After}, Sort: &ordering{"updated_at", "descending"},
	})
	if errors.Is(err, errRestricted) {
		return &Page{Note: "Intercom's plan refuses contacts to us."}, nil
	}
	if err != nil {
		return nil, err
	}
	page := &Page{Note: at.Note}
	for _, who := range found.Contacts {
		if who.ID == "" {
			continue
		}
		changed := who.UpdatedAt.moment(l.Now)
		if changed < l.Since {
			return page, nil
		}
		result, err := l.each(func(q *question) error {
			q.at = changed
			return q.tellContact(ctx, who, true)
		})
		if err != nil {
			return nil, err
		}
		page.add(result)
	}
	return l.next(page, at, found.Pages.Next.StartingAfter), nil
}

// each asks about one of the page, by a question of its own.
func (l *look) each(tell func(*question) error) (*Result, error) {
	q := *l.question
	q.result = &Result{}
	err := tell(&q)
	if errors.Is(err, errGone) || schema.KindOf(err) == schema.KindInvalid {
		q.end(Gone) // One that cannot be read does not end the look.
		return q.result, nil
	}
	return q.result, err
}

// circled says on the card that a look was led in a circle.
const circled = "Asked for the next page, the provider gave one from before again, so what lies behind it was not looked through."

// next gives the page its successor: the next of its kind, else the first of
// the next kind. A backfill is about conversations only. Where the provider
// leads back to a page from before, the kind is over: it would never end.
func (a Ask) next(page *Page, at position, after string) *Page {
	if after != "" {
		if further, on := at.further(after); on {
			page.Next = further.String()
			return page
		}
		if !strings.Contains(at.Note, circled) {
			at.Note = strings.TrimSpace(at.Note + " " + circled)
		}
		page.Note = at.Note
	}
	if at.Of == listConversations && !a.Everything {
		page.Next = position{Of: listContacts, Note: at.Note}.String()
	}
	return page
}

func (p *Page) add(r *Result) {
	if r.Outcome == Resolved {
		p.Results = append(p.Results, r)
	}
}

// search asks by a POST that changes nothing.
func (l *look) search(ctx context.Context, path string, body search) (*listing, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("cannot encode a search: %w", err)
	}
	var found listing
	_, err = l.ask(ctx, http.MethodPost, path, encoded, &found)
	return &found, err
}
