package spool

import (
	"sync/atomic"
	"time"
)

// circuit knows whether the log acknowledges. It is open while it does not.
type circuit struct {
	probe time.Duration // how often the log is tried while it is away
	away  atomic.Bool
	until atomic.Int64 // ns since 1970; then one may try
}

// try tells whether the caller is to try the log.
func (c *circuit) try(now time.Time) bool {
	if !c.away.Load() {
		return true
	}
	until := c.until.Load()
	return now.UnixNano() >= until && c.until.CompareAndSwap(until, now.Add(c.probe).UnixNano())
}

// failed opens the circuit, and tells whether it was closed.
func (c *circuit) failed(now time.Time) bool {
	c.until.Store(now.Add(c.probe).UnixNano())
	return !c.away.Swap(true)
}

// answered closes the circuit, and tells whether it was open. Most of the time
// it is not, and then nothing is written that processors would have to share.
func (c *circuit) answered() bool { return c.away.Load() && c.away.Swap(false) }

func (c *circuit) gauge() float64 {
	if c.away.Load() {
		return 1
	}
	return 0
}
