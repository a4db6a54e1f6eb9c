package schema

// Standing is a conversion as it stands now.
type Standing struct {
	ID       ID
	Contact  ID // whose it is; of a deleted one whose it was
	Name     string
	At       Millis
	Value    float64
	Currency string // ISO 4217, or ""
	Country  string // of the converting session, or ""
	Visitor  string // the browser it happened in, or ""
	Deleted  bool   // counts no longer
}

// Sendable is a conversion with all that a platform may match it by.
type Sendable struct {
	Standing
	Live   bool   // its contact is a person whom nobody erased
	Page   string // where it began, or ""
	Email  string // canonical, or ""
	Phone  string // E.164, or ""
	Person string // name, or ""
	Nodes  []Node // of the contact
	Visits []Visit
}

// Visit is a session as far as a platform may match by it: of the contact, or
// of the browser that a conversion happened in. They are the newest first, and
// may be later than the conversion.
type Visit struct {
	At       Millis   // of its start
	ClickIDs []string // "gclid=…"
	Consent  Consent
	FBP, FBC string
}

// Place is where a list of conversions goes on: behind one, in the order of
// time and id.
type Place struct {
	At Millis
	ID ID
}
