package intercom

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"sourceloop/deploy/standin/chats"
	"sourceloop/deploy/standin/front"
)

// chatRequest is the body of POST /standin/chat. Intercom keeps whole seconds of
// its time, and begins a new conversation when the newest is closed.
type chatRequest struct {
	chats.Request
	Referrer   string         `json:"referrer"`
	Attributes map[string]any `json:"attributes"` // Other custom attributes.
}

// parseChat reads a chat; its errors are for the caller.
func parseChat(body []byte) (chatRequest, error) {
	var c chatRequest
	if err := json.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("cannot read the chat: %w", err)
	}
	if err := c.Check(); err != nil {
		return c, err
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
func (s *Server) chat(ctx context.Context, c chatRequest) (chats.Answer, error) {
	_, mergeAfter, err := s.faults.Take(ctx, faultMerge)
	if err != nil {
		return chats.Answer{}, err
	}
	id := cmp.Or(c.ID, newUUID())
	var reply chats.Answer
	batch, err := s.happen(ctx, c.When(s.config.Now()), func(x *change) error {
		known, before, err := chats.Before(x.Session, id)
		if err != nil || before != "" {
			reply = known
			return err
		}
		custom, err := x.writable(c.attributes())
		if err != nil {
			return err
		}
		reply, err = x.chat(id, speech{
			seed: id, contactID: c.ContactID, text: c.Text(), page: c.Page, referrer: c.Referrer,
			details:         details{Email: c.Email, Name: c.Name, Phone: c.Phone, Custom: custom},
			newConversation: c.NewConversation,
		}, mergeAfter)
		return err
	})
	if err != nil {
		return chats.Answer{}, err
	}
	if _, first, err := chats.Before(s.store.Read(ctx), id); err != nil {
		return chats.Answer{}, err
	} else if first != "" {
		batch = first
	}
	return reply, s.answered(ctx, batch)
}

// chat takes the message and remembers its id.
func (x *change) chat(id string, m speech, mergeAfter bool) (chats.Answer, error) {
	who, v, err := x.say(m)
	if err != nil {
		return chats.Answer{}, err
	}
	if mergeAfter {
		if _, err := x.becomeUser(who, m.seed, true); err != nil {
			return chats.Answer{}, err
		}
	}
	reply := chats.Answer{ContactID: who.ID, ConversationID: v.ID}
	return reply, chats.Keep(x.Session, id, reply, x.at*1000, x.batch)
}
