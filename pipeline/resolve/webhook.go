package resolve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"sourceloop/schema"
)

// envelope is what every Intercom notification has around its item.
type envelope struct {
	Type      string  `json:"type"`
	AppID     string  `json:"app_id"`
	Topic     string  `json:"topic"`
	CreatedAt instant `json:"created_at"`
	Data      struct {
		Item json.RawMessage `json:"item"`
	} `json:"data"`
}

// parseEnvelope reads a webhook; its errors are final.
func parseEnvelope(body []byte) (*envelope, error) {
	var e envelope
	if !utf8.Valid(body) {
		return nil, invalid("The webhook's text is no UTF-8.")
	}
	if err := json.Unmarshal(body, &e); err != nil {
		// The decoder's words may quote the body, which is personal data.
		return nil, invalid("The webhook is not the JSON of an Intercom notification.")
	}
	if e.Topic == "" && e.AppID != "" && len(e.Data.Item) == 0 && e.Type == "" {
		e.Topic = topicUninstalled
	}
	if e.Topic == "" || e.AppID == "" {
		return nil, invalid("The webhook has no topic or no app_id.")
	}
	if len(e.Data.Item) == 0 || bytes.Equal(e.Data.Item, []byte("null")) {
		e.Data.Item = json.RawMessage("{}")
	}
	return &e, nil
}

// contact is an Intercom contact as far as it is needed: as the API gives it,
// and as a webhook has it.
type contact struct {
	ID         text           `json:"id"`
	Role       string         `json:"role"`
	ExternalID text           `json:"external_id"`
	UserID     text           `json:"user_id"`   // 1.x: the external id of users, a random one of leads
	Type       string         `json:"type"`      // 1.x: user, or contact for a lead
	Anonymous  *bool          `json:"anonymous"` // 1.x only
	Email      text           `json:"email"`
	Phone      text           `json:"phone"`
	Name       text           `json:"name"`
	UpdatedAt  instant        `json:"updated_at"`
	Custom     map[string]any `json:"custom_attributes"`
	Location   struct {
		CountryCode text `json:"country_code"`
	} `json:"location"`
	MergeHistory []struct {
		SourceID text    `json:"source_contact_id"`
		MergedAt instant `json:"merged_at"`
	} `json:"merge_history"`
	MergedFrom struct {
		ID text `json:"id"`
	} `json:"merged_from"`
}

// modern reads what 1.x said in other words: there the role is the type, and
// the site's own id of a user is user_id.
func (c *contact) modern() {
	switch {
	case c.Role != "":
	case c.Anonymous != nil && !*c.Anonymous, c.Anonymous == nil && c.Type == "user":
		c.Role, c.ExternalID = "user", c.UserID
	default:
		c.Role = "lead"
	}
}

// conversation is an Intercom conversation as far as it is needed.
type conversation struct {
	ID             text    `json:"id"`
	ConversationID text    `json:"conversation_id"` // in minimal items
	CreatedAt      instant `json:"created_at"`
	UpdatedAt      instant `json:"updated_at"`
	State          string  `json:"state"`
	Open           bool    `json:"open"`
	Source         struct {
		Body   text   `json:"body"`
		URL    text   `json:"url"`
		Author author `json:"author"`
	} `json:"source"`
	Contacts struct {
		Contacts []reference `json:"contacts"`
	} `json:"contacts"`
	FirstReply struct {
		URL text `json:"url"`
	} `json:"first_contact_reply"`

	// What 1.x has instead of contacts and source.
	User    author `json:"user"`
	Message struct {
		Body   text   `json:"body"`
		URL    text   `json:"url"`
		Author author `json:"author"`
	} `json:"conversation_message"`
}

// modern reads what 1.x said in other words.
func (c *conversation) modern() {
	if c.Source.Author.ID == "" && c.Source.Body == "" {
		c.Source.Body, c.Source.URL, c.Source.Author = c.Message.Body, c.Message.URL, c.Message.Author
	}
	if c.User.ID == "" {
		return
	}
	if len(c.Contacts.Contacts) == 0 {
		c.Contacts.Contacts = []reference{{ID: c.User.ID}}
	}
	if c.Source.Author.ID == c.User.ID { // Authors had neither there.
		c.Source.Author.Name, c.Source.Author.Email = c.User.Name, c.User.Email
	}
}

type reference struct {
	ID text `json:"id"`
}

type author struct {
	Type  string `json:"type"`
	ID    text   `json:"id"`
	Name  text   `json:"name"`
	Email text   `json:"email"`
}

// contact is who the conversation is with: its author where that is a contact,
// else the first one in it. "" when there is nobody.
func (c *conversation) contact() string {
	for _, other := range c.Contacts.Contacts {
		if other.ID == c.Source.Author.ID {
			return string(other.ID)
		}
	}
	if len(c.Contacts.Contacts) > 0 {
		return string(c.Contacts.Contacts[0].ID)
	}
	switch c.Source.Author.Type {
	case "lead", "user", "contact":
		return string(c.Source.Author.ID)
	}
	return ""
}

func (c *conversation) state() string {
	if c.State == "" && c.Open {
		return "open"
	}
	return c.State
}

// text is a string that some versions send as a number; anything else, such as
// null, is no text.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	switch {
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9'):
		*t = text(b)
	}
	return nil
}

// instant is a time in whole seconds: the API sends a number, webhooks of
// contacts ISO 8601. 0 is no time.
type instant int64

// latest bounds times: the year 2200. Beyond it is a time in another unit, and
// none that ClickHouse's dates hold for long.
const latest = 7_258_118_400

func (i *instant) UnmarshalJSON(b []byte) error {
	*i = 0
	if len(b) > 0 && b[0] == '"' {
		var written string
		if err := json.Unmarshal(b, &written); err != nil {
			return err
		}
		if t, err := time.Parse(time.RFC3339, written); err == nil {
			*i = bounded(t.Unix())
		}
		return nil
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		*i = bounded(n)
	}
	return nil
}

func bounded(seconds int64) instant {
	if seconds < 0 || seconds > latest {
		return 0
	}
	return instant(seconds)
}

// moment is the end of the second, or other when there is no time.
func (i instant) moment(other schema.Millis) schema.Millis {
	if i == 0 {
		return other
	}
	return schema.EndOfSecond(int64(i))
}

// decodeItem reads a webhook's item. An item of an unexpected shape is final.
func decodeItem(item json.RawMessage, into any, what string) error {
	if err := json.Unmarshal(item, into); err != nil {
		return invalid("The webhook's item is no %s.", what)
	}
	return nil
}

// What claims rest on, in words that are part of their ids.
func contactEvidence(id string) string      { return fmt.Sprintf("intercom contact %s", id) }
func conversationEvidence(id string) string { return fmt.Sprintf("intercom conversation %s", id) }
func mergeEvidence(from, into string) string {
	return fmt.Sprintf("intercom merge of %s into %s", from, into)
}
