package examine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sourceloop/control"
	"sourceloop/control/doctor"
	"sourceloop/schema"
)

const (
	// chatsWithin is how far back chats are compared.
	chatsWithin = 72 * time.Hour
	// mostChats is how many chats are looked at, the newest.
	mostChats = 20
	// mostContacts is how many of their contacts are read.
	mostContacts = 5
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 4 << 20
	// intercomVersion is the one the shapes were written against.
	intercomVersion = "2.16"
)

// Intercom asks Intercom's REST API. All of it reads: the search is one.
type Intercom struct {
	Base    string            // the API's address, without a slash at the end
	Regions map[string]string // those of other regions, by what /me calls them
	Client  *http.Client
	Now     func() time.Time
}

// host is an Intercom whose base is that of a connection's region.
func (i *Intercom) host(c control.Connection) *Intercom {
	if base, elsewhere := i.Regions[c.Region]; elsewhere {
		return &Intercom{Base: base, Client: i.Client, Now: i.Now}
	}
	return i
}

// Ask learns whose account it is, what the attribute is like, and which chats
// are the newest.
func (i *Intercom) Ask(ctx context.Context, connection control.Connection, token string) doctor.Vendor {
	i = i.host(connection)
	v := doctor.Vendor{At: schema.MillisOf(i.Now())}
	var me struct {
		App struct {
			ID       string `json:"id_code"`
			Name     string `json:"name"`
			Verified bool   `json:"identity_verification"`
		} `json:"app"`
	}
	asked := i.Now()
	answer, date := i.call(ctx, token, http.MethodGet, "/me", nil, &me)
	v.Identity, v.App, v.Name, v.Verified = answer, me.App.ID, me.App.Name, me.App.Verified
	v.Ahead, v.Clocked = ahead(date, asked, i.Now())
	if answer != doctor.Told {
		return v
	}
	v.Attributes, v.Attribute = i.attribute(ctx, token)
	v.Conversations, v.Chats = i.chats(ctx, token)
	return v
}

func (i *Intercom) attribute(ctx context.Context, token string) (doctor.Answer, doctor.Attribute) {
	var list struct {
		Data []struct {
			Name     string `json:"name"`
			Type     string `json:"data_type"`
			Custom   bool   `json:"custom"`
			Archived bool   `json:"archived"`
			Writable bool   `json:"messenger_writable"`
		} `json:"data"`
	}
	answer, _ := i.call(ctx, token, http.MethodGet, "/data_attributes?model=contact&include_archived=true", nil, &list)
	var found doctor.Attribute
	for _, a := range list.Data {
		if a.Name == "sourceloop_id" && a.Custom && (!found.Found || found.Archived) {
			found = doctor.Attribute{Found: true, Archived: a.Archived, Writable: a.Writable, Type: a.Type}
		}
	}
	return answer, found
}

// chat is a conversation as far as it is needed.
type chat struct {
	ID     json.RawMessage `json:"id"`
	At     int64           `json:"created_at"`
	Source struct {
		URL    string `json:"url"`
		Author struct {
			Type string `json:"type"`
			ID   string `json:"id"`
		} `json:"author"`
	} `json:"source"`
	First struct {
		URL string `json:"url"`
	} `json:"first_contact_reply"`
	Contacts struct {
		Contacts []struct {
			ID string `json:"id"`
		} `json:"contacts"`
	} `json:"contacts"`
}

func (i *Intercom) chats(ctx context.Context, token string) (doctor.Answer, []doctor.Chat) {
	query := map[string]any{
		"query":      map[string]any{"field": "created_at", "operator": ">", "value": i.Now().Add(-chatsWithin).Unix()},
		"pagination": map[string]any{"per_page": 50},
	}
	var list struct {
		Conversations []chat `json:"conversations"`
	}
	answer, _ := i.call(ctx, token, http.MethodPost, "/conversations/search", query, &list)
	if answer != doctor.Told {
		return answer, nil
	}
	slices.SortStableFunc(list.Conversations, func(a, b chat) int { return cmp.Compare(b.At, a.At) })
	var all []doctor.Chat
	for n, c := range list.Conversations[:min(len(list.Conversations), mostChats)] {
		told := doctor.Chat{ID: string(bytes.Trim(c.ID, `"`)), At: schema.Millis(c.At * 1000), Host: host(cmp.Or(c.First.URL, c.Source.URL))}
		if who := c.contact(); who != "" && n < mostContacts {
			told.Asked, told.Tied, told.Named = i.contact(ctx, token, who)
		}
		all = append(all, told)
	}
	return answer, all
}

func (c *chat) contact() string {
	if len(c.Contacts.Contacts) > 0 {
		return c.Contacts.Contacts[0].ID
	}
	if c.Source.Author.Type == "lead" || c.Source.Author.Type == "user" {
		return c.Source.Author.ID
	}
	return ""
}

// contact tells whether a contact carries an id and could be reached.
func (i *Intercom) contact(ctx context.Context, token, id string) (asked, tied, named bool) {
	var c struct {
		Email  string         `json:"email"`
		Phone  string         `json:"phone"`
		Custom map[string]any `json:"custom_attributes"`
	}
	answer, _ := i.call(ctx, token, http.MethodGet, "/contacts/"+url.PathEscape(id), nil, &c)
	written, _ := c.Custom["sourceloop_id"].(string)
	return answer == doctor.Told, written != "", c.Email != "" || c.Phone != ""
}

// call asks one question. The date is that of the answer, whatever it says.
func (i *Intercom) call(ctx context.Context, token, method, path string, in, out any) (doctor.Answer, time.Time) {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return doctor.Unreachable, time.Time{}
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, i.Base+path, body)
	if err != nil {
		return doctor.Unreachable, time.Time{}
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Intercom-Version", intercomVersion)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, _, date := read(i.Client, request, out)
	return answer, date
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
