package collect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"sourceloop/control/conversion"
	"sourceloop/schema"
)

// incoming is the provider under which it is counted what came to addresses of
// incoming webhooks.
const incoming = "incoming"

// Incoming knows the addresses at which programs tell of conversions in forms of
// their own. It may lag behind the settings by a second.
type Incoming interface {
	IncomingHook(token string) (schema.IncomingHook, bool)
	Workspace(id uint32) (*schema.Workspace, bool)
}

// incomingHook takes whatever JSON or form a program sends and makes a
// conversion of it. Of what it refuses it says why, and that it did is counted.
func (e *Edge) incomingHook(c echo.Context) error {
	start := e.deps.Now()
	defer func() { since(e.metrics.hooks, start, e.deps.Now()) }()
	hook, known := e.deps.Incoming.IncomingHook(c.Param("token"))
	workspace, there := e.deps.Incoming.Workspace(hook.Workspace)
	if !known || !there {
		e.hook(incoming, hookDiscarded)
		problem(c.Response(), http.StatusNotFound, "there is no such address: it was deleted or made new, or is not written as it was shown; make another one in Setup → Webhooks", nil)
		return nil
	}
	if wait := e.incoming.take(start, strconv.FormatInt(hook.ID, 10), 1); wait > 0 {
		e.noteIncoming(&hook, hookLimited)
		e.refuseAll(c.Response(), limited, http.StatusTooManyRequests, "this address was sent too much at once; send it again later", wait)
		return nil
	}
	body, err := hookBody(c.Request())
	if err != nil {
		e.noteIncoming(&hook, "malformed")
		return e.refuseHook(c, incoming, err)
	}
	now := schema.MillisOf(start)
	evidence, err := e.told(c.Request().Header.Get("Content-Type"), body, &hook, workspace, now)
	if err != nil {
		return e.refuseTold(c, &hook, err)
	}
	return e.keepTold(c, &hook, evidence, now)
}

// told finds a conversion in what was sent.
func (e *Edge) told(contentType string, body []byte, hook *schema.IncomingHook, w *schema.Workspace, now schema.Millis) (*schema.Evidence, error) {
	all, err := leaves(contentType, body)
	if err != nil {
		return nil, err
	}
	p, err := whose(all, hook, e.deps.Persons)
	if err != nil {
		return nil, err
	}
	value, err := worth(all, hook)
	if err != nil {
		return nil, err
	}
	id, err := external(all, hook, body)
	if err != nil {
		return nil, err
	}
	return conversion.Evidence(w, conversion.Told{
		ID: id, Name: hook.Conversion, At: now, Value: value, Currency: hook.Currency, Email: p.email, Phone: p.phone,
	}, e.deps.Persons, now)
}

// refuseTold says why nothing could be made of what was sent.
func (e *Edge) refuseTold(c echo.Context, hook *schema.IncomingHook, err error) error {
	status, what := http.StatusUnprocessableEntity, "refused"
	var missing *unfound
	var known *schema.Error
	words := err.Error()
	switch {
	case errors.Is(err, errForm), errors.Is(err, errMuch):
		status, what = http.StatusBadRequest, "malformed"
	case errors.As(err, &missing):
		what = missing.what
	case errors.As(err, &known):
		words = known.Text
	}
	e.noteIncoming(hook, what)
	e.hook(incoming, hookMalformed)
	problem(c.Response(), status, words, nil)
	return nil
}

// keepTold answers 202 once the conversion is durable.
func (e *Edge) keepTold(c echo.Context, hook *schema.IncomingHook, evidence *schema.Evidence, now schema.Millis) error {
	key, value, err := conversion.Record(hook.Workspace, evidence, now)
	if err != nil {
		return fmt.Errorf("cannot encode a conversion: %w", err)
	}
	ctx, cancel := e.hookContext(c)
	defer cancel()
	if err := e.appendTold(ctx, key, value); err != nil {
		e.hook(incoming, hookFailed)
		e.unavailable(c.Response(), "conversion", err)
		return nil
	}
	e.hook(incoming, hookAccepted)
	e.noteIncoming(hook, "taken")
	return c.JSON(http.StatusAccepted, map[string]string{"id": schema.ID(evidence.GetConversion().GetId()).String()})
}

func (e *Edge) appendTold(ctx context.Context, key, value []byte) error {
	if err := e.deps.Fail.At("collect.before-hook"); err != nil {
		return err
	}
	if err := e.deps.Log.Append(ctx, schema.TopicLeads, [][]byte{key}, [][]byte{value}); err != nil {
		return err
	}
	return e.deps.Fail.At("collect.after-hook")
}

// noteIncoming counts what came to an address, for its card.
func (e *Edge) noteIncoming(hook *schema.IncomingHook, what string) {
	if e.deps.Signals != nil {
		e.deps.Signals.Note(incoming, strconv.FormatInt(hook.ID, 10), what, schema.MillisOf(e.deps.Now()))
	}
}
