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
//   - A record that ends the process, by running out of memory say, is found by
//     those that come after it, and goes there too.
//
// A worker with state first takes an epoch and then calls Assignment.Confirm,
// which commits the committed offset again under the group's generation. Only
// a member that the broker still believes in can do that; so a process that
// was stopped past its session timeout finds out before it touches the state.
//
// # Committing
//
// A group commits the positions of its lanes every half second, and at once
// where a lane asks for it. A request gets its content at the moment when it is
// sent, from lanes that still run, under the generation in force; so neither an
// older position nor a member that was stopped and goes on can come after a
// newer one. A process that the group had forgotten may become a member again
// with its lanes still running: the client sees to that by itself when a commit
// is refused. So a lane commits only as the member as which it became the owner;
// as another one it makes itself anew.
//
// # Records that kill
//
// A process that dies can't say by what. So every commit carries a mark for the
// successor in its metadata: open while somebody is at work, nothing after a
// stop in good order. In normal work that is all, and costs nothing.
//
// Who takes over an open partition suspects all records that may have been in
// work when its owner died: from the committed offset to the end of the log, two
// stretches at most. They are tried a few at a time: up to 16 one by one, of
// more the square root at once. Every trial begins with a commit that says which
// records are in work; one that is alone also ends with one that says none are.
// A process that dies within it leaves a smaller zone to its successor, whose
// records are then tried one by one. So a process that is killed by something else costs its successor
// a few commits.
//
// One death proves nothing, since other lanes were at work. So a trial is taken
// alone in the process, as long as few lanes have any (fewTrials), and always
// when the zone is down to one record. A record is set aside, with the reason
// "killed", once the process has died with it in work, and twice more with it
// alone in work. That makes three deaths when it was among 16 or fewer, four
// when it was among more, and one more when many partitions had records in work.
//
// A trial that takes longer than three seconds proves nothing any more, since an
// engine is away then and a process may end for any reason; a record that takes
// that long to kill is set aside after ten deaths in a row.
//
// That an innocent record is set aside takes a process that is killed from
// outside three times without getting anywhere: the third time exactly in the
// first trial after its start, since a record alone in work at a death is the
// first that the successor tries (gate.goAhead).
package stream
