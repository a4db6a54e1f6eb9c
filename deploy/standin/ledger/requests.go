package ledger

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Entry is one request of the log.
type Entry struct {
	Seq    int64           `json:"seq"`
	At     string          `json:"at"`
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Query  string          `json:"query,omitempty"`
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body,omitempty"` // A summary: no secrets, long values cut.
	Write  bool            `json:"write"`
}

// LogRequest keeps a request; what is secret in it becomes "(hidden)".
func (s *Session) LogRequest(at time.Time, r *http.Request, body []byte, status int, write bool) error {
	_, err := s.Exec("request_insert", at.UnixMilli(), r.Method, r.URL.Path,
		hideValues(r.URL.Query()).Encode(), status, summary(r.Header.Get("Content-Type"), body), write)
	return err
}

// Requests are those after a sequence number; Writes the ones among them that
// changed something.
func (s *Session) Requests(after, limit int64) ([]Entry, error) {
	return s.entries("request_list", after, limit)
}

// Writes are the requests that changed something.
func (s *Session) Writes(after, limit int64) ([]Entry, error) {
	return s.entries("request_writes", after, limit)
}

const (
	hidden        = "(hidden)"
	maxSummary    = 4 << 10
	maxSummarised = 300
)

// secretField names what never reaches the log.
func secretField(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{"secret", "token", "code", "password", "authorization", "state", "jwt"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func hideValues(values url.Values) url.Values {
	for name := range values {
		if secretField(name) {
			values[name] = []string{hidden}
		}
	}
	return values
}

// summary is a JSON value that tells what a body held, or "".
func summary(contentType string, body []byte) string {
	if len(body) == 0 {
		return ""
	}
	kind, _, _ := mime.ParseMediaType(contentType) // A broken one is as good as none.
	var value any
	if kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return `"(an unreadable form)"`
		}
		value = flatten(hideValues(form))
	} else if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Sprintf("%q", fmt.Sprintf("(%d bytes that are not JSON)", len(body)))
	}
	text, err := json.Marshal(hide(value))
	if err != nil || len(text) > maxSummary {
		return fmt.Sprintf("%q", fmt.Sprintf("(%d bytes)", len(body)))
	}
	return string(text)
}

func flatten(form url.Values) map[string]any {
	flat := map[string]any{}
	for name := range form {
		flat[name] = form.Get(name)
	}
	return flat
}

func hide(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if _, isText := inner.(string); isText && secretField(name) {
				value[name] = hidden
				continue
			}
			value[name] = hide(inner)
		}
		return value
	case []any:
		for i, inner := range value {
			value[i] = hide(inner)
		}
		return value
	case string:
		if len(value) > maxSummarised {
			return strings.ToValidUTF8(value[:maxSummarised], "") + "…"
		}
	}
	return value
}

func (s *Session) entries(statement string, after, limit int64) ([]Entry, error) {
	list := []Entry{}
	err := s.Rows(statement, []any{after, limit}, func(scan func(...any) error) error {
		var e Entry
		var atMS int64
		var body string
		if err := scan(&e.Seq, &atMS, &e.Method, &e.Path, &e.Query, &e.Status, &body, &e.Write); err != nil {
			return err
		}
		e.At = Time(atMS)
		if body != "" {
			e.Body = json.RawMessage(body)
		}
		list = append(list, e)
		return nil
	})
	return list, err
}

// Time writes Unix milliseconds in RFC 3339.
func Time(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
