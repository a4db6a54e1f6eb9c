// Package doctor finds out why a chat does not arrive: it turns what was found
// (Facts) into findings, one for each step on the way from a page to a contact.
//
//	settings    connected? token    clock      routing
//	the page    tracker    key      consent    Messenger
//	provider    attribute  the id on contacts  identity verification
//	the way     signature  webhooks topics     plan
//	here        contacts
//
// It only decides, and asks nobody: package examine gathers the facts. So every
// set-up that goes wrong is a row of a table here, and the dashboard and the
// command line say the same.
//
// A finding is ok, a warning, failed, or not known. Not known is an answer: a
// page that nobody named was not looked at, a provider whose plan refuses the
// question did not tell. Facts that lie in the past carry their age.
//
// The cause is the first step that failed, since steps stand in the order in
// which one makes the next fail.
package doctor
