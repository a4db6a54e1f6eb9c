// Package schema is SourceLoop's vocabulary: what a hit, a session, a touch, a
// claim, a contact and a conversion are, how they are named (ids), how they
// travel (protobuf, topics) and what can go wrong with them (error kinds).
//
// Everything else in the project speaks in these words. The package imports
// the standard library and protobuf only, and contains no behaviour that
// depends on a clock, a network or a configuration.
//
// # Ids
//
// A hit's id is a UUIDv7 made where the hit was born. Every other id is a hash
// of what the thing is about (Derive), so that deriving it twice, from
// different machines or after a crash, gives the same id, and writing it twice
// changes nothing.
//
// # Time
//
// Times are Millis: milliseconds since 1970 in UTC. A workspace's time zone
// matters in two places only: midnight as a session trigger, and the calendar
// days of a report.
package schema
