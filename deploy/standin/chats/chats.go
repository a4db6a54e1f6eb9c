// Package chats is what the stand-ins of chats have in common: what a visitor
// did as POST /standin/chat tells it, and what became of it, kept by an id that
// the caller gave, so that a repetition changes nothing.
package chats

import (
	_ "embed" // The SQL below.
	"errors"
	"fmt"
	"time"

	"sourceloop/deploy/standin/ledger"
)

//go:embed sql/schema.sql
var schemaSQL string

//go:embed sql/statements.sql
var statementsSQL string

// Schema makes the table of this package in a ledger.
func Schema() string { return schemaSQL }

// Statements are what this package runs.
func Statements() string { return statementsSQL }

// Request is what a visitor did in a chat, without a browser. JSON null is
// absent.
type Request struct {
	ID string `json:"id"` // A repetition of it is answered as before and changes nothing.
	At *int64 `json:"at"` // Milliseconds since 1970; now when absent.

	Email   string `json:"email"`
	Name    string `json:"name"`
	Phone   string `json:"phone"`
	Message string `json:"message"`
	Page    string `json:"page"`

	SourceloopID string `json:"sourceloop_id"` // What the tracker put on the visitor.

	// ContactID goes on with that contact's chat: a message in its newest
	// conversation, or in a new one when the vendor begins one or NewConversation
	// asks for it. Without a message but with details, the contact only changes.
	ContactID       string `json:"contact_id"`
	NewConversation bool   `json:"new_conversation"`
}

// MaxID is how long an id may be, in bytes.
const MaxID = 200

// Check tells what is wrong with a request; its errors are for the caller.
func (r *Request) Check() error {
	if len(r.ID) > MaxID {
		return fmt.Errorf("cannot read the chat: its id is longer than %d bytes", MaxID)
	}
	const year9999 = 253_402_300_799_999
	if r.At != nil && (*r.At < 0 || *r.At > year9999) {
		return errors.New("cannot read the chat: at is in milliseconds since 1970")
	}
	return nil
}

// Text is what was said: somebody new, or somebody who tells nothing about
// themselves, at least says hello.
func (r *Request) Text() string {
	if r.Message != "" || r.ContactID != "" && (r.Email != "" || r.Name != "" || r.Phone != "") {
		return r.Message
	}
	return "Hello"
}

// When it happened.
func (r *Request) When(now time.Time) time.Time {
	if r.At == nil {
		return now
	}
	return time.UnixMilli(*r.At)
}

// Answer is what a chat became.
type Answer struct {
	ContactID      string `json:"contact_id"`
	ConversationID string `json:"conversation_id"`
}

// Before is what became of an id that was seen before, and the batch that told
// of it; "" when the id is new.
func Before(tx *ledger.Session, id string) (became Answer, batch string, err error) {
	_, err = tx.Row("chat_get", []any{id}, &became.ContactID, &became.ConversationID, &batch)
	return became, batch, err
}

// Keep remembers what became of an id. at is in Unix milliseconds.
func Keep(tx *ledger.Session, id string, became Answer, at int64, batch string) error {
	_, err := tx.Exec("chat_insert", id, became.ContactID, became.ConversationID, at, batch)
	return err
}

// taken is a chat that was taken, through a browser or without.
type taken struct {
	Seq int64  `json:"seq"`
	ID  string `json:"id"`
	At  string `json:"at"`
	Answer
}

// Accepted reads what was taken in, for ledger.Store.List: chats, and writes
// that succeeded.
func Accepted(tx *ledger.Session, after, limit int64) (any, error) {
	writes, err := tx.Writes(after, limit)
	if err != nil {
		return nil, err
	}
	list := []taken{}
	err = tx.Rows("chat_list", []any{after, limit}, func(scan func(...any) error) error {
		var c taken
		var atMS int64
		err := scan(&c.Seq, &c.ID, &c.ContactID, &c.ConversationID, &atMS)
		c.At = ledger.Time(atMS)
		list = append(list, c)
		return err
	})
	return map[string]any{"chats": list, "writes": writes}, err
}
