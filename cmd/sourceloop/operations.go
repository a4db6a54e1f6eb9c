package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// pingLimit bounds how long readiness waits for one engine.
const pingLimit = 2 * time.Second

// mountOperations serves /healthz (the process lives), /readyz (it can do its
// work; false first when it stops) and /metrics.
func (n *node) mountOperations(e *echo.Echo) {
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", n.ready)
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{Registry: n.registry})))
}

type readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"`
}

func (n *node) ready(c echo.Context) error {
	answer := readiness{Ready: !n.draining.Load(), Checks: map[string]string{}}
	for name, d := range n.dependencies() {
		ctx, cancel := context.WithTimeout(c.Request().Context(), d.limit)
		answer.Checks[name] = "ok"
		if err := d.ping(ctx); err != nil {
			answer.Ready, answer.Checks[name] = answer.Ready && !d.needed, d.words
			n.log.Warn("a check of readiness failed", "of", name, "needed", d.needed, "err", err)
		}
		cancel()
	}
	status := http.StatusOK
	if !answer.Ready {
		status = http.StatusServiceUnavailable
	}
	return c.JSON(status, answer)
}

// dependency is something that the work of this process rests on.
type dependency struct {
	ping   func(context.Context) error
	words  string // when it fails
	limit  time.Duration
	needed bool // without it the process is not ready
}

// dependencies are what the roles of this process need. One that collects can
// do without Kafka while its spool has room.
func (n *node) dependencies() map[string]dependency {
	engine := func(ping func(context.Context) error) dependency {
		return dependency{ping, "does not answer", pingLimit, true}
	}
	all := map[string]dependency{"settings": engine(n.control.Ping), "kafka": engine(n.logs.Ping)}
	if n.has(roleCollect) {
		all["kafka"] = dependency{n.logs.Ping, "does not answer; hits and webhooks are kept in the spool", pingLimit / 4, false}
		all["spool"] = dependency{n.spool.Check, "takes nothing: it is full, or its disk fails", pingLimit, true}
	}
	if n.has(rolePipeline) {
		all["redis"], all["clickhouse"] = engine(n.state.Ping), engine(n.sink.Connect)
	}
	if n.has(roleQuery) {
		all["reports"] = engine(n.reports.Ping)
	}
	return all
}

// fail answers what no route did: as problem+json, in words.
func (n *node) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := http.StatusInternalServerError
	var known *echo.HTTPError
	if errors.As(err, &known) {
		status = known.Code
	} else {
		n.log.Error("a request failed", "path", c.Path(), "err", err)
	}
	detail := "Something went wrong that should not. Try again; if it stays, tell the operator."
	switch status {
	case http.StatusNotFound:
		detail = "There is nothing at this address. Check how it is written."
	case http.StatusMethodNotAllowed:
		detail = "This address does not take " + c.Request().Method + ". The methods it takes are in the header Allow."
	}
	problem := map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail}
	body, err := json.Marshal(problem)
	if err != nil {
		body = []byte("{}")
	}
	if err := c.Blob(status, "application/problem+json", body); err != nil {
		n.log.Debug("an answer could not be written", "err", err)
	}
}
