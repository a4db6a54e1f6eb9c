package googleads

import (
	"strings"
	"time"

	"sourceloop/schema"
	"sourceloop/sinks/wire"
)

const (
	reasonPrefix = "PROCESSING_ERROR_REASON_"
	unspecified  = reasonPrefix + "UNSPECIFIED"
	// recent is how long Google asks to wait for a click, or a conversion action,
	// that it does not know well yet.
	recent = 6 * time.Hour
	// trouble is how long Google is left alone after trouble of its own.
	trouble = 10 * time.Minute
)

// judgement is what a reason means: the outcome, and words for a marketer.
type judgement struct {
	outcome schema.Outcome
	after   time.Duration
	words   string
}

func final(words string) judgement { return judgement{schema.OutcomeRefused, 0, words} }

// judgements are by Google's reasons (ProcessingErrorReason of the discovery
// document) without their prefix. Those that only other kinds of uploads can
// meet are left out and get general words, as new ones do.
func judgements() map[string]judgement {
	const noConsent = "Google does not use this conversion, since the visitor's consent to advertising is missing or was refused. In Europe Google asks for it: let your site tell the tracker what the visitor chose. Nothing to do for this one."
	const badClick = "Google cannot read the click identifier that the visitor brought: the link was cut or changed on its way, or it was made up for a test. Check that redirects on your site leave gclid, gbraid and wbraid as they are."
	const otherAccount = "The click belongs to another Google Ads account than the one of this destination. Give the destination the customer id of the account whose ads were clicked, then send it again."
	return map[string]judgement{
		"DUPLICATE_TRANSACTION_ID": {schema.OutcomeDuplicate, 0, "Google has this conversion already, so it is counted once."},
		"DUPLICATE_GCLID":          {schema.OutcomeDuplicate, 0, "Google has a conversion of this click at this time already, so it is counted once."},

		"TOO_RECENT_CLICK":                 {schema.OutcomeLater, recent, "The ad was clicked so recently that Google does not know the click yet. It is sent again in six hours by itself."},
		"DESTINATION_TOO_RECENTLY_CREATED": {schema.OutcomeLater, recent, "The conversion action was made so recently that Google does not count for it yet. It is sent again in six hours by itself."},
		"INTERNAL_ERROR":                   {schema.OutcomeLater, trouble, "Google had trouble of its own and did not count it. It is sent again by itself."},

		"NO_CONSENT":      {schema.OutcomeNoConsent, 0, noConsent},
		"DENIED_CONSENT":  {schema.OutcomeNoConsent, 0, noConsent},
		"UNKNOWN_CONSENT": {schema.OutcomeNoConsent, 0, noConsent},

		"INVALID_GCLID":                       final(badClick),
		"INVALID_GBRAID":                      final(badClick),
		"INVALID_WBRAID":                      final(badClick),
		"INVALID_CLICK":                       final(badClick),
		"INVALID_AD_IDENTIFIERS":              final(badClick),
		"CLICK_NOT_FOUND":                     final("Google does not find the click. It may be of another account, or was made up for a test. Check that the destination has the customer id of the account whose ads were clicked, then send it again."),
		"EXPIRED_CLICK":                       final("The ad was clicked longer ago than the conversion action counts. Nothing to do for this one; for later ones, lengthen the click-through window of the conversion action in Google Ads."),
		"EVENT_TOO_OLD":                       final("The conversion is too old for Google. Nothing to do for this one; later ones are not affected."),
		"CONVERSION_PRECEDES_CLICK":           final("Google knows the click as later than the conversion, so it does not count it. If this happens often, compare the clocks of your servers."),
		"INVALID_OPERATING_ACCOUNT_FOR_CLICK": final(otherAccount),
		"ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID":  final("Clicks on iPhones (gbraid, wbraid) count only for conversion actions that count every conversion. In Google Ads, set the conversion action to “Every”, then send it again."),
		"DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED": final("The Google Ads account has not accepted the customer data terms, without which Google takes no email or phone. In Google Ads: Goals → Settings → Customer data terms. Accept them, then send it again."),
		"INVALID_EVENT":  final("Google found the conversion incomplete or malformed. Check the destination's conversion action and value, then send it again."),
		"INVALID_FORMAT": final("Google found a hash in this conversion malformed, which is a fault of ours. Tell the operator."),

		"PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER": final(otherAccount), // Its prefix is another one.
		"UNSPECIFIED": final("Google did not count this conversion and does not say why. Look at the conversion action's diagnostics in Google Ads, then send it again."),
	}
}

// verdictOf gives every reason words, also one that Google makes up tomorrow.
func verdictOf(reason string) schema.Verdict {
	if wire.Code(reason) == "" {
		reason = unspecified
	}
	short := strings.TrimPrefix(reason, reasonPrefix)
	known, is := judgements()[short]
	if !is {
		known = final("Google did not count this conversion, for “" + inWords(reason) + "”. Look at the conversion action's diagnostics in Google Ads; when it is mended, send it again.")
	}
	return schema.Verdict{Outcome: known.outcome, After: known.after, Words: known.words, Code: wire.Code(reason)}
}

// inWords writes a reason as people do.
func inWords(reason string) string {
	text := wire.Code(reason)
	for _, prefix := range []string{reasonPrefix, "PROCESSING_WARNING_REASON_", "PROCESSING_ERROR_"} {
		text = strings.TrimPrefix(text, prefix)
	}
	return strings.ToLower(strings.ReplaceAll(text, "_", " "))
}
