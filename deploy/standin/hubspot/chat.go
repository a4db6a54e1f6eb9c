package hubspot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"sourceloop/deploy/standin/chats"
	"sourceloop/deploy/standin/front"
)

// chatRequest is the body of POST /standin/chat. Its page is not kept: HubSpot's
// threads do not tell it. Its sourceloop_id is the value of the contact property,
// once there is a contact; until then its answer's contact is a visitor.
type chatRequest struct {
	chats.Request
	Hubspotutk string `json:"hubspotutk"` // The browser; a new one when empty.
}

// parseChat reads a chat; its errors are for the caller.
func parseChat(body []byte) (chatRequest, error) {
	var c chatRequest
	if err := json.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("cannot read the chat: %w", err)
	}
	if len(c.Hubspotutk) > chats.MaxID {
		return c, fmt.Errorf("cannot read the chat: its hubspotutk is longer than %d bytes", chats.MaxID)
	}
	return c, c.Check()
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
func (s *Server) chat(ctx context.Context, c chatRequest) (chats.Answer, error) {
	_, mergeAfter, err := s.faults.Take(ctx, faultMerge)
	if err != nil {
		return chats.Answer{}, err
	}
	if c.ID == "" {
		c.ID = rand.Text()
	}
	var reply chats.Answer
	batch, err := s.happen(ctx, c.When(s.config.Now()), func(x *change) (err error) {
		reply, err = x.chat(c, mergeAfter)
		return err
	})
	if err != nil {
		return chats.Answer{}, err
	}
	if _, first, err := chats.Before(s.store.Read(ctx), c.ID); err != nil {
		return chats.Answer{}, err
	} else if first != "" {
		batch = first
	}
	return reply, s.answered(ctx, batch)
}

// chat does what a chat says, unless its id was seen before.
func (x *change) chat(c chatRequest, mergeAfter bool) (chats.Answer, error) {
	known, batch, err := chats.Before(x.Session, c.ID)
	if err != nil || batch != "" {
		return known, err
	}
	v, err := x.speaker(c)
	if err != nil {
		return chats.Answer{}, err
	}
	t, err := x.say(v, c.Text(), c.NewConversation)
	if err != nil {
		return chats.Answer{}, err
	}
	if err := x.learn(&v, c.values()); err != nil {
		return chats.Answer{}, err
	}
	reply := chats.Answer{ContactID: v.whose(), ConversationID: t.ID}
	if mergeAfter && v.ContactID != "" {
		if err := x.mergeAway(v.ContactID); err != nil {
			return chats.Answer{}, err
		}
	}
	return reply, chats.Keep(x.Session, c.ID, reply, x.at, x.batch)
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
