// Package sessionize is the stage that turns the topic hits into hits and
// sessions in ClickHouse. One worker owns one partition, and with it all
// visitors whose keys fall there.
//
// A visitor's state is the set of its hits of unsealed sessions and the keys of
// the session rows ever written from them. For a stretch of records a worker
//
//  1. unites the hits with the states (from its bounded map, else from Redis,
//     else, in a cold partition, from ClickHouse), derives the sessions, and
//     stores the states with the keys it is about to write, refused unless epoch
//     and applied offset are still its own;
//  2. writes hits and sessions to ClickHouse, a key no longer derived as deleted;
//  3. produces the claims that identify hits make, and the visitors with
//     conversions whose sessions changed;
//  4. returns, and the offset is committed.
//
// A crash anywhere repeats a stretch, and repeating changes nothing: a row is
// written again until its hash is recorded as acknowledged.
//
// What happened first, "write, then look": the question which visitors have
// conversions is asked after the sessions are in ClickHouse; stitch writes a
// visitor's link before it reads sessions. Whoever comes second sees both.
package sessionize
