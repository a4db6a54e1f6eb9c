package collect

import (
	"strings"

	"sourceloop/schema"
)

// adField is one of the fields in which a page tells what its own ad tags know.
// They come from the site's consent banner and from cookies that anybody can
// write, and no hit is worth less without them: what is none is left out and
// counted.
type adField int

const (
	adConsent adField = iota
	adFBP
	adFBC
	adLiFatID
	adFields // how many there are
)

// Limits in bytes of what stands behind the time in Meta's ids, and of LinkedIn's.
const (
	maxFBP     = 64
	maxFBC     = 500
	maxLiFatID = 128
)

// adDraft is what a hit says in these fields.
type adDraft struct {
	values [adFields]string
	bad    [adFields]bool
}

func adFieldNamed(name string) (adField, bool) {
	switch name {
	case "ad_consent":
		return adConsent, true
	case "fbp":
		return adFBP, true
	case "fbc":
		return adFBC, true
	case "li_fat_id":
		return adLiFatID, true
	}
	return 0, false
}

func (f adField) name() string {
	return [...]string{"ad_consent", "fbp", "fbc", "li_fat_id"}[f]
}

// good tells whether a value is what the field is for.
func (f adField) good(value string) bool {
	switch f {
	case adConsent:
		return value == string(schema.ConsentGranted) || value == string(schema.ConsentDenied)
	case adFBP:
		return isMetas(value, maxFBP)
	case adFBC:
		return isMetas(value, maxFBC)
	case adLiFatID:
		return isToken(value, maxLiFatID)
	}
	return false
}

// isMetas tells whether text is fb.SUBDOMAIN.MILLISECONDS.REST, the form of
// Meta's cookies _fbp and _fbc. A click's part keeps its case.
func isMetas(text string, most int) bool {
	parts := strings.SplitN(text, ".", 4)
	return len(parts) == 4 && parts[0] == "fb" && len(parts[1]) == 1 && isDigits(parts[1]) &&
		len(parts[2]) == 13 && isDigits(parts[2]) && isToken(parts[3], most)
}

func isDigits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

// isToken tells whether text is made of what ids are made of in URLs.
func isToken(text string, most int) bool {
	if text == "" || len(text) > most {
		return false
	}
	for i := range len(text) {
		c := text[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("._~-", c) < 0 {
			return false
		}
	}
	return true
}

// adField reads one of these fields. Whatever stands there is no fault of the
// item; null and "" say nothing.
func (r *reader) adField(d *adDraft, f adField) error {
	fault, broken := r.fault, r.broken
	var value string
	var err error
	if r.peek() == '"' {
		value, err = r.quoted()
		d.bad[f] = value != "" && !f.good(value)
	} else {
		d.bad[f] = r.peek() != 'n'
		_, err = r.value(2)
	}
	r.fault, r.broken = fault, broken
	if !d.bad[f] {
		d.values[f] = value
	}
	return err
}

// takeAds puts what is good into the hit, and counts what is not.
func (e *Edge) takeAds(d *adDraft, h *schema.Hit) {
	h.AdConsent, h.Fbp, h.Fbc, h.LiFatId = d.values[adConsent], d.values[adFBP], d.values[adFBC], d.values[adLiFatID]
	for f := range adFields {
		if d.bad[f] {
			e.metrics.dropped[f].Inc()
		}
	}
}
