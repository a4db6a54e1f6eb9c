// Package connect walks a workspace through connecting an account at a
// provider by OAuth, keeps the connection's card truthful, and takes it apart
// again.
//
// What is the same for every provider is here: the state that is bound to a
// browser session and used once, sealing, routing, retrying, disconnecting in
// the right order. What differs is a Provider, one package each.
//
//	click     Connect      the card says Pending; the browser goes to the consent page
//	consent   Callback     code → token → Setup → routing; the card says Connected
//	later     Run          what could not be set up for a passing reason is tried again
//	click     Disconnect   routing closed, token revoked there and destroyed here
//
// Tokens that end are replaced a little before (Tokens). Of all goroutines of
// all processes one has the turn, which is a lease on the token's row; the
// others wait for what it keeps, or go on with the old one while that lives. A
// turn ends by comparing the ticket that it was given: whoever was stopped past
// its lease keeps nothing. Whoever needs an API asks through Access.
package connect
