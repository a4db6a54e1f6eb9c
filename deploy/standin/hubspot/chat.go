package hubspot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sourceloop/deploy/standin/front"
	"sourceloop/deploy/standin/ledger"
)

// chatRequest is the body of POST /standin/chat: what a visitor did in the
// chat widget, without a browser. JSON null is absent.
type chatRequest struct {
	ID string `json:"id"` // A repetition of it is answered as before and changes nothing.
	At *int64 `json:"at"` // Milliseconds since 1970; now when absent.

	Email   string `json:"email"`
	Name    string `json:"name"`
	Phone   string `json:"phone"`
	Message string `json:"message"`
	Page    string `json:"page"` // Not kept: HubSpot's threads do not tell it.

	SourceloopID string `json:"sourceloop_id"` // The value of the contact property, once there is a contact.
	Hubspotutk   string `json:"hubspotutk"`    // The browser; a new one when empty.

	// ContactID goes on with that contact's or visitor's chat: a message in its
	// newest thread, or a new one when NewConversation asks for it. Without a
	// message but with details, the contact only changes.
	ContactID       string `json:"contact_id"`
	NewConversation bool   `json:"new_conversation"`
}

// chatAnswer is what a chat became. ContactID is a visitor's id until there is
// a contact.
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
	if len(c.ID) > maxChatID || len(c.Hubspotutk) > maxChatID {
		return c, fmt.Errorf("cannot read the chat: its id is longer than %d bytes", maxChatID)
	}
	const year9999 = 253_402_300_799_999
	if c.At != nil && (*c.At < 0 || *c.At > year9999) {
		return c, errors.New("cannot read the chat: at is in milliseconds since 1970")
	}
	return c, nil
}

// text: somebody new, or somebody who tells nothing about themselves, at least
// says hello.
func (c chatRequest) text() string {
	if c.Message != "" || c.ContactID != "" && (c.Email != "" || c.Name != "" || c.Phone != "") {
		return c.Message
	}
	return "Hello"
}

// values are the properties that the chat tells.
func (c chatRequest) values() map[string]string {
	first, last, _ := strings.Cut(c.Name, " ")
	return map[string]string{
		"email": c.Email, "firstname": first, "lastname": last, "phone": c.Phone, "sourceloop_id": c.SourceloopID,
	}
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
	case errors.Is(err, errNobody):
		front.WriteJSON(w, http.StatusNotFound, front.Problem(fmt.Errorf("cannot go on with the chat: nobody has the id %q", request.ContactID)))
	case errors.Is(err, front.ErrStopped):
		front.WriteJSON(w, http.StatusServiceUnavailable, front.Problem(err))
	case err != nil:
		s.config.Log.Error("cannot take a chat", "error", err)
		front.WriteJSON(w, http.StatusInternalServerError, front.Problem(err))
	default:
		front.WriteJSON(w, http.StatusOK, reply)
	}
}

// chat takes a chat and waits until its events were sent once.
func (s *Server) chat(ctx context.Context, c chatRequest) (chatAnswer, error) {
	at := s.config.Now()
	if c.At != nil {
		at = time.UnixMilli(*c.At)
	}
	_, mergeAfter, err := s.faults.Take(ctx, faultMerge)
	if err != nil {
		return chatAnswer{}, err
	}
	if c.ID == "" {
		c.ID = rand.Text()
	}
	var reply chatAnswer
	batch, err := s.happen(ctx, at, func(x *change) (err error) {
		reply, err = x.chat(c, mergeAfter)
		return err
	})
	if err != nil {
		return chatAnswer{}, err
	}
	if _, first, err := chatBefore(s.store.Read(ctx), c.ID); err != nil {
		return chatAnswer{}, err
	} else if first != "" {
		batch = first
	}
	return reply, s.answered(ctx, batch)
}

// chatBefore is what became of an id that was seen before, and its batch.
func chatBefore(tx *ledger.Session, id string) (known chatAnswer, batch string, err error) {
	_, err = tx.Row("chat_get", []any{id}, &known.ContactID, &known.ConversationID, &batch)
	return known, batch, err
}

// chat does what a chat says, unless its id was seen before.
func (x *change) chat(c chatRequest, mergeAfter bool) (chatAnswer, error) {
	known, batch, err := chatBefore(x.Session, c.ID)
	if err != nil || batch != "" {
		return known, err
	}
	v, err := x.speaker(c)
	if err != nil {
		return chatAnswer{}, err
	}
	t, err := x.say(v, c.text(), c.NewConversation)
	if err != nil {
		return chatAnswer{}, err
	}
	if err := x.learn(&v, c.values()); err != nil {
		return chatAnswer{}, err
	}
	reply := chatAnswer{ContactID: v.whose(), ConversationID: t.ID}
	if mergeAfter && v.ContactID != "" {
		if err := x.mergeAway(v.ContactID); err != nil {
			return chatAnswer{}, err
		}
	}
	_, err = x.Exec("chat_insert", c.ID, reply.ContactID, reply.ConversationID, x.at, x.batch)
	return reply, err
}

func (x *change) speaker(c chatRequest) (visitor, error) {
	switch {
	case c.ContactID != "":
		return x.somebody(c.ContactID)
	case c.Hubspotutk != "":
		return x.visitor(c.Hubspotutk)
	}
	return x.visitor(newToken())
}

// mergeAway merges a contact into one that is made for it: what happens when
// somebody tidies up duplicates.
func (x *change) mergeAway(id string) error {
	from, found, err := present(x.Session, id)
	if err != nil || !found {
		return errors.Join(err, errNobody)
	}
	into := contact{ID: newID(), Properties: map[string]string{"firstname": from.Properties["firstname"]}, CreatedAt: x.at, UpdatedAt: x.at}
	x.tell(event{Type: "contact.creation", ObjectID: number64(into.ID), ChangeSource: "CRM_UI", ChangeFlag: "CREATED"})
	_, err = x.merge(from, into)
	return err
}
