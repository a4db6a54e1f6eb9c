// Package intercom connects an Intercom workspace: OAuth, whose workspace it
// is (/me), and the contact attribute sourceloop_id that the tracker fills.
//
// The attribute is all that is ever written there. It is created when it is
// missing, taken out of the archive when it is in there, made writable by the
// Messenger when it is not, and used as it is otherwise. Nothing is deleted.
package intercom
