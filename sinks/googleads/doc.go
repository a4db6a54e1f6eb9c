// Package googleads sends conversions to Google Ads by the Data Manager API.
//
//	POST /v1/events:ingest            a batch for one conversion action; taken, not counted yet
//	GET  /v1/requestStatus:retrieve   what became of it, in counts by reason
//
// Ingesting is fast to refuse: one malformed event refuses its whole request, and
// none of it is taken. What passes is looked at later, and told in counts that
// name no event: so batches are small, and one of which a part failed is sent
// again event by event (OutcomeAlone). Those that had been counted then come back
// as duplicates of their transactionId, which Google remembers for good.
//
// # Not built
//
// The Google Ads API (customers:uploadClickConversions) has been closed to new
// adopters since June 2026, and there is no way in for an installation that was
// not on its list before: it answers CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE.
// Its adjustments (retracting, restating) go with it, so a conversion that was
// taken cannot be taken back from here.
//
// # What identifies
//
// One click identifier, the newest that can still count, and beside it the hashes
// of email and phone. Two at once are not sent: Google judges an event by all
// that it names. An identifier that Google would find malformed is left out
// where there is another way to match, since it would refuse all of the event.
//
// # Addresses of email
//
// Trimmed and in lower case; of gmail.com and googlemail.com the dots go, and no
// others'. What follows a + stays. For those two Google's later guide (seen in
// November 2026) takes the tag away, where its earlier one kept it. An event may
// name ten identifiers, so that of such an address both go.
package googleads
