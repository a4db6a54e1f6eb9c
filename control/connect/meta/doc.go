// Package meta connects Meta for the Conversions API by an access token that a
// person generates in Meta's Events Manager and pastes here: there is no consent
// page, and no app of this server's at Meta.
//
// Whether a token lives is asked of the Graph API before it is kept. Which
// datasets it may send to is not: that shows when something is sent. Only the
// person can end the token; disconnecting destroys what we have of it.
package meta
