package collect

import (
	"crypto/hmac"
	"crypto/sha1" // Intercom signs with it
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
)

const intercomName = "intercom"

// notice is all that is read of a delivery here.
type notice struct {
	AppID string `json:"app_id"`
	Topic string `json:"topic"`
}

// IntercomHooks read Intercom's webhooks. One address serves all workspaces
// that installed the app.
type IntercomHooks struct{ secret string }

// NewIntercomHooks takes the app's client secret, which signs; "" refuses
// everything.
func NewIntercomHooks(secret string) *IntercomHooks { return &IntercomHooks{secret: secret} }

// Provider is "intercom".
func (*IntercomHooks) Provider() string { return intercomName }

// Genuine checks X-Hub-Signature.
func (h *IntercomHooks) Genuine(r *http.Request, body []byte) bool {
	return h.signed(body, r.Header.Get("X-Hub-Signature"))
}

// signed: sha1= and the HMAC-SHA1 of the raw body with the app's client secret.
func (h *IntercomHooks) signed(body []byte, header string) bool {
	if h.secret == "" {
		return false
	}
	mac := hmac.New(sha1.New, []byte(h.secret))
	mac.Write(body)
	return hmac.Equal([]byte("sha1="+hex.EncodeToString(mac.Sum(nil))), []byte(header))
}

// Deliveries are one, or none for a ping.
func (*IntercomHooks) Deliveries(body []byte) ([]Delivery, error) {
	var n notice
	if err := json.Unmarshal(body, &n); err != nil || n.AppID == "" {
		return nil, errors.New("a signed delivery without a readable app_id")
	}
	if n.Topic == "ping" {
		return nil, nil
	}
	return []Delivery{{App: n.AppID, Body: body}}, nil
}

// Names are one.
func (*IntercomHooks) Names(body []byte) []Named {
	var n notice
	if json.Unmarshal(body, &n) != nil {
		return nil
	}
	return []Named{{n.AppID, n.Topic}}
}

// intercomUninstall takes the notice that an app was removed. Intercom does not
// say that it signs it, so nothing but the app's name is kept of it: it is a
// hint to ask Intercom. A signature that is there must fit.
func (e *Edge) intercomUninstall(c echo.Context, hooks *IntercomHooks) error {
	start := e.deps.Now()
	defer func() { since(e.metrics.hooks, start, e.deps.Now()) }()
	if address := e.trust.origin(c.Request()).limitKey(); address != "" {
		if wait := e.addresses.take(start, address, 1); wait > 0 {
			e.hook(intercomName, hookLimited)
			retryAfter(c.Response(), wait)
			problem(c.Response(), http.StatusTooManyRequests, "too many requests; send this again later", nil)
			return nil
		}
	}
	body, err := hookBody(c.Request())
	if err != nil {
		return e.refuseHook(c, intercomName, err)
	}
	if signature := c.Request().Header.Get("X-Hub-Signature"); signature != "" && !hooks.signed(body, signature) {
		e.hook(intercomName, hookUnsigned)
		problem(c.Response(), http.StatusUnauthorized, "the signature does not fit this body", nil)
		return nil
	}
	var n notice
	if err := json.Unmarshal(body, &n); err != nil || n.AppID == "" {
		e.hook(intercomName, hookMalformed)
		problem(c.Response(), http.StatusBadRequest, "the body must be a JSON object with an app_id", nil)
		return nil
	}
	hint, err := json.Marshal(map[string]string{"app_id": n.AppID})
	if err != nil {
		return fmt.Errorf("cannot encode an uninstall notice: %w", err)
	}
	e.note(intercomName, n.AppID, signalUninstall)
	return e.deliver(c, intercomName, []Delivery{{App: n.AppID, Body: hint}}, e.knownRoute)
}
