// Package linkedin sends conversions to LinkedIn by the Conversions API.
//
//	POST /rest/conversionEvents    one event, or a batch by X-RestLi-Method: BATCH_CREATE
//
// A time or a field that is wrong has a batch refused whole, with the places of
// the wrong events in words (“indices [0]”, “/elements/2/…”); they are read, and
// where there are none the batch is halved. A batch that is taken has a status
// for each event.
//
// LinkedIn is not known to tell a repeated eventId from a new one. So nothing
// goes out twice by itself: every request has a connection of its own, that no
// one closes just then, and what may have arrived is OutcomeUnclear, which must
// not be repeated (sinks.Limits.Remembers is 0).
//
// Of a person go the hash of the email, in lower case and trimmed, and the click
// id li_fat_id. LinkedIn would take names too, but in plain; they are not sent.
// It takes a bogus currency and a malformed click id as well, and counts nothing
// for them; so both are checked here.
package linkedin
