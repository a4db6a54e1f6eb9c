package resolve

import (
	"fmt"
	"time"

	"sourceloop/schema"
)

// Outcome is how a webhook ended, one of a fixed set, for counting.
type Outcome string

// The outcomes.
const (
	Resolved  Outcome = "resolved"   // there is evidence
	Ignored   Outcome = "ignored"    // nothing is to be learned from it: ping, deletions
	Gone      Outcome = "gone"       // the provider no longer has what it is about
	Discarded Outcome = "discarded"  // its connection was closed
	Aside     Outcome = "kept_aside" // an unknown topic: to be kept with the dead letters
)

// Result is what a webhook led to.
type Result struct {
	Outcome  Outcome
	Topic    string             // as the webhook names it when the topic is known, else "unknown"
	Evidence []*schema.Evidence // for the topic leads, under the workspace of the record
	Refused  []Refusal          // what was not believed
}

// Refusal is a value that is no id, email or phone. The value is not kept.
type Refusal struct {
	Field string // sourceloop_id, email, phone, external_id
}

// ErrLater says that a webhook cannot be finished now and should be tried
// again after a while. Match it with errors.As.
type ErrLater struct {
	After  time.Duration
	Reason string // without personal data
	cause  error
}

// Unwrap gives what is behind it, or nil.
func (e *ErrLater) Unwrap() error { return e.cause }

// Error gives the reason and the while.
func (e *ErrLater) Error() string {
	return fmt.Sprintf("cannot finish the webhook now: %s; again in %s", e.Reason, e.After)
}

// invalid is an error that no repetition will mend: the webhook is a dead letter.
func invalid(format string, args ...any) error {
	return schema.E("resolve a webhook", schema.KindInvalid, format, args...)
}
