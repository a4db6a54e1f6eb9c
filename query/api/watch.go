package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/schema"
)

// watch sees every request: it measures, turns errors into problems, and logs
// what the operator should know. Neither holds personal data.
type watch struct {
	seconds *prometheus.HistogramVec
	routes  map[string]bool
	log     *slog.Logger
}

func newWatch(registry prometheus.Registerer, log *slog.Logger, operations map[string]*operation) (*watch, error) {
	w := &watch{log: log, routes: map[string]bool{
		"/api/v1/openapi.yaml": true, "/connect/:provider/start": true, "/connect/:provider/callback": true,
	}}
	for _, op := range operations {
		w.routes[routerPath(op.route.Path)] = true
	}
	w.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sourceloop_api_request_seconds", Help: "How long answers of the API took, by route.",
		Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
	}, []string{"method", "route", "status"})
	if registry != nil {
		if err := registry.Register(w.seconds); err != nil {
			return nil, fmt.Errorf("cannot register the API's metrics: %w", err)
		}
	}
	return w, nil
}

func (w *watch) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		begun := time.Now()
		if err := next(c); err != nil {
			w.fail(err, c)
		}
		// A path that nobody serves could be anything, and there would be a
		// series for each.
		route, method := c.Path(), c.Request().Method
		if !w.routes[route] {
			route, method = "other", "any"
		}
		w.seconds.WithLabelValues(method, route, strconv.Itoa(c.Response().Status)).Observe(time.Since(begun).Seconds())
		return nil
	}
}

// fail answers an error as a problem.
func (w *watch) fail(err error, c echo.Context) {
	if errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil {
		err = context.Canceled // Whoever asked has gone, and nothing failed.
	}
	problem := problemOf(err)
	if problem.Status >= http.StatusInternalServerError {
		w.log.Error("a request failed", "route", c.Path(), "status", problem.Status, "operation", operationOf(err), "error", mask(err))
	}
	if c.Response().Committed {
		return
	}
	if err := problem.write(c.Response()); err != nil {
		w.log.Debug("an error could not be sent", "route", c.Path())
	}
}

func operationOf(err error) string {
	var known *schema.Error
	if errors.As(err, &known) {
		return known.Op
	}
	return ""
}

// mask takes out of an error what may be somebody's data: whatever stands in
// quotes, as statements and values do, and emails.
func mask(err error) string {
	return regexp.MustCompile(`'[^']*'|"[^"]*"|\S+@\S+`).ReplaceAllString(err.Error(), "…")
}

// recover turns a panic into an error.
func (w *watch) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			caught := recover()
			if caught == nil {
				return
			}
			if given, ok := caught.(error); ok && errors.Is(given, http.ErrAbortHandler) {
				panic(caught) // Meant for net/http.
			}
			w.log.Error("a request panicked", "route", c.Path(), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %T", caught)
		}()
		return next(c)
	}
}
