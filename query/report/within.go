package report

import (
	"context"
	"errors"
	"time"

	"sourceloop/schema"
)

// wholeStatements is how many times as long as one statement those of a question may take that makes many: by then whoever asks through the web
// is still answered.
const wholeStatements = 3

// errTooLong is why the context of what took longer ended.
var errTooLong = errors.New("the statements took too long together")

// within has something done that is given up when the time is over, and refused then. There is no deadline in its context, since that would
// take the place of the limit that each statement has.
func within(ctx context.Context, limit time.Duration, refused *schema.Error, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(limit, func() { cancel(errTooLong) }).Stop()
	err := do(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errTooLong) {
		refused.Err = err
		return refused
	}
	return err
}
