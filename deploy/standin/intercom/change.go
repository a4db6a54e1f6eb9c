package intercom

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// errNoContact: a chat wants to go on for a contact that is not there.
var errNoContact = errors.New("no such contact")

// Topics of the notifications that are sent.
const (
	topicPing                = "ping"
	topicLeadCreated         = "contact.lead.created"
	topicLeadAddedEmail      = "contact.lead.added_email"
	topicLeadUpdated         = "contact.lead.updated"
	topicLeadSignedUp        = "contact.lead.signed_up"
	topicUserCreated         = "contact.user.created"
	topicUserUpdated         = "contact.user.updated"
	topicEmailUpdated        = "contact.email.updated"
	topicContactMerged       = "contact.merged"
	topicContactDeleted      = "contact.deleted"
	topicConversationCreated = "conversation.user.created"
	topicConversationReplied = "conversation.user.replied"
	topicConversationDeleted = "conversation.deleted"
)

// change is one happening in the workspace: what it writes and whom it tells,
// all in one transaction.
type change struct {
	session
	server  *Server
	at      int64 // When it happened, Unix seconds.
	batch   string
	notices []notice
}

type notice struct {
	topic string
	item  any
}

func (x *change) tell(topic string, item any) {
	x.notices = append(x.notices, notice{topic, item})
}

// happen runs fn as one change and puts its notifications into a batch, whose
// name it returns.
func (s *Server) happen(ctx context.Context, at time.Time, fn func(*change) error) (batch string, err error) {
	batch = newUUID()
	err = s.store.write(ctx, func(tx session) error {
		x := &change{session: tx, server: s, at: at.Unix(), batch: batch}
		if err := fn(x); err != nil {
			return err
		}
		return x.queue()
	})
	s.batches.Wake()
	return batch, err
}

// answered waits until every notification of a batch was attempted once, or dropped.
func (s *Server) answered(ctx context.Context, batch string) error {
	return s.batches.Await(ctx, batch, func() (left int, err error) {
		_, err = s.store.read(ctx).Row("webhook_batch_unanswered", []any{batch}, &left)
		return left, err
	})
}

// queue writes the notifications, while there is somebody to send them to.
func (x *change) queue() error {
	deliverable, err := x.deliverable(x.server.settings.Load().WebhookURL)
	if err != nil || !deliverable {
		return err
	}
	now := x.server.config.Now().UnixMilli()
	for _, n := range x.notices {
		if !x.server.settings.Load().subscribed(n.topic) {
			continue
		}
		item, err := json.Marshal(n.item)
		if err != nil {
			return fmt.Errorf("cannot encode a notification: %w", err)
		}
		if _, err := x.Exec("webhook_insert", "notif_"+newUUID(), x.batch, n.topic, string(item), now, now); err != nil {
			return err
		}
	}
	return nil
}

// deliverable: the app is installed, has a URL, and its subscription was not
// disabled by an answer of 410 from that URL.
func (s session) deliverable(webhookURL string) (bool, error) {
	var disabled string
	if _, err := s.Row("meta_get", []any{metaDisabled}, &disabled); err != nil {
		return false, err
	}
	installed, err := s.installed()
	return installed && webhookURL != "" && disabled != webhookURL, err
}

func (x *change) tellContact(topic string, c contact) {
	x.tell(topic, c.notice(x.server.config.AppID))
}

// details are what a person may tell about themselves. Empty: not told.
type details struct {
	Email, Name, Phone string
	Custom             map[string]any // Attributes already checked to be writable.
}

// learn puts details on a contact and says which notification that is, if any.
func (c *contact) learn(d details) (topic string) {
	had := c.Email
	changed := c.set(d.Custom)
	for _, field := range []struct {
		has  *string
		told string
	}{{&c.Email, d.Email}, {&c.Name, d.Name}, {&c.Phone, d.Phone}} {
		if field.told != "" && field.told != *field.has {
			*field.has, changed = field.told, true
		}
	}
	switch {
	case c.Email != had && had == "" && c.Role == roleLead:
		return topicLeadAddedEmail
	case c.Email != had:
		return topicEmailUpdated
	case changed && c.Role == roleLead:
		return topicLeadUpdated
	case changed:
		return topicUserUpdated
	}
	return ""
}

// speech is a message of a visitor, or of a contact that is there already.
type speech struct {
	seed            string // Makes the ids repeatable; empty: random ones.
	contactID       string // Who speaks; empty: somebody new.
	details         details
	text            string
	page, referrer  string
	browser, os     string
	newConversation bool
}

// say makes the speaker a contact and the message a conversation, or a reply.
func (x *change) say(m speech) (contact, conversation, error) {
	who, err := x.speaker(m)
	if err != nil {
		return contact{}, conversation{}, err
	}
	v, found, err := x.conversation("conversation_latest", who.ID)
	if err != nil {
		return contact{}, conversation{}, err
	}
	goesOn := found && !m.newConversation && v.State == "open" && !v.Deleted
	if m.text != "" || !found {
		if goesOn {
			v.Parts = append(v.Parts, part{
				ID: x.server.newNumber("part", m.seed), ContactID: who.ID, Body: m.text, CreatedAt: x.at,
			})
			v.UpdatedAt = max(v.UpdatedAt, x.at)
		} else {
			v = x.newConversation(who, m)
		}
		if err := x.putConversation(v); err != nil {
			return contact{}, conversation{}, err
		}
		x.tellConversation(v, who, goesOn)
	}
	return who, v, nil
}

func (x *change) newConversation(who contact, m speech) conversation {
	return conversation{
		ID: x.server.newNumber("conversation", m.seed), ContactID: who.ID, SourceID: x.server.newNumber("source", m.seed),
		Body: m.text, URL: m.page, State: "open", CreatedAt: x.at, UpdatedAt: x.at,
	}
}

// tellConversation: a reply's notification holds that reply only.
func (x *change) tellConversation(v conversation, who contact, reply bool) {
	if reply {
		v.Parts = v.Parts[len(v.Parts)-1:]
		x.tell(topicConversationReplied, v.show(who, asPlain))
		return
	}
	x.tell(topicConversationCreated, v.show(who, asPlain))
}

// speaker finds or makes the contact that speaks, and learns what they told.
func (x *change) speaker(m speech) (contact, error) {
	if m.contactID == "" {
		who := contact{
			ID: x.server.newID("contact", m.seed), Role: roleLead, CreatedAt: x.at, UpdatedAt: x.at,
			LastSeenAt: x.at, RepliedAt: x.at, Browser: m.browser, OS: m.os,
		}
		who.cameFrom(m.page, m.referrer)
		who.learn(m.details)
		x.tellContact(topicLeadCreated, who)
		return who, x.putContact(who)
	}
	who, err := x.present(m.contactID)
	if err != nil {
		return contact{}, err
	}
	topic := who.learn(m.details)
	who.LastSeenAt = max(who.LastSeenAt, x.at)
	if m.text != "" {
		who.RepliedAt = max(who.RepliedAt, x.at)
	}
	if topic != "" {
		who.UpdatedAt = max(who.UpdatedAt, x.at)
		x.tellContact(topic, who)
	}
	return who, x.putContact(who)
}

// present returns a contact that is there, following merges to their end.
func (x *change) present(id string) (contact, error) {
	for {
		c, found, err := x.contact(id)
		if err != nil {
			return contact{}, err
		}
		if !found || c.Deleted {
			return contact{}, errNoContact
		}
		if c.MergedInto == "" {
			return c, nil
		}
		id = c.MergedInto
	}
}

// merge ends one contact in favour of another, which gains what it lacked.
func (x *change) merge(from, into contact, tellFrom bool) (contact, error) {
	if from.ID == into.ID || !from.live() || !into.live() {
		return contact{}, fmt.Errorf("cannot merge contact %s into %s: they must be two living contacts", from.ID, into.ID)
	}
	into.Email = cmp.Or(into.Email, from.Email)
	into.Phone = cmp.Or(into.Phone, from.Phone)
	into.Name = cmp.Or(into.Name, from.Name)
	for name, value := range from.Custom {
		if _, has := into.Custom[name]; !has {
			into.set(map[string]any{name: value})
		}
	}
	into.UpdatedAt = x.at
	from.MergedInto, from.MergedAt, from.UpdatedAt = into.ID, x.at, x.at
	if err := errors.Join(x.putContact(from), x.putContact(into), x.moveConversations(from.ID, into.ID)); err != nil {
		return contact{}, err
	}
	item := into.notice(x.server.config.AppID)
	if tellFrom {
		item["merged_from"] = map[string]any{"type": "contact", "id": from.ID}
	}
	x.tell(topicContactMerged, item)
	return into, nil
}

func (x *change) moveConversations(from, to string) error {
	list, err := x.conversations("conversation_of_contact", from)
	if err != nil {
		return err
	}
	for _, v := range list {
		v.ContactID = to
		if err := x.putConversation(v); err != nil {
			return err
		}
	}
	return nil
}

// becomeUser makes a user with what a contact has, and merges the contact
// into it: what happens when a lead is recognised as somebody known.
func (x *change) becomeUser(c contact, seed string, tellFrom bool) (contact, error) {
	if seed != "" {
		seed += "/" + c.ID
	}
	user := c
	user.ID, user.Role, user.SignedUpAt = x.server.newID("user", seed), roleUser, x.at
	user.ExternalID = x.server.newID("external", seed)
	user.CreatedAt, user.UpdatedAt = x.at, x.at
	x.tellContact(topicUserCreated, user)
	if err := x.putContact(user); err != nil {
		return contact{}, err
	}
	return x.merge(c, user, tellFrom)
}
