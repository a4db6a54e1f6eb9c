package wire

import (
	"regexp"
	"strings"
	"time"

	"sourceloop/schema"
)

// Silent is the verdict of an answer without a status: nobody answered, or the
// connection ended before the answer did.
func Silent(title string, a Answer) schema.Verdict {
	if !a.Begun {
		return schema.Verdict{Outcome: schema.OutcomeLater, Words: title + " could not be reached, so nothing was sent. It is tried again by itself; if it stays, check that this server may reach " + title + "."}
	}
	return Unclear(title, "")
}

// Unclear is the verdict of an answer that does not say whether the events were
// taken.
func Unclear(title, code string) schema.Verdict {
	return schema.Verdict{Outcome: schema.OutcomeUnclear, Code: code, Words: title + " did not say whether it took this: the connection ended, or something on the way answered in its place. It may have arrived, or not."}
}

// Busy is the verdict of an answer that asks for patience.
func Busy(title, code string, after time.Duration) schema.Verdict {
	return schema.Verdict{Outcome: schema.OutcomeLater, Code: code, After: after, Words: title + " gets too many requests just now and took nothing of this one. It is tried again by itself."}
}

// Trouble is the verdict of an answer that tells of a fault over there.
func Trouble(title, code string, after time.Duration) schema.Verdict {
	return schema.Verdict{Outcome: schema.OutcomeLater, Code: code, After: after, Words: title + " has trouble of its own just now and took nothing of this request. It is tried again by itself."}
}

// TooOld is the verdict of an event that a platform takes no more. days is how
// many days it takes them for.
func TooOld(title string, days int) schema.Verdict {
	return refused("too_old", "This conversion is more than %d days old, and %s takes none that old. It cannot be sent any more; later ones are not affected.", days, title)
}

// Check tells what can be known of an event before it is sent, whatever the
// platform matches by: that the visitor refused, that it is older than what the
// platform takes or from the future, and that its value is none.
func Check(title string, e *schema.Outgoing, now schema.Millis, oldest time.Duration) (schema.Verdict, bool) {
	if e.Consent == schema.ConsentDenied {
		return denied(title), true
	}
	if verdict, known := aged(title, e.At, now, oldest); known {
		return verdict, true
	}
	return worth(title, e)
}

// aged tells what can be known from an event's time alone.
func aged(title string, at, now schema.Millis, oldest time.Duration) (schema.Verdict, bool) {
	switch age := now.Sub(at); {
	case age > oldest:
		return TooOld(title, int(oldest.Hours()/24)), true
	case age < 0:
		return schema.Verdict{Outcome: schema.OutcomeLater, Code: "in_the_future", After: -age + time.Second, Words: "The time of this conversion is still to come, which " + title + " refuses. It is sent then; if it stays, compare the clocks of your servers."}, true
	}
	return schema.Verdict{}, false
}

// denied is what a destination's consent rule would not have let through.
func denied(title string) schema.Verdict {
	return schema.Verdict{Outcome: schema.OutcomeNoConsent, Code: "consent_denied", Words: "The visitor refused the use of their data for advertising, so nothing about them goes to " + title + "."}
}

// Words that come from a platform may quote what it was sent.
var (
	address = regexp.MustCompile(`\S*@\S*`)
	number  = regexp.MustCompile(`\+?[0-9][0-9 ()./-]{5,}[0-9]`)
	link    = regexp.MustCompile(`(?i)https?://\S+`)
	secret  = regexp.MustCompile(`[A-Za-z0-9_.~+/=-]{20,}`)
	name    = regexp.MustCompile(`^[A-Z][A-Z_]+[.:,]?$`) // of an error, as platforms write it
)

// maxQuote is how much of a platform's own words is shown.
const maxQuote = 240

// Quote gives a platform's own words as they may be shown: in one line, short,
// and without addresses, numbers of telephones, links, tokens, hashes and click
// ids, wherever they come from, and without the texts of hide. keep are texts
// that may stay: the number of an account.
func Quote(words string, hide []string, keep ...string) string {
	words = strings.Join(strings.Fields(strings.ToValidUTF8(words, "")), " ")
	lower := strings.ToLower(words)
	for _, text := range hide {
		if len(text) > 2 && strings.Contains(lower, strings.ToLower(text)) {
			words = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(text)).ReplaceAllString(words, "…")
		}
	}
	for _, pattern := range []*regexp.Regexp{address, link, secret, number} {
		words = pattern.ReplaceAllStringFunc(words, func(found string) string {
			for _, good := range keep {
				if good != "" && found == good {
					return found
				}
			}
			if name.MatchString(found) {
				return found
			}
			return "…"
		})
	}
	if runes := []rune(words); len(runes) > maxQuote {
		words = string(runes[:maxQuote]) + "…"
	}
	return words
}

// codeForm is how platforms write codes: words of capitals, none of them as long
// as a token.
var codeForm = regexp.MustCompile(`^[A-Z][A-Z0-9]{0,19}(_[A-Z0-9]{1,19}){0,15}$`)

// Code gives a platform's code as it may be shown, or "" where it is no code.
func Code(code string) string {
	if !codeForm.MatchString(code) {
		return ""
	}
	return code
}

// Quoted puts a platform's own words behind ours; nothing when it has none.
func Quoted(title, quote string) string {
	if quote == "" {
		return ""
	}
	return " " + title + " says: “" + quote + "”"
}

// Hidden are the texts of an event that no words may repeat.
func Hidden(token string, events []schema.Outgoing) []string {
	hide := []string{token}
	for i := range events {
		e := &events[i]
		hide = append(hide, e.Email, e.Phone, strings.TrimPrefix(e.Phone, "+"), e.PersonName, e.FBP, e.FBC)
		hide = append(hide, strings.Fields(e.PersonName)...)
		for _, click := range e.Clicks {
			hide = append(hide, click.Value)
		}
	}
	return hide
}
