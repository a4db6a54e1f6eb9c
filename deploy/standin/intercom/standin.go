package intercom

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func (s *Server) standinRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /standin/chat", s.postChat)
	mux.HandleFunc("GET /standin/requests", s.getRequests)
	mux.HandleFunc("GET /standin/accepted", s.getAccepted)
	mux.HandleFunc("GET /standin/webhooks", s.getWebhooks)
	mux.HandleFunc("POST /standin/webhooks/enable", s.enableWebhooks)
	mux.HandleFunc("POST /standin/fault", s.postFault)
	mux.HandleFunc("POST /standin/settings", s.postSettings)
	mux.HandleFunc("POST /standin/attribute", s.postAttribute)
	mux.HandleFunc("POST /standin/merge", s.operator(s.mergeContacts))
	mux.HandleFunc("POST /standin/contact", s.operator(s.editContact))
	mux.HandleFunc("POST /standin/delete", s.operator(s.deleteThing))
	mux.HandleFunc("POST /standin/ping", s.operator(ping))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{
			"standin": "intercom", "url": s.config.PublicURL, "workspace": s.config.WorkspaceName,
			"app_id": s.config.AppID, "api_version": apiVersion,
			"see": []string{"/standin/requests", "/standin/accepted", "/standin/webhooks"},
		})
	})
}

// entry is one request of the log.
type entry struct {
	Seq    int64           `json:"seq"`
	At     string          `json:"at"`
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Query  string          `json:"query,omitempty"`
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body,omitempty"` // A summary: no secrets, long values cut.
	Write  bool            `json:"write"`
}

// logRequest keeps a request; what is secret in it becomes "(hidden)".
func (s *Server) logRequest(r *http.Request, body []byte, status int, write bool) error {
	return s.store.write(r.Context(), func(tx *session) error {
		_, err := tx.exec("request_insert", s.config.Now().UnixMilli(), r.Method, r.URL.Path,
			hideValues(r.URL.Query()).Encode(), status, summary(r.Header.Get("Content-Type"), body), write)
		return err
	})
}

const (
	hidden        = "(hidden)"
	maxSummary    = 4 << 10
	maxSummarised = 300
)

// secretField names what never reaches the log.
func secretField(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{"secret", "token", "code", "password", "authorization", "state", "jwt"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func hideValues(values url.Values) url.Values {
	for name := range values {
		if secretField(name) {
			values[name] = []string{hidden}
		}
	}
	return values
}

// summary is a JSON value that tells what a body held, or "".
func summary(contentType string, body []byte) string {
	if len(body) == 0 {
		return ""
	}
	kind, _, _ := mime.ParseMediaType(contentType) // A broken one is as good as none.
	var value any
	if kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return `"(an unreadable form)"`
		}
		value = flatten(hideValues(form))
	} else if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Sprintf("%q", fmt.Sprintf("(%d bytes that are not JSON)", len(body)))
	}
	text, err := json.Marshal(hide(value))
	if err != nil || len(text) > maxSummary {
		return fmt.Sprintf("%q", fmt.Sprintf("(%d bytes)", len(body)))
	}
	return string(text)
}

func flatten(form url.Values) map[string]any {
	flat := map[string]any{}
	for name := range form {
		flat[name] = form.Get(name)
	}
	return flat
}

func hide(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if _, isText := inner.(string); isText && secretField(name) {
				value[name] = hidden
				continue
			}
			value[name] = hide(inner)
		}
		return value
	case []any:
		for i, inner := range value {
			value[i] = hide(inner)
		}
		return value
	case string:
		if len(value) > maxSummarised {
			return strings.ToValidUTF8(value[:maxSummarised], "") + "…"
		}
	}
	return value
}

// listRange reads ?after= and ?limit= of the stand-in's lists.
func listRange(r *http.Request) (after, limit int64, err error) {
	limit = 10_000
	for name, target := range map[string]*int64{"after": &after, "limit": &limit} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		if *target, err = strconv.ParseInt(text, 10, 64); err != nil || *target < 0 {
			return 0, 0, fmt.Errorf("cannot read %s=%q: it must be a number", name, text)
		}
	}
	return after, limit, nil
}

func (s *session) entries(statement string, after, limit int64) ([]entry, error) {
	list := []entry{}
	err := s.rows(statement, []any{after, limit}, func(scan func(...any) error) error {
		var e entry
		var atMS int64
		var body string
		if err := scan(&e.Seq, &atMS, &e.Method, &e.Path, &e.Query, &e.Status, &body, &e.Write); err != nil {
			return err
		}
		e.At = milliTime(atMS)
		if body != "" {
			e.Body = json.RawMessage(body)
		}
		list = append(list, e)
		return nil
	})
	return list, err
}

func milliTime(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// list answers a GET with what read returns.
func (s *Server) list(w http.ResponseWriter, r *http.Request, read func(s *session, after, limit int64) (any, error)) {
	after, limit, err := listRange(r)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, problem(err))
		return
	}
	value, err := read(s.store.read(r.Context()), after, limit)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, problem(err))
		return
	}
	writeJSON(w, http.StatusOK, value)
}

func (s *Server) getRequests(w http.ResponseWriter, r *http.Request) {
	s.list(w, r, func(s *session, after, limit int64) (any, error) {
		list, err := s.entries("request_list", after, limit)
		return map[string]any{"requests": list}, err
	})
}

// takenChat is a chat that was taken, through the Messenger or without.
type takenChat struct {
	Seq int64  `json:"seq"`
	ID  string `json:"id"`
	At  string `json:"at"`
	chatAnswer
}

// getAccepted lists what was taken in: chats, and writes that succeeded.
func (s *Server) getAccepted(w http.ResponseWriter, r *http.Request) {
	s.list(w, r, func(s *session, after, limit int64) (any, error) {
		writes, err := s.entries("request_writes", after, limit)
		if err != nil {
			return nil, err
		}
		chats := []takenChat{}
		err = s.rows("chat_list", []any{after, limit}, func(scan func(...any) error) error {
			var c takenChat
			var atMS int64
			err := scan(&c.Seq, &c.ID, &c.ContactID, &c.ConversationID, &atMS)
			c.At = milliTime(atMS)
			chats = append(chats, c)
			return err
		})
		return map[string]any{"chats": chats, "writes": writes}, err
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

func (s *Server) getWebhooks(w http.ResponseWriter, r *http.Request) {
	s.list(w, r, func(s *session, after, limit int64) (any, error) {
		list := []sentWebhook{}
		err := s.rows("webhook_list", []any{after, limit}, func(scan func(...any) error) error {
			var h sentWebhook
			var atMS int64
			err := scan(&h.Seq, &h.ID, &h.Topic, &h.State, &h.Attempts, &atMS, &h.Outcome)
			h.At = milliTime(atMS)
			list = append(list, h)
			return err
		})
		return map[string]any{"webhooks": list}, err
	})
}

// enableWebhooks is what the app's owner does in the Developer Hub after a 410.
func (s *Server) enableWebhooks(w http.ResponseWriter, r *http.Request) {
	err := s.store.write(r.Context(), func(tx *session) error {
		_, err := tx.exec("meta_delete", metaDisabled)
		return err
	})
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, problem(err))
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"enabled": true})
}

func (s *Server) postFault(w http.ResponseWriter, r *http.Request) {
	var request faultRequest
	body, status, err := readBody(r)
	if err == nil {
		status = http.StatusBadRequest
		if err = json.Unmarshal(body, &request); err == nil {
			err = request.check()
		}
	}
	if err != nil {
		writeJSON(w, status, problem(err))
		return
	}
	if request.Kind == faultRevoke {
		err = s.revoke(r)
	} else {
		err = s.faults.set(r.Context(), request.Kind, request.value())
	}
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, problem(err))
		return
	}
	value := request.value()
	writeJSON(w, http.StatusOK, map[string]any{"kind": request.Kind, "times": value.times})
}

// revoke is the workspace removing the app in Intercom. Like Intercom it does
// not care whether the notice of it arrives.
func (s *Server) revoke(r *http.Request) error {
	if err := s.removeApp(r.Context()); err != nil {
		return err
	}
	if err := s.notifyUninstall(r.Context()); err != nil {
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
		body, status, err := readBody(r)
		if err == nil && len(body) > 0 {
			status, err = http.StatusBadRequest, json.Unmarshal(body, &request)
		}
		if err != nil {
			writeJSON(w, status, problem(err))
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
			writeJSON(w, status, problem(err))
			return
		}
		writeJSON(w, http.StatusOK, reply)
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
		return chatAnswer{ContactID: into.ID}, err
	}
	into, err := x.present(r.Into)
	if err != nil {
		return nil, err
	}
	into, err = x.merge(from, into, !r.WithoutFrom)
	return chatAnswer{ContactID: into.ID}, err
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
		return chatAnswer{ContactID: c.ID}, x.putContact(c)
	}
	c, err := x.present(r.ContactID)
	if err != nil {
		return nil, err
	}
	if topic := c.learn(told); topic != "" {
		c.UpdatedAt = x.at
		x.tellContact(topic, c)
	}
	return chatAnswer{ContactID: c.ID}, x.putContact(c)
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
