package sinks

import (
	"context"
	"math"
	"time"

	"sourceloop/schema"
)

// Platform is an advertising platform that conversions are sent to: Google,
// Meta, LinkedIn. It is safe for concurrent use, and keeps nothing of what it
// is given.
//
// Nothing here is an error of Go: whatever happens to an event is a Verdict,
// whose words a marketer understands. In no words and in no code there is a
// token or anything of a person.
//
// Repeating: a caller may send an event again under the same Push. Platforms
// that Remember tell the two apart; of those that do not, an OutcomeUnclear
// must not be repeated by a program. A platform never repeats by itself what
// may have been taken. It does send what was certainly not taken once more, in
// smaller requests, when one event had a whole request refused.
type Platform interface {
	// Name is the platform's word in tables and addresses: google, meta, linkedin.
	Name() string
	// Limits are those of the platform's own documentation, or below.
	Limits() Limits
	// Check tells what can be known before anything is sent: true with the
	// verdict when it is of no use to send this event at all, such as one that
	// is too old, or that this platform can match by nothing. now is the time
	// by which age is told.
	Check(event *schema.Outgoing, now schema.Millis) (schema.Verdict, bool)
	// Send sends events to one destination and gives a verdict for each, in
	// their order: always as many as there are events. It looks at each as Check
	// does, sends the same Push once when it is there twice (both get its
	// verdict), and makes as many requests as Limits ask for. When ctx ends,
	// events that no byte was sent of are OutcomeLater and those that may have
	// been taken are OutcomeUnclear.
	Send(ctx context.Context, target schema.Target, events []schema.Outgoing) []schema.Verdict
	// Confirm asks what became of what OutcomeTaken gave the receipt for. n is
	// how many events have this receipt. The verdict is that of each of them;
	// OutcomeTaken while the platform still looks, OutcomeAlone when some were
	// refused and it does not say which, so that each is sent again by itself:
	// those that it had then come back as OutcomeDuplicate. So it is when none was
	// counted for a passing reason; After then says when to send again.
	// OutcomeLater is only about asking: the events are still taken.
	Confirm(ctx context.Context, target schema.Target, receipt string, n int) schema.Verdict
}

// Limits are what a platform bears.
type Limits struct {
	Batch     int           // events of one request
	Oldest    time.Duration // how long ago an event may have happened
	Remembers time.Duration // how long the platform tells a repeated Push from a new one; 0 for not at all, Forever
	PerMinute int           // requests of this installation; 0 for no number that is known
}

// Forever is longer than anything.
const Forever = time.Duration(math.MaxInt64)
