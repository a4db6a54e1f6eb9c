package control

import (
	"encoding/json"
	"fmt"

	"sourceloop/schema"
)

// Push is one conversion on its way to one destination: a row of the outbox.
type Push struct {
	ID             schema.ID // schema.PushID: what the platform is given
	Workspace      uint32
	Destination    int64
	Conversion     schema.ID
	Contact        schema.ID // zero once the person was erased
	ConversionName string
	At             schema.Millis // of the conversion; with a Stage, when the contact reached it
	Stage          string        // the one that fired it, or ""
	State          schema.PushState
	Words, Code    string        // what the platform said last, see schema.Verdict
	Attempts       int           // all there ever were
	Tries          int           // attempts since it was planned, or a person asked to send it again
	FirstAt        schema.Millis // of the first of Tries; 0 for none
	Open           bool          // an attempt was begun whose outcome is not known: the platform may have it
	OpenSince      schema.Millis // when the first such attempt was begun; 0 for none
	Alone          bool          // to be sent in a request of its own
	Receipt        string        // what to ask the platform by, or ""
	Due            schema.Millis // not before
	CreatedAt      schema.Millis
	UpdatedAt      schema.Millis
	Waits          []Mark        // what must have been processed first
	WaitUntil      schema.Millis // no longer than that
	Note           string        // in words: what changed after it was sent

	Platform        string // of its destination; of the log only
	DestinationName string // the same

	lease string
}

// Mark is a place in a topic: everything before Offset.
type Mark struct {
	Topic     string `json:"t"`
	Partition int32  `json:"p"`
	Offset    int64  `json:"o"`
}

// PushResult is what came of a push that was taken.
type PushResult struct {
	Push    Push             // as TakePushes or BeginPushes gave it
	State   schema.PushState // where it stands now
	Words   string
	Code    string
	Due     schema.Millis // when it is pending: not before; 0 for at once
	Receipt string
	Alone   bool
	// Outcome of the attempt that was begun, or of asking by the receipt; 0 for
	// a push that is given back as it is.
	Outcome schema.Outcome
}

// PushAttempt is one sending of a push, with what the platform said.
type PushAttempt struct {
	N       int // 1 is the first
	At      schema.Millis
	EndedAt schema.Millis  // when the outcome was known; 0 when it is not
	Outcome schema.Outcome // 0 when nothing is known of it
	Code    string
	Words   string
}

// pushRow takes a row apart whose columns are those of pushes_take.
type pushRow struct {
	push                            Push
	workspace, attempts, tries      int64
	open, alone                     int64
	id, conversion, contact, waits  string
	state                           string
	createdAt, updatedAt, waitUntil int64
}

func (r *pushRow) into() []any {
	p := &r.push
	return []any{&r.id, &r.workspace, &p.Destination, &r.conversion, &r.contact, &p.ConversionName, &p.At, &p.Stage, &r.state, &p.Words, &p.Code,
		&r.attempts, &r.tries, &r.open, &p.OpenSince, &r.alone, &p.Receipt, &p.FirstAt, &p.Due, &r.createdAt, &r.updatedAt, &r.waits, &r.waitUntil, &p.Note}
}

func (r *pushRow) read() (Push, error) {
	p := r.push
	p.Workspace, p.Attempts, p.Tries, p.Open, p.Alone = uint32(r.workspace), int(r.attempts), int(r.tries), r.open > 0, r.alone != 0
	p.State, p.CreatedAt, p.UpdatedAt, p.WaitUntil = schema.PushState(r.state), schema.Millis(r.createdAt), schema.Millis(r.updatedAt), schema.Millis(r.waitUntil)
	var err error
	for text, id := range map[string]*schema.ID{r.id: &p.ID, r.conversion: &p.Conversion, r.contact: &p.Contact} {
		if text == "" {
			continue
		}
		if *id, err = schema.ParseID(text); err != nil {
			return p, fmt.Errorf("push %s: %w", r.id, err)
		}
	}
	if err = json.Unmarshal([]byte(r.waits), &p.Waits); err != nil {
		return p, fmt.Errorf("push %s: %w", r.id, err)
	}
	return p, nil
}

// marksJSON is how Waits are stored.
func marksJSON(marks []Mark) string {
	if len(marks) == 0 {
		return "[]"
	}
	return asJSON(marks)
}
