package intercom

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sourceloop/deploy/standin/front"
)

// chatRequest is the body of POST /standin/chat: what a visitor did in the
// Messenger, without a browser. JSON null is absent.
type chatRequest struct {
	ID string `json:"id"` // A repetition of it is answered as before and changes nothing.
	At *int64 `json:"at"` // Milliseconds since 1970; now when absent. Intercom keeps whole seconds.

	Email   string `json:"email"`
	Name    string `json:"name"`
	Phone   string `json:"phone"`
	Message string `json:"message"`
	Page    string `json:"page"`

	Referrer     string         `json:"referrer"`
	SourceloopID string         `json:"sourceloop_id"` // What the tracker put on the visitor.
	Attributes   map[string]any `json:"attributes"`    // Other custom attributes.

	// ContactID goes on with that contact's chat: a reply in its newest
	// conversation, or a new one when that is closed or NewConversation asks
	// for it. Without a message but with details, the contact only changes.
	ContactID       string `json:"contact_id"`
	NewConversation bool   `json:"new_conversation"`
}

// chatAnswer is what a chat became.
type chatAnswer struct {
	ContactID      string `json:"contact_id"`
	ConversationID string `json:"conversation_id"`
}

const maxChatID = 200

// parseChat reads a chat; its errors are for the caller.
func parseChat(body []byte) (chatRequest, error) {
	var c chatRequest
	if err := json.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("cannot read the chat: %w", err)
	}
	if len(c.ID) > maxChatID {
		return c, fmt.Errorf("cannot read the chat: its id is longer than %d bytes", maxChatID)
	}
	const year9999 = 253_402_300_799_999
	if c.At != nil && (*c.At < 0 || *c.At > year9999) {
		return c, errors.New("cannot read the chat: at is in milliseconds since 1970")
	}
	for name, value := range c.Attributes {
		switch value.(type) {
		case nil, string, bool, float64:
		default:
			return c, fmt.Errorf("cannot read the chat: the attribute %q must be a string, number or boolean", name)
		}
	}
	return c, nil
}

// text: somebody new, or somebody who tells nothing about themselves, at
// least says hello.
func (c chatRequest) text() string {
	if c.Message != "" || c.ContactID != "" && (c.Email != "" || c.Name != "" || c.Phone != "") {
		return c.Message
	}
	return "Hello"
}

func (c chatRequest) attributes() map[string]any {
	values := map[string]any{}
	for name, value := range c.Attributes {
		values[name] = value
	}
	if c.SourceloopID != "" {
		values["sourceloop_id"] = c.SourceloopID
	}
	return values
}

func (s *Server) postChat(w http.ResponseWriter, r *http.Request) {
	body, status, err := front.ReadBody(r, maxBody)
	if err != nil {
		front.WriteJSON(w, status, front.Problem(err))
		return
	}
	request, err := parseChat(body)
	if err != nil {
		front.WriteJSON(w, http.StatusBadRequest, front.Problem(err))
		return
	}
	reply, err := s.chat(r.Context(), request)
	switch {
	case errors.Is(err, errNoContact):
		front.WriteJSON(w, http.StatusNotFound, front.Problem(fmt.Errorf("cannot go on with the chat: no contact has the id %q", request.ContactID)))
	case errors.Is(err, front.ErrStopped):
		front.WriteJSON(w, http.StatusServiceUnavailable, front.Problem(err))
	case err != nil:
		s.config.Log.Error("cannot take a chat", "error", err)
		front.WriteJSON(w, http.StatusInternalServerError, front.Problem(err))
	default:
		front.WriteJSON(w, http.StatusOK, reply)
	}
}

// chat takes a chat and waits until its notifications were attempted.
func (s *Server) chat(ctx context.Context, c chatRequest) (chatAnswer, error) {
	at := s.config.Now()
	if c.At != nil {
		at = time.UnixMilli(*c.At)
	}
	_, mergeAfter, err := s.faults.Take(ctx, faultMerge)
	if err != nil {
		return chatAnswer{}, err
	}
	id := cmp.Or(c.ID, newUUID())
	var reply chatAnswer
	batch, err := s.happen(ctx, at, func(x *change) error {
		known, err := x.chatBefore(id)
		if err != nil || known.ContactID != "" {
			reply = known.chatAnswer
			return err
		}
		custom, err := x.writable(c.attributes())
		if err != nil {
			return err
		}
		reply, err = x.chat(id, speech{
			seed: id, contactID: c.ContactID, text: c.text(), page: c.Page, referrer: c.Referrer,
			details:         details{Email: c.Email, Name: c.Name, Phone: c.Phone, Custom: custom},
			newConversation: c.NewConversation,
		}, mergeAfter)
		return err
	})
	if err != nil {
		return chatAnswer{}, err
	}
	if before, err := s.store.read(ctx).chatBefore(id); err != nil {
		return chatAnswer{}, err
	} else if before.batch != "" {
		batch = before.batch // That of the first time.
	}
	return reply, s.answered(ctx, batch)
}

// earlierChat is what became of an id that was seen before.
type earlierChat struct {
	chatAnswer
	batch string
}

func (s session) chatBefore(id string) (earlierChat, error) {
	var e earlierChat
	_, err := s.Row("chat_get", []any{id}, &e.ContactID, &e.ConversationID, &e.batch)
	return e, err
}

// chat takes the message and remembers its id.
func (x *change) chat(id string, m speech, mergeAfter bool) (chatAnswer, error) {
	who, v, err := x.say(m)
	if err != nil {
		return chatAnswer{}, err
	}
	if mergeAfter {
		if _, err := x.becomeUser(who, m.seed, true); err != nil {
			return chatAnswer{}, err
		}
	}
	_, err = x.Exec("chat_insert", id, who.ID, v.ID, x.at*1000, x.batch)
	return chatAnswer{ContactID: who.ID, ConversationID: v.ID}, err
}
