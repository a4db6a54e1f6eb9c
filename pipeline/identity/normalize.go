package identity

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
)

// Why a text is no id, email or phone.
var (
	ErrRefusedID = errors.New("stands for nobody in particular")
	ErrNoEmail   = errors.New("not an email address")
	ErrNoPhone   = errors.New("not a phone number that can be written in E.164")
)

// AcceptID refuses what programs send when they know no id: empty, null,
// undefined, none, 0, true, [object Object], anonymous and guest, in any case,
// in quotes, and with control characters around them.
func AcceptID(s string) error {
	if len(s) > len("[object object]") && plain(s) {
		return nil // As nearly all ids are: nothing can be taken from it, and none of these is as long.
	}
	bare := strings.ToLower(strings.TrimSpace(withoutControls(s)))
	for len(bare) > 1 && strings.ContainsRune("\"'`", rune(bare[0])) && bare[0] == bare[len(bare)-1] {
		bare = strings.TrimSpace(bare[1 : len(bare)-1])
	}
	switch bare {
	case "", `"`, "'", "null", "undefined", "none", "0", "true", "[object object]", "anonymous", "guest":
		return fmt.Errorf("the id %q %w", s, ErrRefusedID)
	}
	return nil
}

// plain tells whether an id has letters, digits and hyphens only.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// NormalizeEmail gives the form in which two spellings of an address are one
// node: trimmed, lower-case, the domain in its ASCII form (IDNA). Dots and plus
// tags stay, since only the domain's owner knows what they mean.
func NormalizeEmail(s string) (string, error) {
	if err := AcceptID(s); err != nil {
		return "", err
	}
	address := strings.ToLower(strings.TrimSpace(s))
	at := strings.LastIndexByte(address, '@')
	if at < 1 || !utf8.ValidString(s) || strings.ContainsFunc(address, isNoAddress) {
		return "", ErrNoEmail
	}
	local, domain := address[:at], strings.TrimSuffix(address[at+1:], ".")
	if strings.Contains(local, "@") {
		return "", ErrNoEmail
	}
	// Underscores and leading hyphens exist in real domains, so the strict
	// name rules are off.
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.CheckHyphens(false))
	domain, err := profile.ToASCII(domain)
	if err != nil || !isDomain(domain) || len(local)+1+len(domain) > 254 {
		return "", ErrNoEmail
	}
	return local + "@" + domain, nil
}

// isNoAddress finds what stands in no address; the replacement character is what
// decoders leave of text that was no UTF-8.
func isNoAddress(r rune) bool {
	return r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>,;", r)
}

// isDomain tells whether a name has at least two labels and no empty one.
func isDomain(name string) bool {
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
		}) {
			return false
		}
	}
	return len(labels) > 1
}

// NormalizePhone gives the E.164 form of a number. defaultCountry (ISO 3166-1
// alpha-2, or "") says where a number without + was written. Numbers that begin
// with + are kept even where the country's numbering plan has none like it:
// losing a person is worse than keeping an odd number.
func NormalizePhone(s, defaultCountry string) (string, error) {
	if err := AcceptID(s); err != nil {
		return "", err
	}
	number, err := phonenumbers.Parse(s, strings.ToUpper(defaultCountry))
	if err == nil && phonenumbers.IsPossibleNumber(number) {
		return phonenumbers.Format(number, phonenumbers.E164), nil
	}
	if digits, ok := international(s); ok {
		return "+" + digits, nil
	}
	return "", ErrNoPhone
}

// international reads a number that begins with +: its 7 to 15 digits, the
// bounds of E.164.
func international(s string) (digits string, ok bool) {
	rest, plus := strings.CutPrefix(strings.TrimSpace(s), "+")
	if !plus {
		return "", false
	}
	var b strings.Builder
	for _, r := range rest {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case !strings.ContainsRune(" -.()/\u00a0", r):
			return "", false
		}
	}
	digits = b.String()
	return digits, len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0'
}

// Rules are the normalisations as one value, for stages that take them as an
// interface.
type Rules struct{}

// Email is NormalizeEmail.
func (Rules) Email(text string) (string, error) { return NormalizeEmail(text) }

// Phone is NormalizePhone.
func (Rules) Phone(text, country string) (string, error) { return NormalizePhone(text, country) }

// UserID trims a site's user id, takes control characters out of it, and refuses
// what is none.
func (Rules) UserID(text string) (string, error) {
	return strings.TrimSpace(withoutControls(text)), AcceptID(text)
}

// withoutControls strips what no id has on purpose. Text without any is
// returned as it is.
func withoutControls(s string) string {
	if !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}
