package collect

import (
	"encoding/json"
	"net/http"
)

// answer writes JSON. Whoever does not read it has gone; there is nobody to tell.
func (e *Edge) answer(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = e.jsonType
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// problem writes an error as RFC 9457 has it, with the verdicts of the items.
func problem(w http.ResponseWriter, status int, detail string, refused []verdict) {
	body, err := json.Marshal(struct {
		Type    string    `json:"type"`
		Title   string    `json:"title"`
		Status  int       `json:"status"`
		Detail  string    `json:"detail"`
		Refused []verdict `json:"refused,omitempty"`
	}{"about:blank", http.StatusText(status), status, detail, refused})
	if err != nil {
		body = []byte(`{"type":"about:blank"}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
