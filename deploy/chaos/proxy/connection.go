package proxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// direction is whose bytes are meant.
type direction int

const (
	requests direction = iota // the client's
	answers                   // the server's
)

func (f Fault) swallows(d direction) bool {
	return d == requests && f.Requests || d == answers && f.Answers
}

// Connection is one client with its server.
type Connection struct {
	client, server net.Conn
	cut            chan struct{} // closed when it is

	mu    sync.Mutex
	fault Fault
	torn  [2]bool // the direction lost bytes, so that nothing behind them may arrive
	over  bool
}

// Set changes what happens to this connection. One that lost bytes is cut when no more are to be lost.
func (c *Connection) Set(f Fault) {
	c.mu.Lock()
	c.fault = f
	end := c.torn[requests] && !f.Requests || c.torn[answers] && !f.Answers
	c.mu.Unlock()
	if end {
		c.Cut()
	}
}

// Cut closes both sides, and tells whether they were open. What they were just told may be lost.
func (c *Connection) Cut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	c.over = true
	close(c.cut)
	_, _ = c.client.Close(), c.server.Close() // Nobody is left who could mind.
	return true
}

// fate tells what is to become of a direction's bytes, or of its end, now.
func (c *Connection) fate(d direction) (lost bool, delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.torn[d] = c.torn[d] || c.fault.swallows(d)
	return c.torn[d], c.fault.Delay
}

// pass carries one direction until it ends. An end in good order is passed on, so that a side that has said everything
// still hears the other one out.
func (c *Connection) pass(to, from net.Conn, d direction) {
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		lost := c.lose(d)
		if !lost && n > 0 {
			if _, failed := to.Write(piece[:n]); failed != nil {
				c.Cut()
				return
			}
		}
		if err != nil {
			c.end(to, lost, err)
			return
		}
	}
}

// lose waits as long as the bytes in hand are to be delayed, and tells whether they are lost.
func (c *Connection) lose(d direction) bool {
	lost, delay := c.fate(d)
	if lost || delay == 0 {
		return lost
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.cut:
	}
	lost, _ = c.fate(d)
	return lost
}

// end tells the receiver that nothing more comes, unless that is lost as well.
func (c *Connection) end(to net.Conn, lost bool, why error) {
	if lost {
		<-c.cut
		return
	}
	half, ok := to.(*net.TCPConn)
	if !ok || !errors.Is(why, io.EOF) || half.CloseWrite() != nil {
		c.Cut()
	}
}
