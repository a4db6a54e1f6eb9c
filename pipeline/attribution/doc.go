// Package attribution is the reference for which sessions are the touches of a
// conversion, how much of it each is credited with, and what a contact's page
// says about it. Reports compute the same in SQL; tests hold the two together,
// and explanations of a credit use this package.
//
// # Touches
//
// A touch is a session. The touches of a conversion are the sessions that began
// at or before it, of all browsers of its contact, as far as the browser was
// the contact's when the session began. The converting session is the last one
// that the conversation's own browser had begun by then, whoever's the browser
// was; without an own browser, the last of any. It comes last in every model,
// even where another browser of the contact began one since. A browser that was
// cut from everybody is nobody's own.
//
// Lookback counts back from the conversion to the session's start, both ends
// included. At most the first and the last 99 touches inside it are credited.
//
// # Milestones
//
// W-shaped and full-path models favour the first touch, the converting one, and
// the sessions in which the contact was first identified and came to the stage
// In Progress: the last touch, in their order, that had begun by that moment.
// Where that lies before the window, or never came, its share is spread evenly
// over all touches; likewise the rest's, where every touch is a milestone's.
//
// A conversion without a browser has no touches: it is not attributed, and is
// shown as Direct.
package attribution
