package collect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// Hooks read the webhooks of one provider, which come in at /hooks/<provider>.
type Hooks interface {
	// Provider is the provider's word: intercom.
	Provider() string
	// Genuine tells whether the provider sent it, by the raw bytes.
	Genuine(r *http.Request, body []byte) bool
	// Deliveries says to which of the provider's workspaces which bytes belong;
	// none for what is only a test of the address. An error keeps the body
	// aside: asking for the same again helps nobody.
	Deliveries(body []byte) ([]Delivery, error)
}

// Delivery is what one of a provider's workspaces is told.
type Delivery struct {
	App  string // the provider's id of the workspace, as it was signed
	Body []byte // kept byte for byte; it may alias the body that it came in
}

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

// take answers a provider's delivery.
func (e *Edge) take(h Hooks) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := e.deps.Now()
		defer func() { since(e.metrics.hooks, start, e.deps.Now()) }()
		body, err := hookBody(c.Request())
		if err != nil {
			return e.refuseHook(c, h.Provider(), err)
		}
		if !h.Genuine(c.Request(), body) {
			e.hook(h.Provider(), hookUnsigned)
			e.signal(h, body, false)
			problem(c.Response(), http.StatusUnauthorized, "the signature is missing or does not fit this body", nil)
			return nil
		}
		e.signal(h, body, true)
		deliveries, err := h.Deliveries(body)
		switch {
		case err != nil:
			return e.keepAside(c, h.Provider(), body, err)
		case len(deliveries) == 0:
			e.hook(h.Provider(), hookPing)
			return c.NoContent(http.StatusOK)
		}
		return e.deliver(c, h.Provider(), deliveries, e.route)
	}
}

// route is whose an app is.
type route struct {
	workspace  uint32
	connection int64
	known      bool
}

// finder finds whose a provider's workspace is.
type finder func(ctx context.Context, provider, app string) (route, error)

func (e *Edge) knownRoute(_ context.Context, provider, app string) (r route, err error) {
	r.workspace, r.connection, r.known = e.deps.Routes.Route(provider, app)
	return r, nil
}

// route looks again when an app is nobody's: it may have been connected a moment
// ago, or long ago while the settings could not be read. Its first webhooks
// would be lost. Only what is signed is worth the question.
func (e *Edge) route(ctx context.Context, provider, app string) (r route, err error) {
	if r, err = e.knownRoute(ctx, provider, app); r.known || err != nil {
		return r, err
	}
	if err := e.deps.Routes.Refresh(ctx); err != nil {
		return r, err
	}
	return e.knownRoute(ctx, provider, app)
}

// deliver appends deliveries for the connections that their apps belong to. An
// app that is nobody's is answered like any other.
func (e *Edge) deliver(c echo.Context, provider string, deliveries []Delivery, find finder) error {
	ctx, cancel := e.hookContext(c)
	defer cancel()
	keys, values, err := e.address(ctx, provider, deliveries, find)
	switch {
	case err != nil:
		e.hook(provider, hookFailed)
		e.deps.Logger.Error("an app is not known here, and the settings cannot be asked; the sender was told to try again", "err", err)
		e.refuseAll(c.Response(), unavailable, http.StatusServiceUnavailable, "it cannot be told now whose this is; send it again", 2*time.Second)
		return nil
	case len(values) == 0:
		e.hook(provider, hookDiscarded)
		return c.NoContent(http.StatusOK)
	}
	return e.keep(c, provider, hookAccepted, func(ctx context.Context) error {
		if err := e.deps.Fail.At("collect.before-hook"); err != nil {
			return err
		}
		if err := e.deps.Log.Append(ctx, schema.TopicWebhooks, keys, values); err != nil {
			return err
		}
		return e.deps.Fail.At("collect.after-hook")
	})
}

// address makes the records of the deliveries that are somebody's.
func (e *Edge) address(ctx context.Context, provider string, deliveries []Delivery, find finder) (keys, values [][]byte, err error) {
	for _, d := range deliveries {
		to, err := find(ctx, provider, d.App)
		if err != nil {
			return nil, nil, err
		}
		if !to.known {
			continue
		}
		value, err := proto.Marshal(&schema.WebhookRecord{
			Provider: provider, App: d.App, Received: int64(schema.MillisOf(e.deps.Now())), Body: d.Body,
			Workspace: to.workspace, Connection: to.connection,
		})
		if err != nil {
			return nil, nil, fmt.Errorf("cannot encode a webhook: %w", err)
		}
		keys, values = append(keys, schema.WebhookKey(provider, d.App)), append(values, value)
	}
	return keys, values, nil
}

// keepAside keeps a signed delivery that cannot be read: the provider may have
// changed its form, and asking it to send the same again helps nobody.
func (e *Edge) keepAside(c echo.Context, provider string, body []byte, reason error) error {
	id := schema.Derive("dead", schema.TopicWebhooks, "collect", string(body))
	letter := &schema.DeadRecord{
		Topic: schema.TopicWebhooks, Partition: -1, Offset: -1, Key: []byte(provider), Value: body,
		Stage: Stage, Reason: schema.DeadBadWebhook, Detail: reason.Error(),
		At: int64(schema.MillisOf(e.deps.Now())), Id: id[:],
	}
	return e.keep(c, provider, hookMalformed, func(ctx context.Context) error {
		return e.appendDead(ctx, []*schema.DeadRecord{letter})
	})
}

// keep answers 200 once something is durable.
func (e *Edge) keep(c echo.Context, provider, outcome string, append func(context.Context) error) error {
	ctx, cancel := e.hookContext(c)
	defer cancel()
	if err := append(ctx); err != nil {
		e.hook(provider, hookFailed)
		e.unavailable(c.Response(), "webhook", err)
		return nil
	}
	e.hook(provider, outcome)
	return c.NoContent(http.StatusOK)
}

// hookContext does not end with the request: a sender that leaves does not take
// its webhook along.
func (e *Edge) hookContext(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.Request().Context()), e.config.HookTimeout)
}

func (e *Edge) hook(provider, outcome string) {
	e.metrics.webhooks.WithLabelValues(provider, outcome).Inc()
}

func hookBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	var buf []byte
	return readAll(&buf, r.Body)
}

func (e *Edge) refuseHook(c echo.Context, provider string, err error) error {
	if errors.Is(err, errTooLarge) {
		e.hook(provider, hookTooLarge)
		problem(c.Response(), http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB", nil)
		return nil
	}
	e.hook(provider, hookMalformed)
	problem(c.Response(), http.StatusBadRequest, "the body cannot be read", nil)
	return nil
}
