// Package meta sends conversions to Meta by the Conversions API.
//
//	POST /{version}/{dataset}/events
//
// One bad event has a whole request refused, and what Meta says of it is in the
// user's language and names no event for certain. So every event is checked
// before it is sent, and a request that is refused all the same is halved until
// the bad one is found. Codes and subcodes decide, never words.
//
// Meta tells a repeated event_id of the same event_name from a new one for 48
// hours. There is no asking afterwards, no taking back, and no checking without
// counting: also an event with a test_event_code is used for measurement. A dry
// run is therefore checked here and goes nowhere.
//
// Of a person go hashes of email, phone, names, country and our number of the
// contact; the cookies' fbc and fbp as they are, since Meta matches them letter
// by letter. Of the page goes the address without what follows the question
// mark. The address of the network and the user agent are not sent: an event
// whose action_source is chat needs neither.
package meta
