// Package pipeline holds no code: its folders are the flow, in the order in
// which data goes through them.
//
//	collect      takes hits and webhooks at the front door, enriches hits, and
//	             answers 2xx when the topics hits and webhooks have them
//	enrich       agent, country, click ids, channel rules: what a hit says. Pure
//	sessionize   owns the partitions of hits: unites a visitor's hits in Redis,
//	             writes hits and sessions to ClickHouse, produces claims
//	session      hits → sessions. Pure, event time
//	resolve      asks the provider what a webhook is about; produces claims and
//	             conversions to the topic leads
//	stitch       owns the partitions of leads: unites claims in Redis, writes
//	             identities, contacts and conversions to ClickHouse
//	identity     claims → contacts. Pure
//	attribution  sessions and conversions → touches and credits. Pure; the
//	             reference for the SQL
//	journeys     text files that read like the product, run through all pure stages
//
// state is the only code that talks to Redis and stream the only code that talks
// to Kafka; both know no product rule. What writes to ClickHouse is in sinks.
// failpoint is how tests make a stage die or fail at a place.
//
// Every stage is an idempotent union into a keyed state and an upsert of a pure
// function of that state, so that any stretch can be repeated; DESIGN.md says
// how.
package pipeline
