package ads

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"sourceloop/deploy/standin/ledger"
)

// Conversion is one event as it came.
type Conversion struct {
	Place string // Where it counts: an account's conversion action, dataset, rule.
	ID    string // What the platform knows it by; "" when by nothing.
	Why   string // Why it does not count; "" when it counts.
	Event any    // As parsed; what is personal in it is not kept.
}

// Keep puts a conversion down.
func (s *Server) Keep(tx *ledger.Session, c Conversion) error {
	doc, err := json.Marshal(s.redact("", c.Event))
	if err != nil {
		return err
	}
	_, err = tx.Exec("conversion_insert", s.config.Now().UnixMilli(), c.Place, c.ID, c.Why, string(doc))
	return err
}

// Counted says whether a conversion with this id counts at the place that came
// after since.
func (s *Server) Counted(tx *ledger.Session, place, id string, since time.Time) (bool, error) {
	if id == "" {
		return false, nil
	}
	var one int
	return tx.Row("conversion_counts", []any{place, id, since.UnixMilli()}, &one)
}

// Decode reads a body that is one JSON value; numbers are json.Number.
func Decode(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return value, nil
}

// IsHash says whether a text is a SHA-256 in lower-case hexadecimal.
func IsHash(text string) bool {
	sum, err := hex.DecodeString(text)
	return err == nil && len(sum) == 32 && text == strings.ToLower(text)
}

func isBase64Hash(text string) bool {
	sum, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(sum) == 32
}

// hidden stands for what is not kept.
const hidden = "(hidden)"

// redact returns a copy of a JSON value without what is personal in it: texts
// under personal names, and whatever looks like an address of e-mail.
func (s *Server) redact(name string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for inner, v := range value {
			copied[inner] = s.redact(inner, v)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, v := range value {
			copied[i] = s.redact(name, v)
		}
		return copied
	case string:
		if s.plain(name, value) {
			return hidden
		}
	case json.Number:
		if slices.Contains(s.platform.Personal, name) {
			return hidden
		}
	}
	return value
}

func (s *Server) plain(name, value string) bool {
	if strings.Contains(value, "@") {
		return true
	}
	if value == "" || !slices.Contains(s.platform.Personal, name) || IsHash(strings.ToLower(value)) || isBase64Hash(value) {
		return false
	}
	return s.platform.Public == nil || !s.platform.Public(value)
}

// redactBody is a request's body as the log may see it, and its type: JSON
// whatever it was said to be, forms of the token endpoints, and of others the
// length. The log itself hides what is secret in them.
func (s *Server) redactBody(r *http.Request, body []byte) (shown []byte, contentType string) {
	value, err := Decode(body)
	if err == nil {
		if shown, err = json.Marshal(s.redact("", value)); err == nil {
			return shown, "application/json"
		}
	}
	if path := r.URL.Path; path != "" && (path == s.platform.Exchange || path == s.platform.Revoke) {
		return body, r.Header.Get("Content-Type")
	}
	return bytes.Repeat([]byte("-"), len(body)), "application/json"
}
