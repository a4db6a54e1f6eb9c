package schema

// Touch is what one session says about where its visitor came from. Empty
// values are "", and a touch without any source is Direct.
type Touch struct {
	Channel     string // a name of GA4's default channel group, or a workspace's own
	Source      string
	Medium      string
	Campaign    string
	Content     string
	Term        string
	LandingPage string // the URL of the session's first page, without fragment
	Referrer    string // external referrer of the session's first hit, or ""
	Rule        string // the rule that gave the channel
	At          Millis // the session's start
}

// DirectTouch is the touch of a conversion with no visitor.
func DirectTouch(at Millis) Touch {
	return Touch{Channel: ChannelDirect, Source: "direct", Rule: "no visitor", At: at}
}

// Reason says why a session began.
type Reason string

// The four triggers of a session (product rules, section 2).
const (
	ReasonFirstHit    Reason = "first_hit"
	ReasonTimeout     Reason = "timeout"
	ReasonAttribution Reason = "attribution"
	ReasonMidnight    Reason = "midnight"
)

// Session is a stretch of one visitor's hits, a pure function of the set of
// that visitor's hits.
type Session struct {
	ID        ID
	Workspace uint32
	Visitor   string
	StartedAt Millis
	EndedAt   Millis // time of its last hit
	Reason    Reason
	Touch     Touch
	ClickIDs  []string // "gclid=…", every one seen in the session
	Device    string
	Country   string
	Browser   string
	OS        string
	Bot       bool
	ExitPage  string
	Settings  uint32 // the version of the settings in force at its first hit
	List      uint32 // the number of the referrer list its channel was read from
	EngagedMS int64  // from leave hits
	Ads       Ads    // as its last hits know it
	Items     []Item // page views, events, identifications in order of (time, id); leaves and ads are left out
}

// Ads is what a session knows for advertising. Where the last word about
// consent is a refusal, no id is known.
type Ads struct {
	Consent  Consent
	FBP, FBC string // Meta's browser id and click, as its own cookies have them, or ""
	LiFatID  string // LinkedIn's click, as the Insight Tag's cookie has it, or ""; one in a URL is a click id
}

// PageViews counts the session's page views.
func (s *Session) PageViews() int {
	n := 0
	for i := range s.Items {
		if s.Items[i].Type == HitType_HIT_TYPE_PAGEVIEW {
			n++
		}
	}
	return n
}

// Item is one hit inside a session.
type Item struct {
	Hit     ID
	At      Millis
	Type    HitType
	URL     string // redacted, without fragment
	Title   string
	Name    string // of a custom event
	ClickID string // "gclid=…" where the hit carries one
}

// SessionRow is one version of a session as it is stored. A row that is no
// longer derived is written once more as deleted, with the same sort key:
// workspace, day of start, visitor, id.
type SessionRow struct {
	Session
	Version uint64
	Deleted bool
}

// The channels of GA4's default channel group
// (support.google.com/analytics/answer/9756891) in its own spelling.
const (
	ChannelDirect          = "Direct"
	ChannelOrganicSearch   = "Organic Search"
	ChannelPaidSearch      = "Paid Search"
	ChannelOrganicSocial   = "Organic Social"
	ChannelPaidSocial      = "Paid Social"
	ChannelEmail           = "Email"
	ChannelReferral        = "Referral"
	ChannelDisplay         = "Display"
	ChannelAffiliates      = "Affiliates"
	ChannelOrganicVideo    = "Organic Video"
	ChannelPaidVideo       = "Paid Video"
	ChannelOrganicShopping = "Organic Shopping"
	ChannelPaidShopping    = "Paid Shopping"
	ChannelPaidOther       = "Paid Other"
	ChannelCrossNetwork    = "Cross-network"
	ChannelSMS             = "SMS"
	ChannelAudio           = "Audio"
	ChannelMobilePush      = "Mobile Push Notifications"
	ChannelAIAssistant     = "AI Assistant"
	ChannelUnassigned      = "Unassigned"
)
