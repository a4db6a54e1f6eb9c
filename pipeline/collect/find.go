package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sourceloop/control/conversion"
	"sourceloop/schema"
)

// What is read of what a program sends, in whatever form it has it.
const (
	deepest    = 32
	mostLeaves = 10_000
	maxLeaf    = 1_000 // bytes; longer texts are no email, phone, id or number
	maxPath    = 1_000 // bytes
)

// leaf is a text or a number somewhere in what was sent.
type leaf struct {
	path string // names and numbers with dots between them
	name string // of the field itself, or of the list that it stands in
	text string
}

// unfound says in words why a conversion cannot be made of what was sent. It
// names fields and repeats no values.
type unfound struct{ what, words string }

func (u *unfound) Error() string { return u.words }

func unclear(what, format string, args ...any) error {
	return &unfound{what, fmt.Sprintf(format, args...)}
}

// Why nothing is read of a body. One that is too large in some way is not read in
// part: a second email may stand in the rest.
var (
	errForm = errors.New("the body is neither JSON nor a form; send JSON")
	errMuch = fmt.Errorf("the body has more than %d values, is nested deeper than %d or has names longer than %d bytes; send less", mostLeaves, deepest, maxPath)
)

// leaves reads JSON, or a form where the sender says that it is one.
func leaves(contentType string, body []byte) ([]leaf, error) {
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		return formLeaves(body)
	}
	r := &leafReader{decoder: json.NewDecoder(bytes.NewReader(body))}
	r.decoder.UseNumber()
	if !utf8.Valid(body) {
		return nil, errForm
	}
	if err := r.read("", "", 0); errors.Is(err, errMuch) {
		return nil, errMuch
	} else if err != nil {
		return nil, errForm
	}
	if _, err := r.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errForm
	}
	return r.all, nil
}

func formLeaves(body []byte) ([]leaf, error) {
	if bytes.Count(body, []byte("&")) >= mostLeaves {
		return nil, errMuch
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || !utf8.Valid(body) {
		return nil, errForm
	}
	var all []leaf
	for name, values := range form {
		for _, v := range values {
			if v = strings.TrimSpace(v); v != "" && len(v) <= maxLeaf && len(name) <= maxPath && utf8.ValidString(v) && utf8.ValidString(name) {
				all = append(all, leaf{path: name, name: name, text: v})
			}
		}
	}
	slices.SortFunc(all, func(a, b leaf) int { return strings.Compare(a.path+"\x00"+a.text, b.path+"\x00"+b.text) })
	return all, nil
}

type leafReader struct {
	decoder *json.Decoder
	all     []leaf
	values  int // of any kind
}

// read reads one value and what is in it.
func (r *leafReader) read(path, name string, depth int) error {
	token, err := r.decoder.Token()
	if err != nil {
		return err
	}
	if r.values++; r.values > mostLeaves {
		return errMuch
	}
	switch v := token.(type) {
	case json.Delim:
		if depth >= deepest {
			return errMuch
		}
		return r.inside(v, path, name, depth)
	case string:
		r.add(path, name, v)
	case json.Number:
		r.add(path, name, v.String())
	}
	return nil
}

func (r *leafReader) inside(open json.Delim, path, name string, depth int) error {
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	for i := 0; r.decoder.More(); i++ {
		member, inner := strconv.Itoa(i), name
		if open == '{' {
			key, err := r.decoder.Token()
			if err != nil {
				return err
			}
			member, _ = key.(string)
			inner = member
		}
		if len(prefix)+len(member) > maxPath {
			return errMuch
		}
		if err := r.read(prefix+member, inner, depth+1); err != nil {
			return err
		}
	}
	_, err := r.decoder.Token() // The end.
	return err
}

func (r *leafReader) add(path, name, text string) {
	if text = strings.TrimSpace(text); text != "" && len(text) <= maxLeaf {
		r.all = append(r.all, leaf{path, name, text})
	}
}

// at finds what stands at a path; "" for nothing.
func at(all []leaf, path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "$"), ".")
	for _, l := range all {
		if l.path == path {
			return l.text
		}
	}
	return ""
}

// person is whose a conversion is: one of the two.
type person struct{ email, phone string }

// persons knows what an email and a phone are.
type persons interface {
	Email(text string) (string, error)
	Phone(text, country string) (string, error)
}

// way is how one kind of value that names somebody is found.
type way struct {
	kind, path string   // path: where an Admin said that it stands, "" for nowhere
	names      []string // what fields that hold it are called, in part
	normal     func(text string) (string, error)
	of         func(value string) person
}

// whose finds whose a conversion is. A place that an Admin named goes before what
// is found by itself, and an email before a phone. Of several different ones it
// takes none.
func whose(all []leaf, h *schema.IncomingHook, n persons) (person, error) {
	ways := []way{
		{"email", h.EmailPath, []string{"mail"}, n.Email, func(v string) person { return person{email: v} }},
		{
			"phone", h.PhonePath, []string{"phone", "mobile", "tel", "msisdn", "whatsapp", "handy"},
			func(text string) (string, error) { return n.Phone(text, "") }, func(v string) person { return person{phone: v} },
		},
	}
	for _, look := range []func([]leaf, *way) (string, error){named, found} {
		for i := range ways {
			if value, err := look(all, &ways[i]); err != nil || value != "" {
				return ways[i].of(value), err
			}
		}
	}
	return person{}, unclear("no_person", "there is neither an email nor a phone with its country (+49…) in it; send one, or name in the settings of this address where it stands")
}

// named reads what stands at the place that an Admin named; "" for nothing.
func named(all []leaf, w *way) (string, error) {
	text := ""
	if w.path != "" {
		text = at(all, w.path)
	}
	if text == "" {
		return "", nil
	}
	value, err := w.normal(text)
	if err != nil {
		return "", unclear("no_person", "what stands at %s is no %s; correct it, or the place in the settings of this address", w.path, w.kind)
	}
	return value, nil
}

// found looks for the only value of a kind whose place nobody named: in fields
// that are called so, else in texts with an @, or a + at the beginning; many
// numbers look like a phone.
func found(all []leaf, w *way) (string, error) {
	if w.path != "" {
		return "", nil
	}
	called := func(l leaf) bool {
		name := strings.ToLower(l.name)
		return slices.ContainsFunc(w.names, func(n string) bool { return strings.Contains(name, n) })
	}
	anywhere := func(l leaf) bool { return strings.Contains(l.text, "@") || strings.HasPrefix(l.text, "+") }
	for _, looks := range []func(leaf) bool{called, anywhere} {
		where := map[string]string{} // value → path, where it stands first
		last := ""
		for _, l := range all {
			if !looks(l) {
				continue
			}
			if value, err := w.normal(l.text); err == nil {
				last = value
				if _, known := where[value]; !known {
					where[value] = l.path
				}
			}
		}
		if len(where) > 1 {
			return "", unclear("ambiguous", "there are %d different values that could be the %s, at %s; name the right place in the settings of this address", len(where), w.kind, places(where))
		}
		if last != "" {
			return last, nil
		}
	}
	return "", nil
}

// places lists where values stand, a few of them.
func places(where map[string]string) string {
	var paths []string
	for _, path := range where {
		paths = append(paths, strconv.Quote(path))
	}
	slices.Sort(paths)
	if len(paths) > 5 {
		paths = append(paths[:5], "…")
	}
	return strings.Join(paths, ", ")
}

// worth reads the value: at the place that an Admin named, else the one of the
// address.
func worth(all []leaf, h *schema.IncomingHook) (float64, error) {
	if h.ValuePath == "" {
		return h.Value, nil
	}
	text := at(all, h.ValuePath)
	if text == "" && h.HasValue {
		return h.Value, nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || math.Abs(value) > 1e15 {
		return 0, unclear("no_value", "there is no number at %s, where the value should stand; send one, or change the place in the settings of this address", h.ValuePath)
	}
	return value, nil
}

// external is the id under which the conversion counts once.
func external(all []leaf, h *schema.IncomingHook, body []byte) (string, error) {
	prefix := "in-" + strconv.FormatInt(h.ID, 10) + "-"
	if h.IDPath == "" {
		return prefix + schema.Derive("incoming", string(body)).String(), nil
	}
	id := conversion.Plain(at(all, h.IDPath))
	if id == "" || len(id) > 200 {
		return "", unclear("no_id", "there is no id at %s, by which the same conversion would be known; send one of at most 200 bytes, or change the place in the settings of this address", h.IDPath)
	}
	return prefix + id, nil
}
