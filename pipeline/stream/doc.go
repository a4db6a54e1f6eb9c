// Package stream is the only code that talks to Kafka: it creates the topics,
// appends records and waits for their acknowledgement, and runs consumer
// groups whose workers each own one partition. It knows no product rule.
//
// # Appending
//
// Log.Append returns when every record is acknowledged by all in-sync
// replicas. Callers that append at the same time share requests. What waits for
// its acknowledgement is bounded, and what a caller gave up leaves the client
// within seconds, also when it was sent and nobody answered; so memory stays
// flat while a broker is away. Such a record may have been written all the same.
//
// OpenLog needs Kafka. NewLog does not: it appends nothing until Run has found
// the topics as they must be, and its groups wait for that.
//
// # Consuming
//
// A Group gives every assigned partition a lane: one goroutine, one Worker,
// records in order. A lane calls Worker.Process with a stretch of records,
// and marks them as done when it returns nil; marks are committed in the
// background. Everything is at least once: Process must be repeatable.
//
//   - An error is retried with the same records, after a growing pause, so
//     that an engine that is away stops the lane and nothing else.
//   - ErrFenced means that someone else owns the partition's state. The lane
//     makes a new worker, which takes a new epoch or finds out that it is no
//     longer assigned.
//   - A panic is narrowed down to the record that causes it, which goes to the
//     dead letters with its bytes.
//
// A worker with state first takes an epoch and then calls Assignment.Confirm,
// which commits the committed offset again under the group's generation. Only
// a member that the broker still believes in can do that; so a process that
// was stopped past its session timeout finds out before it touches the state.
package stream
