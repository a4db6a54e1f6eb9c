package collect

import (
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// How long a connection may take; the same as the server behind it has.
const (
	frontIdle    = 2 * time.Minute  // between two requests
	frontPartial = 10 * time.Second // for the rest of a request that has begun
	// frontGrain is how coarse the first of these is: setting it for every
	// request would cost as much as reading one.
	frontGrain = 30 * time.Second
)

// Front is a listener before a server. It answers the plain requests for hits
// on its connections by itself, which costs half of what net/http takes, and
// hands a connection over, for good and with all bytes that it has read, as
// soon as it brings anything else: another path or method, a header that
// changes how a request is read, a body that is large, or anything that
// net/http might refuse. So no request is ever read in two ways.
type Front struct {
	edge    *Edge
	inner   net.Listener
	post    []byte // how a request that is ours begins
	country string // the header in which a trusted proxy tells the country, in small letters
	handed  chan net.Conn
	failed  chan error
	closed  chan struct{}
	once    sync.Once
	date    date

	mu      sync.Mutex
	callers map[*caller]struct{}
	open    sync.WaitGroup // callers
}

// Front puts a front before a listener. Serve what it accepts, and after
// closing it, Drain it.
func (e *Edge) Front(inner net.Listener) *Front {
	f := &Front{
		edge: e, inner: inner, post: []byte("POST " + e.config.HitsPath + "?"), country: strings.ToLower(e.trust.header),
		handed: make(chan net.Conn), failed: make(chan error), closed: make(chan struct{}),
		callers: make(map[*caller]struct{}),
	}
	go f.accept()
	return f
}

// Accept gives the next connection that is handed over.
func (f *Front) Accept() (net.Conn, error) {
	select {
	case c := <-f.handed:
		return c, nil
	case err := <-f.failed:
		return nil, err
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

// Addr is the address listened on.
func (f *Front) Addr() net.Addr { return f.inner.Addr() }

// Close takes no more connections, and ends those that are idle. Requests
// under way are finished: see Drain.
func (f *Front) Close() error {
	var err error
	f.once.Do(func() {
		close(f.closed)
		err = f.inner.Close()
		f.mu.Lock()
		defer f.mu.Unlock()
		for c := range f.callers {
			_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // It fails on a connection that has ended.
		}
	})
	return err
}

// Drain waits for the requests under way, after Close.
func (f *Front) Drain(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		f.open.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.callers {
		_ = c.conn.Close() // It may have ended.
	}
	return ctx.Err()
}

func (f *Front) isClosed() bool {
	select {
	case <-f.closed:
		return true
	default:
		return false
	}
}

func (f *Front) accept() {
	for {
		conn, err := f.inner.Accept()
		if err == nil {
			f.greet(conn)
			continue
		}
		select {
		case f.failed <- err:
		case <-f.closed:
			return
		}
	}
}

func (f *Front) greet(conn net.Conn) {
	c := newCaller(f, conn)
	f.mu.Lock()
	f.callers[c] = struct{}{}
	f.open.Add(1)
	f.mu.Unlock()
	go func() {
		defer f.open.Done()
		over := c.serve()
		f.mu.Lock()
		delete(f.callers, c)
		f.mu.Unlock()
		if over == nil {
			_ = conn.Close() // There is nobody to tell.
			return
		}
		select {
		case f.handed <- over:
		case <-f.closed:
			_ = conn.Close() // The same.
		}
	}()
}

// caller is one connection while it brings hits only.
type caller struct {
	front  *Front
	conn   net.Conn
	in     []byte // read and not yet taken
	plain  plain
	answer answerBuffer
	until  time.Time // the deadlines that are set

	// The request as the edge sees it, used again and again.
	request http.Request
	header  http.Header
	body    memory
	agent   string
}

// callerBuffer is what an idle connection holds; keptInput up to what size a
// larger one is kept.
const (
	callerBuffer = 4 << 10
	keptInput    = 16 << 10
)

func newCaller(f *Front, conn net.Conn) *caller {
	c := &caller{front: f, conn: conn, in: make([]byte, 0, callerBuffer), header: make(http.Header, 4)}
	c.request = *newFrontRequest(conn.RemoteAddr().String(), c.header, &c.body)
	c.answer.header = make(http.Header, 4)
	return c
}

// serve answers requests until the connection ends (nil) or is to be handed
// over.
func (c *caller) serve() (over net.Conn) {
	defer func() {
		if r := recover(); r != nil {
			c.front.edge.deps.Logger.Error("a request made the collector panic", "stack", string(debug.Stack()))
			over = nil
		}
	}()
	for {
		size, ours := c.next()
		switch {
		case size == 0:
			return nil
		case !ours:
			_ = c.conn.SetDeadline(time.Time{}) // It fails on a connection that has ended.
			return &overhanded{Conn: c.conn, read: c.in}
		}
		c.handle()
		if c.front.isClosed() {
			c.answer.header["Connection"] = []string{"close"}
		}
		if _, err := c.conn.Write(c.answer.bytes(&c.front.date)); err != nil || c.front.isClosed() {
			return nil
		}
		c.take(size)
	}
}

// next reads until a whole request is there. The size is 0 when none came.
func (c *caller) next() (size int, ours bool) {
	for {
		size, k := c.front.read(c.in, &c.plain)
		switch {
		case k == isOurs:
			return size, true
		case k == isForeign:
			return len(c.in), false
		case !c.fill():
			return 0, false
		}
	}
}

// fill reads more.
func (c *caller) fill() bool {
	now := time.Now()
	switch {
	case len(c.in) > 0:
		if c.until.Sub(now) > frontPartial {
			c.until = now.Add(frontPartial)
			_ = c.conn.SetReadDeadline(c.until) // Reading tells when it has ended.
		}
	case c.until.Sub(now) < frontIdle:
		c.until = now.Add(frontIdle + frontGrain)
		_ = c.conn.SetDeadline(c.until) // The same.
	}
	if c.front.isClosed() {
		return false
	}
	if len(c.in) == cap(c.in) {
		c.in = append(make([]byte, 0, min(4*cap(c.in), frontMost)), c.in...)
	}
	n, err := c.conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	return err == nil
}

// take drops a request that was answered.
func (c *caller) take(size int) {
	rest := copy(c.in, c.in[size:])
	c.in = c.in[:rest]
	if rest == 0 && cap(c.in) > keptInput {
		c.in = make([]byte, 0, callerBuffer)
	}
}

// handle lets the edge answer the request that was read.
func (c *caller) handle() {
	c.plain.into(c)
	c.answer.reset()
	c.front.edge.handle(&c.answer, &c.request)
	c.front.edge.metrics.plain.Inc()
}

// overhanded is a connection of which something was read.
type overhanded struct {
	net.Conn
	read []byte
}

// Read gives what was read first.
func (o *overhanded) Read(p []byte) (int, error) {
	if len(o.read) == 0 {
		return o.Conn.Read(p)
	}
	n := copy(p, o.read)
	if o.read = o.read[n:]; len(o.read) == 0 {
		o.read = nil
	}
	return n, nil
}
