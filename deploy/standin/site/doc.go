// Package site is the demo site: a small tea shop that never was, with the
// tracker, the Messenger and a HubSpot chat on every page, as a customer's
// site has them.
//
// Its pages are templates, its styles and its one script are files, and
// nothing is inline, so that the strictest Content-Security-Policy a site
// might send is sent here. The footer's list of tagged visits leads back to
// the site the way campaigns, ad clicks and other sites do.
package site
