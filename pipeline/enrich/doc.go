// Package enrich says what a hit means: where its visitor came from, with what
// kind of browser, from which country, and how its URL looks without secrets.
//
// It depends on the vocabulary (schema) and on tables in data/, and on no
// clock, network or store: the same hit under the same settings has the same
// meaning on every machine and at every repetition.
//
// # Where a visitor came from
//
// Channels.Classify reads a hit's URL and referrer. The channel is decided in
// this order:
//
//  1. the workspace's own rules, in their order;
//  2. a paid click id (gclid, msclkid, li_fat_id …);
//  3. UTM values, by the rules of GA4's default channel group;
//  4. a click id that proves no ad (fbclid alone, mc_cid);
//  5. the referrer: AI assistant, video, shopping, social, search, any other host;
//  6. Direct.
//
// Source, medium and campaign are the UTM values where present. What is missing
// is filled from the click id. Where neither gives a source or a medium, both
// are read from the referrer, so that a lone utm_campaign keeps its origin.
//
// utm_source and utm_medium are stored in lower case, because "Google" and
// "google" in two rows of a report is what people complain about; campaign,
// content and term are kept as they are. Of a repeated parameter the first that
// has a value counts. Broken percent-encoding is kept raw.
//
// Differences from GA4, beyond those of the product's rules: the mediums cpc,
// ppc and paidsearch with a source of no category are Paid Search, as the
// product has no channel Paid Other; any other paid medium with an unknown
// source is Unassigned. paid-social and paid-video name their channel.
//
// The referrer lists carry a number (ListNumber), which sessions record.
package enrich
