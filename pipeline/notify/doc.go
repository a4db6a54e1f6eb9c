// Package notify tells receivers of a workspace's own about its leads: signed
// webhooks, as Standard Webhooks (standardwebhooks.com) describes them.
//
// It has two halves that meet in the settings database. The Stager reads the
// topic credited: contacts that were looked at anew. It asks what a receiver
// would see of them now, and plans a delivery where that differs from what the
// receiver was told of; so however often a contact is looked at, and however
// often a stretch is repeated, what is planned is the same. Nothing personal is
// written: a delivery is an event, a contact's id and a hash.
//
// The Sender takes one receiver at a time, makes the body from ClickHouse as the
// contact is then, signs it and sends it:
//
//	POST /path HTTP/1.1
//	webhook-id: <delivery, the same at every attempt>
//	webhook-timestamp: 1779868800
//	webhook-signature: v1,<base64> [v1,<base64> of the former secret]
//
//	{"type":"lead.created","timestamp":"2026-11-26T…Z","data":{<contact as in the API>,"former_ids":[]}}
//
// A receiver sees an event at least once, knows a repetition by its id, and gets
// events in no promised order; each holds the contact as it was when it was sent.
package notify
