package schema

import (
	"slices"
	"strconv"
	"time"
)

// A push is one conversion on its way to one destination: a conversion action
// of Google Ads, a dataset of Meta, a conversion rule of LinkedIn. Same
// conversion, same destination, same id, for ever: PushID.

// PushState is where a push stands, as people see it.
type PushState string

// The states. Only pending ones are sent; the others are final until somebody
// acts, or until what they lacked is there.
const (
	PushPending         PushState = "pending"          // waits: for its journey, for its turn, for the platform's word
	PushSent            PushState = "sent"             // the platform has it
	PushPendingIdentity PushState = "pending_identity" // neither click id nor email nor phone: nothing to match by yet
	PushSkippedConsent  PushState = "skipped_consent"  // the visitor did not consent to it
	PushDuplicate       PushState = "duplicate"        // the platform had it before the first attempt
	PushError           PushState = "error"            // it was refused, or given up
)

// PushStates are all of them, in the order in which they are listed.
func PushStates() []PushState {
	return []PushState{PushPending, PushSent, PushPendingIdentity, PushSkippedConsent, PushDuplicate, PushError}
}

// PushID is the id of a push, and the one that the platform is given with it
// (Google's transactionId, Meta's event_id, LinkedIn's eventId). It is made of
// what the conversion goes to at the platform and not of our own number for
// it, so that a destination that is set up anew sends nothing twice.
func PushID(workspace uint32, conversion ID, platform, account, action, event string) ID {
	return Derive("push", strconv.FormatUint(uint64(workspace), 10), conversion.String(), platform, account, action, event)
}

// Consent is what a visitor said about the use of their data for advertising.
type Consent string

// What may be said. Where a site tells nothing, it is unknown.
const (
	ConsentUnknown Consent = ""
	ConsentGranted Consent = "granted"
	ConsentDenied  Consent = "denied"
)

// Click is a click id of an ad, as a visitor brought it to the site.
type Click struct {
	Name  string // gclid, gbraid, wbraid, fbclid, li_fat_id …
	Value string // case as it came
	At    Millis // when it came: the start of the session that has it, or of the page view
}

// Outgoing is a conversion as it goes to one destination. It holds personal
// data in the clear, is made when it is sent, and is kept nowhere: sinks
// normalise and hash, each as its platform demands.
type Outgoing struct {
	Push       ID
	Name       string // of the conversion: intercom_conversation
	At         Millis // when the conversion happened, or its contact reached the stage
	HasValue   bool
	Value      float64
	Currency   string // ISO 4217; "" without a value
	Email      string // canonical, or ""
	Phone      string // E.164, or ""
	PersonName string // as the contact has it, or ""
	Contact    ID
	Country    string  // ISO 3166-1 alpha-2 of the converting session, or ""
	Page       string  // URL of the page where the conversation began, or ""
	Clicks     []Click // of the contact's sessions up to the conversion, the newest first
	FBP, FBC   string  // Meta's browser ids, as its own cookies had them, or ""
	Consent    Consent
}

// Target is where a destination sends, and as whom.
type Target struct {
	Token    string // access token that lives; in no error and in no log
	Account  string // Google's customer id, LinkedIn's ad account; "" at Meta
	Action   string // conversion action, dataset, conversion rule
	Event    string // Meta's event_name; "" elsewhere
	TestCode string // Meta's test_event_code, or ""
	DryRun   bool   // the platform only checks, where it can; else nothing is sent
}

// Outcome is what came of an attempt for one conversion.
type Outcome uint8

// The outcomes.
const (
	OutcomeSent       Outcome = iota + 1 // the platform has it
	OutcomeTaken                         // taken, and still looked at: ask again with the receipt
	OutcomeDuplicate                     // the platform had it already
	OutcomeNoIdentity                    // nothing in it can be matched by this platform
	OutcomeNoConsent                     // the platform refuses it for want of consent
	OutcomeRefused                       // for good
	OutcomeLater                         // certainly not taken, for a passing reason
	OutcomeUnclear                       // may have been taken, or not: no answer, or one that does not say
	OutcomeAlone                         // one of a batch was refused and the platform does not say which: send it again alone
	OutcomeDenied                        // the token or account may not: nothing goes until the connection works again
)

// outcomes are the names, in the order of the constants.
var outcomes = [...]string{"", "sent", "taken", "duplicate", "no_identity", "no_consent", "refused", "later", "unclear", "alone", "denied"}

// String is the outcome's name in the log of attempts, "" for none.
func (o Outcome) String() string {
	if int(o) < len(outcomes) {
		return outcomes[o]
	}
	return ""
}

// ParseOutcome reads a name that String gave; 0 for any other.
func ParseOutcome(name string) Outcome {
	return Outcome(max(0, slices.Index(outcomes[:], name)))
}

// Arrived tells whether the platform has the conversion for good. What it took to
// look at it may refuse yet, and have from an attempt before.
func (o Outcome) Arrived() bool { return o == OutcomeSent || o == OutcomeDuplicate }

// Known tells whether it is known of an attempt with this outcome that the
// platform has the conversion, or that it has not.
func (o Outcome) Known() bool { return o != 0 && o != OutcomeUnclear }

// Verdict is what a platform said of one conversion.
type Verdict struct {
	Outcome Outcome
	Words   string        // for people: what happened, what it means, what to do; the platform's own words in it, no personal data
	Code    string        // the platform's own code, or ""
	After   time.Duration // how long it asks to wait; 0 when it does not say
	Receipt string        // of OutcomeTaken: what to ask by
}
