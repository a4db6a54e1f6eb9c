package bench

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"

	"sourceloop/schema"
)

// Config says how much is measured, and with what.
type Config struct {
	Hits       int    // of each side
	Dir        string // folder for everything; the caller deletes it
	Executable string // the product's binary, which knows PartCommand too
	Profiles   string // folder that gets profiles of the product; "" for none
	Only       string // of the area reports: attribution, funnel, traffic, places or busy alone; "" for all
	Groups     Groups
	Log        *slog.Logger
}

// Groups are the names of the pipeline's consumer groups, which are made to read again.
type Groups struct{ Hits, Leads string }

// rounds is how often both sides take turns; a row compares their medians. A run that is too small to mean anything, as a
// test's, has one.
func (c Config) rounds() int {
	if c.Hits < fewHits {
		return 1
	}
	return 5
}

// fewHits is below what a median of several rounds is worth its time.
const fewHits = 20_000

// Run measures one area.
func Run(ctx context.Context, area string, config Config) (report *Report, err error) {
	measure, known := map[string]func(context.Context, *host, *Report) error{
		"collect": collect, "pipeline": pipeline, "identity": identify, "freshness": freshness,
		"reports": measureReports,
	}[area]
	switch {
	case !known:
		return nil, schema.E("bench", schema.KindInvalid, "There is no area %q. The areas are %s.", area, Areas())
	case config.Hits < leastHits:
		return nil, schema.E("bench", schema.KindInvalid, "%d hits are too few to measure anything; use at least %d.", config.Hits, leastHits)
	}
	h := newHost(config)
	defer func() { err = errors.Join(err, h.close()) }()
	report = newReport()
	report.note("hits", config.Hits)
	report.note("cores", runtime.NumCPU())
	report.note("load_average_before", load())
	if err := measure(ctx, h, report); err != nil {
		return nil, err
	}
	report.note("load_average_after", load())
	return report, nil
}

// leastHits is one request of 20 hits a round.
const leastHits = 1000

// Areas lists what can be measured.
func Areas() string {
	return strings.Join([]string{"collect", "pipeline", "identity", "freshness", "reports"}, ", ")
}
