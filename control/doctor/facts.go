package doctor

import (
	"time"

	"sourceloop/schema"
)

// Facts are all that is known about a connection at a moment.
type Facts struct {
	Now        schema.Millis
	Provider   string // how it writes itself: Intercom
	Word       string // the word for it in addresses: intercom, hubspot
	Stranger   bool   // the doctor knows nothing of the provider but what holds for all
	Secret     string // the setting that holds the app's client secret
	SiteKey    string // of the workspace
	HookURL    string // where the provider must send its webhooks
	Connection Connection
	Vendor     *Vendor // nil: the provider was not asked, since there is no token
	Signals    []Signal
	Waiting    int    // webhooks that came and could not be finished yet
	Hosts      []Host // where the tracker was heard lately; nil with HostsErr
	HostsErr   string // why that is not known
	Page       *Page  // nil: no page was named
}

// Connection is what the settings database says.
type Connection struct {
	State       string // connected, pending, error, disconnected
	Name, App   string // the provider's workspace
	Since       schema.Millis
	LastWebhook schema.Millis // the newest that was worked on
	LastError   string
}

// Answer is how a question to the provider ended.
type Answer int

// Answers.
const (
	NotAsked    Answer = iota
	Told               // there is an answer
	Denied             // the token is dead
	Restricted         // the plan or the permissions of the app refuse the question
	Unreachable        // no answer that could be read
	Foreign            // the client id and secret of our app are not taken
)

// Vendor is what the provider said when it was asked just now.
type Vendor struct {
	At       schema.Millis
	Identity Answer // whose account the token opens
	App      string
	Name     string
	Verified bool     // identity verification is enforced for users
	Lacks    []string // scopes that the README names and the token has not
	// Ahead is how far the provider's clock is ahead of ours, negative when it
	// is behind; known within a second. Clocked tells whether there is one.
	Ahead   time.Duration
	Clocked bool

	Attributes Answer
	Attribute  Attribute

	Conversations Answer
	Chats         []Chat // the newest first
}

// Attribute is the contact attribute sourceloop_id.
type Attribute struct {
	Found, Archived, Writable bool
	Type                      string
}

// Chat is a conversation that the provider has.
type Chat struct {
	ID    string
	At    schema.Millis // the beginning of its second
	Host  string        // of the page that it began on; "" when it has none
	Asked bool          // its contact was read
	Tied  bool          // its contact carries a sourceloop_id
	Named bool          // its contact has an email or a phone
	Here  bool          // it has arrived
	Count bool          // it has arrived, and belongs to a contact with an email or a phone
}

// Signal is a kind of delivery that reached the webhook address for the app.
type Signal struct {
	What string // a topic, (unsigned), (uninstall) or (other)
	Last schema.Millis
}

// Host is a host on whose pages the tracker was heard. Moments are 0 for never.
type Host struct {
	Host                                          string
	Page                                          string // the newest page
	Last, Left, Pushed, Stub, Throttled, Messaged schema.Millis
}

// Page is what the HTML of a page says, as a server gets it: what scripts add
// later is not in it.
type Page struct {
	At          schema.Millis
	URL, Host   string
	Problem     string // why it could not be looked at; "" when it was
	Tracker     bool
	Key         string
	Consent     string // required, google or ""
	Blocked     bool   // its content policy lets the tracker not load
	Messenger   bool
	App         string // of the Messenger; "" when it does not say
	Hub         string // the HubSpot account whose code it carries; "" when it does not say
	TagManager  bool
	FramedHosts []string // other hosts that it shows frames of
}
