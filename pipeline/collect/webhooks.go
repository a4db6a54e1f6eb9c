package collect

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // Intercom signs with it
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

const intercomName = "intercom"

// What became of a delivery, for metrics.
const (
	hookAccepted  = "accepted"
	hookPing      = "ping"
	hookDiscarded = "discarded" // of no connection, or of one that was disconnected
	hookUnsigned  = "unsigned"
	hookMalformed = "malformed"
	hookTooLarge  = "too_large"
	hookFailed    = "failed"
	hookLimited   = "limited"
)

// notice is all that is read of a delivery here.
type notice struct {
	AppID string `json:"app_id"`
	Topic string `json:"topic"`
}

// intercom takes a signed delivery.
func (e *Edge) intercom(c echo.Context) error {
	start := e.deps.Now()
	defer func() { since(e.metrics.hooks, start, e.deps.Now()) }()
	body, err := hookBody(c.Request())
	if err != nil {
		return e.refuseHook(c, err)
	}
	if !e.signedByIntercom(body, c.Request().Header.Get("X-Hub-Signature")) {
		e.hook(hookUnsigned)
		problem(c.Response(), http.StatusUnauthorized, "the signature is missing or does not fit this body", nil)
		return nil
	}
	var n notice
	if err := json.Unmarshal(body, &n); err != nil || n.AppID == "" {
		return e.keepAside(c, body)
	}
	if n.Topic == "ping" {
		e.hook(hookPing)
		return c.NoContent(http.StatusOK)
	}
	return e.deliver(c, n.AppID, body, e.route)
}

// intercomUninstall takes the notice that an app was removed. Intercom does not
// say that it signs it, so nothing but the app's name is kept of it: it is a
// hint to ask Intercom. A signature that is there must fit.
func (e *Edge) intercomUninstall(c echo.Context) error {
	start := e.deps.Now()
	defer func() { since(e.metrics.hooks, start, e.deps.Now()) }()
	if address := e.trust.origin(c.Request()).limitKey(); address != "" {
		if wait := e.addresses.take(start, address, 1); wait > 0 {
			e.hook(hookLimited)
			retryAfter(c.Response(), wait)
			problem(c.Response(), http.StatusTooManyRequests, "too many requests; send this again later", nil)
			return nil
		}
	}
	body, err := hookBody(c.Request())
	if err != nil {
		return e.refuseHook(c, err)
	}
	if signature := c.Request().Header.Get("X-Hub-Signature"); signature != "" && !e.signedByIntercom(body, signature) {
		e.hook(hookUnsigned)
		problem(c.Response(), http.StatusUnauthorized, "the signature does not fit this body", nil)
		return nil
	}
	var n notice
	if err := json.Unmarshal(body, &n); err != nil || n.AppID == "" {
		e.hook(hookMalformed)
		problem(c.Response(), http.StatusBadRequest, "the body must be a JSON object with an app_id", nil)
		return nil
	}
	hint, err := json.Marshal(map[string]string{"app_id": n.AppID})
	if err != nil {
		return fmt.Errorf("cannot encode an uninstall notice: %w", err)
	}
	return e.deliver(c, n.AppID, hint, e.knownRoute)
}

// route is whose an app is.
type route struct {
	workspace  uint32
	connection int64
	known      bool
}

func (e *Edge) knownRoute(_ context.Context, app string) (r route, err error) {
	r.workspace, r.connection, r.known = e.deps.Routes.Route(intercomName, app)
	return r, nil
}

// route looks again when an app is nobody's: it may have been connected a moment
// ago, or long ago while the settings could not be read. Its first webhooks
// would be lost. Only what is signed is worth the question.
func (e *Edge) route(ctx context.Context, app string) (r route, err error) {
	if r, err = e.knownRoute(ctx, app); r.known || err != nil {
		return r, err
	}
	if err := e.deps.Routes.Refresh(ctx); err != nil {
		return r, err
	}
	return e.knownRoute(ctx, app)
}

// deliver appends a delivery for the connection that its app belongs to. An app
// that is nobody's is answered like any other.
func (e *Edge) deliver(c echo.Context, app string, body []byte, find func(context.Context, string) (route, error)) error {
	ctx, cancel := e.hookContext(c)
	defer cancel()
	to, err := find(ctx, app)
	switch {
	case err != nil:
		e.hook(hookFailed)
		e.deps.Logger.Error("an app is not known here, and the settings cannot be asked; the sender was told to try again", "err", err)
		e.refuseAll(c.Response(), unavailable, http.StatusServiceUnavailable, "it cannot be told now whose this is; send it again", 2*time.Second)
		return nil
	case !to.known:
		e.hook(hookDiscarded)
		return c.NoContent(http.StatusOK)
	}
	value, err := proto.Marshal(&schema.WebhookRecord{
		Provider: intercomName, App: app, Received: int64(schema.MillisOf(e.deps.Now())), Body: body,
		Workspace: to.workspace, Connection: to.connection,
	})
	if err != nil {
		return fmt.Errorf("cannot encode a webhook: %w", err)
	}
	return e.keep(c, hookAccepted, func(ctx context.Context) error {
		if err := e.deps.at("collect.before-hook"); err != nil {
			return err
		}
		if err := e.deps.Log.Append(ctx, schema.TopicWebhooks, [][]byte{schema.WebhookKey(intercomName, app)}, [][]byte{value}); err != nil {
			return err
		}
		return e.deps.at("collect.after-hook")
	})
}

// keepAside keeps a signed delivery that cannot be read: the provider may have
// changed its form, and asking it to send the same again helps nobody.
func (e *Edge) keepAside(c echo.Context, body []byte) error {
	id := schema.Derive("dead", schema.TopicWebhooks, "collect", string(body))
	letter := &schema.DeadRecord{
		Topic: schema.TopicWebhooks, Partition: -1, Offset: -1, Key: []byte(intercomName), Value: body,
		Stage: Stage, Reason: schema.DeadBadWebhook, Detail: "a signed delivery without a readable app_id",
		At: int64(schema.MillisOf(e.deps.Now())), Id: id[:],
	}
	return e.keep(c, hookMalformed, func(ctx context.Context) error {
		return e.appendDead(ctx, []*schema.DeadRecord{letter})
	})
}

// keep answers 200 once something is durable.
func (e *Edge) keep(c echo.Context, outcome string, append func(context.Context) error) error {
	ctx, cancel := e.hookContext(c)
	defer cancel()
	if err := append(ctx); err != nil {
		e.hook(hookFailed)
		e.unavailable(c.Response(), "webhook", err)
		return nil
	}
	e.hook(outcome)
	return c.NoContent(http.StatusOK)
}

// hookContext does not end with the request: a sender that leaves does not take
// its webhook along.
func (e *Edge) hookContext(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.Request().Context()), e.config.HookTimeout)
}

func (e *Edge) hook(outcome string) { e.metrics.webhooks.WithLabelValues(intercomName, outcome).Inc() }

func hookBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	var buf []byte
	return readAll(&buf, r.Body)
}

func (e *Edge) refuseHook(c echo.Context, err error) error {
	if errors.Is(err, errTooLarge) {
		e.hook(hookTooLarge)
		problem(c.Response(), http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB", nil)
		return nil
	}
	e.hook(hookMalformed)
	problem(c.Response(), http.StatusBadRequest, "the body cannot be read", nil)
	return nil
}

// signedByIntercom checks X-Hub-Signature: sha1= and the HMAC-SHA1 of the raw
// body with the app's client secret.
func (e *Edge) signedByIntercom(body []byte, header string) bool {
	if e.config.IntercomSecret == "" {
		return false
	}
	mac := hmac.New(sha1.New, []byte(e.config.IntercomSecret))
	mac.Write(body)
	return hmac.Equal([]byte("sha1="+hex.EncodeToString(mac.Sum(nil))), []byte(header))
}
