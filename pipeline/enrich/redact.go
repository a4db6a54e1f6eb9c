package enrich

import "strings"

// MaxURL is how many bytes of a URL or a referrer are kept.
const MaxURL = 4096

const redacted = "redacted"

// Redact makes a URL fit to be stored: without its fragment and its user and
// password, with emails, tokens and the values of parameters such as password=
// and email= replaced wherever they stand, inside encoded inner URLs too, and
// cut to MaxURL bytes. What is no URL (javascript:…) is kept as text.
func Redact(raw string) string {
	text, _, _ := strings.Cut(cut(raw, MaxURL), "#")
	text, from := withoutUser(text)
	r := redaction{text: text}
	for i := suspicious(text, from); i < len(text); {
		switch c := text[i]; {
		case c == '=' || c == '@' || c == '%' || c == 'e' && strings.HasPrefix(text[i:], "eyJ"):
			i = r.step(i)
		default:
			i++
		}
	}
	return cut(r.String(), MaxURL)
}

// suspicious finds the first byte from which on there may be something to
// redact; the end of the text where there is nothing, as in most.
func suspicious(text string, from int) int {
	first := len(text)
	for _, c := range []byte("=@%") {
		if i := strings.IndexByte(text[from:first], c); i >= 0 {
			first = from + i
		}
	}
	if i := strings.Index(text[from:first], "eyJ"); i >= 0 {
		first = from + i
	}
	return first
}

// withoutUser removes user and password, and tells where the path begins: a
// host holds nothing to redact.
func withoutUser(text string) (string, int) {
	i := strings.Index(text, "://")
	if i < 0 || strings.ContainsRune(text[:i], '?') {
		return text, 0
	}
	start, at := i+3, -1
	for i = start; i < len(text) && text[i] != '/' && text[i] != '?' && text[i] != '\\'; i++ {
		if text[i] == '@' {
			at = i
		}
	}
	if at < 0 {
		return text, i
	}
	return text[:start] + text[at+1:], i - (at + 1 - start)
}

// redaction copies text and leaves stretches out.
type redaction struct {
	text   string
	copied int
	out    strings.Builder
}

// String is the result; the text itself when nothing was replaced.
func (r *redaction) String() string {
	if r.copied == 0 {
		return r.text
	}
	return r.out.String() + r.text[r.copied:]
}

// replace leaves out a stretch and returns where to go on.
func (r *redaction) replace(from, to int) int {
	from = max(from, r.copied)
	r.out.WriteString(r.text[r.copied:from])
	r.out.WriteString(redacted)
	r.copied = to
	return to
}

// step looks at one byte and returns where to go on.
func (r *redaction) step(i int) int {
	switch r.text[i] {
	case '=':
		return r.value(i, i+1, false)
	case '@':
		return r.email(i, i+1)
	case '%':
		rest := r.text[i:]
		switch {
		case hasFold(rest, "%3d"):
			return r.value(i, i+3, true)
		case hasFold(rest, "%253d"):
			return r.value(i, i+5, true)
		case hasFold(rest, "%40"):
			return r.email(i, i+3)
		case hasFold(rest, "%2540"):
			return r.email(i, i+5)
		}
	case 'e':
		return r.jwt(i)
	}
	return i + 1
}

// value replaces what follows the name of a secret.
func (r *redaction) value(nameEnd, from int, encoded bool) int {
	if !secret(r.text[r.nameStart(nameEnd):nameEnd]) {
		return from
	}
	to := from
	for to < len(r.text) && r.text[to] != '&' && r.text[to] != ';' &&
		(!encoded || !hasFold(r.text[to:], "%26") && !hasFold(r.text[to:], "%2526")) {
		to++
	}
	if to == from || r.text[from:to] == redacted {
		return to
	}
	return r.replace(from, to)
}

// nameStart walks back over a parameter's name; user%5Bemail%5D is one name.
func (r *redaction) nameStart(i int) int {
	for i > r.copied {
		if i >= 3 && r.text[i-3] == '%' && hex(r.text[i-2]) && hex(r.text[i-1]) {
			if r.text[i-2] != '5' || !strings.ContainsRune("bBdD", rune(r.text[i-1])) {
				return i
			}
			i -= 3
			continue
		}
		switch c := r.text[i-1]; {
		case alnum(c), c == '_', c == '-', c == '.', c == '[', c == ']':
			i--
		default:
			return i
		}
	}
	return i
}

// email replaces an address around its at sign.
func (r *redaction) email(at, after int) int {
	from := at
	for from > r.copied {
		if from >= 3 && r.text[from-3] == '%' && hex(r.text[from-2]) && hex(r.text[from-1]) {
			if !hasFold(r.text[from-3:], "%2b") && !hasFold(r.text[from-3:], "%2e") {
				break
			}
			from -= 3
			continue
		}
		if c := r.text[from-1]; !alnum(c) && !strings.ContainsRune("._+-'~", rune(c)) && c < 0x80 {
			break
		}
		from--
	}
	to := after
	for to < len(r.text) && (alnum(r.text[to]) || r.text[to] == '.' || r.text[to] == '-' || r.text[to] >= 0x80) {
		to++
	}
	host := strings.TrimRight(r.text[after:to], ".-")
	dot := strings.LastIndexByte(host, '.')
	// A top-level domain has letters only, a version (react@18.2.0) does not.
	if from == at || dot < 1 || strings.ContainsAny(host[dot+1:], "0123456789") {
		return after
	}
	return r.replace(from, after+len(host))
}

// jwt replaces a JSON web token: three parts of base64url, of which the first
// begins with {" in base64.
func (r *redaction) jwt(i int) int {
	if !strings.HasPrefix(r.text[i:], "eyJ") || i > 0 && alnum(r.text[i-1]) && !escaped(r.text, i) {
		return i + 1
	}
	to, dots := i, 0
	for to < len(r.text) && (alnum(r.text[to]) || r.text[to] == '_' || r.text[to] == '-' || r.text[to] == '.') {
		if r.text[to] == '.' {
			dots++
		}
		to++
	}
	if dots < 2 {
		return to
	}
	return r.replace(i, to)
}

func escaped(s string, i int) bool { return i >= 3 && s[i-3] == '%' }

// secret tells names of parameters whose values are nobody's business. What
// joins the words of a name does not matter: user[email], X-Api-Key.
func secret(name string) bool {
	if len(name) < 3 || len(name) > 64 || harmless(name[len(name)-3:]) {
		return false
	}
	plain := make([]byte, 0, 64)
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '%':
			i += 2
		case c >= 'A' && c <= 'Z':
			plain = append(plain, c|0x20)
		case alnum(c):
			plain = append(plain, c)
		}
	}
	switch word := string(plain); word {
	case "pass", "pwd", "auth", "authorization", "bearer", "otp", "mail", "sig", "tel", "phone", "phpsessid", "ssn", "iban", "cvv":
		return true
	default:
		return secretEnding(word)
	}
}

// harmless tells by its last three letters that a name is none of a secret's.
// Most names are: this is asked for every parameter of every URL.
func harmless(end string) bool {
	for i := range len(end) {
		if end[i] < 'a' || end[i] > 'z' {
			return false // it must be looked at without what joins its words
		}
	}
	switch end {
	case "ass", "pwd", "uth", "ion", "rer", "otp", "ail", "sig", "tel", "one", "sid", "ssn", "ban", "cvv",
		"ord", "swd", "nid", "ard", "ase", "ode", "ure", "ial", "ken", "ber", "ess", "als", "ret", "jwt", "key":
		return false
	}
	return true
}

// secretEnding looks at the last letter first: nearly every name ends there.
func secretEnding(word string) bool {
	if word == "" {
		return false
	}
	var endings []string
	switch word[len(word)-1] {
	case 'd':
		endings = []string{"password", "passwd", "sessionid", "creditcard"}
	case 'e':
		endings = []string{"passphrase", "passcode", "signature"}
	case 'l':
		endings = []string{"email", "credential"}
	case 'n':
		endings = []string{"token"}
	case 'r':
		endings = []string{"phonenumber", "cardnumber"}
	case 's':
		endings = []string{"mailaddress", "credentials"}
	case 't':
		endings = []string{"secret", "jwt"}
	case 'y':
		endings = []string{"apikey", "accesskey", "privatekey"}
	}
	for _, end := range endings {
		if strings.HasSuffix(word, end) {
			return true
		}
	}
	return false
}

func alnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
