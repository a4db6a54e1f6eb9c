package report_test

import (
	"strings"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// TestTooLargeAReplayIsRefused: by time, by rows and by paths, with words that say what to do; and not the question as such.
func TestTooLargeAReplayIsRefused(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p := newPast(t, seed)
	since := p.moment()
	for p.moment() <= since {
		continue // What happens is known later.
	}
	for range 4 {
		p.happen(schema.CauseRules)
	}
	for _, model := range []report.Model{report.Markov, report.Shapley} {
		for name, limit := range map[string]struct {
			time       time.Duration
			rows, sets int
		}{
			"in time":      {time.Hour, 1_000_000, 1_000_000},
			"by time":      {time.Nanosecond, 1_000_000, 1_000_000},
			"by rows":      {time.Hour, 1, 1_000_000},
			"by its paths": {time.Hour, 1_000_000, 1},
		} {
			p.reader.ReplayAtMost(limit.time, limit.rows)
			p.reader.TellApartAtMost(limit.sets)
			_, err := p.in(1).Changes(t.Context(), p.question(model, since))
			if name == "in time" || name == "by its paths" && model == report.Markov {
				if err != nil {
					t.Errorf("%s, %s: %v", model, name, err)
				}
			} else if schema.KindOf(err) != schema.KindLimited || !strings.Contains(err.Error(), "fewer days") {
				t.Errorf("%s, %s: %v; want it refused", model, name, err)
			}
		}
	}
}
