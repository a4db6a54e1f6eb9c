// Package hubspot is a stand-in for HubSpot: one HTTP server that answers as
// HubSpot's OAuth pages, CRM and conversations APIs, chat widget and webhooks
// do, for one HubSpot account (portal) and one app installed in it.
//
// It exists so that the product can be run, shown and tested on a machine that
// reaches no HubSpot. It shares no code with the product, on purpose, so that
// a misreading is not made twice. HubSpot's published description may not be
// kept here, so requests are checked by hand: paths, methods, scopes, fields.
//
// # What it is asked
//
//	GET,POST /oauth/authorize, /oauth/{hub}/authorize      the consent page
//	POST /oauth/2026-03/token, …/introspect, …/revoke      and the same under /oauth/v3; v1 is gone
//	DELETE /appinstalls/2026-03/external-install           the app is removed, its tokens die
//	GET,POST /crm/v3/properties/contacts                   contact properties
//	GET,PATCH /crm/v3/objects/contacts/{id}                contacts
//	POST /crm/v3/objects/contacts/search                   those that changed, by lastmodifieddate only
//	GET /conversations/v3/conversations/…                  threads, their messages, actors; also …/conversations/2026-09/…
//	GET /hubspot.js, POST /widget/{track,message}          the script that sites load, and what it sends
//	POST /standin/chat                                     a chat without a browser
//	GET  /standin/{requests,accepted,webhooks}
//	POST /standin/{fault,merge,contact,property,delete,privacy}   its other side
//	POST /standin/settings                                 the app's project: target URL, secret, subscriptions; until it stops
//
// # Who chats
//
// A browser is a visitor by its cookie hubspotutk. Its first message opens a
// thread that belongs to the visitor's id. When an email is given, the visitor
// becomes the contact with that email, or a new one, and its threads say so:
// that is the moment at which HubSpot tells of a contact and not of a thread.
// What _hsq identify says without an email is forgotten.
//
// # Webhooks
//
// One happening is several events. Events that are due travel together, up to
// 100 in one JSON array, signed by the v3 signature over the URL as it is
// called. Their eventId repeats. An array that is not answered with 2xx within
// AnswerWithin is due again after RetryAfter and up to as much again, ten
// times. Events exist only while the app is installed.
//
// # What is kept
//
// Everything is in hubspot.db (SQLite) in the folder, and on disk before it is
// answered for. Of authorization codes and tokens it keeps the SHA-256 only.
package hubspot
