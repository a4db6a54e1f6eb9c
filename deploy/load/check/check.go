package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"sourceloop/deploy/load"
)

// Report is how a comparison went.
type Report struct {
	Compared    int      // values
	Differences []string // in words
}

// Tolerance is by how much numbers may differ.
const Tolerance = 1e-6

// pauseBetween is how long to wait before asking again.
const pauseBetween = time.Second

// Until compares until nothing differs, or until nothing has changed for as long as patience; also while the API cannot
// answer. It returns an error when it never answered, or refuses us.
func Until(ctx context.Context, api *API, want *load.Account, patience time.Duration) (Report, error) {
	var last Report
	changed, answered := time.Now(), false
	for {
		report, err := Once(ctx, api, want)
		switch {
		case errors.Is(err, errDenied), ctx.Err() != nil:
			return last, errors.Join(err, ctx.Err())
		case err == nil && len(report.Differences) == 0:
			return report, nil
		case err == nil && (!answered || !slices.Equal(report.Differences, last.Differences)):
			last, changed, answered = report, time.Now(), true
		}
		if time.Since(changed) >= patience {
			if err != nil {
				return last, err
			}
			return last, nil
		}
		if err := pause(ctx, pauseBetween); err != nil {
			return last, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Once compares once.
func Once(ctx context.Context, api *API, want *load.Account) (Report, error) {
	c := &comparison{api: api, want: want}
	for _, part := range []func(context.Context) error{c.traffic, c.attribution, c.funnels, c.contacts} {
		if err := part(ctx); err != nil {
			return c.Report, err
		}
	}
	return c.Report, nil
}

// questions is how many are asked at a time.
const questions = 4

// each makes a number of comparisons side by side and joins what they found in their order.
func (c *comparison) each(ctx context.Context, n int, compare func(ctx context.Context, one *comparison, i int) error) error {
	parts := make([]comparison, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(questions)
	for i := range parts {
		parts[i] = comparison{api: c.api, want: c.want}
		group.Go(func() error { return compare(ctx, &parts[i], i) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range parts {
		c.Compared += parts[i].Compared
		c.Differences = append(c.Differences, parts[i].Differences...)
	}
	return nil
}

type comparison struct {
	Report
	api  *API
	want *load.Account
}

func (c *comparison) differ(what string, got, want any) {
	c.Differences = append(c.Differences, fmt.Sprintf("%s is %v, and must be %v", what, show(got), show(want)))
}

func show(v any) any {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return v
}

func (c *comparison) number(what string, got, want float64) {
	c.Compared++
	if math.IsNaN(got) || math.Abs(got-want) > Tolerance {
		c.differ(what, got, want)
	}
}

func (c *comparison) text(what, got, want string) {
	c.Compared++
	if got != want {
		c.differ(what, got, want)
	}
}

func (c *comparison) moment(what string, got, want time.Time) {
	c.Compared++
	if !got.Equal(want) {
		c.differ(what, got, want)
	}
}

func (c *comparison) texts(what string, got, want []string) {
	c.Compared++
	if !slices.Equal(got, want) {
		c.differ(what, got, want)
	}
}
