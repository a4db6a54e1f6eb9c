package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// standinSecret is the client secret of the app in the stand-in Intercom.
const standinSecret = "only-for-this-run"

// standin starts the stand-in Intercom for a product at this address.
func (h *host) standin(product string) (address string, err error) {
	dir, err := h.folder("standin")
	if err != nil {
		return "", err
	}
	p, err := launch("standin intercom", h.config.Executable, []string{
		"--log-level", "warn", "standin", "intercom", "--data", dir, "--client-id", "bench", "--client-secret", standinSecret,
		"--redirect-uri", product + "/connect/intercom/callback",
		"--webhook-url", product + "/hooks/intercom", "--uninstall-url", product + "/hooks/intercom/uninstall",
	}, nil)
	if err != nil {
		return "", err
	}
	h.onClose(p.close)
	return p.line()
}

// chatting lets somebody who looked at a page open a chat every now and then, and waits for the contact.
func (m *freshening) chatting(ctx, traffic context.Context) error {
	people := newTraffic(1_000_007+uint64(m.sent.Load()), time.Now(), time.Minute)
	tick := time.NewTicker(chatEvery)
	defer tick.Stop()
	for first := true; first || traffic.Err() == nil; first = false {
		if err := m.chat(ctx, people.fresh()); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-traffic.Done():
		}
	}
	return nil
}

func (m *freshening) chat(ctx context.Context, h hit) error {
	if err := newSender(m.product.address, "202").send(ctx, singles([]hit{h})); err != nil {
		return err
	}
	m.sent.Add(1)
	if err := until(ctx, "the session of somebody who chats", lookEvery, func() (bool, error) {
		found, err := m.visibleOf(ctx, []string{h.visitor})
		return len(found) == 1, err
	}); err != nil {
		return err
	}
	m.chats++
	email := "chat-" + strconv.Itoa(m.chats) + "@mail.example"
	body, err := json.Marshal(map[string]any{
		"id": "chat-" + strconv.Itoa(m.chats), "at": time.Now().UnixMilli(), "email": email, "message": "Do you ship to Oslo?",
		"page": h.url, "sourceloop_id": h.visitor,
	})
	if err != nil {
		return fmt.Errorf("cannot write a chat: %w", err)
	}
	begun := time.Now()
	// The stand-in answers once its webhooks were answered, so they came after begun.
	if err := m.ask(ctx, http.MethodPost, m.intercom+"/standin/chat", body, nil); err != nil {
		return err
	}
	err = until(ctx, "the contact of a chat", lookEvery, func() (bool, error) { return m.answered(ctx, email, h.visitor) })
	m.known = append(m.known, milliseconds(time.Since(begun)))
	return err
}

// answered tells whether the API has the contact, and its journey has the session of the page that was looked at.
func (m *freshening) answered(ctx context.Context, email, visitor string) (bool, error) {
	var contacts struct{ Items []struct{ ID, Email string } }
	if err := m.ask(ctx, http.MethodGet, m.product.url+"/api/v1/contacts?limit=1&q="+url.QueryEscape(email), nil, &contacts); err != nil {
		return false, err
	}
	if len(contacts.Items) == 0 || contacts.Items[0].Email != email {
		return false, nil
	}
	var journey struct{ Sessions []struct{ Visitor string } }
	if err := m.ask(ctx, http.MethodGet, m.product.url+"/api/v1/contacts/"+contacts.Items[0].ID+"/journey", nil, &journey); err != nil {
		return false, err
	}
	return len(journey.Sessions) == 1 && journey.Sessions[0].Visitor == visitor, nil
}

// ask sends a request with the API key and reads the answer.
func (m *freshening) ask(ctx context.Context, method, address string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+m.host.apiKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("cannot go on: %s was answered %s: %s", request.URL.Path, response.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// visibleOf gives those of some visitors whose sessions a report can see.
func (m *freshening) visibleOf(ctx context.Context, visitors []string) ([]string, error) {
	rows, err := m.conn.Query(ctx, visibleVisitors, clickhouse.Named("visitors", visitors))
	if err != nil {
		return nil, fmt.Errorf("cannot look for sessions: %w", err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, fmt.Errorf("cannot look for sessions: %w", err)
		}
		found = append(found, v)
	}
	return found, rows.Err()
}
