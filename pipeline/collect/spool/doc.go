// Package spool stands between the collector's edge and Kafka: what Kafka does
// not acknowledge in time is kept in files of this process, and goes to Kafka
// when it answers again. So a hit or a webhook is refused only when neither
// Kafka nor the disk takes it.
//
// # Appending
//
// Spool.Append hands the records to the log and waits for Patience at most.
// When they are acknowledged, that was all. Otherwise they are written to the
// spool, and Append returns nil once they are fsynced. Records that come in
// while an fsync is under way wait for the next one, which they share: the
// first of them leads, the others join.
//
// A circuit knows that the log is away, so that not every request has to find
// out by waiting: while it is open records go to the spool at once, but for one
// request in every Probe, which tries the log. The first acknowledgement, of
// such a request or of the drain, closes it. Then new records go straight to
// the log while older ones still wait here: what is made of them is a function
// of their set, so their order does not matter.
//
// The spool is full at MaxBytes. Then, and when the disk fails, Append returns
// an error of schema.KindUnavailable, which the edge answers with 503 and
// Retry-After. Every append tries again, so it recovers by itself.
//
// # Draining
//
// Run sends the records to the log, oldest segment first, and deletes a segment
// when all of its records are acknowledged. A crash between the two sends the
// segment again, which is harmless: a hit or a webhook that comes twice counts
// once. Records that the log refuses for good (schema.KindInvalid, for example
// larger than Kafka takes) would stop the drain for ever; they are moved to
// segments of their own whose names end in ".refused", are counted, and stay.
//
// # Bytes on disk
//
// The folder belongs to one process, which holds a lock on the file "lock". It
// holds segments of at most 16 MiB, named by a growing number of 20 digits:
//
//	00000000000000000001.spool
//
//	segment  = magic frame*
//	magic    = "SLSPOOL1"                       8 bytes
//	frame    = length checksum payload
//	length   = bytes of payload                 uint32, little endian
//	checksum = CRC-32C of length and payload    uint32, little endian
//	payload  = at topic key value
//	at       = arrival, ms since 1970           uint64, little endian
//	topic    = length as uvarint, then bytes
//	key      = length as uvarint, then bytes
//	value    = the rest
//
// The checksum covers the length, so a tail of zero bytes is no frame. A
// segment is written once, from its beginning to its end. It is never continued
// after an error or a restart: after a failed fsync nobody knows which of its
// pages the disk has. A segment's name is durable before its first frame is.
//
// # After a crash
//
// New reads every segment. At the first frame that is torn or whose checksum
// does not fit the segment is cut; what is before it is kept and drained. A cut
// is counted. Of a crash it can only hit frames that were not acknowledged;
// a disk that flips bits later on can hit others.
//
// What waits here is as personal as what is in Kafka. It leaves with the drain;
// whoever reads the topics drops what was erased meanwhile. Nothing of a record
// is ever in a log line, an error or a metric.
package spool
