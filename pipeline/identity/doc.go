// Package identity turns claims into contacts: who the people are, which nodes
// are theirs, and since when a browser is whose.
//
// Resolve depends on the set of claims only, never on their order or on how
// often they arrived. Claims that share no node, not even over others, have
// nothing to do with each other, so that resolving a connected part alone gives
// the same as resolving everything.
//
// # The fold
//
// Claims are sorted: verified before asserted, then by time, then by id. Nodes
// are joined in four passes, strongest evidence first, so that a weak joint
// never decides what a strong one may do:
//
//  1. Verified claims join their emails, provider contacts and user ids,
//     always: that is how a provider contact that changes its email stays one
//     contact, and how a provider's merge makes one of two.
//  2. Verified claims join their phones, except where this would join two
//     contacts that both have a verified email. The phone then stays with the
//     first, and the other contact keeps it as a field only.
//  3. Asserted claims join what they name, except where this would join two
//     contacts that both have a verified email or phone.
//  4. Claims link browsers. A contact without a verified email or phone joins
//     the contact that the browser belonged to at that time. Contacts that have
//     one are kept apart, and the browser is split by time.
//
// An Admin's undoing of a merge is a claim, too: two nodes must stay apart. In
// every pass a union is skipped that would bring them together, and what claims
// said before the skipped one stays with either. Letting claims decide again is
// such a claim as well; of the words about two nodes the newest stands.
//
// A browser seen with more than MaxEmails verified emails, whosever they are, is
// ambiguous and is cut from everybody: nothing that happened in it is anybody's,
// the conversations that name it included. Whatever is kept apart or cut is a
// Refusal.
//
// # What a contact is called
//
// A contact's id is derived from its first node: of its earliest claim by
// (time, id) the provider contact, else the email, else the user id, else the
// phone. Time comes before verification here, so that a contact keeps its id
// when better evidence about it arrives later; only evidence from earlier, or a
// merge with an older contact, changes it.
//
// The canonical email is the newest verified one, else the newest asserted one,
// and so are phone and name. An asserted claim never overwrites a verified
// field.
package identity
