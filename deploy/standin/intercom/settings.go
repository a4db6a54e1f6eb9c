package intercom

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"sourceloop/deploy/standin/front"
)

// metaSettings holds what was changed since the first start.
const metaSettings = "settings"

// settings are what the app's developer and the workspace's admins can change
// while the stand-in runs. They are kept, so that a restart has them too.
type settings struct {
	WebhookURL           string   `json:"webhook_url"`
	SigningSecret        string   `json:"signing_secret"` // "": the client secret
	Topics               []string `json:"topics"`         // ticked in the Developer Hub; nil: all
	IdentityVerification bool     `json:"identity_verification"`
	PlanRestricted       bool     `json:"plan_restricted"` // conversations are refused for good
	ClockAheadMS         int64    `json:"clock_ahead_ms"`  // of the Date of answers
	PanelURL             string   `json:"panel_url"`       // where Canvas Kit requests go: …/initialize and …/submit
}

// loadSettings begins with those of the configuration.
func (s *Server) loadSettings(ctx context.Context) error {
	now := settings{WebhookURL: s.config.WebhookURL, IdentityVerification: s.config.IdentityVerification, PanelURL: s.config.PanelURL}
	var kept string
	found, err := s.store.read(ctx).Row("meta_get", []any{metaSettings}, &kept)
	if err == nil && found {
		err = json.Unmarshal([]byte(kept), &now)
	}
	if err != nil {
		return fmt.Errorf("cannot read the settings: %w", err)
	}
	s.settings.Store(&now)
	return nil
}

// postSettings changes those that the body names, and answers with all.
func (s *Server) postSettings(w http.ResponseWriter, r *http.Request) {
	body, status, err := front.ReadBody(r, maxBody)
	now := *s.settings.Load()
	now.Topics = slices.Clone(now.Topics) // What is read goes into the list that there is, at which others look.
	if err == nil {
		status = http.StatusBadRequest
		if err = json.Unmarshal(body, &now); err == nil {
			err = now.check()
		}
	}
	if err != nil {
		front.WriteJSON(w, status, front.Problem(err))
		return
	}
	kept, err := json.Marshal(now)
	if err == nil {
		err = s.store.write(r.Context(), func(tx session) error {
			_, err := tx.Exec("meta_put", metaSettings, string(kept))
			return err
		})
	}
	if err != nil {
		front.WriteJSON(w, http.StatusInternalServerError, front.Problem(err))
		return
	}
	s.settings.Store(&now)
	shown := now
	shown.SigningSecret = ""
	front.WriteJSON(w, http.StatusOK, shown)
}

func (s settings) check() error {
	for name, address := range map[string]string{"webhook URL": s.WebhookURL, "panel URL": s.PanelURL} {
		if address == "" {
			continue
		}
		if err := front.CheckURL(name, address); err != nil {
			return err
		}
	}
	return nil
}

// subscribed: ping always is.
func (s settings) subscribed(topic string) bool {
	return topic == topicPing || s.Topics == nil || slices.Contains(s.Topics, topic)
}

// dated gives answers the date of a clock that is off.
func (s *Server) dated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ahead := s.settings.Load().ClockAheadMS; ahead != 0 {
			w.Header().Set("Date", time.Now().Add(time.Duration(ahead)*time.Millisecond).UTC().Format(http.TimeFormat))
		}
		next.ServeHTTP(w, r)
	})
}

// attributeEdit is what an admin does under Settings → Data → People.
type attributeEdit struct {
	Name              string `json:"name"`
	Remove            bool   `json:"remove"` // Intercom has no such button; support does it.
	Archived          *bool  `json:"archived"`
	MessengerWritable *bool  `json:"messenger_writable"`
	DataType          string `json:"data_type"` // as if it had been made with another type
}

func (s *Server) postAttribute(w http.ResponseWriter, r *http.Request) {
	var edit attributeEdit
	body, status, err := front.ReadBody(r, maxBody)
	if err == nil {
		status, err = http.StatusBadRequest, json.Unmarshal(body, &edit)
	}
	if err == nil {
		status = http.StatusUnprocessableEntity
		err = s.store.write(r.Context(), func(tx session) error { return tx.editAttribute(edit, s.config.Now().Unix()) })
	}
	if err != nil {
		front.WriteJSON(w, status, front.Problem(err))
		return
	}
	front.WriteJSON(w, http.StatusOK, map[string]string{"name": edit.Name})
}

func (s session) editAttribute(edit attributeEdit, now int64) error {
	a, found, err := s.findAttribute("attribute_by_name", "contact", edit.Name)
	if err != nil || !found {
		return errors.Join(err, fmt.Errorf("people have no attribute %q", edit.Name))
	}
	if edit.Remove {
		_, err := s.Exec("attribute_delete", a.id)
		return err
	}
	if edit.Archived != nil {
		a.Archived = *edit.Archived
	}
	if edit.MessengerWritable != nil {
		a.MessengerWritable = *edit.MessengerWritable
	}
	a.DataType = cmp.Or(edit.DataType, a.DataType)
	a.UpdatedAt = now
	doc, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("cannot encode an attribute: %w", err)
	}
	_, err = s.Exec("attribute_update", string(doc), a.id)
	return err
}
