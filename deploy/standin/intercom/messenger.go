package intercom

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/mileusna/useragent"

	"sourceloop/deploy/standin/chats"
	"sourceloop/deploy/standin/front"
)

// visitor is an anonymous browser as kept. It becomes a lead when it speaks.
type visitor struct {
	ID        string         `json:"-"` // The user_id that getVisitorId gives.
	ContactID string         `json:"-"` // Empty while anonymous.
	Custom    map[string]any `json:"custom,omitempty"`
	Page      string         `json:"page,omitempty"` // The first one.
	Referrer  string         `json:"referrer,omitempty"`
	CreatedAt int64          `json:"created_at"`
}

// messengerRequest is what the Messenger script sends, as text/plain so that
// browsers ask no permission first.
type messengerRequest struct {
	AppID     string         `json:"app_id"`
	VisitorID string         `json:"visitor_id"`
	Page      string         `json:"page"`
	Referrer  string         `json:"referrer"`
	Settings  map[string]any `json:"settings"` // What the site gave to boot and update.
	ID        string         `json:"id"`       // Of a message, so that a retry is no second one.
	Text      string         `json:"text"`
	Email     string         `json:"email"`
}

// messengerAnswer tells the script who it speaks for.
type messengerAnswer struct {
	VisitorID      string `json:"visitor_id"`
	ContactID      string `json:"contact_id,omitempty"`
	ConversationID string `json:"conversation_id,omitempty"`
	HasEmail       bool   `json:"has_email"`
}

// messengerError is a mistake of the site's or the visitor's.
type messengerError struct {
	status  int
	message string
}

func (e messengerError) Error() string { return e.message }

type messengerAction func(*change, *visitor, messengerRequest, *http.Request) (messengerAnswer, error)

func (s *Server) messengerRoutes(mux *http.ServeMux) {
	for path, act := range map[string]messengerAction{
		"/messenger/boot": s.messengerSettings, "/messenger/update": s.messengerSettings, "/messenger/message": s.messengerMessage,
	} {
		mux.HandleFunc("POST "+path, s.messenger(act))
		mux.HandleFunc("OPTIONS "+path, func(w http.ResponseWriter, _ *http.Request) {
			allowOrigins(w.Header())
			w.WriteHeader(http.StatusNoContent)
		})
	}
}

func allowOrigins(header http.Header) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Allow-Methods", "POST")
	header.Set("Access-Control-Allow-Headers", "Content-Type")
	header.Set("Access-Control-Max-Age", "600")
}

// messenger runs one action of the script as one change, and answers once it
// is on disk; its notifications travel on their own.
func (s *Server) messenger(act messengerAction) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		allowOrigins(w.Header())
		body, status, err := front.ReadBody(r, maxBody)
		if err != nil {
			front.WriteJSON(w, status, front.Problem(err))
			return
		}
		request, err := s.parseMessenger(body)
		if err != nil {
			front.WriteJSON(w, http.StatusBadRequest, front.Problem(err))
			return
		}
		var reply messengerAnswer
		_, err = s.happen(r.Context(), s.config.Now(), func(x *change) (err error) {
			v, err := x.visitor(request)
			if err != nil {
				return err
			}
			if reply, err = act(x, &v, request, r); err != nil {
				return err
			}
			reply.VisitorID, reply.ContactID = v.ID, v.ContactID
			return x.putVisitor(v)
		})
		var mistake messengerError
		switch {
		case errors.As(err, &mistake):
			front.WriteJSON(w, mistake.status, front.Problem(err))
		case err != nil:
			s.config.Log.Error("the Messenger was not served", "error", err)
			front.WriteJSON(w, http.StatusInternalServerError, front.Problem(errors.New("the Messenger was not served")))
		default:
			front.WriteJSON(w, http.StatusOK, reply)
		}
	}
}

func (s *Server) parseMessenger(body []byte) (messengerRequest, error) {
	var m messengerRequest
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("cannot read the Messenger's request: %w", err)
	}
	if m.AppID != s.config.AppID {
		return m, fmt.Errorf("no workspace has the app_id %q", m.AppID)
	}
	const longest = 100
	if len(m.VisitorID) > longest || len(m.ID) > longest {
		return m, errors.New("cannot read the Messenger's request: an id is too long")
	}
	return m, nil
}

// visitor finds the browser, or meets it for the first time.
func (x *change) visitor(m messengerRequest) (visitor, error) {
	v := visitor{ID: m.VisitorID, Page: m.Page, Referrer: m.Referrer, CreatedAt: x.at}
	if v.ID == "" {
		v.ID = newUUID()
		return v, nil
	}
	var doc string
	found, err := x.Row("visitor_get", []any{v.ID}, &v.ContactID, &doc)
	if err != nil || !found {
		return v, err
	}
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		return v, fmt.Errorf("cannot read a visitor: %w", err)
	}
	return v, nil
}

func (s session) putVisitor(v visitor) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot encode a visitor: %w", err)
	}
	_, err = s.Exec("visitor_put", v.ID, v.ContactID, string(doc))
	return err
}

// messengerSettings is boot and update: attributes inline, those that may not
// be written dropped in silence; an email or a user_id names a user.
func (s *Server) messengerSettings(x *change, v *visitor, m messengerRequest, r *http.Request) (messengerAnswer, error) {
	custom, err := x.writable(m.Settings)
	if err != nil {
		return messengerAnswer{}, err
	}
	told := details{
		Email: settingText(m.Settings, "email"), Name: settingText(m.Settings, "name"),
		Phone: settingText(m.Settings, "phone"), Custom: custom,
	}
	userID := settingText(m.Settings, "user_id")
	if userID != "" || told.Email != "" {
		if s.settings.Load().IdentityVerification && m.Settings["intercom_user_jwt"] == nil && m.Settings["user_hash"] == nil {
			return messengerAnswer{}, messengerError{http.StatusBadRequest, "identity verification is enforced: the user must be signed"}
		}
		return x.identify(v, userID, told, r)
	}
	if v.ContactID == "" {
		holder := contact{Custom: v.Custom}
		holder.set(custom)
		v.Custom = holder.Custom
		return messengerAnswer{}, nil
	}
	who, _, err := x.say(speech{contactID: v.ContactID, details: told})
	return messengerAnswer{HasEmail: who.Email != ""}, err
}

func settingText(settings map[string]any, name string) string {
	switch value := settings[name].(type) {
	case string:
		return value
	case float64:
		return fmt.Sprintf("%.0f", value)
	}
	return ""
}

// identify makes the visitor a user: a known one, a new one, or its lead signed up.
func (x *change) identify(v *visitor, userID string, told details, r *http.Request) (messengerAnswer, error) {
	user, found, err := x.findUser(userID, told.Email)
	if err != nil {
		return messengerAnswer{}, err
	}
	var lead contact
	if v.ContactID != "" {
		if lead, err = x.present(v.ContactID); err != nil && !errors.Is(err, errNoContact) {
			return messengerAnswer{}, err
		}
	}
	topic := ""
	switch {
	case found:
		topic = user.learn(told)
	case lead.ID != "":
		user, topic = lead, topicLeadSignedUp
		user.learn(told)
		user.Role, user.ExternalID, user.SignedUpAt = roleUser, userID, x.at
	default:
		user, topic = x.newUser(v, userID, r), topicUserCreated
		user.learn(told)
	}
	if topic != "" {
		user.UpdatedAt = x.at
		x.tellContact(topic, user)
	}
	if err := x.putContact(user); err != nil {
		return messengerAnswer{}, err
	}
	if lead.ID != "" && lead.ID != user.ID && lead.Role == roleLead {
		if user, err = x.merge(lead, user, true); err != nil {
			return messengerAnswer{}, err
		}
	}
	v.ContactID = user.ID
	return messengerAnswer{HasEmail: user.Email != ""}, nil
}

func (x *change) newUser(v *visitor, userID string, r *http.Request) contact {
	agent := useragent.Parse(r.UserAgent())
	user := contact{
		ID: x.server.newID("contact", ""), Role: roleUser, ExternalID: userID, CreatedAt: x.at, UpdatedAt: x.at,
		SignedUpAt: x.at, LastSeenAt: x.at, Browser: agent.Name, OS: agent.OS,
	}
	user.cameFrom(v.Page, v.Referrer)
	user.set(v.Custom)
	return user
}

// findUser looks for a living user by its external id, else by its email.
func (x *change) findUser(userID, email string) (contact, bool, error) {
	for _, by := range []struct{ statement, value string }{{"contact_by_external", userID}, {"contact_by_email", email}} {
		if by.value == "" {
			continue
		}
		list, err := x.contacts(by.statement, by.value)
		if err != nil {
			return contact{}, false, err
		}
		for _, c := range list {
			if c.live() && c.Role == roleUser {
				return c, true, nil
			}
		}
	}
	return contact{}, false, nil
}

// messengerMessage is a message, an email given in the thread, or both.
func (s *Server) messengerMessage(x *change, v *visitor, m messengerRequest, r *http.Request) (messengerAnswer, error) {
	m.Email, m.Text = strings.TrimSpace(m.Email), strings.TrimSpace(m.Text)
	if m.Email != "" && !plausibleEmail(m.Email) {
		return messengerAnswer{}, messengerError{http.StatusUnprocessableEntity, "That e-mail address looks incomplete."}
	}
	if m.Text == "" && (m.Email == "" || v.ContactID == "") {
		return messengerAnswer{}, messengerError{http.StatusUnprocessableEntity, "Please write a message."}
	}
	id := cmp.Or(m.ID, newUUID())
	known, before, err := chats.Before(x.Session, id)
	if err != nil {
		return messengerAnswer{}, err
	}
	if before == "" {
		agent := useragent.Parse(r.UserAgent())
		known, err = x.chat(id, speech{
			seed: id, contactID: v.ContactID, details: details{Email: m.Email, Custom: v.Custom}, text: m.Text,
			page: m.Page, referrer: v.Referrer, browser: agent.Name, os: agent.OS,
		}, false)
		if err != nil {
			return messengerAnswer{}, err
		}
	}
	v.ContactID, v.Custom = known.ContactID, nil
	who, err := x.present(v.ContactID)
	return messengerAnswer{ConversationID: known.ConversationID, HasEmail: who.Email != ""}, err
}

func plausibleEmail(email string) bool {
	local, domain, found := strings.Cut(email, "@")
	return found && local != "" && strings.Contains(domain, ".") && !strings.ContainsAny(email, " \t\r\n<>")
}
