package collect

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Faults of a body that make all of it unreadable.
var (
	errSyntax = errors.New("the body is not valid JSON")
	errDepth  = errors.New("the body is nested too deeply; 32 levels are allowed")
)

// Limits of what one body may cost.
const (
	maxDepth   = 32
	maxMembers = 256 // of one object; more is a fault of the item
)

// reader walks over JSON text once. Strings without escapes are parts of
// the source. Syntax errors end the walk; faults of an item are noted and the walk
// goes on, so that the items after it can be judged by themselves.
type reader struct {
	src    string
	pos    int
	fault  fault    // of the item at hand, the first that was met
	names  []string // the members of the open objects, outermost first
	broken bool     // the item at hand has text that is no UTF-8
	dirty  bool     // the value at hand has escaped control characters
	bare   bool     // the string read last is printable ASCII, as it was written
}

// blame notes a fault of the item at hand.
func (r *reader) blame(c code, words string) {
	if r.fault.code == "" {
		r.fault = fault{c, words}
	}
}

func (r *reader) space() {
	for r.pos < len(r.src) {
		switch r.src[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// peek is the next byte after white space, 0 at the end.
func (r *reader) peek() byte {
	r.space()
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return 0
}

func (r *reader) expect(c byte) error {
	if r.peek() != c {
		return errSyntax
	}
	r.pos++
	return nil
}

// quoted reads a string and gives its content, unescaped.
func (r *reader) quoted() (string, error) {
	if err := r.expect('"'); err != nil {
		return "", err
	}
	start, escaped, high := r.pos, false, byte(0)
	for i := skipPlain(r.src, start); i < len(r.src); i = skipPlain(r.src, i+1) {
		c := r.src[i]
		switch {
		case c == '"':
			r.pos = i + 1
			r.bare = !escaped && high == 0
			return r.content(r.src[start:i], escaped, high)
		case c == '\\':
			escaped = true
			i++
		case c < 0x20:
			return "", errSyntax
		}
		high |= c
	}
	return "", errSyntax
}

// skipPlain finds the first byte from i on that is no printable ASCII, or a
// quote, or a backslash; eight bytes at a time.
func skipPlain(s string, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// Each finds its lowest byte without fail; those above may be wrong.
		found := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w | ((w &^ tops) + ones) | w) & tops
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

func (r *reader) content(raw string, escaped bool, high byte) (string, error) {
	if high >= utf8.RuneSelf && !utf8.ValidString(raw) {
		r.broken = true
	}
	if !escaped {
		return raw, nil
	}
	return r.unescape(raw)
}

func (r *reader) unescape(raw string) (string, error) {
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b.WriteByte(raw[i])
			continue
		}
		i++
		if i >= len(raw) {
			return "", errSyntax
		}
		switch c := raw[i]; c {
		case '"', '\\', '/':
			b.WriteByte(c)
		case 'n', 'r', 't':
			b.WriteByte("\n\r\t"[strings.IndexByte("nrt", c)])
		case 'b', 'f':
			r.dirty = true
		case 'u':
			char, used, ok := unicodeEscape(raw[i+1:])
			if !ok {
				return "", errSyntax
			}
			i += used
			r.dirty = r.dirty || isControl(char)
			b.WriteRune(char)
		default:
			return "", errSyntax
		}
	}
	return b.String(), nil
}

// unicodeEscape reads what follows \u, both halves of a surrogate pair at once.
// A lone half becomes the replacement character: browsers do send them.
func unicodeEscape(s string) (char rune, used int, ok bool) {
	hi, ok := hex4(s)
	if !ok {
		return 0, 0, false
	}
	if !utf16.IsSurrogate(hi) {
		return hi, 4, true
	}
	if len(s) >= 10 && s[4] == '\\' && s[5] == 'u' {
		if lo, ok := hex4(s[6:]); ok {
			if pair := utf16.DecodeRune(hi, lo); pair != utf8.RuneError {
				return pair, 10, true
			}
		}
	}
	return utf8.RuneError, 4, true
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(n), err == nil
}

// number reads a number and gives it as it is written. One that no float64
// holds is a fault.
func (r *reader) number() (string, error) {
	r.space()
	start := r.pos
	r.take("-")
	if r.pos < len(r.src) && (r.src[r.pos] == 'N' || r.src[r.pos] == 'I') {
		return "", r.noNumber()
	}
	if r.take("0") == 0 && r.digits() == 0 {
		return "", errSyntax
	}
	plain := true
	if r.take(".") == 1 {
		plain = false
		if r.digits() == 0 {
			return "", errSyntax
		}
	}
	if r.take("eE") == 1 {
		plain = false
		r.take("+-")
		if r.digits() == 0 {
			return "", errSyntax
		}
	}
	raw := r.src[start:r.pos]
	if !plain || len(raw) > 300 {
		if _, err := strconv.ParseFloat(raw, 64); err != nil {
			r.blame(badField, "has a number beyond the range of a double")
		}
	}
	return raw, nil
}

// noNumber steps over what some languages write for a number that is none. It
// is no JSON, but a fault of one item must not cost the others of its batch.
func (r *reader) noNumber() error {
	r.blame(badField, "has NaN or Infinity for a number")
	if r.word("NaN") == nil {
		return nil
	}
	return r.word("Infinity")
}

// take steps over one of the given bytes, and tells how many it took.
func (r *reader) take(any string) int {
	if r.pos < len(r.src) && strings.IndexByte(any, r.src[r.pos]) >= 0 {
		r.pos++
		return 1
	}
	return 0
}

func (r *reader) digits() int {
	start := r.pos
	for r.pos < len(r.src) && r.src[r.pos] >= '0' && r.src[r.pos] <= '9' {
		r.pos++
	}
	return r.pos - start
}

func (r *reader) word(w string) error {
	if !strings.HasPrefix(r.src[r.pos:], w) {
		return errSyntax
	}
	r.pos += len(w)
	return nil
}

// value steps over any value and gives its text.
func (r *reader) value(depth int) (string, error) {
	c := r.peek()
	start := r.pos
	var err error
	switch c {
	case '"':
		_, err = r.quoted()
	case '{':
		err = r.object(depth, func(string) error {
			_, err := r.value(depth + 1)
			return err
		})
	case '[':
		err = r.array(depth, func() error {
			_, err := r.value(depth + 1)
			return err
		})
	case 't':
		err = r.word("true")
	case 'f':
		err = r.word("false")
	case 'n':
		err = r.word("null")
	default:
		_, err = r.number()
	}
	return r.src[start:r.pos], err
}

// object calls member with every name, which then reads the value. A repeated
// name is a fault.
func (r *reader) object(depth int, member func(name string) error) error {
	if err := r.expect('{'); err != nil {
		return err
	}
	if depth >= maxDepth {
		return errDepth
	}
	outer := len(r.names)
	defer func() { r.names = r.names[:outer] }()
	if r.peek() == '}' {
		r.pos++
		return nil
	}
	for {
		name, err := r.quoted()
		if err != nil {
			return err
		}
		r.meet(outer, name)
		if err := r.expect(':'); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.pos++
		case '}':
			r.pos++
			return nil
		default:
			return errSyntax
		}
	}
}

// meet notes a member's name. Objects are small, so comparing beats hashing.
func (r *reader) meet(outer int, name string) {
	open := r.names[outer:]
	if len(open) >= maxMembers {
		r.blame(badField, "has an object with more than 256 members")
		return
	}
	for _, known := range open {
		if known == name {
			r.blame(badField, "has a member twice in one object")
			return
		}
	}
	r.names = append(r.names, name)
}

func (r *reader) array(depth int, item func() error) error {
	if err := r.expect('['); err != nil {
		return err
	}
	if depth >= maxDepth {
		return errDepth
	}
	if r.peek() == ']' {
		r.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.pos++
		case ']':
			r.pos++
			return nil
		default:
			return errSyntax
		}
	}
}

// end refuses anything but white space after the value.
func (r *reader) end() error {
	if r.peek() != 0 || r.pos < len(r.src) {
		return errSyntax
	}
	return nil
}
