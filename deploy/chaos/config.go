package chaos

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"sourceloop/deploy/embedded"
)

// Config says how long to try, and with what. Binary is needed.
type Config struct {
	Binary string          // the built sourceloop
	Engine embedded.Engine // ClickHouse; what embedded.FindEngine finds when zero
	Jars   string          // of Kafka; what servers.FindKafka finds when empty
	Dir    string          // keeps everything, and stays; a temporary folder, removed when all is well, when empty

	For  time.Duration // how long faults happen; one minute when 0
	Seed uint64        // of what happens; made up when 0
	Rate int           // hits a second; 100 when 0

	// Quiet leaves the faults out: what goes wrong then is not their fault.
	Quiet bool

	Log *slog.Logger // nil logs nothing but the history in the folder
}

// patience bounds what is waited for after the last fault: load sends what it
// could not send, inboxes wait for leases of killed processes, everything
// catches up.
const (
	loadPatience  = 30 * time.Minute
	checkPatience = 5 * time.Minute
)

func (c *Config) complete() (ours bool, err error) {
	if c.Binary == "" {
		return false, errors.New("cannot cause chaos without the built program")
	}
	if c.Binary, err = filepath.Abs(c.Binary); err != nil {
		return false, fmt.Errorf("cannot find the built program: %w", err)
	}
	if c.For == 0 {
		c.For = time.Minute
	}
	if c.Seed == 0 {
		c.Seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	if c.Rate == 0 {
		c.Rate = 100
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Engine == (embedded.Engine{}) {
		if c.Engine, err = embedded.FindEngine(); err != nil {
			return false, err
		}
	}
	if c.Dir != "" {
		if c.Dir, err = filepath.Abs(c.Dir); err != nil {
			return false, fmt.Errorf("cannot use the folder: %w", err)
		}
		return false, os.MkdirAll(c.Dir, 0o700)
	}
	c.Dir, err = os.MkdirTemp("", "sourceloop-chaos-")
	return true, err
}
