// Package spool stands between the collector's edge and Kafka: what Kafka does
// not acknowledge in time is kept in files of this process, and goes to Kafka
// when it answers again. So a hit or a webhook is refused only when neither
// Kafka nor the disk takes it.
//
// # Appending
//
// Every topic has a queue of its own. While a queue is empty, Spool.Append
// hands records to the log and waits for it as long as its context lasts. When
// they are acknowledged, that was all. Otherwise they are written to the queue,
// and Append returns nil once they are fsynced. Requests that come while an
// fsync is under way are written together, and share the next one.
//
// While a queue is not empty, records go to its end at once. That keeps their
// order: what was acknowledged from the queue is in Kafka before what came
// later. And it is the circuit: while Kafka is away nobody waits for it but the
// drain, which is the one to find out that it is back.
//
// At MaxBytes on the disk the spool is full. Then, and when the disk fails,
// Append returns an error of schema.KindUnavailable, which the edge answers
// with 503 and Retry-After. Every append tries again, so it recovers by itself.
//
// # Draining
//
// Run sends each queue's records to the log, oldest first, and deletes a file
// when all of its records are acknowledged. A crash before that sends the file
// again, which is harmless: a hit or a webhook that comes twice counts once.
// For the same reason it does not matter when a record that was given up is
// found in Kafka later on.
//
// Under a steady load a queue would never be empty: while its last records are
// on the way new ones come in. So when the log has just acknowledged and little
// is left, a gate is shut: new requests wait, as long as their context lasts,
// until the queue is empty, and then go straight to the log.
//
// A record that the log refuses for good (schema.KindInvalid, for example as
// larger than the topic takes) must not hold up those behind it: it is counted
// and reported, and its file is set aside once the others in it are drained.
//
// # Bytes on disk
//
// The folder belongs to one process, which holds a lock on the file "lock". It
// holds segments of about 16 MiB, named by topic, a growing number and a salt:
//
//	hits.00000000000000000001.9f86d081884c7d65.spool
//
//	segment  = frame*
//	frame    = length checksum payload
//	length   = bytes of payload                          uint32, little endian
//	checksum = CRC-32C of salt, length and payload       uint32, little endian
//	payload  = arrival key value
//	arrival  = ms since 1970                             uint64, little endian
//	key      = length as uvarint, then bytes
//	value    = the rest
//
// A segment is written by one process, from its beginning to its end, and is
// never continued after an error or a restart: after a failed fsync nobody
// knows which of its pages the disk has. Its name is durable before its first
// frame is. The checksum covers the length, so a tail of zero bytes is no
// frame; and the salt, which is random, so that nothing inside of a record can
// pass for a frame: whoever sends hits does not know it.
//
// # Damage
//
// Nothing is read at the start. When the drain comes to bytes that are no whole
// frame, it looks for the next one, at every byte. When there is none, this is
// the torn end of a write that was never acknowledged: it is cut, that is,
// counted and left out. When there is one, or when this process wrote and
// fsynced these bytes itself, they were damaged later: they are counted and
// reported as such, what follows is drained, and the file is set aside.
//
// A file that is set aside is renamed from .spool to .aside. Nothing reads it
// again, unless somebody gives it its old name back and starts the process
// anew: then all of it is drained once more. It is deleted after 14 days, like
// everything personal in the topics.
//
// What waits here is as personal as what is in Kafka. Whoever reads the topics
// drops what was erased meanwhile. Nothing of a record is ever in a log line, an
// error or a metric.
package spool
