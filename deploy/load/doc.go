// Package load makes realistic traffic and says, before any of it is sent, what must come of it.
//
// # The plan comes first
//
// A plan is about people: who they are, which browsers they use and share, what brought them, which pages they looked at
// and when they chatted. It decides "a session of google / cpc that lands on /pricing, more than 30 minutes after the
// one before" and derives the hits that must lead to it. Sessions, touches and contacts are therefore known by
// construction, and package load imports no stage of the pipeline, no sink and no query: what it expects would be
// worth nothing if it asked the code that it is to judge. Rules are those of the product, in its numbering:
//
//   - a visit begins a session by its first hit, by more than 30 minutes of silence, by another source, or by midnight;
//   - a browser belongs to the person of its last identification at or before a moment, earlier than all to the first;
//   - a conversation happens at the end of the second that its provider tells;
//   - its touches are its person's sessions up to then, the last of its own browser at the end.
//
// Where the product leaves something open, the plan stays away: a shared browser is left by its first user before the
// second chats, identify is called in browsers of one person only, an address carries one click id, nothing of one
// person happens at the same time as another thing.
//
// People are planned in units that share no browser: one person with one to three browsers, or two people with a
// browser between them. A unit is a pure function of the configuration and its number, so a run holds a wave of them
// at a time, and the same seed on the same base gives the same bytes.
//
// # What is made hard
//
// Hits arrive late, twice and out of order, from browsers whose clocks are wrong (said by ?t=, as the tracker does).
// Chats come before, between and after the hits that led to them, with and without a sourceloop_id. Browsers with a
// wrong clock belong to people who never chat and look at one page at a time, since their times come out right to the
// length of a request only.
//
// Times of hits end in 9 milliseconds and lie whole seconds apart within a session. Differences, their medians and ninth
// deciles are then whole milliseconds, and no rounding blurs a comparison.
//
// # The account
//
// An Account says what must come out. Package check compares it with the API.
package load
