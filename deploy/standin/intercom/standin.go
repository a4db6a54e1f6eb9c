package intercom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"sourceloop/deploy/standin/chats"
	"sourceloop/deploy/standin/front"
	"sourceloop/deploy/standin/ledger"
)

func (s *Server) standinRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /standin/chat", s.postChat)
	mux.HandleFunc("GET /standin/requests", s.store.List(ledger.ListRequests))
	mux.HandleFunc("GET /standin/accepted", s.store.List(chats.Accepted))
	mux.HandleFunc("GET /standin/webhooks", s.store.List(sentWebhooks))
	mux.HandleFunc("POST /standin/webhooks/enable", s.enableWebhooks)
	mux.HandleFunc("POST /standin/fault", s.faults.Post(s.fail))
	mux.HandleFunc("POST /standin/settings", s.postSettings)
	mux.HandleFunc("POST /standin/attribute", s.postAttribute)
	mux.HandleFunc("POST /standin/merge", s.operator(s.mergeContacts))
	mux.HandleFunc("POST /standin/contact", s.operator(s.editContact))
	mux.HandleFunc("POST /standin/delete", s.operator(s.deleteThing))
	mux.HandleFunc("POST /standin/ping", s.operator(ping))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		front.WriteJSON(w, http.StatusOK, map[string]any{
			"standin": "intercom", "url": s.config.PublicURL, "workspace": s.config.WorkspaceName,
			"app_id": s.config.AppID, "api_version": apiVersion,
			"see": []string{"/standin/requests", "/standin/accepted", "/standin/webhooks"},
		})
	})
}

// logRequest keeps a request without its secrets.
func (s *Server) logRequest(r *http.Request, body []byte, status int, write bool) error {
	return s.store.write(r.Context(), func(tx session) error {
		return tx.LogRequest(s.config.Now(), r, body, status, write)
	})
}

// sentWebhook is a notification and what became of it.
type sentWebhook struct {
	Seq      int64  `json:"seq"`
	ID       string `json:"id"`
	Topic    string `json:"topic"`
	State    string `json:"state"` // pending, delivered, failed, dropped
	Attempts int    `json:"attempts"`
	At       string `json:"at"`
	Outcome  string `json:"outcome,omitempty"`
}

func sentWebhooks(tx *ledger.Session, after, limit int64) (any, error) {
	list := []sentWebhook{}
	err := tx.Rows("webhook_list", []any{after, limit}, func(scan func(...any) error) error {
		var h sentWebhook
		var atMS int64
		err := scan(&h.Seq, &h.ID, &h.Topic, &h.State, &h.Attempts, &atMS, &h.Outcome)
		h.At = ledger.Time(atMS)
		list = append(list, h)
		return err
	})
	return map[string]any{"webhooks": list}, err
}

// enableWebhooks is what the app's owner does in the Developer Hub after a 410.
func (s *Server) enableWebhooks(w http.ResponseWriter, r *http.Request) {
	err := s.store.write(r.Context(), func(tx session) error {
		_, err := tx.Exec("meta_delete", metaDisabled)
		return err
	})
	if err != nil {
		front.WriteJSON(w, http.StatusInternalServerError, front.Problem(err))
		return
	}
	front.WriteJSON(w, http.StatusOK, map[string]bool{"enabled": true})
}

// fail sets a fault, or does it where it happens at once.
func (s *Server) fail(ctx context.Context, kind string, value ledger.Fault) error {
	if kind == faultRevoke {
		return s.revoke(ctx)
	}
	return s.faults.Set(ctx, kind, value)
}

// revoke is the workspace removing the app in Intercom. Like Intercom it does
// not care whether the notice of it arrives.
func (s *Server) revoke(ctx context.Context) error {
	if err := s.removeApp(ctx); err != nil {
		return err
	}
	if err := s.notifyUninstall(ctx); err != nil {
		s.config.Log.Warn("the uninstall notice did not arrive", "error", err)
	}
	return nil
}

// operatorRequest is what people and programs inside the workspace do.
type operatorRequest struct {
	ContactID      string         `json:"contact_id"`
	ConversationID string         `json:"conversation_id"`
	From           string         `json:"from"`
	Into           string         `json:"into"`
	WithoutFrom    bool           `json:"without_from"` // As in captures of contact.merged, against its documentation.
	Role           string         `json:"role"`
	ExternalID     string         `json:"external_id"`
	Email          string         `json:"email"`
	Name           string         `json:"name"`
	Phone          string         `json:"phone"`
	Attributes     map[string]any `json:"attributes"`
}

// operator runs one action as a change and answers once it was told to the product.
func (s *Server) operator(act func(*change, operatorRequest) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var request operatorRequest
		body, status, err := front.ReadBody(r, maxBody)
		if err == nil && len(body) > 0 {
			status, err = http.StatusBadRequest, json.Unmarshal(body, &request)
		}
		if err != nil {
			front.WriteJSON(w, status, front.Problem(err))
			return
		}
		var reply any
		batch, err := s.happen(r.Context(), s.config.Now(), func(x *change) (err error) {
			reply, err = act(x, request)
			return err
		})
		if err == nil {
			err = s.answered(r.Context(), batch)
		}
		if err != nil {
			status := http.StatusUnprocessableEntity
			if errors.Is(err, errNoContact) {
				status = http.StatusNotFound
			}
			front.WriteJSON(w, status, front.Problem(err))
			return
		}
		front.WriteJSON(w, http.StatusOK, reply)
	}
}

// mergeContacts merges into a living contact, or into a user made for it.
func (s *Server) mergeContacts(x *change, r operatorRequest) (any, error) {
	from, err := x.present(r.From)
	if err != nil {
		return nil, err
	}
	if r.Into == "" {
		into, err := x.becomeUser(from, "", !r.WithoutFrom)
		return chats.Answer{ContactID: into.ID}, err
	}
	into, err := x.present(r.Into)
	if err != nil {
		return nil, err
	}
	into, err = x.merge(from, into, !r.WithoutFrom)
	return chats.Answer{ContactID: into.ID}, err
}

// editContact changes a contact, or makes one where no contact_id is given.
func (s *Server) editContact(x *change, r operatorRequest) (any, error) {
	told := details{Email: r.Email, Name: r.Name, Phone: r.Phone, Custom: r.Attributes}
	if r.ContactID == "" {
		c := contact{ID: s.newID("contact", ""), Role: roleLead, ExternalID: r.ExternalID, CreatedAt: x.at, UpdatedAt: x.at}
		topic := topicLeadCreated
		if r.Role != roleLead {
			c.Role, c.SignedUpAt, topic = roleUser, x.at, topicUserCreated
		}
		c.learn(told)
		x.tellContact(topic, c)
		return chats.Answer{ContactID: c.ID}, x.putContact(c)
	}
	c, err := x.present(r.ContactID)
	if err != nil {
		return nil, err
	}
	if topic := c.learn(told); topic != "" {
		c.UpdatedAt = x.at
		x.tellContact(topic, c)
	}
	return chats.Answer{ContactID: c.ID}, x.putContact(c)
}

// deleteThing deletes a conversation or a contact; the notification is minimal.
func (s *Server) deleteThing(x *change, r operatorRequest) (any, error) {
	if r.ConversationID != "" {
		v, found, err := x.conversation("conversation_get", r.ConversationID)
		if err != nil || !found {
			return nil, errors.Join(err, fmt.Errorf("no conversation has the id %q", r.ConversationID))
		}
		v.Deleted = true
		x.tell(topicConversationDeleted, map[string]any{"type": "conversation", "conversation_id": v.ID, "deleted": true})
		return map[string]any{"deleted": true}, x.putConversation(v)
	}
	c, err := x.present(r.ContactID)
	if err != nil {
		return nil, err
	}
	c.Deleted = true
	item := c.reference()
	item["deleted"] = true
	x.tell(topicContactDeleted, item)
	return map[string]any{"deleted": true}, x.putContact(c)
}

// ping is the test that the app's owner sends from the Developer Hub.
func ping(x *change, _ operatorRequest) (any, error) {
	x.tell(topicPing, map[string]any{"type": "ping", "message": "something something interzen"})
	return map[string]any{"sent": true}, nil
}
