// Package panel is the panel that stands beside a conversation in Intercom's
// Inbox: where the person came from, before anybody replies.
//
// Intercom asks by Canvas Kit requests: POST …/initialize when a conversation is
// opened, POST …/submit when a button in the panel is pressed. The answer is a
// canvas, which is JSON that Intercom draws. The panel only reads: pressing
// Refresh looks again.
//
// # Whose
//
// A request is signed: X-Body-Signature is the HMAC-SHA256 of the raw body with
// the app's client secret, in hex. Only then is it read, and nothing but the
// workspace that the signed body names says whose contacts may be looked at.
//
// # Who
//
// The contact is found by Intercom's id of it. While nothing of it has arrived,
// the signed record's sourceloop_id tells the browser, so that the visits are
// there with the first message, and before an email is given. That id was
// written by a browser and may be forged: it shows visits of the same workspace
// to its own teammates, and none of a browser that belongs to a contact.
//
// # When something is away
//
// An answer takes less than a second: what could not be read by then is said in
// words, with a button to look again. Whatever a visitor can write is shown as a
// value of a table, where Intercom knows no markup.
package panel
