// Package wire is what the advertising platforms have in common below their own
// words: one request and what is known about it afterwards, many events in few
// requests, and a platform's own words without what is secret in them.
//
// # What is known afterwards
//
// A request whose body was never begun to be read cannot have been taken: its
// header promises a body of a certain length. So the body that net/http is given
// notes its first read, and refuses to be read once the caller has been answered
// (gate). That holds for every protocol that a transport may speak, and for
// writes that a transport does behind an answer; httptrace's WroteHeaders does
// not hold for those.
//
//	no read of the body      certainly not taken     OutcomeLater
//	read, and no answer      may have been taken     OutcomeUnclear
//	an answer                the platform's words decide
package wire
