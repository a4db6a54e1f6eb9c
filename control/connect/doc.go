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
package connect
