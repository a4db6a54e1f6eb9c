package front

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"
)

// ReadBody returns at most so many bytes; the error says what is wrong in words
// that go into an answer, status says which.
func ReadBody(r *http.Request, most int64) (body []byte, status int, err error) {
	body, err = io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d MB", most>>20)
	case err != nil:
		return nil, http.StatusBadRequest, errors.New("the body could not be read")
	}
	return body, 0, nil
}

// WriteJSON answers.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "cannot write the answer as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // The client may be gone; nobody is left to tell.
}

// Problem is how a stand-in's own addresses, those that no vendor has, word an
// error.
func Problem(err error) map[string]string { return map[string]string{"error": err.Error()} }

// Asset serves a file to pages of any site.
func Asset(files fs.FS, name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		_, _ = w.Write(body) // The client may be gone; nobody is left to tell.
	}
}

// Drain reads an answer to its end, so that its connection can be used again.
// The caller closes it.
func Drain(response *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)) // What it says does not matter.
}

// NewClient sends what vendors send. It never follows redirects: an answer of
// 3xx is no 2xx. senders is how many requests may be under way.
func NewClient(within time.Duration, senders int) *http.Client {
	return &http.Client{
		Timeout:       within,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2 * senders, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// SameSecret compares in constant time.
func SameSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// HashSecret is how codes and tokens are kept. They are 128 random bits or
// more, so that a plain hash cannot be searched.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// CheckURL accepts https, and http to this machine, where vendors want https.
// what is the address's name for people.
func CheckURL(what, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("cannot use the %s %q: %w", what, address, err)
	}
	local := u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost" || u.Hostname() == "::1"
	if u.Host == "" || (u.Scheme != "https" && (u.Scheme != "http" || !local)) {
		return fmt.Errorf("cannot use the %s %q: it must be https, or http on this machine", what, address)
	}
	return nil
}
