// Package deliver is the stage that sends conversions back to advertising
// platforms: from the topic credited to the platform's verdict in the outbox.
//
// # Planning
//
// The topic credited says whose conversions were looked at anew. For a stretch
// of it the Planner asks ClickHouse which conversions these contacts have now,
// and upserts a push for each of them and each destination of the workspace
// into the outbox, which is in the settings database; then the offset is
// committed. A push's id is made of what it is about (schema.PushID), so that
// repeating changes nothing. A destination that sends when a contact reaches a
// stage is planned for by Stages, from what people set.
//
// A conversion that counts no longer takes its waiting pushes along. No
// platform takes an event back through these APIs; so of what was sent it is
// noted what changed, with the id to look for.
//
// # Waiting for the journey
//
// A conversation is heard of before the page views that led to it have been
// sessionized. So a push knows the ends that the partitions of its contact's
// browsers had when it was planned. It is sent when these have been passed, and
// then the end of the workspace's leads; after ten minutes in any case.
//
// # Sending
//
// The Sender takes due pushes under a lease, gathers what each platform may
// match by (schema.Outgoing) at that moment, and keeps none of it. In order:
//
//	judge   the conversion stands, consent, Platform.Check   no attempt is made of what fails
//	begin   the outbox says that an attempt is open          durable before the first byte
//	send    one request of the platform
//	end     the verdict is noted, and the attempt is closed
//
// Whoever dies between begin and end leaves an open attempt: the platform may
// have the conversion. It is repeated under the same id for as long as the
// platform tells repeated ids from new ones, 48 hours at most, and then parked
// as an error that says so. A platform that tells none apart is asked once.
//
// Every destination has a goroutine and at most one request under way, so that
// one which is slow holds up nobody else.
package deliver
