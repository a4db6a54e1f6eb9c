package api

import (
	"net/http"
	"time"
)

// sessionLife is how long a browser keeps the cookie; the session itself ends
// in the settings database at the same time.
const sessionLife = 14 * 24 * time.Hour

// cookie is the session's cookie. Behind https it has the prefix that binds it
// to the host; over plain http, which is for one machine alone, browsers refuse
// that prefix.
type cookie struct {
	name   string
	secure bool
}

func newCookie(https bool) cookie {
	if https {
		return cookie{name: "__Host-sourceloop", secure: true}
	}
	return cookie{name: "sourceloop"}
}

func (k cookie) read(r *http.Request) string {
	if found, err := r.Cookie(k.name); err == nil {
		return found.Value
	}
	return ""
}

// set is the header's value that hands a session to the browser.
func (k cookie) set(token string) string {
	return (&http.Cookie{ //nolint:gosec // Secure unless the operator serves plain http on loopback.
		Name: k.name, Value: token, Path: "/", MaxAge: int(sessionLife.Seconds()),
		Secure: k.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}).String()
}

// clear is the header's value that takes it away.
func (k cookie) clear() string {
	return (&http.Cookie{ //nolint:gosec // As in set.
		Name: k.name, Path: "/", MaxAge: -1, Secure: k.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}).String()
}
