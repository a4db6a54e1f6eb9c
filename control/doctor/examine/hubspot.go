package examine

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sourceloop/control"
	"sourceloop/control/doctor"
	"sourceloop/schema"
)

const (
	// hubspotLive is HubSpot's number of the channel that its chat widget writes to.
	hubspotLive = "1000"
	// hubspotPage is how many threads HubSpot lists at once, and hubspotPages how
	// often it is asked to go on.
	hubspotPage  = "500"
	hubspotPages = 4
)

// HubSpot asks HubSpot's API. All of it reads. A token is looked at by
// introspection, since HubSpot says that a 401 does not mean that one is dead.
type HubSpot struct {
	Base                   string   // the API's address, without a slash at the end
	ClientID, ClientSecret string   // of our app, which introspection wants
	Scopes                 []string // that the app asks for
	Client                 *http.Client
	Now                    func() time.Time
}

// Ask learns whose account it is, what the property is like, and which chats are
// the newest.
func (h *HubSpot) Ask(ctx context.Context, _ control.Connection, token string) doctor.Vendor {
	v := doctor.Vendor{At: schema.MillisOf(h.Now())}
	h.introspect(ctx, token, &v)
	if v.Identity != doctor.Told {
		return v
	}
	v.Attributes, v.Attribute = h.property(ctx, token)
	v.Conversations, v.Chats = h.chats(ctx, token)
	return v
}

func (h *HubSpot) introspect(ctx context.Context, token string, v *doctor.Vendor) {
	form := url.Values{
		"client_id": {h.ClientID}, "client_secret": {h.ClientSecret}, "token": {token}, "token_type_hint": {"access_token"},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.Base+"/oauth/2026-03/token/introspect", strings.NewReader(form.Encode()))
	if err != nil {
		v.Identity = doctor.Unreachable
		return
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var told struct {
		Active bool            `json:"active"`
		HubID  json.RawMessage `json:"hub_id"`
		Domain string          `json:"hub_domain"`
		Scopes []string        `json:"scopes"`
	}
	asked := h.Now()
	answer, status, date := read(h.Client, request, &told)
	v.Ahead, v.Clocked = ahead(date, asked, h.Now())
	v.App, v.Name = strings.Trim(string(told.HubID), `"`), told.Domain
	switch {
	case status == http.StatusBadRequest || answer == doctor.Denied || answer == doctor.Restricted:
		v.Identity = doctor.Foreign // The token is only a parameter here: it is the app that is refused.
	case answer == doctor.Told && !told.Active:
		v.Identity = doctor.Denied
	default:
		v.Identity = answer
	}
	for _, scope := range h.Scopes {
		if len(told.Scopes) > 0 && !slices.Contains(told.Scopes, scope) {
			v.Lacks = append(v.Lacks, scope)
		}
	}
}

// property looks in the archive as well, where a name stays taken.
func (h *HubSpot) property(ctx context.Context, token string) (doctor.Answer, doctor.Attribute) {
	for _, archive := range []string{"", "?archived=true"} {
		var p struct {
			Type string `json:"type"`
		}
		answer, status := h.get(ctx, token, "/crm/v3/properties/contacts/sourceloop_id"+archive, &p)
		switch {
		case status == http.StatusNotFound:
		case answer != doctor.Told:
			return answer, doctor.Attribute{}
		default:
			return answer, doctor.Attribute{Found: true, Archived: archive != "", Writable: true, Type: p.Type}
		}
	}
	return doctor.Told, doctor.Attribute{}
}

// hubspotThread is a conversation as far as it is needed.
type hubspotThread struct {
	ID       string     `json:"id"`
	At       time.Time  `json:"createdAt"`
	Received *time.Time `json:"latestMessageReceivedTimestamp"`
	Channel  string     `json:"originalChannelId"`
	Contact  string     `json:"associatedContactId"`
	Spam     bool       `json:"spam"`
}

// counts: a thread without a word from outside is no chat yet, nor is an email.
func (t *hubspotThread) counts(since time.Time) bool {
	return t.Channel == hubspotLive && !t.Spam && t.Received != nil && t.At.After(since)
}

func (h *HubSpot) chats(ctx context.Context, token string) (doctor.Answer, []doctor.Chat) {
	answer, threads := h.threads(ctx, token)
	if answer != doctor.Told {
		return answer, nil
	}
	slices.SortStableFunc(threads, func(a, b hubspotThread) int { return cmp.Compare(b.At.UnixMilli(), a.At.UnixMilli()) })
	var all []doctor.Chat
	for n, t := range threads[:min(len(threads), mostChats)] {
		told := doctor.Chat{ID: t.ID, At: schema.MillisOf(t.At)}
		if t.Contact != "" && n < mostContacts {
			told.Asked, told.Tied, told.Named = h.contact(ctx, token, t.Contact)
		}
		all = append(all, told)
	}
	return answer, all
}

// threads lists those that count, in no order that could be relied on.
func (h *HubSpot) threads(ctx context.Context, token string) (doctor.Answer, []hubspotThread) {
	since := h.Now().Add(-chatsWithin)
	query := url.Values{
		"limit": {hubspotPage}, "sort": {"latestMessageTimestamp"}, "latestMessageTimestampAfter": {since.UTC().Format(time.RFC3339)},
	}
	var all []hubspotThread
	for range hubspotPages {
		var list struct {
			Results []hubspotThread `json:"results"`
			Paging  struct {
				Next struct {
					After string `json:"after"`
				} `json:"next"`
			} `json:"paging"`
		}
		if answer, _ := h.get(ctx, token, "/conversations/v3/conversations/threads?"+query.Encode(), &list); answer != doctor.Told {
			return answer, nil
		}
		for _, t := range list.Results {
			if t.counts(since) {
				all = append(all, t)
			}
		}
		if list.Paging.Next.After == "" || len(list.Results) == 0 {
			break
		}
		query.Set("after", list.Paging.Next.After)
	}
	return doctor.Told, all
}

// contact tells whether a contact carries an id and could be reached. Until
// there is one, the id is a visitor's, of whom nothing is known.
func (h *HubSpot) contact(ctx context.Context, token, id string) (asked, tied, named bool) {
	var c struct {
		Properties struct {
			Email string `json:"email"`
			Phone string `json:"phone"`
			ID    string `json:"sourceloop_id"`
		} `json:"properties"`
	}
	answer, status := h.get(ctx, token, "/crm/v3/objects/contacts/"+url.PathEscape(id)+"?properties=email,phone,sourceloop_id", &c)
	p := c.Properties
	return answer == doctor.Told || status == http.StatusNotFound, p.ID != "", p.Email != "" || p.Phone != ""
}

// get asks one question. Of a token that introspection calls good, a 401 says
// nothing.
func (h *HubSpot) get(ctx context.Context, token, path string, out any) (doctor.Answer, int) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.Base+path, nil)
	if err != nil {
		return doctor.Unreachable, 0
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	answer, status, _ := read(h.Client, request, out)
	if answer == doctor.Denied {
		answer = doctor.Unreachable
	}
	return answer, status
}
