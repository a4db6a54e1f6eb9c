package intercom

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
)

// maxParts is how many parts, the latest, a conversation shows.
const maxParts = 500

// conversation is a thread as kept. Bodies are plain text; REST wraps them in HTML.
type conversation struct {
	ID        string `json:"id"`
	ContactID string `json:"contact_id"`
	SourceID  string `json:"source_id"`
	Body      string `json:"body"`
	URL       string `json:"url,omitempty"`
	State     string `json:"state"`      // open or closed
	CreatedAt int64  `json:"created_at"` // Unix seconds.
	UpdatedAt int64  `json:"updated_at"`
	Deleted   bool   `json:"deleted,omitempty"`
	Parts     []part `json:"parts,omitempty"`
}

// part is one message after the first.
type part struct {
	ID        string `json:"id"`
	ContactID string `json:"contact_id"`
	Body      string `json:"body"`
	CreatedAt int64  `json:"created_at"`
}

// rendering says how bodies are written.
type rendering bool

const (
	asHTML  rendering = false
	asPlain rendering = true
)

func (r rendering) body(plain string) string {
	if r == asPlain {
		return plain
	}
	return "<p>" + html.EscapeString(plain) + "</p>"
}

func author(c contact) map[string]any {
	return map[string]any{"type": c.Role, "id": c.ID, "name": orNull(c.Name), "email": orNull(c.Email)}
}

// wire is the shape in lists; show adds the parts.
func (v conversation) wire(c contact, as rendering) map[string]any {
	return map[string]any{
		"type": "conversation", "id": v.ID, "title": nil, "created_at": v.CreatedAt, "updated_at": v.UpdatedAt,
		"waiting_since": v.waitingSince(), "snoozed_until": nil, "open": v.State == "open", "state": v.State, "read": false,
		"priority": "none", "admin_assignee_id": 0, "team_assignee_id": 0,
		"source": map[string]any{
			"type": "conversation", "id": v.SourceID, "delivered_as": "customer_initiated", "subject": "",
			"body": as.body(v.Body), "author": author(c), "attachments": []any{}, "url": orNull(v.URL), "redacted": false,
		},
		"contacts":            map[string]any{"type": "contact.list", "contacts": []any{c.reference()}},
		"first_contact_reply": map[string]any{"created_at": v.CreatedAt, "type": "conversation", "url": orNull(v.URL)},
		"tags":                map[string]any{"type": "tag.list", "tags": []any{}},
		"sla_applied":         nil, "statistics": nil, "conversation_rating": nil,
		"teammates":           map[string]any{"type": "admin.list", "teammates": []any{}},
		"custom_attributes":   map[string]any{},
		"linked_objects":      map[string]any{"type": "list", "data": []any{}, "total_count": 0, "has_more": false},
		"external_references": []any{},
		"ai_agent":            nil, "ai_agent_participated": false,
		"channel": map[string]any{"initial": "messenger", "current": "messenger"},
	}
}

func (v conversation) waitingSince() any {
	if v.State != "open" {
		return nil
	}
	return v.CreatedAt
}

// show is wire with the latest parts.
func (v conversation) show(c contact, as rendering) map[string]any {
	shape := v.wire(c, as)
	parts := []any{}
	for _, p := range v.Parts[max(0, len(v.Parts)-maxParts):] {
		parts = append(parts, p.wire(c, as))
	}
	shape["conversation_parts"] = map[string]any{
		"type": "conversation_part.list", "conversation_parts": parts, "total_count": len(v.Parts),
	}
	return shape
}

func (p part) wire(c contact, as rendering) map[string]any {
	writer := author(c)
	if c.Email == "" {
		delete(writer, "email") // Here the description knows no null.
	}
	return map[string]any{
		"type": "conversation_part", "id": p.ID, "part_type": "comment", "body": as.body(p.Body),
		"created_at": p.CreatedAt, "updated_at": p.CreatedAt, "notified_at": p.CreatedAt, "assigned_to": nil,
		"author": writer, "attachments": []any{}, "external_id": nil, "redacted": false,
		"email_message_metadata": nil, "state": "open", "tags": []any{}, "event_details": nil, "app_package_code": nil,
	}
}

// searchable is the REST shape with what searches see besides it.
func (v conversation) searchable(c contact) map[string]any {
	shape := v.wire(c, asPlain)
	shape["contact_ids"] = []string{c.ID}
	return shape
}

func (s session) conversation(statement string, args ...any) (conversation, bool, error) {
	var doc string
	found, err := s.Row(statement, args, &doc)
	if err != nil || !found {
		return conversation{}, false, err
	}
	var v conversation
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		return conversation{}, false, fmt.Errorf("cannot read a conversation: %w", err)
	}
	return v, true, nil
}

func (s session) conversations(statement string, args ...any) ([]conversation, error) {
	var list []conversation
	err := s.Rows(statement, args, func(scan func(...any) error) error {
		var doc string
		if err := scan(&doc); err != nil {
			return err
		}
		var v conversation
		err := json.Unmarshal([]byte(doc), &v)
		list = append(list, v)
		return err
	})
	return list, err
}

func (s session) putConversation(v conversation) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot encode a conversation: %w", err)
	}
	_, err = s.Exec("conversation_put", v.ID, v.ContactID, string(doc))
	return err
}

func (s *Server) getConversation(c *call) (answer, error) {
	s1 := s.store.read(c.ctx)
	v, found, err := s1.conversation("conversation_get", c.r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	if !found || v.Deleted {
		return refuse(http.StatusNotFound, "not_found", "Resource Not Found"), nil
	}
	who, _, err := s1.contact(v.ContactID)
	if err != nil {
		return answer{}, err
	}
	as := rendering(c.r.URL.Query().Get("display_as") == "plaintext")
	return ok(v.show(who, as)), nil
}

// pairs reads all conversations that are not deleted, newest first, with their contacts.
func (s session) pairs() ([]conversation, map[string]contact, error) {
	all, err := s.conversations("conversation_list")
	if err != nil {
		return nil, nil, err
	}
	people, err := s.contacts("contact_list")
	if err != nil {
		return nil, nil, err
	}
	byID := make(map[string]contact, len(people))
	for _, c := range people {
		byID[c.ID] = c
	}
	var list []conversation
	for _, v := range all {
		if !v.Deleted {
			list = append(list, v)
		}
	}
	return list, byID, nil
}

func (s *Server) listConversations(c *call) (answer, error) {
	page, refused := parsePage(c.r.URL.Query().Get("per_page"), c.r.URL.Query().Get("starting_after"), conversationsPerPage, maxPerPage)
	if !refused.isZero() {
		return refused, nil
	}
	list, people, err := s.store.read(c.ctx).pairs()
	if err != nil {
		return answer{}, err
	}
	return ok(conversationPage(list, people, page)), nil
}

func conversationPage(list []conversation, people map[string]contact, page pageRequest) map[string]any {
	data := []any{}
	for _, v := range slice(list, page) {
		data = append(data, v.wire(people[v.ContactID], asHTML))
	}
	return map[string]any{
		"type": "conversation.list", "conversations": data, "total_count": len(list), "pages": page.wire(len(list)),
	}
}

func (s *Server) searchConversations(c *call) (answer, error) {
	request, refused := s.parseSearch(c.body, conversationFields(), conversationsPerPage)
	if !refused.isZero() {
		return refused, nil
	}
	list, people, err := s.store.read(c.ctx).pairs()
	if err != nil {
		return answer{}, err
	}
	var hits []conversation
	for _, v := range list {
		if request.query.matches(v.searchable(people[v.ContactID])) {
			hits = append(hits, v)
		}
	}
	return ok(conversationPage(hits, people, request.page)), nil
}
