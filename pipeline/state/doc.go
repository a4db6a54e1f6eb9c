// Package state is the only code that talks to Redis. It keeps, for every
// partition of a topic, keys and values that one worker owns, and refuses
// writes by anybody who is no longer that owner. It knows no product rule.
//
// # Keys
//
// All keys of a partition share a hash tag, {h12} for partition 12 of hits or
// {l3} of leads, so that scripts work on Redis Cluster:
//
//	{h12}            hash: epoch, applied, progress, cold
//	{h12}:v:1/abc    a value
//	{h12}:t:20780    set: what was touched on a day, see Owner.Touch
//
// There are no TTLs; owners delete.
//
// # Ownership
//
// Claim takes an epoch that is higher than every one before. Every write is a
// script that compares epoch and applied offset with the caller's and does
// nothing when they differ (ErrFenced). So a process that was stopped and
// continues cannot write over its successor.
//
// # Loss
//
// Redis is a projection. When the partition's applied offset is behind the
// committed one, or there is none, Redis was lost or an old snapshot came back:
// the partition is cold, its keys are deleted, and what a worker misses it
// reads from ClickHouse. Cold is remembered in the partition's hash.
package state
