package hubspot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"sourceloop/deploy/standin/ledger"
)

// The types of a thread's messages.
const (
	typeMessage    = "MESSAGE"
	typeComment    = "COMMENT"
	typeWelcome    = "WELCOME_MESSAGE"
	typeAssignment = "ASSIGNMENT"
	typeStatus     = "THREAD_STATUS_CHANGE"
	typeInbox      = "THREAD_INBOX_CHANGE"
)

const (
	liveChat  = "1000" // The channel.
	agent     = "A-991267"
	system    = "S-hubspot"
	inbox     = "440012"
	chatflow  = "88001234"
	maxPage   = 500
	stdPage   = 100
	incoming  = "INCOMING"
	threadNew = "OPEN"
)

// thread is a conversation. Whose is a visitor's id until there is a contact.
type thread struct {
	ID        string    `json:"id"`
	Whose     string    `json:"whose"`
	CreatedAt int64     `json:"created_at"` // Unix milliseconds.
	Status    string    `json:"status"`
	Messages  []message `json:"messages"`
	Deleted   bool      `json:"deleted"`
}

// message is one entry of a thread, of any of the six types.
type message struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Actor     string `json:"actor"`
	Text      string `json:"text"`
	Direction string `json:"direction"`
	CreatedAt int64  `json:"created_at"` // Unix milliseconds.
}

func putThread(tx *ledger.Session, t thread) error { return put(tx, "thread_put", t, t.ID, t.Whose) }

// latest is when the latest message was written, in Unix milliseconds.
func (t thread) latest() int64 {
	latest := t.CreatedAt
	for _, m := range t.Messages {
		latest = max(latest, m.CreatedAt)
	}
	return latest
}

func (t thread) show() map[string]any {
	latest := t.latest()
	return map[string]any{
		"id": t.ID, "createdAt": ledger.Time(t.CreatedAt), "status": t.Status, "originalChannelId": liveChat,
		"originalChannelAccountId": chatflow, "latestMessageTimestamp": ledger.Time(latest),
		"latestMessageReceivedTimestamp": ledger.Time(latest), "spam": false, "inboxId": inbox,
		"associatedContactId": t.Whose, "archived": false,
	}
}

// show gives a message the fields of its type.
func (m message) show(t thread) map[string]any {
	shown := map[string]any{
		"id": m.ID, "conversationsThreadId": t.ID, "createdAt": ledger.Time(m.CreatedAt), "createdBy": m.Actor, "type": m.Type,
		"archived": false, "client": map[string]any{"clientType": "SYSTEM"}, "senders": []any{map[string]any{"actorId": m.Actor}},
		"recipients": []any{},
	}
	switch m.Type {
	case typeMessage, typeComment, typeWelcome:
		shown["text"], shown["richText"] = m.Text, "<p>"+m.Text+"</p>"
		shown["attachments"], shown["channelId"], shown["channelAccountId"] = []any{}, liveChat, chatflow
		shown["client"] = map[string]any{"clientType": "HUBSPOT"}
	case typeAssignment:
		shown["assignedTo"] = agent
	case typeStatus:
		shown["newStatus"] = t.Status
	case typeInbox:
		shown["fromInboxId"], shown["toInboxId"] = "440011", inbox
	}
	if m.Type == typeMessage {
		shown["direction"], shown["truncationStatus"] = m.Direction, "NOT_TRUNCATED"
		shown["status"] = map[string]any{"statusType": "RECEIVED"}
	}
	return shown
}

// page reads ?limit= and ?after=.
func page(c *call) (after int64, limit int64, refused answer) {
	limit = stdPage
	for name, target := range map[string]*int64{"limit": &limit, "after": &after} {
		text := c.r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || name == "limit" && (n < 1 || n > maxPage) {
			return 0, 0, refuse(http.StatusBadRequest, "VALIDATION_ERROR", name+" is not valid")
		}
		*target = n
	}
	return after, limit, answer{}
}

// listThreads lists all threads or those of one contact, which HubSpot wants
// asked for together with a status.
func (s *Server) listThreads(c *call) (answer, error) {
	switch c.r.URL.Query().Get("sort") {
	case "", "id":
	case "latestMessageTimestamp":
		return s.listLatest(c)
	default:
		return refuse(http.StatusBadRequest, "VALIDATION_ERROR", "sort is not valid"), nil
	}
	after, limit, refused := page(c)
	whose, status := c.r.URL.Query().Get("associatedContactId"), c.r.URL.Query().Get("threadStatus")
	if whose != "" && status != "OPEN" && status != "CLOSED" {
		refused = refuse(http.StatusBadRequest, "VALIDATION_ERROR", "threadStatus is needed with associatedContactId")
	}
	if !refused.isZero() {
		return refused, nil
	}
	list, last := []any{}, int64(0)
	err := s.store.Read(c.ctx).Rows("thread_list", []any{whose, whose, after, limit}, func(scan func(...any) error) error {
		var doc string
		var t thread
		if err := scan(&last, &doc); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(doc), &t); err != nil {
			return fmt.Errorf("cannot read a thread: %w", err)
		}
		if !t.Deleted && (status == "" || t.Status == status) {
			list = append(list, t.show())
		}
		return nil
	})
	reply := map[string]any{"results": list}
	if last > 0 {
		reply["paging"] = map[string]any{"next": map[string]any{"after": strconv.FormatInt(last, 10)}}
	}
	return ok(reply), err
}

func (s *Server) thread(c *call) (thread, bool, error) {
	t, found, err := get[thread](s.store.Read(c.ctx), "thread_get", c.r.PathValue("id"))
	return t, found && !t.Deleted, err
}

func (s *Server) getThread(c *call) (answer, error) {
	t, found, err := s.thread(c)
	if err != nil || !found {
		return notFound("thread"), err
	}
	return ok(t.show()), nil
}

// listMessages lists the oldest first, unless sort=-createdAt.
func (s *Server) listMessages(c *call) (answer, error) {
	after, limit, refused := page(c)
	if !refused.isZero() {
		return refused, nil
	}
	t, found, err := s.thread(c)
	if err != nil || !found {
		return notFound("thread"), err
	}
	shown := []any{}
	for i := after; i < int64(len(t.Messages)) && i < after+limit; i++ {
		m := t.Messages[i]
		if c.r.URL.Query().Get("sort") == "-createdAt" {
			m = t.Messages[int64(len(t.Messages))-1-i]
		}
		shown = append(shown, m.show(t))
	}
	reply := map[string]any{"results": shown}
	if after+limit < int64(len(t.Messages)) {
		reply["paging"] = map[string]any{"next": map[string]any{"after": strconv.FormatInt(after+limit, 10)}}
	}
	return ok(reply), nil
}

func (s *Server) getActor(c *call) (answer, error) {
	id := c.r.PathValue("id")
	kind, whose, _ := strings.Cut(id, "-")
	types := map[string]string{"A": "AGENT", "V": "VISITOR", "S": "SYSTEM", "E": "EMAIL", "I": "INTEGRATION", "L": "AI_AGENT"}
	if types[kind] == "" || whose == "" {
		return notFound("actor"), nil
	}
	actor := map[string]any{"id": id, "type": types[kind]}
	if kind == "V" {
		found, known, err := present(s.store.Read(c.ctx), whose)
		if err != nil {
			return answer{}, err
		}
		if known {
			actor["email"] = found.email()
			actor["name"] = strings.TrimSpace(found.Properties["firstname"] + " " + found.Properties["lastname"])
		}
	}
	return ok(actor), nil
}
