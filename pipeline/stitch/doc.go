// Package stitch is the stage that turns the topic leads into claims,
// identities, contacts and conversions in ClickHouse. One worker owns one
// partition, and with it all claims of the workspaces that fall there.
//
// The identity graph lives in Redis as connected components: a component is the
// set of its claims and conversions, and contacts are a pure function of it
// (package identity). For a stretch of records a worker
//
//  1. finds the components that the records touch, joins those that new claims
//     connect, and stores them, refused unless epoch and applied offset are
//     still its own;
//  2. writes claims, conversions before crediting, identities and contacts to
//     ClickHouse;
//  3. runs one statement that credits the conversions of all contacts that the
//     stretch touched from the sessions that ClickHouse has;
//  4. says in the topic credited whose conversions these were, for the stages
//     that send them on;
//  5. returns, and the offset is committed.
//
// Every touched component is written whole, so a repeated stretch writes the
// same rows. A contact id that is live no more becomes a redirect.
//
// # Keys
//
//	n:<workspace>/<node>   "0" or "1" (the component has a contact), then its root
//	c:<workspace>/<root>   a schema.Component; the root is its smallest node
//
// When Redis was lost, a worker refills its partition from the claims in
// ClickHouse before it touches anything.
package stitch
