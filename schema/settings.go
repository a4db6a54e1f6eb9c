package schema

import (
	"sort"
	"time"
)

// Workspace is one customer: everything is bound to one.
type Workspace struct {
	ID       uint32
	Name     string
	SiteKey  string         // public, in the tracker's snippet
	Currency string         // ISO 4217
	Zone     *time.Location // for reports; sessions use the zone of their Settings
	Settings []Settings     // by From, oldest first; never empty
	Goals    []Goal         // by ID
}

// At gives the settings in force at a moment: the last ones that had begun,
// or the first.
func (w *Workspace) At(m Millis) *Settings {
	i := sort.Search(len(w.Settings), func(i int) bool { return w.Settings[i].From > m })
	if i > 0 {
		i--
	}
	return &w.Settings[i]
}

// Settings are what shapes sessions, as a dated version. A session keeps the
// version in force at its first hit; the past changes by a rebuild only.
type Settings struct {
	Version     uint32
	From        Millis
	Timeout     time.Duration // 1 minute to 10 hours; 30 minutes by default
	Attribution bool          // an attribution change starts a session
	Midnight    bool          // midnight in Zone starts a session
	Zone        *time.Location
	Domains     []string      // the workspace's own, no referrers; subdomains included
	Gateways    []string      // payment gateways, no referrers either
	PaidFbclid  bool          // count every fbclid as paid
	Rules       []ChannelRule // run before the default ones
}

// DefaultSettings are those of a new workspace.
func DefaultSettings() Settings {
	return Settings{
		Version: 1, Timeout: 30 * time.Minute, Attribution: true, Midnight: true, Zone: time.UTC,
		Gateways: []string{"paypal.com", "stripe.com", "klarna.com", "adyen.com", "mollie.com", "checkout.com", "braintreegateway.com"},
	}
}

// ChannelRule is a workspace's own rule: all conditions hold → Channel.
type ChannelRule struct {
	Name       string
	Conditions []ChannelCondition
	Channel    string
}

// ChannelCondition compares one field of a hit's source.
type ChannelCondition struct {
	Field    string // source, medium, campaign, referrer_host, click_id, landing_path
	Operator string // is, is_not, contains, starts_with, regex
	Value    string
}
