// Package session turns a visitor's hits into sessions.
//
// Derive is a pure function of the set of the visitor's hits, ordered by
// (time, id). Nothing else plays a part: neither the order of arrival, nor how
// often a hit arrived, nor a clock. A late hit therefore re-derives the
// sessions around it, and a duplicate changes nothing.
//
// # What starts a session
//
// Page views and custom events are checked, in this order, and the first
// trigger that holds is the session's reason:
//
//  1. first_hit: the visitor's first hit ever, of whatever type;
//  2. timeout: more than the timeout since the hit before;
//  3. attribution: a utm_source, utm_medium or utm_campaign that is given and
//     differs from the session's, a click id that the session has not seen, or
//     an external referrer with another channel than the session's;
//  4. midnight: another local date than that of the session's first hit.
//
// Leaves, identifications and what ad tags know extend the running session and
// start none. They
// push the timeout out, but what their page's URL says about a source is not
// looked at: an identification that a site sends before its page view must not
// swallow an ad click.
//
// The order decides about the source. A session that timed out over midnight
// reads its source from its own first hit, and so does one with a new
// attribution. Only a session begun by midnight alone continues the source of
// the one before: channel to rule, referrer, and the click ids that count as
// seen. Its landing page is its own first page. A trigger that the workspace
// switched off never holds, so that with the attribution trigger off a hit
// after midnight continues the source whatever its URL says.
//
// Timeout, triggers, zone and rules are those in force at the session's first
// hit, until it ends.
//
// # Sealing
//
// Seal takes whole sessions out of the set once nothing is expected to change
// them, and leaves a carry: how the last of them ended, and where the seal is.
// The visitor's newest session is never sealed, so that the first hit that
// stays always begins a session. Deriving from the carry and the hits that
// stayed gives exactly the sessions that stayed, whatever hits still come,
// since those that could touch a sealed session are Late and are kept out:
//
//	──────── sealed ────────┤ last_at        closes_at          open_at ├── open ──
//	 everything is late         late    │  page views and events   │  nothing is late
//	                                    │  are not, others are     │
package session
