package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sourceloop/deploy/chaos/proxy"
	"sourceloop/deploy/load"
)

// Absence is what was seen while an engine was away, and after it came back.
type Absence struct {
	Sent         load.Sent
	Refused      float64 // hits and requests that a collector did not take
	Lag          float64 // the most records that waited, as pipelines say
	MemoryBefore float64 // bytes: the largest pipeline process before
	Memory       float64 // and at any time until all was caught up
	Left         float64 // records that waited in the end
	Compared     string  // check's last line
}

// around is how long load runs before and after an absence.
const around = 5 * time.Second

// Away makes ClickHouse or Redis swallow everything for as long as config.For
// says, while load runs, then lets it come back, and waits until nothing waits
// any more. An engine that is killed answers at once that it is not there; this
// one does not answer at all, which is worse.
func Away(ctx context.Context, config Config, engine string) (*Absence, error) {
	seen := &Absence{}
	err := on(ctx, config, func(c *cluster) error { return c.without(ctx, engine, seen) })
	return seen, err
}

func (c *cluster) without(ctx context.Context, engine string, seen *Absence) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.For+loadPatience)
	defer cancel()
	expected := filepath.Join(c.dir, "expected.json")
	loaded := make(chan error, 1)
	go func() {
		loaded <- c.load(ctx, c.config.For+2*around, expected, filepath.Join(c.dir, "acknowledged.log"))
	}()
	watch := func(d time.Duration) error { return c.observe(ctx, seen, time.Now().Add(d)) }
	if err := watch(around); err != nil {
		return err
	}
	seen.MemoryBefore = seen.Memory
	c.proxies[engine].All(proxy.BlackHole())
	err := watch(c.config.For)
	c.proxies[engine].Heal()
	if err == nil {
		err = <-loaded
	}
	if err != nil {
		return err
	}
	if err := c.catchUp(ctx, seen); err != nil {
		return err
	}
	if seen.Sent, err = sentBy(expected); err != nil {
		return err
	}
	seen.Compared, err = c.check(ctx, expected)
	return err
}

// observe looks at all processes again and again until a moment.
func (c *cluster) observe(ctx context.Context, seen *Absence, until time.Time) error {
	for time.Now().Before(until) {
		c.glance(ctx, seen)
		if err := pause(ctx, look); err != nil {
			return err
		}
	}
	return nil
}

// catchUp waits until no record waits.
func (c *cluster) catchUp(ctx context.Context, seen *Absence) error {
	for calm := 0; calm < 3; { // Lags are measured every few seconds.
		c.glance(ctx, seen)
		if calm++; seen.Left > 0 {
			calm = 0
		}
		if err := pause(ctx, 3*time.Second); err != nil {
			return fmt.Errorf("%.0f records still wait: %w", seen.Left, err)
		}
	}
	return nil
}

// glance reads the metrics of all processes. One that does not answer in time
// is looked at the next time.
func (c *cluster) glance(ctx context.Context, seen *Absence) {
	lag, refused, complete := 0.0, 0.0, true
	for _, m := range c.members {
		if m.role != roleCollect && m.role != rolePipeline {
			continue
		}
		err := metrics(ctx, m.addr, func(name string, value float64) {
			switch {
			case strings.HasPrefix(name, "sourceloop_stage_lag_records{"):
				lag += value
			case strings.HasPrefix(name, "sourceloop_collect_requests_refused_total{"),
				strings.HasPrefix(name, "sourceloop_collect_hits_refused_total{"):
				refused += value
			case name == "process_resident_memory_bytes" && m.role == rolePipeline:
				seen.Memory = max(seen.Memory, value)
			}
		})
		complete = complete && err == nil
	}
	if complete {
		seen.Lag, seen.Refused, seen.Left = max(seen.Lag, lag), max(seen.Refused, refused), lag
	}
}

// sentBy reads how load says its sending went.
func sentBy(expected string) (load.Sent, error) {
	var account load.Account
	text, err := os.ReadFile(expected)
	if err == nil {
		err = json.Unmarshal(text, &account)
	}
	if err != nil {
		return account.Sent, fmt.Errorf("cannot read what was sent: %w", err)
	}
	return account.Sent, nil
}
