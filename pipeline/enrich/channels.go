package enrich

import (
	"net/url"
	"strings"

	"sourceloop/schema"
)

// Channels decides where visitors came from. It is safe for concurrent use.
type Channels struct {
	table    *table
	patterns *patterns
	direct   *schema.Source // shared: nobody changes a source
}

// NewChannels loads the tables of search engines, social networks and AI
// assistants that are part of the program.
func NewChannels() (*Channels, error) {
	t, err := newTable()
	if err != nil {
		return nil, err
	}
	return &Channels{table: t, patterns: newPatterns(), direct: &schema.Source{
		Channel: schema.ChannelDirect, Source: "direct", Rule: "direct", Direct: true, List: ListNumber,
	}}, nil
}

// Classify reads from a hit's URL and referrer where its visitor came from,
// under one version of a workspace's settings. The result is never nil, is a
// pure function of the arguments, and must not be changed: hits that say
// nothing share one.
func (c *Channels) Classify(hit *schema.Hit, s *schema.Settings) *schema.Source {
	page := split(hit.GetUrl())
	referrer, external := externalReferrer(hit.GetReferrer(), page.host, s)
	if page.query == "" && !external && len(s.Rules) == 0 {
		return c.direct
	}
	o := origin{page: page, settings: s}
	if external {
		o.referrer, o.raw, o.external = referrer, hit.GetReferrer(), true
		o.site, o.listed = c.table.byHost(referrer.host, referrer.path, referrer.query)
	}
	o.read()
	o.fill()
	o.kind = c.table.byName(o.utmSource)
	channel, rule := c.channel(&o)
	return o.result(channel, rule)
}

// channel asks the rules in their order.
func (c *Channels) channel(o *origin) (channel, rule string) {
	for i := range o.settings.Rules {
		if r := &o.settings.Rules[i]; c.patterns.applies(r, o) {
			return r.Channel, "rule: " + r.Name
		}
	}
	if click := o.paid; click != nil {
		return click.channel, "click id " + click.name
	}
	if o.utmDecides() {
		if channel, rule := group(o); channel != schema.ChannelUnassigned || o.unpaid == nil {
			return channel, rule
		}
	}
	if click := o.unpaid; click != nil {
		return click.channel, "click id " + click.name
	}
	if o.external {
		return o.byReferrer()
	}
	return schema.ChannelDirect, "direct"
}

// origin is what a hit says about where its visitor came from.
type origin struct {
	page     address
	referrer address
	raw      string // the referrer as it was sent
	external bool   // the referrer is somebody else's site
	settings *schema.Settings

	utmSource, utmMedium, utmCampaign string
	content, term                     string
	clicks                            []string // "gclid=…", in the order of the URL
	paid, unpaid                      *click   // the first of each

	source, medium string // after filling
	kind           kind   // of utmSource, by its name
	site           site   // of the referrer
	listed         bool   // the referrer has a site
}

// externalReferrer reads the referrer and tells whether it is external: not
// the page's own site, none of the workspace's own domains and no payment
// gateway.
func externalReferrer(raw, page string, s *schema.Settings) (address, bool) {
	if raw == "" {
		return address{}, false
	}
	r := split(raw)
	if r.host == "" || r.host == page {
		return address{}, false
	}
	switch r.scheme {
	case "http", "https", "android-app":
		return r, !sameSite(r.host, page) && !ownDomain(r.host, s.Domains) && !ownDomain(r.host, s.Gateways)
	}
	return address{}, false
}

// read collects UTM values and click ids from the page's query. Of a repeated
// parameter the first with a value counts.
func (o *origin) read() {
	eachParameter(o.page.query, func(key, value string) bool {
		if value == "" {
			return true
		}
		if into := o.field(key); into != nil {
			if *into == "" {
				*into = decode(value)
			}
		} else if id := clickNamed(key); id != nil {
			o.click(id, value)
		}
		return true
	})
	o.utmSource, o.utmMedium = strings.ToLower(o.utmSource), strings.ToLower(o.utmMedium)
}

func (o *origin) field(key string) *string {
	if !strings.HasPrefix(key, "utm_") {
		return nil
	}
	switch key {
	case "utm_source":
		return &o.utmSource
	case "utm_medium":
		return &o.utmMedium
	case "utm_campaign":
		return &o.utmCampaign
	case "utm_content":
		return &o.content
	case "utm_term":
		return &o.term
	}
	return nil
}

func (o *origin) click(id *click, value string) {
	value = decode(value)
	if value == "" {
		return
	}
	for _, have := range o.clicks {
		if strings.HasPrefix(have, id.name+"=") {
			return
		}
	}
	o.clicks = append(o.clicks, id.name+"="+value)
	switch {
	case id.paid && o.paid == nil:
		o.paid = id
	case !id.paid && o.unpaid == nil:
		o.unpaid = id
	}
}

// fill completes source and medium: UTM, else click id, else, when neither says
// anything, the referrer.
func (o *origin) fill() {
	o.payForFacebook()
	o.source, o.medium = o.utmSource, o.utmMedium
	click := o.paid
	if click == nil {
		click = o.unpaid
	}
	switch {
	case click != nil:
		o.source, o.medium = first(o.source, click.source), first(o.medium, click.medium)
	case o.source == "" && o.medium == "" && o.external:
		o.source, o.medium = o.referrerSource()
	}
}

// payForFacebook turns an fbclid into proof of an ad where the medium is paid
// or the workspace says that every fbclid is.
func (o *origin) payForFacebook() {
	if o.paid == nil && o.unpaid != nil && o.unpaid.name == fbclid && (o.settings.PaidFbclid || isPaid(o.utmMedium)) {
		o.paid, o.unpaid = clickNamed(paidFbclid), nil
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (o *origin) referrerSource() (source, medium string) {
	if !o.listed {
		return cut(o.referrer.host, maxValue), "referral"
	}
	_, medium, _ = o.site.kind.organic()
	return o.site.name, medium
}

func (o *origin) byReferrer() (channel, rule string) {
	if !o.listed {
		return schema.ChannelReferral, "referrer: " + cut(o.referrer.host, maxValue)
	}
	channel, _, what := o.site.kind.organic()
	return channel, "referrer: " + what + " " + o.site.name
}

// utmDecides tells whether UTM values give the channel. A campaign alone, with
// nothing else, leaves that to click id and referrer.
func (o *origin) utmDecides() bool {
	return o.utmSource != "" || o.utmMedium != "" ||
		o.utmCampaign != "" && (crossNetwork(o.utmCampaign) || o.unpaid == nil && !o.external)
}

func (o *origin) result(channel, rule string) *schema.Source {
	utm := o.utmSource != "" || o.utmMedium != "" || o.utmCampaign != ""
	direct := !utm && len(o.clicks) == 0 && !o.external
	source := o.source
	if source == "" && direct {
		source = "direct"
	}
	return &schema.Source{
		Channel: channel, Source: source, Medium: o.medium, Campaign: o.utmCampaign, Content: o.content, Term: o.term,
		Rule: rule, Referrer: o.raw, ClickIds: o.clicks, Direct: direct, Utm: utm, List: ListNumber,
	}
}

// OfCampaign gives what Classify gives for a visit of which nothing but its UTM
// values is known: neither page nor referrer nor click id. So conditions on
// these find them empty.
func (c *Channels) OfCampaign(source, medium, campaign string, s *schema.Settings) *schema.Source {
	utm := url.Values{"utm_source": {source}, "utm_medium": {medium}, "utm_campaign": {campaign}}
	return c.Classify(&schema.Hit{Url: "?" + utm.Encode()}, s)
}
