package sinks

import "context"

// Sink takes batches of B. It is safe for concurrent use.
//
// Repeating: whoever calls Write must be ready to call it again with the same
// batch, and a sink must bear that; a batch is a set of upserts, whose keys
// and versions do not depend on when or how often they are written. So a sink
// never retries by itself what it can't tell to be undone; it returns the error.
//
// Buffers: a batch and all it points to belong to the sink from the call of
// Write until Write returns, whether it succeeds or not; a sink keeps nothing
// of it afterwards. The caller may reuse it then.
type Sink[B any] interface {
	// Connect reaches the other side once and tells why it can't. A sink
	// connects again by itself later.
	Connect(ctx context.Context) error

	// Write returns nil when the whole batch is durable on the other side.
	// After an error, any part of it may be.
	Write(ctx context.Context, batch B) error

	// Close finishes the writes that have begun, refuses new ones and frees
	// what the sink holds.
	Close() error
}
