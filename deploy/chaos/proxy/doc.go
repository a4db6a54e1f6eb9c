// Package proxy is a TCP proxy that can be told to misbehave, for tests: it passes connections on to one of several
// addresses, and cuts them, delays what they carry, swallows it, or takes no new ones.
//
//	p, err := proxy.Start("127.0.0.1:0", "127.0.0.1:9000")
//	p.All(proxy.Fault{Answers: true}) // what the server says is lost, what it is told is not
//	p.Heal()
//
// # What it does to bytes
//
// A Fault holds for all connections, those to come included, or for one. Bytes meet the fault that is in force when they
// are to be passed on. A connection that lost some bytes is never passed on again, since its two ends would not
// understand each other: Heal cuts it. While a direction is swallowed its end is swallowed too: as with packets that are
// lost, nobody is told that the other one has gone.
//
// # Several addresses
//
// New connections go round the addresses. One that does not take a connection is passed over, so that the clients of a
// process that was killed find the next one.
package proxy
