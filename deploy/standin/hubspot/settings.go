package hubspot

import (
	"encoding/json"
	"net/http"
	"slices"

	"sourceloop/deploy/standin/front"
)

// settings are what the app's developer can change in the project while the
// stand-in runs. They hold until it stops.
type settings struct {
	WebhookURL    string   `json:"webhook_url"`    // the targetUrl; "": no events are made
	SigningSecret string   `json:"signing_secret"` // "": the client secret
	Subscriptions []string `json:"subscriptions"`  // those that are active; nil: all
}

// postSettings changes those that the body names.
func (s *Server) postSettings(w http.ResponseWriter, r *http.Request) {
	now := *s.settings.Load()
	now.Subscriptions = slices.Clone(now.Subscriptions) // What is read goes into the list that there is, at which others look.
	body, status, err := front.ReadBody(r, maxBody)
	if err == nil {
		status = http.StatusBadRequest
		if err = json.Unmarshal(body, &now); err == nil && now.WebhookURL != "" {
			err = front.CheckURL("address", now.WebhookURL)
		}
	}
	if err != nil {
		front.WriteJSON(w, status, front.Problem(err))
		return
	}
	s.settings.Store(&now)
	shown := now
	shown.SigningSecret = ""
	front.WriteJSON(w, http.StatusOK, shown)
}

// subscribed tells whether events of a type are sent.
func (s settings) subscribed(kind string) bool {
	return s.WebhookURL != "" && (s.Subscriptions == nil || slices.Contains(s.Subscriptions, kind))
}

// secret signs events.
func (s *Server) secret() string {
	if other := s.settings.Load().SigningSecret; other != "" {
		return other
	}
	return s.config.ClientSecret
}
