package enrich

import (
	"slices"
	"strings"

	"sourceloop/schema"
)

// group is GA4's default channel group for a hit with UTM values, in the
// order in which Google documents it (support.google.com/analytics/answer/9756891),
// with the product's differences: AI Assistant is asked early, and paid social
// before paid search. It looks at what the URL says, not at what a click id
// filled in: the medium organic of an fbclid is no search.
func group(o *origin) (channel, rule string) {
	for _, decide := range []func(*origin) string{special, paidChannel, organicChannel, otherChannel} {
		if channel := decide(o); channel != "" {
			return channel, "utm: " + strings.ToLower(channel)
		}
	}
	return schema.ChannelUnassigned, "utm: unassigned"
}

func special(o *origin) string {
	switch {
	case (o.utmSource == "direct" || o.utmSource == "(direct)") && slices.Contains([]string{"", "none", "(none)", "(not set)"}, o.utmMedium):
		return schema.ChannelDirect
	case crossNetwork(o.utmCampaign) || o.utmMedium == "cross-network":
		return schema.ChannelCrossNetwork
	case o.kind == kindAI || o.utmMedium == "ai-assistant":
		return schema.ChannelAIAssistant
	}
	return ""
}

func crossNetwork(campaign string) bool {
	return strings.Contains(strings.ToLower(campaign), "cross-network")
}

// isPaid is GA4's pattern for a paid medium: ^(.*cp.*|ppc|retargeting|paid.*)$.
func isPaid(medium string) bool {
	return strings.Contains(medium, "cp") || medium == "ppc" || medium == "retargeting" || strings.HasPrefix(medium, "paid")
}

func paidChannel(o *origin) string {
	if isPaid(o.utmMedium) {
		if channel := paidBySource(o); channel != "" {
			return channel
		}
	}
	switch o.utmMedium {
	case "display", "banner", "expandable", "interstitial", "cpm":
		return schema.ChannelDisplay
	case "cpc", "ppc", "paidsearch", "paid-search", "paid_search":
		return schema.ChannelPaidSearch
	case "paidsocial", "paid-social", "paid_social":
		return schema.ChannelPaidSocial
	case "paidvideo", "paid-video", "paid_video":
		return schema.ChannelPaidVideo
	}
	if isPaid(o.utmMedium) {
		return schema.ChannelUnassigned
	}
	return ""
}

func paidBySource(o *origin) string {
	switch {
	case o.kind == kindShopping || shoppingCampaign(o.utmCampaign):
		return schema.ChannelPaidShopping
	case o.kind == kindSocial:
		return schema.ChannelPaidSocial
	case o.kind == kindSearch:
		return schema.ChannelPaidSearch
	case o.kind == kindVideo:
		return schema.ChannelPaidVideo
	}
	return ""
}

// shoppingCampaign is GA4's pattern ^(.*(([^a-df-z]|^)shop|shopping).*)$: the
// word shop, not after a letter other than e, or the word shopping.
func shoppingCampaign(campaign string) bool {
	c := strings.ToLower(campaign)
	if strings.Contains(c, "shopping") {
		return true
	}
	for from := 0; ; {
		i := strings.Index(c[from:], "shop")
		if i < 0 {
			return false
		}
		i += from
		if i == 0 || c[i-1] == 'e' || c[i-1] < 'a' || c[i-1] > 'z' {
			return true
		}
		from = i + 1
	}
}

func organicChannel(o *origin) string {
	switch {
	case o.kind == kindShopping || shoppingCampaign(o.utmCampaign):
		return schema.ChannelOrganicShopping
	case o.kind == kindSocial || socialMedium(o.utmMedium):
		return schema.ChannelOrganicSocial
	case o.kind == kindVideo || strings.Contains(o.utmMedium, "video"):
		return schema.ChannelOrganicVideo
	case o.kind == kindSearch || o.utmMedium == "organic":
		return schema.ChannelOrganicSearch
	}
	return ""
}

func socialMedium(medium string) bool {
	switch medium {
	case "social", "social-network", "social-media", "sm", "social network", "social media":
		return true
	}
	return false
}

func otherChannel(o *origin) string {
	switch {
	case mail(o.utmSource) || mail(o.utmMedium):
		return schema.ChannelEmail
	case o.utmMedium == "affiliate" || o.utmMedium == "affiliates":
		return schema.ChannelAffiliates
	case o.utmMedium == "referral" || o.utmMedium == "app" || o.utmMedium == "link":
		return schema.ChannelReferral
	case o.utmMedium == "audio":
		return schema.ChannelAudio
	case o.utmSource == "sms" || o.utmMedium == "sms":
		return schema.ChannelSMS
	case o.utmSource == "firebase" || strings.HasSuffix(o.utmMedium, "push") ||
		strings.Contains(o.utmMedium, "mobile") || strings.Contains(o.utmMedium, "notification"):
		return schema.ChannelMobilePush
	}
	return ""
}

func mail(word string) bool {
	return word == "email" || word == "e-mail" || word == "e_mail" || word == "e mail"
}
