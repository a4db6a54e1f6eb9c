// Package hubspot connects a HubSpot account: OAuth with tokens that end and
// are renewed by time, whose account it is (introspection), and the contact
// property sourceloop_id.
//
// The property is all that is ever written there, and it is created only when
// it is missing. Nothing is deleted. Disconnecting removes our app from the
// account and revokes the refresh token, so that neither is left when the
// other cannot be reached.
package hubspot
