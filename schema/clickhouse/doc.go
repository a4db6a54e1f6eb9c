// Package clickhouse holds the dated migrations of the analytical store and
// applies them.
//
// Every table that is written twice is a ReplacingMergeTree, and its sort key
// is a pure function of what the row is about, so that writing again changes
// nothing. Ids are FixedString(16): their bytes compare in the order in which
// Go compares them, and a UUIDv7 sorts by time (the type UUID sorts by its
// second half). Nothing adds up at insert: no materialized view counts a
// repeated row twice.
//
//	hits              truth of what browsers reported
//	sessions          derived from hits
//	claims            truth of who is who
//	identities        whose each node is and since when, derived from claims
//	contacts          people, derived from claims
//	conversion_facts  truth of what was converted
//	conversions       facts with contact and touches; rows are only appended
//	dead_letters      what could not be processed
package clickhouse
