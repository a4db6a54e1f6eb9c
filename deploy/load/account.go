package load

import "time"

// Account is what must come out of a plan, and how its sending went. Times are UTC, dates the workspace's.
type Account struct {
	Seed     uint64    `json:"seed"`
	Base     time.Time `json:"base"`
	Zone     string    `json:"zone"`
	Days     int       `json:"days"`
	From     string    `json:"from"` // the first day of every report
	To       string    `json:"to"`   // the last
	Visitors int       `json:"visitors"`

	Sent Sent `json:"sent"`

	Traffic     Traffic     `json:"traffic"`
	Attribution []Credits   `json:"attribution"`
	Funnels     []FunnelFor `json:"funnels"`
	Contacts    []Contact   `json:"contacts"` // everybody who is known, in the order of the plan
}

// Sent says what was acknowledged, and how fast.
type Sent struct {
	Hits       int     `json:"hits"`       // distinct ones
	Duplicates int     `json:"duplicates"` // sent once more
	Late       int     `json:"late"`       // sent after later ones of the same visitor
	WrongClock int     `json:"wrong_clock"`
	Requests   int     `json:"requests"`
	Retries    int     `json:"retries"`
	Chats      int     `json:"chats"`
	Seconds    float64 `json:"seconds"`
	HitsPerS   float64 `json:"hits_per_second"` // acknowledged, duplicates included
}

// Traffic are the figures of the whole range.
type Traffic struct {
	Sessions    int     `json:"sessions"`
	Visitors    int     `json:"visitors"`
	PageViews   int     `json:"page_views"`
	Conversions float64 `json:"conversions"`
	Trend       []Day   `json:"trend"` // every day of the range
}

// Day are the figures of one day.
type Day struct {
	Start       string  `json:"start"`
	Sessions    int     `json:"sessions"`
	Visitors    int     `json:"visitors"`
	Conversions float64 `json:"conversions"`
}

// Credits is one attribution report under all seven models.
type Credits struct {
	Dimension  string      `json:"dimension"`
	Conversion string      `json:"conversion"` // a name; "" for all but contact
	Lookback   string      `json:"lookback"`
	Attributed float64     `json:"attributed"`
	Total      float64     `json:"total"`
	Rows       []CreditRow `json:"rows"` // by key
}

// CreditRow is what one value of the dimension earned.
type CreditRow struct {
	Key      string             `json:"key"`
	Sessions int                `json:"sessions"`
	Credits  map[string]float64 `json:"credits"` // by model
}

// FunnelFor is a funnel with its result.
type FunnelFor struct {
	Query     Funnel      `json:"query"`
	Steps     []StepCount `json:"steps"`
	Breakdown []FunnelRow `json:"breakdown"` // by key
}

// Funnel is the question, as the API takes it.
type Funnel struct {
	Steps     []Step `json:"steps"`
	Scope     string `json:"scope"`
	Order     string `json:"order"`
	Window    string `json:"window"`
	Breakdown string `json:"breakdown,omitempty"`
	From      string `json:"from"`
	To        string `json:"to"`
}

// Step is what must happen.
type Step struct {
	Type     string `json:"type"`
	Operator string `json:"operator,omitempty"`
	Value    string `json:"value,omitempty"`
	Name     string `json:"name,omitempty"`
}

// FunnelRow are the steps of those who entered with one value.
type FunnelRow struct {
	Key   string      `json:"key"`
	Steps []StepCount `json:"steps"`
}

// StepCount are one step's numbers; the times are null when nobody reached it.
type StepCount struct {
	Entered   int      `json:"entered"`
	Converted int      `json:"converted"`
	Median    *float64 `json:"median_seconds"`
	P90       *float64 `json:"p90_seconds"`
}

// Contact is a person who gave an email or a phone.
type Contact struct {
	Email         string           `json:"email"`
	Phone         string           `json:"phone"`
	Name          string           `json:"name"`
	CreatedAt     time.Time        `json:"created_at"`
	ConvertedAt   *time.Time       `json:"converted_at"`
	FirstTouch    Touch            `json:"first_touch"`
	LastTouch     Touch            `json:"last_touch"`
	ReferrerChain []string         `json:"referrer_chain"`
	PagesBefore   int              `json:"pages_before"`
	SecondsOnSite float64          `json:"seconds_on_site"`
	ReturnVisits  int              `json:"return_visits"`
	Device        string           `json:"device"`
	Country       string           `json:"country"`
	Browser       string           `json:"browser"`
	Conversations []Conversation   `json:"conversations"` // newest first
	Links         []string         `json:"links"`         // the nodes that are this person, as kind:value
	Conversions   []Conversion     `json:"conversions"`   // oldest first
	Journey       []JourneySession `json:"journey"`       // oldest first
}

// Touch is where a session came from.
type Touch struct {
	Channel     string    `json:"channel"`
	Source      string    `json:"source"`
	Medium      string    `json:"medium"`
	Campaign    string    `json:"campaign"`
	Content     string    `json:"content"`
	Term        string    `json:"term"`
	LandingPage string    `json:"landing_page"`
	Referrer    string    `json:"referrer"`
	At          time.Time `json:"at"`
}

// Conversation is a chat as the provider has it.
type Conversation struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// Conversion is a conversation that counts, with its touches; the last one is the converting session.
type Conversion struct {
	Conversation string            `json:"conversation"`
	At           time.Time         `json:"at"`
	Visitor      string            `json:"visitor"` // its own browser, or ""
	Touches      []ConversionTouch `json:"touches"`
}

// ConversionTouch is one touch, with the browser it happened in.
type ConversionTouch struct {
	Visitor string `json:"visitor"`
	Touch
}

// JourneySession is a session of a contact with those of its items that are the contact's.
type JourneySession struct {
	Visitor   string    `json:"visitor"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	Reason    string    `json:"reason"`
	Touch
	Device  string        `json:"device"`
	Country string        `json:"country"`
	Browser string        `json:"browser"`
	Items   []JourneyItem `json:"items"`
}

// JourneyItem is one thing that happened.
type JourneyItem struct {
	At           time.Time `json:"at"`
	Type         string    `json:"type"`
	URL          string    `json:"url"` // "" for a conversation: its address is the provider's
	Name         string    `json:"name"`
	ClickID      string    `json:"click_id"`
	Conversation string    `json:"conversation"`
}
