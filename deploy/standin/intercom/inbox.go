package intercom

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"sourceloop/deploy/standin/front"
)

// maxCanvas is what Intercom takes of a canvas.
const maxCanvas = 64 << 10

// inboxView is what the Inbox's pages see.
type inboxView struct {
	Workspace, App string
	List           []inboxRow
	Open           *inboxRow
	Messages       []string
	Panel          *canvas
	Problem        string // why there is no panel
}

type inboxRow struct{ ID, Who, Text, At string }

// canvas is a Canvas Kit answer as far as the panel is drawn.
type canvas struct {
	Canvas struct {
		Content struct {
			Components []canvasComponent `json:"components"`
		} `json:"content"`
	} `json:"canvas"`
}

type canvasComponent struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Text   string `json:"text"`
	Style  string `json:"style"`
	Size   string `json:"size"`
	Label  string `json:"label"`
	Action struct {
		Type string `json:"type"`
		URL  string `json:"url"`
	} `json:"action"`
	Items []struct {
		Type  string `json:"type"`
		Field string `json:"field"`
		Value string `json:"value"`
	} `json:"items"`
}

func (s *Server) inboxRoutes(mux *http.ServeMux) {
	const conversation = "/a/inbox/{app}/inbox/conversation/{id}"
	mux.HandleFunc("GET /a/inbox", s.inbox)
	mux.HandleFunc("GET /a/inbox.css", front.Asset(assets, "assets/inbox.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET "+conversation, s.inboxConversation("initialize"))
	mux.HandleFunc("POST "+conversation, s.inboxConversation("submit"))
}

// inbox lists the conversations, the newest first.
func (s *Server) inbox(w http.ResponseWriter, r *http.Request) {
	view := inboxView{Workspace: s.config.WorkspaceName, App: s.config.AppID}
	list, people, err := s.store.read(r.Context()).pairs()
	if err != nil {
		http.Error(w, "the Inbox cannot be read", http.StatusInternalServerError)
		return
	}
	for _, v := range list {
		view.List = append(view.List, inboxLine(v, people[v.ContactID]))
	}
	s.renderInbox(w, &view)
}

func inboxLine(v conversation, c contact) inboxRow {
	return inboxRow{
		ID: v.ID, Who: cmp.Or(c.Name, c.Email, c.Phone, "Visitor "+c.ID[:min(6, len(c.ID))]), Text: v.Body,
		At: time.Unix(v.CreatedAt, 0).UTC().Format("2 Jan 15:04"),
	}
}

// inboxConversation shows a thread, and beside it what the app draws.
func (s *Server) inboxConversation(request string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, found, err := s.store.read(r.Context()).conversation("conversation_get", r.PathValue("id"))
		if err != nil || !found || v.Deleted || r.PathValue("app") != s.config.AppID {
			http.Error(w, "there is no such conversation", http.StatusNotFound)
			return
		}
		c, err := s.store.read(r.Context()).whoever(v.ContactID)
		if err != nil {
			http.Error(w, "the Inbox cannot be read", http.StatusInternalServerError)
			return
		}
		line := inboxLine(v, c)
		view := inboxView{Workspace: s.config.WorkspaceName, App: s.config.AppID, Open: &line, Messages: []string{v.Body}}
		for _, p := range v.Parts {
			view.Messages = append(view.Messages, p.Body)
		}
		if view.Panel, err = s.askPanel(r.Context(), request, v, c); err != nil {
			view.Problem = err.Error()
		}
		s.renderInbox(w, &view)
	}
}

// whoever finds a contact, over merges to where it is now.
func (s session) whoever(id string) (c contact, err error) {
	for range 4 {
		list, err := s.contacts("contact_get", id)
		if err != nil || len(list) == 0 {
			return contact{ID: id}, err
		}
		if c = list[0]; c.MergedInto == "" {
			break
		}
		id = c.MergedInto
	}
	return c, nil
}

// SignPanel returns the X-Body-Signature of a Canvas Kit request.
func SignPanel(body []byte, clientSecret string) string {
	mac := hmac.New(sha256.New, []byte(clientSecret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// askPanel sends a Canvas Kit request as Intercom does when a teammate opens a
// conversation, or presses a button of the panel.
func (s *Server) askPanel(ctx context.Context, request string, v conversation, c contact) (*canvas, error) {
	now := s.settings.Load()
	if now.PanelURL == "" {
		return nil, errors.New("the app has no panel")
	}
	body, err := json.Marshal(s.panelRequest(request, v, c))
	if err != nil {
		return nil, fmt.Errorf("cannot encode the request: %w", err)
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, now.PanelURL+"/"+request, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("cannot ask the app: %w", err)
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("X-Body-Signature", SignPanel(body, cmp.Or(now.SigningSecret, s.config.ClientSecret)))
	response, err := s.client.Do(post)
	if err != nil {
		return nil, errors.New("the app did not answer")
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxCanvas+1))
	switch {
	case err != nil || len(answer) > maxCanvas:
		return nil, errors.New("the app's canvas cannot be read: it may have 64 KB")
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the app answered with status %d", response.StatusCode)
	}
	drawn := new(canvas)
	if err := json.Unmarshal(answer, drawn); err != nil || len(drawn.Canvas.Content.Components) == 0 {
		return nil, errors.New("the app's answer is no canvas")
	}
	return drawn, drawn.check()
}

// panelRequest has the shape of Canvas Kit's requests for conversation details.
func (s *Server) panelRequest(request string, v conversation, c contact) map[string]any {
	body := map[string]any{
		"workspace_id": s.config.AppID, "workspace_region": "US", "card_creation_options": map[string]any{},
		"admin":        map[string]any{"type": "admin", "id": adminID, "name": adminName, "email": adminEmail},
		"context":      map[string]any{"location": "conversation", "conversation_id": v.ID, "locale": "en"},
		"conversation": v.show(c, asHTML), "contact": c.wire(s.config.AppID),
	}
	if request == "submit" {
		body["component_id"], body["input_values"] = "refresh", map[string]any{}
		body["current_canvas"] = map[string]any{"content": map[string]any{"components": []any{}}, "stored_data": map[string]any{}}
	}
	return body
}

// check knows the components that are used here, with their words and styles.
func (c *canvas) check() error {
	for _, x := range c.Canvas.Content.Components {
		fine := false
		switch x.Type {
		case "text":
			fine = x.Text != "" && strings.Contains(" header paragraph muted error ", " "+x.Style+" ")
		case "data-table":
			fine = len(x.Items) > 0
			for _, item := range x.Items {
				fine = fine && item.Type == "field-value" && item.Field != "" && item.Value != ""
			}
		case "button":
			opens := x.Action.Type == "url" && strings.HasPrefix(x.Action.URL, "http")
			fine = x.ID != "" && x.Label != "" && (x.Action.Type == "submit" || opens) && strings.Contains(" primary secondary link ", " "+x.Style+" ")
		case "spacer":
			fine = strings.Contains(" xs s m l xl ", " "+x.Size+" ")
		case "divider":
			fine = true
		}
		if !fine {
			return fmt.Errorf("the app's canvas has a %s that Intercom does not take", x.Type)
		}
	}
	return nil
}

func (s *Server) renderInbox(w http.ResponseWriter, view *inboxView) {
	page, err := template.ParseFS(assets, "assets/inbox.html")
	var body bytes.Buffer
	if err == nil {
		err = page.Execute(&body, view)
	}
	if err != nil {
		http.Error(w, "the Inbox cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body.Bytes()) // The teammate may be gone; nobody is left to tell.
}
