package collect

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits in bytes of what a hit may say about itself. Text beyond is cut;
// properties beyond are refused, because half an object is none.
const (
	maxID         = 64
	maxTitle      = 512
	maxName       = 200
	maxZone       = 64
	maxTrait      = 320
	maxAgent      = 1024
	maxProperties = 16 << 10
)

// draft is a hit as it was sent, before it is judged.
type draft struct {
	id, visitor, kind    text
	at                   moment
	url, referrer, title string
	name, agent, tz      string
	properties           string // JSON, or ""
	traits               traits
	identified           bool // traits were sent
	ads                  adDraft
}

type traits struct{ email, phone, name, user string }

// text is a string that may be missing.
type text struct {
	value string
	given bool
}

// moment is a time in milliseconds that may be missing, or no int64.
type moment struct {
	value int64
	given bool
	wild  bool
}

// hit reads one item of a body.
func (r *reader) hit(d *draft) error {
	*d = draft{}
	r.fault, r.broken = fault{}, false
	if r.peek() != '{' {
		r.blame(badField, "is not an object")
		_, err := r.value(1)
		return err
	}
	return r.object(1, func(name string) error { return r.member(d, name) })
}

func (r *reader) member(d *draft, name string) error {
	var err error
	switch name {
	case "id":
		d.id, err = r.optional(name)
	case "visitor":
		d.visitor, err = r.optional(name)
	case "type":
		d.kind, err = r.optional(name)
	case "at":
		d.at, err = r.moment()
	case "url":
		d.url, err = r.clean(name, maxBody)
	case "referrer":
		d.referrer, err = r.clean(name, maxBody)
	case "title":
		d.title, err = r.clean(name, maxTitle)
	case "name":
		d.name, err = r.clean(name, maxName)
	case "user_agent":
		d.agent, err = r.clean(name, maxAgent)
	case "tz":
		d.tz, err = r.clean(name, maxZone)
	case "properties":
		d.properties, err = r.properties()
	case "traits":
		d.identified, err = r.readTraits(&d.traits)
	default:
		if f, known := adFieldNamed(name); known {
			return r.adField(&d.ads, f)
		}
		_, err = r.value(2)
	}
	return err
}

// optional reads a string; null is missing.
func (r *reader) optional(name string) (text, error) {
	if r.peek() == '"' {
		s, err := r.quoted()
		return text{s, true}, err
	}
	return text{}, r.nothing(name, "must be a string")
}

// nothing reads what stands where something else belongs: null is fine.
func (r *reader) nothing(name, want string) error {
	if r.peek() == 'n' {
		return r.word("null")
	}
	r.blame(badField, name+" "+want)
	_, err := r.value(2)
	return err
}

func (r *reader) clean(name string, limit int) (string, error) {
	t, err := r.optional(name)
	if !r.bare {
		t.value = clean(t.value)
	}
	return cut(t.value, limit), err
}

// moment reads a time. Browsers add fractions of a millisecond; they are cut.
func (r *reader) moment() (moment, error) {
	if c := r.peek(); c != '-' && (c < '0' || c > '9') {
		return moment{}, r.nothing("at", "must be a number of milliseconds since 1970")
	}
	raw, err := r.number()
	if err != nil {
		return moment{}, err
	}
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return moment{value: n, given: true}, nil
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.Abs(f) > 1<<62 {
		return moment{given: true, wild: true}, nil // the number itself was judged
	}
	return moment{value: int64(f), given: true}, nil
}

// properties keeps an object as it was written, without escaped control
// characters.
func (r *reader) properties() (string, error) {
	if r.peek() != '{' {
		return "", r.nothing("properties", "must be an object")
	}
	r.dirty = false
	raw, err := r.value(2)
	switch {
	case err != nil || len(raw) == 2:
		return "", err
	case len(raw) > maxProperties:
		r.blame(badField, "properties are larger than 16 KiB")
	case r.dirty:
		raw = withoutEscapedControls(raw)
	}
	return raw, nil
}

func (r *reader) readTraits(t *traits) (bool, error) {
	if r.peek() != '{' {
		return false, r.nothing("traits", "must be an object")
	}
	return true, r.object(2, func(name string) error {
		var into *string
		switch name {
		case "email":
			into = &t.email
		case "phone":
			into = &t.phone
		case "name":
			into = &t.name
		case "user_id":
			into = &t.user
		default:
			_, err := r.value(3)
			return err
		}
		return r.trait(name, into)
	})
}

// trait reads a string. Sites keep user ids and phones as numbers too.
func (r *reader) trait(name string, into *string) error {
	if c := r.peek(); c == '-' || c >= '0' && c <= '9' {
		raw, err := r.number()
		*into = cut(raw, maxTrait)
		return err
	}
	s, err := r.clean("traits."+name, maxTrait)
	*into = strings.TrimSpace(s)
	return err
}

func isControl(c rune) bool { return c < 0x20 || c >= 0x7f && c < 0xa0 }

// clean strips control characters. Text without any is returned as it is.
func clean(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == 0x7f || c == 0xc2 {
			return strings.Map(func(c rune) rune {
				if isControl(c) {
					return -1
				}
				return c
			}, s)
		}
	}
	return s
}

// cut shortens text to at most n bytes, at the border of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// withoutEscapedControls drops \u0000 and its like from valid JSON. Line ends
// and tabs stay: they are text.
func withoutEscapedControls(raw string) string {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b.WriteByte(raw[i])
			continue
		}
		switch raw[i+1] {
		case 'b', 'f':
		case 'u':
			if c, _ := hex4(raw[i+2:]); !isControl(c) || c == '\n' || c == '\r' || c == '\t' {
				b.WriteString(raw[i : i+6])
			}
			i += 4
		default:
			b.WriteString(raw[i : i+2])
		}
		i++
	}
	return b.String()
}
