package hubspot

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

// Kinds of faults. Each has a number of times it still happens.
const (
	faultSlow         = "slow"            // Requests wait before they are answered.
	fault429          = "429"             // Requests exceed the rate limit.
	fault500          = "500"             // Requests meet a server error.
	fault401          = "401"             // API requests are told that a good token expired.
	faultBadSignature = "bad_signature"   // Events are signed with another secret.
	faultStale        = "stale"           // Events carry a timestamp of six minutes ago.
	faultDuplicate    = "duplicate"       // Arrays are sent twice.
	faultShuffle      = "shuffle"         // Events of an array are in the wrong order.
	faultMerge        = "merge"           // Chats end in a merge of their contact.
	faultRevoke       = "revoke"          // At once: the account removes the app.
	faultExpire       = "expire"          // At once: all access tokens end; refresh tokens live on.
	faultPlan         = "plan_restricted" // Conversations are refused by plan.
	faultShort        = "short_tokens"    // Access tokens live for delay_ms only.
)

func faultKinds() []string {
	return []string{
		faultSlow, fault429, fault500, fault401, faultBadSignature, faultStale, faultDuplicate, faultShuffle, faultMerge,
		faultRevoke, faultExpire, faultPlan, faultShort,
	}
}

func (s *Server) standinRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /standin/chat", s.postChat)
	mux.HandleFunc("GET /standin/requests", s.store.List(ledger.ListRequests))
	mux.HandleFunc("GET /standin/accepted", s.store.List(chats.Accepted))
	mux.HandleFunc("GET /standin/webhooks", s.store.List(sentEvents))
	mux.HandleFunc("POST /standin/fault", s.faults.Post(s.fail))
	mux.HandleFunc("POST /standin/merge", s.operator((*change).mergeContacts))
	mux.HandleFunc("POST /standin/contact", s.operator((*change).editContact))
	mux.HandleFunc("POST /standin/delete", s.operator((*change).deleteThing))
	mux.HandleFunc("POST /standin/privacy", s.operator((*change).privacyDelete))
	mux.HandleFunc("POST /standin/settings", s.postSettings)
	mux.HandleFunc("POST /standin/property", s.operator((*change).putProperty))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		front.WriteJSON(w, http.StatusOK, map[string]any{
			"standin": "hubspot", "url": s.config.PublicURL, "hub_domain": s.config.Domain, "hub_id": s.config.HubID,
			"see": []string{"/standin/requests", "/standin/accepted", "/standin/webhooks"},
		})
	})
}

// sentEvent is an event and what became of it.
type sentEvent struct {
	Seq      int64           `json:"seq"`
	Type     string          `json:"type"`
	State    string          `json:"state"` // pending, delivered, failed, dropped
	Attempts int             `json:"attempts"`
	At       string          `json:"at"`
	Outcome  string          `json:"outcome,omitempty"`
	Event    json.RawMessage `json:"event"`
}

func sentEvents(tx *ledger.Session, after, limit int64) (any, error) {
	list := []sentEvent{}
	err := tx.Rows("event_list", []any{after, limit}, func(scan func(...any) error) error {
		var e sentEvent
		var atMS int64
		var doc string
		err := scan(&e.Seq, &e.Type, &e.State, &e.Attempts, &atMS, &e.Outcome, &doc)
		e.At, e.Event = ledger.Time(atMS), json.RawMessage(doc)
		list = append(list, e)
		return err
	})
	return map[string]any{"webhooks": list}, err
}

// fail sets a fault, or does it where it happens at once.
func (s *Server) fail(ctx context.Context, kind string, value ledger.Fault) error {
	switch kind {
	case faultRevoke:
		return s.removeApp(ctx)
	case faultExpire:
		return s.store.Write(ctx, func(tx *ledger.Session) error {
			_, err := tx.Exec("token_expire_access", s.config.Now().UnixMilli())
			return err
		})
	}
	return s.faults.Set(ctx, kind, value)
}

// operatorRequest is what people and programs inside the account do.
type operatorRequest struct {
	ContactID      string            `json:"contact_id"`
	ConversationID string            `json:"conversation_id"`
	From           string            `json:"from"`
	Into           string            `json:"into"`
	Properties     map[string]string `json:"properties"`
	Property       property          `json:"property"`
	Remove         bool              `json:"remove"` // the property is gone, as 90 days after it was archived
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
			if errors.Is(err, errNobody) {
				status = http.StatusNotFound
			}
			front.WriteJSON(w, status, front.Problem(err))
			return
		}
		front.WriteJSON(w, http.StatusOK, reply)
	}
}

func (x *change) mustFind(id string) (contact, error) {
	c, found, err := present(x.Session, id)
	if err == nil && !found {
		err = errNobody
	}
	return c, err
}

// mergeContacts merges into another contact, or into one made for it.
func (x *change) mergeContacts(r operatorRequest) (any, error) {
	from, err := x.mustFind(r.From)
	if err != nil {
		return nil, err
	}
	if r.Into == "" {
		err = x.mergeAway(from.ID)
		return chats.Answer{}, err
	}
	into, err := x.mustFind(r.Into)
	if err != nil {
		return nil, err
	}
	into, err = x.merge(from, into)
	return chats.Answer{ContactID: into.ID}, err
}

// editContact changes a contact, or makes one where no contact_id is given.
func (x *change) editContact(r operatorRequest) (any, error) {
	if r.ContactID == "" {
		c := contact{ID: newID(), Properties: map[string]string{}, CreatedAt: x.at, UpdatedAt: x.at}
		x.tell(event{Type: "contact.creation", ObjectID: number64(c.ID), ChangeSource: "CRM_UI", ChangeFlag: "CREATED"})
		x.set(&c, r.Properties, "CRM_UI")
		return chats.Answer{ContactID: c.ID}, putContact(x.Session, c)
	}
	c, err := x.mustFind(r.ContactID)
	if err != nil {
		return nil, err
	}
	x.set(&c, r.Properties, "CRM_UI")
	return chats.Answer{ContactID: c.ID}, putContact(x.Session, c)
}

// putProperty makes a property what the account's admin wants it to be:
// archived, of another type, or gone.
func (x *change) putProperty(r operatorRequest) (any, error) {
	if r.Property.Name == "" {
		return nil, errors.New("the property has no name")
	}
	if r.Remove {
		_, err := x.Exec("property_delete", r.Property.Name)
		return r.Property, err
	}
	return r.Property, put(x.Session, "property_put", r.Property, r.Property.Name)
}

// deleteThing deletes a thread or a contact.
func (x *change) deleteThing(r operatorRequest) (any, error) {
	if r.ConversationID != "" {
		t, found, err := get[thread](x.Session, "thread_get", r.ConversationID)
		if err != nil || !found {
			return nil, errors.Join(err, fmt.Errorf("no conversation has the id %q", r.ConversationID))
		}
		t.Deleted = true
		x.tell(event{Type: "conversation.deletion", ObjectID: number64(t.ID), ChangeSource: "CONVERSATIONS", ChangeFlag: "DELETED"})
		return map[string]any{"deleted": true}, putThread(x.Session, t)
	}
	return x.deleteContact(r.ContactID, "contact.deletion")
}

// privacyDelete removes a contact for good, as a person's right.
func (x *change) privacyDelete(r operatorRequest) (any, error) {
	return x.deleteContact(r.ContactID, "contact.deletion", "contact.privacyDeletion")
}

// deleteContact: HubSpot tells of a privacy deletion as of any other as well.
func (x *change) deleteContact(id string, types ...string) (any, error) {
	c, err := x.mustFind(id)
	if err != nil {
		return nil, err
	}
	c.Deleted = true
	for _, kind := range types {
		x.tell(event{Type: kind, ObjectID: number64(c.ID), ChangeSource: "CRM_UI", ChangeFlag: "DELETED"})
	}
	return map[string]any{"deleted": true}, putContact(x.Session, c)
}
