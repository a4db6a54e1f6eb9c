package load

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"

	"sourceloop/schema"
)

// wireHit is a hit as the collector takes it.
type wireHit struct {
	ID         schema.ID         `json:"id"`
	Visitor    string            `json:"visitor"`
	At         int64             `json:"at"`
	Type       string            `json:"type"`
	URL        string            `json:"url"`
	Referrer   string            `json:"referrer,omitempty"`
	Title      string            `json:"title,omitempty"`
	Name       string            `json:"name,omitempty"`
	Properties map[string]any    `json:"properties,omitempty"`
	Traits     map[string]string `json:"traits,omitempty"`
	UserAgent  string            `json:"user_agent"`
	Zone       string            `json:"tz,omitempty"`
}

// wire gives a hit as its browser writes it, by its own clock.
func (s sending) wire() wireHit {
	h, b := s.hit, s.browser
	w := wireHit{
		ID: h.id, Visitor: b.id, At: int64(h.at) + b.skew, Type: h.kind, URL: h.url, Referrer: h.referrer,
		Title: h.title, Name: h.name, UserAgent: b.agent.text, Zone: b.place.zone,
	}
	switch h.kind {
	case "leave":
		w.Properties = map[string]any{"engaged_ms": 4000}
	case "event":
		w.Properties = map[string]any{"plan": "loose", "step": 2}
	case "identify":
		w.Traits = map[string]string{"email": h.person.email, "name": h.person.name}
	}
	return w
}

// body writes hits as a compressed JSON array.
func body(batch []sending) ([]byte, error) {
	hits := make([]wireHit, len(batch))
	for i, s := range batch {
		hits[i] = s.wire()
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("cannot compress hits: %w", err)
	}
	if err := json.NewEncoder(z).Encode(hits); err != nil {
		return nil, fmt.Errorf("cannot write hits: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("cannot compress hits: %w", err)
	}
	return b.Bytes(), nil
}

// wireChat is a chat as the stand-in's Messenger sends it.
type wireChat struct {
	ID              string `json:"id"`
	At              int64  `json:"at"`
	Email           string `json:"email,omitempty"`
	Name            string `json:"name,omitempty"`
	Phone           string `json:"phone,omitempty"`
	Message         string `json:"message"`
	Page            string `json:"page"`
	SourceloopID    string `json:"sourceloop_id,omitempty"`
	ContactID       string `json:"contact_id,omitempty"`
	NewConversation bool   `json:"new_conversation,omitempty"`
}

func (c *chat) wire() wireChat {
	w := wireChat{
		ID: c.id, At: int64(c.at), Email: c.person.email, Name: c.person.name, Phone: c.person.phone, Message: c.message, Page: c.page,
	}
	if c.browser != nil {
		w.SourceloopID = c.browser.id
	}
	if c.continues != nil {
		w.ContactID, w.NewConversation = c.continues.ContactID, true
	}
	return w
}
