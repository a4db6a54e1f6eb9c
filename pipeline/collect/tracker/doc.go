// Package tracker is the script that a site loads, and what serves it.
//
// # What a site does
//
// It puts one tag on its pages (Snippet), or two when it wants to call the tracker before it is there:
//
//	<script>window.sourceloop=…</script>                                   a stub that queues calls; optional
//	<script defer src="https://…/sl.js" data-key="KEY"></script>
//
// Settings are attributes of the tag, or members of window.SourceLoopConfig, which outranks them: data-endpoint,
// data-domains, data-consent, data-cookie, data-debug, data-dnt. What they mean is said in src/chunk.ts, and so is
// what window.sourceloop can be asked: identify, track, flush, getAttribution, consent, id. window.SourceLoopData is a
// frozen snapshot of first and last touch, there soon after the page began, while consent is given.
//
// # What it sends, and when
//
// Every hit is a JSON object as the collector takes it, with an id (UUIDv7) and a time made where it happened. Hits go
// to {endpoint}/sl/hits?key=KEY&t=CLOCK, as a JSON array in a text/plain POST, which needs no preflight; CLOCK is the
// browser's clock in ms at the moment of sending, so that the collector can set right the times of a clock that is off.
//
//   - pageview: at once; when the page begins, when a single-page app changes the address (pushState, replaceState,
//     back and forward), and when the browser takes the page out of its back-forward cache. The same address twice in
//     a row is one view; the fragment is no part of it. A page that is prerendered is not viewed until it is shown.
//     The referrer of the first view is the document's; later views have the view before them.
//   - event, identify: within 1.5 s, or when 20 hits wait. The collector gets them in one request.
//   - leave: by sendBeacon when the page is hidden, with all that still waits. properties.engaged_ms says how long the
//     view was visible since it began or since the leave before, so that the sum over a view is its whole.
//     properties.chat says what became of Intercom's Messenger on the page: "pushed" when it has the id, "stub" when its
//     own script never came, "throttled" when it was told too often; absent where none was seen. That is what the doctor knows pages by.
//   - ads: what the page's own ad tags know, at once: right after the first view of a page load when there is something to
//     know, and again when it changed (looked at every second, consent at once). ad_consent as below; fbp, fbc, li_fat_id as
//     the cookies _fbp and _fbc of Meta's pixel and li_fat_id of LinkedIn's Insight Tag have them, unless ad_consent is
//     denied. The tracker never sets one of these cookies.
//   - event chat_opened, properties.provider intercom or hubspot: when the visitor opens the Messenger (HubSpot: begins
//     a conversation).
//
// No answer, 429 and 5xx are tried again after 1, 2, 4 … 60 seconds, with the same ids: a hit sent twice counts once.
// Any other answer is final. A page holds at most 100 hits that wait. From the moment a hit is sent until it is
// answered it is also kept in localStorage, a key for each hit (so that tabs need no lock), and what a page could not
// get rid of is sent by the next page load, at most 100 hits.
//
// # What it stores
//
//	cookie _sl           128 random bits, 400 days, on the widest domain that takes a cookie; data-cookie renames it
//	localStorage _sl{…   unsent hits, first and last touch
//	sessionStorage       sl_debug, for the tab in which somebody asked for it
//
// With data-cookie="none" nothing of this is stored: the id lives as long as the page. Where the browser blocks storage
// it is the same. There is no fingerprint of any kind.
//
// # Consent
//
// With data-consent="required" nothing is sent and nothing stored before sourceloop.consent("granted"), on every page
// load; until then hits wait in memory, so that the landing page is not lost. "denied" empties that memory, and removes
// cookie and localStorage. data-consent="google" listens to Google Consent Mode instead (analytics_storage; a default
// of denied is no answer yet). Global Privacy Control outranks all of it, Do Not Track does with data-dnt.
//
// Consent to the use of data for advertising is another question, and asked only where conversions go back to a platform
// (ad_consent: granted, denied, or unknown). The site answers it by the second word of sourceloop.consent("granted",
// "denied"); the last call stands. Without that word it is what Google Consent Mode tells the dataLayer under the usual
// name, whatever data-consent says: denied when ad_user_data or ad_storage is, else granted when one of them is. There an
// update outranks a default; a default of denied counts, also where it is meant for some regions only, since a page does
// not know where its visitor is; one of granted counts unless it is for some regions.
//
// # The Messenger
//
// As soon as window.Intercom is there, and with consent only, the id is pushed as the contact attribute sourceloop_id,
// once per page load and again after each boot, at most ten times (Intercom throttles at 20 updates in 30 minutes).
//
// HubSpot has no such attribute for visitors. As soon as its script is there, and with consent only, _hsq identify is
// told sourceloop_id, with the email where the site's own identify gave one (never a made-up one): then HubSpot keeps it
// as the contact property. What ties a chat in any case is the widget's event conversationStarted, whose conversation
// goes into the event chat_opened (properties.conversation) and is sent at once.
//
// # Files
//
// src/core.ts is all that stands between a page and its first hit, at most 1,400 bytes gzip; the other files are chunks
// of at most 600 bytes that are imported when needed, from the same folder and under the same name as the script: an
// operator may rename folder and file, since block lists know the usual names. Chunks and pinned cores have their hash
// in their address (/sl.<hash>.js) and never change; /sl.js is the newest and is kept for five minutes.
//
//	ads        after consent, on every page: what the page's own ad tags know
//	more       after consent, on every page: leave, chat detection, back-forward cache
//	snapshot   first and last touch
//	leftovers  hits of earlier pages, if there are any
//	chat       once Intercom's Messenger is seen
//	hubspot    once HubSpot's script is seen
//	setup      only where the tag has settings, or in debug mode
//	debug      ?sl_debug=1: every decision in the console, in words
//	links      data-domains: carries the visitor to the owner's other domains
//	google     data-consent="google"
//
// dist holds the built files, checked in, so that the collector builds without a JavaScript toolchain; they are made by
// go run ./pipeline/collect/tracker/build, and a test fails when they are older than src.
package tracker
