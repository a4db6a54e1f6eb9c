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
	for name, ping := range n.pings() {
		ctx, cancel := context.WithTimeout(c.Request().Context(), pingLimit)
		answer.Checks[name] = "ok"
		if err := ping(ctx); err != nil {
			answer.Ready, answer.Checks[name] = false, "does not answer"
			n.log.Warn("not ready", "engine", name, "err", err)
		}
		cancel()
	}
	status := http.StatusOK
	if !answer.Ready {
		status = http.StatusServiceUnavailable
	}
	return c.JSON(status, answer)
}

// pings are the engines that the roles of this process need.
func (n *node) pings() map[string]func(context.Context) error {
	pings := map[string]func(context.Context) error{"settings": n.control.Ping, "kafka": n.logs.Ping}
	if n.has(rolePipeline) {
		pings["redis"], pings["clickhouse"] = n.state.Ping, n.sink.Connect
	}
	if n.has(roleQuery) {
		pings["reports"] = n.reports.Ping
	}
	return pings
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
