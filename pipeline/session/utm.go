package session

import (
	"strings"

	"sourceloop/schema"
)

// utmsDiffer tells whether a UTM that the URL gives differs from the session's.
// The source has its fields filled from click id and referrer where the URL
// gives none, so the URL itself is asked which it gives: a page that keeps only
// utm_campaign does not contradict the session's source.
func utmsDiffer(url string, hit, session *schema.Source) bool {
	if !hit.GetUtm() {
		return false
	}
	differs := false
	eachParameter(url, func(key, value string) {
		switch {
		case value == "":
		case key == "utm_source":
			differs = differs || hit.GetSource() != session.GetSource()
		case key == "utm_medium":
			differs = differs || hit.GetMedium() != session.GetMedium()
		case key == "utm_campaign":
			differs = differs || hit.GetCampaign() != session.GetCampaign()
		}
	})
	return differs
}

// eachParameter calls f with every parameter of a URL's query, undecoded.
func eachParameter(url string, f func(key, value string)) {
	_, query, _ := strings.Cut(withoutFragment(url), "?")
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		f(key, value)
	}
}

func withoutFragment(url string) string {
	page, _, _ := strings.Cut(url, "#")
	return page
}
