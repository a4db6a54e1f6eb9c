package hubspot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"sourceloop/deploy/standin/chats"
	"sourceloop/deploy/standin/front"
)

// widgetRequest is what the site's script sends, as text/plain so that
// browsers ask no permission first.
type widgetRequest struct {
	HubID    json.Number       `json:"hub_id"`
	Token    string            `json:"hubspotutk"`
	Page     string            `json:"page"`
	Identity map[string]string `json:"identity"` // What _hsq identify said.
	ID       string            `json:"id"`       // Of a message, so that a retry is no second one.
	Text     string            `json:"text"`
	Email    string            `json:"email"`
}

// widgetAnswer tells the script what it needs for its events.
type widgetAnswer struct {
	ConversationID string `json:"conversation_id,omitempty"`
	HasContact     bool   `json:"has_contact"`
}

var utk = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (s *Server) widgetRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /hubspot.js", front.Asset(assets, "assets/hubspot.js", "text/javascript; charset=utf-8"))
	for path, act := range map[string]func(*change, widgetRequest) (widgetAnswer, error){
		"/widget/track": (*change).track, "/widget/message": (*change).widgetMessage,
	} {
		mux.HandleFunc("POST "+path, s.widget(act))
	}
}

// widget runs one action of the script as one change, and answers once it is
// on disk; its events travel on their own.
func (s *Server) widget(act func(*change, widgetRequest) (widgetAnswer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		body, status, err := front.ReadBody(r, maxBody)
		if err != nil {
			front.WriteJSON(w, status, front.Problem(err))
			return
		}
		request, err := s.parseWidget(body)
		if err != nil {
			front.WriteJSON(w, http.StatusBadRequest, front.Problem(err))
			return
		}
		var reply widgetAnswer
		_, err = s.happen(r.Context(), s.config.Now(), func(x *change) (err error) {
			reply, err = act(x, request)
			return err
		})
		if err != nil {
			s.config.Log.Error("the chat widget was not served", "error", err)
			front.WriteJSON(w, http.StatusInternalServerError, front.Problem(errors.New("the chat widget was not served")))
			return
		}
		front.WriteJSON(w, http.StatusOK, reply)
	}
}

func (s *Server) parseWidget(body []byte) (widgetRequest, error) {
	var m widgetRequest
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("cannot read the widget's request: %w", err)
	}
	if m.HubID.String() != fmt.Sprint(s.config.HubID) {
		return m, fmt.Errorf("no account has the number %q", m.HubID)
	}
	if !utk.MatchString(m.Token) {
		return m, errors.New("hubspotutk is not 32 hexadecimal digits")
	}
	m.Email = strings.TrimSpace(m.Email)
	if local, domain, found := strings.Cut(m.Email, "@"); m.Email != "" && (!found || local == "" || !strings.Contains(domain, ".")) {
		return m, errors.New("that e-mail address looks incomplete")
	}
	return m, nil
}

// track is a page view with what identify said before it. Without an email
// HubSpot knows nobody to put it on.
func (x *change) track(m widgetRequest) (widgetAnswer, error) {
	v, err := x.visitor(m.Token)
	if err == nil && m.Identity["email"] != "" {
		err = x.learn(&v, m.Identity)
	}
	return widgetAnswer{HasContact: v.ContactID != ""}, err
}

// widgetMessage is a message, an email given in the thread, or both.
func (x *change) widgetMessage(m widgetRequest) (widgetAnswer, error) {
	v, err := x.visitor(m.Token)
	if err != nil {
		return widgetAnswer{}, err
	}
	var reply widgetAnswer
	if m.Text != "" && m.ID != "" {
		known, batch, err := chats.Before(x.Session, m.ID)
		if err != nil {
			return reply, err
		}
		if reply.ConversationID = known.ConversationID; batch == "" {
			t, err := x.say(v, m.Text, false)
			if err != nil {
				return reply, err
			}
			reply.ConversationID = t.ID
			if err := chats.Keep(x.Session, m.ID, chats.Answer{ContactID: v.whose(), ConversationID: t.ID}, x.at, x.batch); err != nil {
				return reply, err
			}
		}
	}
	if m.Email != "" {
		err = x.learn(&v, map[string]string{"email": m.Email})
	}
	reply.HasContact = v.ContactID != ""
	return reply, err
}
