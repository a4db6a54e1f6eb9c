package meta

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"sourceloop/schema"
)

// emailForm is what Meta's own client takes for an address of email.
var emailForm = regexp.MustCompile(`^[^\s@]+@[^\s@]+\.[^\s@]+$`)

// NormalEmail gives an address as Meta wants it hashed, or "" when it is none:
// trimmed, in lower case, dots and tags as they are.
func NormalEmail(email string) string {
	email = strings.ToLower(strings.TrimSpace(email))
	if !emailForm.MatchString(email) {
		return ""
	}
	return email
}

// NormalPhone gives a number as Meta wants it hashed: digits only, with the
// country's code and without zeros before it; or "".
func NormalPhone(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	return strings.TrimLeft(digits, "0")
}

// NormalNames gives first and last name as Meta wants them hashed: in lower case
// and without punctuation. What stands between the first and the last word is
// left out, for nobody knows whose it is.
func NormalNames(name string) (first, last string) {
	var words []string
	for _, word := range strings.Fields(strings.ToLower(name)) {
		word = strings.Map(func(r rune) rune {
			if unicode.IsPunct(r) || unicode.IsSymbol(r) || unicode.IsControl(r) || r == unicode.ReplacementChar {
				return -1
			}
			return r
		}, word)
		if word != "" {
			words = append(words, word)
		}
	}
	switch len(words) {
	case 0:
		return "", ""
	case 1:
		return words[0], ""
	default:
		return words[0], words[len(words)-1]
	}
}

// NormalCountry gives a country as Meta wants it hashed: two letters, lower
// case; or "".
func NormalCountry(country string) string {
	country = strings.ToLower(strings.TrimSpace(country))
	if len(country) != 2 || strings.Trim(country, "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return country
}

var (
	fbcForm    = regexp.MustCompile(`^fb\.[0-9]\.([0-9]{13})\.([^\s]+)$`)
	fbpForm    = regexp.MustCompile(`^fb\.[0-9]\.[0-9]{13}\.[0-9]+(\.[A-Za-z0-9_-]+)?$`)
	fbclidForm = regexp.MustCompile(`^[^\s.]{1,500}$`)
)

// firstMillis is the first time of 13 digits, in 2001: earlier ones are no time of
// a click.
const firstMillis schema.Millis = 1e12

// fbcOf is the click as Meta's cookie has it, letter by letter. Where the newest
// click of the visitor is another one, or there is no cookie, it is made of the
// click: fb, the index 1 of a server, the click's milliseconds, the fbclid.
func fbcOf(e *schema.Outgoing) string {
	made, at, fbclid := "", schema.Millis(0), ""
	for _, click := range e.Clicks {
		if click.Name == "fbclid" && fbclidForm.MatchString(click.Value) && click.At >= firstMillis && (made == "" || click.At > at) {
			at, fbclid = click.At, click.Value
			made = "fb.1." + strconv.FormatInt(int64(click.At), 10) + "." + click.Value
		}
	}
	cookie := fbcForm.FindStringSubmatch(e.FBC)
	if cookie == nil {
		return made
	}
	set, err := strconv.ParseInt(cookie[1], 10, 64)
	if made != "" && err == nil && int64(at) > set && cookie[2] != fbclid && !strings.HasPrefix(cookie[2], fbclid+".") {
		return made
	}
	return e.FBC
}

// fbpOf is Meta's id of the browser as its cookie has it, or "" where it has not
// the form of one.
func fbpOf(e *schema.Outgoing) string {
	if !fbpForm.MatchString(e.FBP) {
		return ""
	}
	return e.FBP
}
