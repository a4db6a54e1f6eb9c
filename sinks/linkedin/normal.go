package linkedin

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"sourceloop/schema"
)

// NormalEmail gives an address as LinkedIn wants it hashed, or "" when it is
// none: trimmed, in lower case, dots and tags as they are.
func NormalEmail(email string) string {
	email = strings.ToLower(strings.TrimSpace(email))
	local, domain, found := strings.Cut(email, "@")
	if !found || local == "" || domain == "" || strings.Contains(domain, "@") || strings.ContainsFunc(email, unicode.IsSpace) {
		return ""
	}
	return email
}

// clickForm is what li_fat_id looks like: a UUID.
var clickForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// clickOf is the newest li_fat_id, or "".
func clickOf(e *schema.Outgoing) string {
	var best schema.Click
	for _, click := range e.Clicks {
		if click.Name == "li_fat_id" && clickForm.MatchString(click.Value) && (best.Value == "" || click.At > best.At) {
			best = click
		}
	}
	return best.Value
}

// Amount writes a value as LinkedIn wants it: a text with a decimal point.
func Amount(value float64) string {
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
