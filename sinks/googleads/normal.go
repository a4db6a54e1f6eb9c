package googleads

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"sourceloop/schema"
)

// NormalEmail gives an address as Google wants it hashed, or "" when it is none.
func NormalEmail(email string) string {
	email = strings.ToLower(strings.TrimSpace(email))
	local, domain, found := strings.Cut(email, "@")
	if !found || strings.Contains(domain, "@") || strings.ContainsFunc(email, unicode.IsSpace) {
		return ""
	}
	if isGmail(domain) {
		local = strings.ReplaceAll(local, ".", "")
	}
	if local == "" || domain == "" {
		return ""
	}
	return local + "@" + domain
}

func isGmail(domain string) bool { return domain == "gmail.com" || domain == "googlemail.com" }

// withoutTag is a normal address of Gmail without what follows the plus sign, or
// "" when there is nothing to take away.
func withoutTag(normal string) string {
	local, domain, _ := strings.Cut(normal, "@")
	bare, _, tagged := strings.Cut(local, "+")
	if !tagged || bare == "" || !isGmail(domain) {
		return ""
	}
	return bare + "@" + domain
}

// NormalPhone gives a number as Google wants it hashed: a plus sign and digits,
// with the country's code; or "" when it has no digits.
func NormalPhone(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	if digits == "" {
		return ""
	}
	return "+" + digits
}

// clickForm is what a click identifier may consist of.
var clickForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,512}$`)

// clickLife is the longest time for which a click can have conversions.
const clickLife = 90 * 24 * time.Hour

// clickOf finds the click to name: the newest of Google's that came before the
// event and can still count. Of several that came at once, gclid tells most.
func clickOf(e *schema.Outgoing) (best schema.Click, found bool) {
	for _, click := range e.Clicks {
		if rank(click.Name) == 0 || !clickForm.MatchString(click.Value) || e.At.Sub(click.At) > clickLife {
			continue
		}
		newer := click.At > best.At || click.At == best.At && rank(click.Name) > rank(best.Name)
		if !found || newer {
			best, found = click, true
		}
	}
	return best, found
}

func rank(name string) int {
	switch name {
	case "gclid":
		return 3
	case "gbraid":
		return 2
	case "wbraid":
		return 1
	}
	return 0
}
