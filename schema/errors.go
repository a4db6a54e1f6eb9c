package schema

import (
	"errors"
	"fmt"
)

// Kind groups errors by what the caller can do about them. Only the edges
// (HTTP, command line) turn a kind into a status.
type Kind uint8

// The kinds.
const (
	KindInternal    Kind = iota // a defect of ours
	KindInvalid                 // the input can never be accepted
	KindUnknown                 // no such thing, or not this workspace's
	KindDenied                  // not signed in, or not allowed
	KindConflict                // it exists, or someone else changed it
	KindLimited                 // too much; later
	KindUnavailable             // something we need is away; later
)

// Error carries an operation, a kind, and words for a person: what happened,
// what it means, what to do.
type Error struct {
	Op   string
	Kind Kind
	Text string
	Err  error
}

// E makes an Error from words for a person.
func E(op string, kind Kind, format string, args ...any) *Error {
	return &Error{Op: op, Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// Error gives operation, words and cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Op + ": " + e.Text
	}
	return e.Op + ": " + e.Text + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf finds the kind of an error; KindInternal when it carries none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}
