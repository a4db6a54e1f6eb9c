package api

import (
	"slices"
	"time"

	"github.com/labstack/echo/v4"
)

// AsOfHeader tells in answers read from ClickHouse up to which moment everything
// that came in is in them, when that is a while ago: the pipeline is behind, or
// something it stands on is away.
const AsOfHeader = "As-Of"

// behindAfter is how old numbers may be before an answer says so. In good times
// they are less than a second.
const behindAfter = 10 * time.Second

// asOf says how old the numbers of an answer are.
type asOf struct {
	moment     func() (time.Time, bool)
	now        func() time.Time
	operations map[string]*operation
}

// middleware asks before the numbers are read: they are at least as new.
func (a *asOf) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		op, ok := a.operations[c.Request().Method+" "+c.Path()]
		if !ok || !op.reads() {
			return next(c)
		}
		if at, known := a.moment(); known && a.now().Sub(at) > behindAfter {
			c.Response().Header().Set(AsOfHeader, at.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
		return next(c)
	}
}

// reads tells whether an operation answers with what the pipeline wrote.
func (o *operation) reads() bool {
	tags := o.route.Operation.Tags
	return slices.Contains(tags, "contacts") || slices.Contains(tags, "reports")
}
