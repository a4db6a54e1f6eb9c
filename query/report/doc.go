// Package report answers questions from ClickHouse: who the contacts are and
// what they did, what earned conversions, how many get through a funnel.
//
// A Reader can ask nothing. Only For(workspace) gives something with queries,
// and it binds the workspace's id as the first parameter of every one, so that
// no statement can be run without it.
//
// Every statement is a named file in sql. Values are bound as server-side
// parameters; what can't be bound (a column for a dimension, the condition of a
// funnel step) is taken from allow-lists in this package. Statements are
// read-only and bounded in time, and end when the caller's context ends.
//
// # Which rows stand
//
// Tables hold several versions of a row until they are merged. Sessions are read
// with FINAL where a report reads a range, and by LIMIT 1 BY where a few visitors
// are looked up. Of a conversion the newest row of each (at, id) that was known at
// the asked moment stands, and not if it says deleted.
//
// # Bots
//
// They are left out of traffic figures and of the sessions beside credits, never
// out of contacts, journeys, conversions, credits and funnels.
package report
