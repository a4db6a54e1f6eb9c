package hubspot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sourceloop/deploy/standin/front"
	"sourceloop/deploy/standin/ledger"
)

// errNobody: a chat wants to go on for somebody who is not there.
var errNobody = errors.New("nobody has this id")

// event is one webhook event as kept; what every event has is added when it is
// sent. Types are those of subscriptionType.
type event struct {
	EventID       int64    `json:"eventId"`
	Subscription  int64    `json:"subscriptionId"`
	PortalID      int64    `json:"portalId"`
	AppID         int64    `json:"appId"`
	OccurredAt    int64    `json:"occurredAt"`
	Type          string   `json:"subscriptionType"`
	Attempt       int      `json:"attemptNumber"`
	ObjectID      number64 `json:"objectId"`
	ChangeSource  string   `json:"changeSource,omitempty"`
	ChangeFlag    string   `json:"changeFlag,omitempty"`
	PropertyName  string   `json:"propertyName,omitempty"`
	PropertyValue string   `json:"propertyValue,omitempty"`
	MessageID     string   `json:"messageId,omitempty"`
	MessageType   string   `json:"messageType,omitempty"`
	Primary       number64 `json:"primaryObjectId,omitempty"`
	Merged        numbers  `json:"mergedObjectIds,omitempty"`
	New           number64 `json:"newObjectId,omitempty"`
}

// number64 is an id that is a number on the wire.
type number64 string

// MarshalJSON writes the digits.
func (n number64) MarshalJSON() ([]byte, error) {
	if n == "" {
		return []byte("0"), nil
	}
	return []byte(n), nil
}

// UnmarshalJSON reads the digits.
func (n *number64) UnmarshalJSON(b []byte) error {
	*n = number64(b)
	return nil
}

type numbers []number64

const appID = 1160452

// subscriptions gives every type a number, in its order.
func subscriptions() []string {
	return []string{
		"contact.creation", "contact.propertyChange", "contact.merge", "contact.deletion", "contact.privacyDeletion",
		"conversation.creation", "conversation.newMessage", "conversation.propertyChange", "conversation.deletion", "conversation.privacyDeletion",
	}
}

// change is one happening in the account: what it writes and what it tells,
// all in one transaction.
type change struct {
	*ledger.Session
	server *Server
	at     int64 // When it happened, Unix milliseconds.
	batch  string
	told   []event
}

func (x *change) tell(e event) { x.told = append(x.told, e) }

// happen runs fn as one change and queues its events as a batch, whose name it
// returns.
func (s *Server) happen(ctx context.Context, at time.Time, fn func(*change) error) (batch string, err error) {
	batch = rand.Text()
	err = s.store.Write(ctx, func(tx *ledger.Session) error {
		x := &change{Session: tx, server: s, at: at.UnixMilli(), batch: batch}
		if err := fn(x); err != nil {
			return err
		}
		return x.queue()
	})
	s.batches.Wake()
	return batch, err
}

// queue writes the events, while there is somebody to send them to. All of one
// happening have the same eventId, which others have as well.
func (x *change) queue() error {
	there, err := installed(x.Session)
	if err != nil || !there {
		return err
	}
	wanted := x.server.settings.Load()
	now := x.server.config.Now().UnixMilli()
	for _, e := range x.told {
		if !wanted.subscribed(e.Type) {
			continue
		}
		e.EventID = 100 + int64(number(x.batch)%50)
		e.Subscription = 2_000_000 + int64(slices.Index(subscriptions(), e.Type))
		e.PortalID, e.AppID, e.OccurredAt = x.server.config.HubID, appID, x.at
		doc, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("cannot encode an event: %w", err)
		}
		if _, err := x.Exec("event_insert", x.batch, e.Type, string(doc), now, now); err != nil {
			return err
		}
	}
	return nil
}

// answered waits until every event of a batch was attempted once, or dropped.
func (s *Server) answered(ctx context.Context, batch string) error {
	return s.batches.Await(ctx, batch, func() (left int, err error) {
		_, err = s.store.Read(ctx).Row("event_unanswered", []any{batch}, &left)
		return left, err
	})
}

// visitor is a browser. Values wait for the contact that it becomes.
type visitor struct {
	Token     string            `json:"token"` // The cookie hubspotutk.
	ID        string            `json:"id"`
	ContactID string            `json:"contact_id"`
	Values    map[string]string `json:"values"`
}

func putVisitor(tx *ledger.Session, v visitor) error {
	return put(tx, "visitor_put", v, v.Token, v.ID, v.ContactID)
}

// visitor finds or makes the visitor of a cookie.
func (x *change) visitor(token string) (visitor, error) {
	v, found, err := get[visitor](x.Session, "visitor_get", token)
	if err != nil || found {
		return v, err
	}
	v = visitor{Token: token, ID: newID()}
	return v, putVisitor(x.Session, v)
}

// somebody finds who has an id: a visitor, or a contact's newest browser.
func (x *change) somebody(id string) (visitor, error) {
	if v, found, err := get[visitor](x.Session, "visitor_by_id", id); err != nil || found {
		return v, err
	}
	c, found, err := present(x.Session, id)
	if err != nil {
		return visitor{}, err
	}
	if !found {
		return visitor{}, errNobody
	}
	if v, known, err := get[visitor](x.Session, "visitor_by_contact", c.ID); err != nil || known {
		return v, err
	}
	return visitor{Token: newToken(), ID: newID(), ContactID: c.ID}, nil
}

func newToken() string { return front.HashSecret(rand.Text())[:32] }

// whose is the id that the visitor's threads have.
func (v visitor) whose() string {
	if v.ContactID != "" {
		return v.ContactID
	}
	return v.ID
}

// learn puts values on whoever a visitor is. With an email the visitor becomes
// the contact that has it, or a new one.
func (x *change) learn(v *visitor, values map[string]string) error {
	values = maps.Clone(values)
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" })
	for name := range values {
		if exists, err := x.hasProperty(name); err != nil {
			return err
		} else if !exists {
			delete(values, name)
		}
	}
	if v.ContactID == "" && values["email"] == "" {
		if v.Values == nil {
			v.Values = map[string]string{}
		}
		maps.Copy(v.Values, values)
		return putVisitor(x.Session, *v)
	}
	if v.ContactID == "" {
		if err := x.become(v, values); err != nil {
			return err
		}
	}
	c, found, err := present(x.Session, v.ContactID)
	if err != nil || !found {
		return errors.Join(err, errNobody)
	}
	v.ContactID = c.ID
	x.set(&c, values, "CONVERSATIONS")
	return errors.Join(putContact(x.Session, c), putVisitor(x.Session, *v))
}

// become makes a visitor the contact with an email.
func (x *change) become(v *visitor, values map[string]string) error {
	for name, value := range v.Values {
		if _, told := values[name]; !told {
			values[name] = value
		}
	}
	email := strings.ToLower(values["email"])
	c, known, err := get[contact](x.Session, "contact_by_email", email)
	if err != nil {
		return err
	}
	if !known {
		c = contact{ID: newID(), Properties: map[string]string{}, CreatedAt: x.at, UpdatedAt: x.at}
		x.tell(event{Type: "contact.creation", ObjectID: number64(c.ID), ChangeSource: "CONVERSATIONS", ChangeFlag: "CREATED"})
		if err := putContact(x.Session, c); err != nil {
			return err
		}
	}
	if _, err := x.Exec("thread_move", c.ID, c.ID, v.ID); err != nil {
		return err
	}
	v.ContactID, v.Values = c.ID, nil
	return nil
}

// set changes a contact's properties, and tells of each that is another.
func (x *change) set(c *contact, values map[string]string, source string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if name == "email" {
			value = strings.ToLower(value)
		}
		if c.Properties[name] == value {
			continue
		}
		c.Properties[name] = value
		c.UpdatedAt = max(c.UpdatedAt, x.at)
		x.tell(event{
			Type: "contact.propertyChange", ObjectID: number64(c.ID), ChangeSource: source, PropertyName: name, PropertyValue: value,
		})
	}
}

// say adds a visitor's message to its open thread, or opens one.
func (x *change) say(v visitor, text string, another bool) (thread, error) {
	t, found, err := get[thread](x.Session, "thread_latest", v.whose())
	if err != nil {
		return thread{}, err
	}
	actor := "V-" + v.whose()
	if !found || another || t.Deleted || t.Status != threadNew {
		t = thread{ID: newID(), Whose: v.whose(), CreatedAt: x.at, Status: threadNew}
		x.tell(event{Type: "conversation.creation", ObjectID: number64(t.ID), ChangeSource: "CONVERSATIONS"})
		t.Messages = append(t.Messages,
			x.message(typeWelcome, system, "Got a question about tea?"), x.message(typeAssignment, system, ""), x.message(typeStatus, system, ""))
	}
	if text == "" {
		return t, putThread(x.Session, t)
	}
	m := x.message(typeMessage, actor, text)
	m.Direction = incoming
	t.Messages = append(t.Messages, m)
	x.tell(event{
		Type: "conversation.newMessage", ObjectID: number64(t.ID), ChangeSource: "CONVERSATIONS", ChangeFlag: "NEW_MESSAGE",
		MessageID: m.ID, MessageType: typeMessage,
	})
	return t, putThread(x.Session, t)
}

func (x *change) message(kind, actor, text string) message {
	return message{ID: front.HashSecret(rand.Text())[:32], Type: kind, Actor: actor, Text: text, CreatedAt: x.at}
}

// merge ends one contact in favour of another, which gains what it lacked.
func (x *change) merge(from, into contact) (contact, error) {
	if from.ID == into.ID {
		return into, fmt.Errorf("cannot merge contact %s into itself", from.ID)
	}
	for name, value := range from.Properties {
		if into.Properties[name] == "" {
			into.Properties[name] = value
		}
	}
	into.UpdatedAt, from.MergedInto = x.at, into.ID
	_, moved := x.Exec("thread_move", into.ID, into.ID, from.ID)
	_, browsers := x.Exec("visitor_move", into.ID, into.ID, from.ID)
	x.tell(event{
		Type: "contact.merge", ObjectID: number64(into.ID), ChangeSource: "CRM_UI", ChangeFlag: "MERGED",
		Primary: number64(into.ID), Merged: numbers{number64(from.ID)}, New: number64(into.ID),
	})
	return into, errors.Join(moved, browsers, putContact(x.Session, from), putContact(x.Session, into))
}
