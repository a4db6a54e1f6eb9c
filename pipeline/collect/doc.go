// Package collect is the HTTP edge: hits and webhooks come in here, and are
// answered with a 2xx only when the log has them: when Kafka has acknowledged
// them, or the spool in front of it has fsynced them.
//
// # Hits
//
// POST /sl/hits?key=K takes one hit as a JSON object, or an array of hits. The
// body is read whole (at most 1 MiB, before and after inflating), parsed in one
// pass, checked and enriched hit by hit, and appended with one call. A hit is
//
//   - accepted: in the topic hits, keyed by workspace and visitor;
//   - refused: it can never be a hit. A single one is answered with 400, an
//     array with 202 and a verdict for each;
//   - set aside: in the topic dead with its original bytes, because it may be a
//     defect of ours or of a site's that somebody wants to see: text that is no
//     UTF-8, and times that no clock shows. It is answered like a refused one,
//     with a verdict that says so.
//
// An unknown key gets the same answer as a known one and nothing is stored, so
// that keys cannot be guessed by their answers. A request with Sec-GPC: 1 is
// answered 202 with nothing accepted, and nothing of it is kept.
//
// # Time
//
// at is the browser's time. ?t= is the browser's clock at sending; when it is
// off by more than a minute, at is moved by the difference. What then lies up
// to 24 hours ahead happened on arrival.
//
// # Webhooks
//
// POST /hooks/<provider> takes what the provider signs with the app's client
// secret; its Hooks know how. Whose it is follows from the signed id of the
// provider's workspace alone. The delivery is appended byte for byte to the
// topic webhooks. No answer is ever 410: that would switch
// off the subscription for all workspaces.
//
// # In front of the HTTP server
//
// A Front before the server's listener answers plain requests for hits by
// itself, because net/http spends more on one than everything that happens to
// its hit. It takes the narrow form that browsers and proxies send; a connection
// that brings anything else is the server's from then on, with every byte that
// was read.
//
// # Privacy
//
// The network address is used for the country and for limits, and is dropped.
// It is in no record, log line or metric. URLs are redacted before they are
// stored.
//
// # Why an own JSON reader
//
// A hit that breaks a rule must not take its batch with it, so an item's fault
// (a repeated key, a number too large, broken text) is told apart from broken
// JSON. encoding/json finds neither; jsontext of go-json-experiment stops at
// both, and took 1.5 µs for the tokens of one hit, which is a third of what a
// hit may cost in all. The reader in json.go is held to jsontext by a fuzz test.
package collect
