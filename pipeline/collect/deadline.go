package collect

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// deadlines hands out contexts that end after about a timeout. Requests share
// them, because a timer of its own costs as much as reading a hit. They do not
// end with the request: a browser that leaves does not take its hits along.
type deadlines struct {
	timeout time.Duration
	current atomic.Pointer[deadline]
	making  sync.Mutex
}

type deadline struct {
	ctx    context.Context
	cancel context.CancelFunc // when it ends by itself nothing is left to cancel
	until  time.Time          // handed out
}

// context gives one that ends between the timeout and a tenth more from now.
func (d *deadlines) context() context.Context {
	now := time.Now()
	if c := d.current.Load(); c != nil && now.Before(c.until) {
		return c.ctx
	}
	d.making.Lock()
	defer d.making.Unlock()
	if c := d.current.Load(); c != nil && now.Before(c.until) {
		return c.ctx
	}
	share := d.timeout / 10
	ctx, cancel := context.WithTimeout(context.Background(), d.timeout+share) //nolint:gosec // Requests share it; it ends by itself.
	d.current.Store(&deadline{ctx: ctx, cancel: cancel, until: now.Add(share)})
	return ctx
}
