// Package intercom is a stand-in for Intercom: one HTTP server that answers
// as Intercom's OAuth pages, REST API, Messenger and webhooks do, for one
// Intercom workspace and one app installed in it.
//
// It exists so that the product can be run, shown and tested on a machine
// that reaches no Intercom, with the product's own Intercom code unchanged:
// which of the two is spoken to is a matter of addresses. It shares no code
// with the product, on purpose, so that a misreading is not made twice.
//
// # What it is asked
//
//	GET,POST /oauth                    the consent page; a code goes back by redirect
//	POST /auth/eagle/token             a code becomes an access token
//	POST /auth/uninstall               the app is removed, its tokens die
//	GET  /me, /data_attributes, …      the REST API 2.16
//	GET  /messenger.js                 the script that sites load as the Messenger
//	POST /messenger/{boot,update,message}   what that script sends
//	GET  /a/inbox, /a/inbox/{app}/inbox/conversation/{id}   the Inbox, with the app's panel
//	POST /standin/chat                 a chat without a browser
//	GET  /standin/{requests,accepted,webhooks}, POST /standin/{fault,settings,attribute,merge,ping}   its other side
//
// Every REST request is checked against Intercom's published description
// (spec/subset.2.16.yaml) before it is answered.
//
// # A chat
//
// The first message makes an anonymous visitor a lead and opens a
// conversation; what happened becomes notifications. Contact, conversation
// and notifications are written in one transaction, and only then is the
// chat answered. Notifications of one happening are a batch: sent in order,
// each signed over the bytes sent, each waiting five seconds for its answer,
// each repeated once. Batches travel side by side. Notifications exist only
// while the app is installed, that is while one access token lives.
//
// # What is kept
//
// Everything is in intercom.db (SQLite) in the folder, and on disk before it
// is answered for. Of authorization codes and access tokens it keeps the
// SHA-256 only. A notification counts as attempted when its answer was
// recorded; a stand-in killed in between sends it again, as Intercom may.
package intercom
