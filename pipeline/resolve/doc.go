// Package resolve turns a provider's webhook into what the pipeline believes:
// claims about who somebody is, and the conversion that a conversation is.
//
// A webhook is a hint. It says that something happened to a contact or a
// conversation; what is true is read from the provider's API, so that
// webhooks that come late, twice or in the wrong order lead to the same end.
// The webhook's own item is used only where the provider's plan refuses the
// question.
//
//	contact topics        GET /contacts/{id}                       claims
//	contact.merged        the same, with its merge history         claims
//	conversation topics   GET /conversations/{id}, its contact     claims, conversion
//	deletions, ping       nothing: what was captured stays
//	anything else         kept aside
//
// # What is claimed
//
// The provider's record is verified: the contact, its email, its phone, the
// site's user id. The attribute sourceloop_id was written by a browser, where
// it could be forged: that it belongs to the contact is asserted only.
// A claim rests on the conversation or the contact it was read with, never on
// the delivery, so that its id is the same however often it is heard.
//
// # What cannot be finished
//
// A provider that is slow, away or asks for patience gives ErrLater: the
// webhook goes to the inbox and the log goes on. While a connection backs off,
// its other webhooks follow without asking. Inbox finishes them later,
// connection by connection.
package resolve
