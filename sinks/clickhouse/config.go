package clickhouse

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says where ClickHouse is and how much is joined into one insert.
type Config struct {
	// Addr are host:port of the native protocol. The first that answers is
	// kept, so that what was written is read from the same replica.
	Addr     []string
	Database string
	User     string
	Password string

	Log        *slog.Logger          // nothing is logged when nil
	Registerer prometheus.Registerer // no metrics when nil

	// Goals are counted as conversions when these are credited; none when nil.
	Goals Goals

	// Every is the least time between the starts of two inserts into one
	// table; 150 ms when zero.
	Every time.Duration
	// Rows is how many waiting rows start an insert before its time;
	// 200,000 when zero.
	Rows int
	// Timeout bounds one insert or statement; 30 s when zero.
	Timeout time.Duration
	// Settle is how long an insert may take from noting that a session changed
	// to being seen: what was noted shortly before a copy of journeys began is
	// read from sessions until the next one. Two minutes when zero.
	Settle time.Duration
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Every == 0 {
		c.Every = 150 * time.Millisecond
	}
	if c.Rows == 0 {
		c.Rows = 200_000
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Settle == 0 {
		c.Settle = 2 * time.Minute
	}
	return c
}
