package proxy

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Fault is what happens to the bytes of a connection. The zero value passes them on.
type Fault struct {
	Delay    time.Duration // before each piece is passed on, in either direction
	Requests bool          // what clients send is swallowed
	Answers  bool          // what servers send is swallowed
}

// BlackHole swallows everything.
func BlackHole() Fault { return Fault{Requests: true, Answers: true} }

// dialLimit is how long an address may take to accept.
const dialLimit = 2 * time.Second

// Proxy passes connections on. It is safe for concurrent use.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup

	mu          sync.Mutex
	targets     []string
	next        int // of targets
	fault       Fault
	refusing    bool
	closed      bool
	connections map[*Connection]struct{}
}

// Start listens on an address, whose port may be 0, and passes on to the targets. Without any it takes no connection
// until To tells some.
func Start(listen string, targets ...string) (*Proxy, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("cannot start a proxy: %w", err)
	}
	p := &Proxy{listener: l, targets: targets, connections: make(map[*Connection]struct{})}
	p.running.Go(p.accept)
	return p, nil
}

// To sets where new connections are passed on to.
func (p *Proxy) To(targets ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = targets
}

// Addr is where it listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// All sets what happens to every connection, present ones and those to come.
func (p *Proxy) All(f Fault) {
	p.mu.Lock()
	p.fault = f
	p.mu.Unlock()
	for _, c := range p.Connections() {
		c.Set(f)
	}
}

// Refuse tells whether new connections are closed at once.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = refuse
}

// Heal passes everything on again, and cuts the connections that lost something.
func (p *Proxy) Heal() {
	p.Refuse(false)
	p.All(Fault{})
}

// Cut closes all present connections, and tells how many they were.
func (p *Proxy) Cut() (n int) {
	for _, c := range p.Connections() {
		if c.Cut() {
			n++
		}
	}
	return n
}

// Connections are those that are open, in no order.
func (p *Proxy) Connections() []*Connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*Connection, 0, len(p.connections))
	for c := range p.connections {
		all = append(all, c)
	}
	return all
}

// Close stops listening, cuts all connections and waits until nothing runs any more.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.Cut()
	p.running.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // The client has gone already.
		}
		p.mu.Lock()
		refusing := p.refusing
		p.mu.Unlock()
		if refusing {
			_ = client.Close() // It was to be refused.
			continue
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// serve finds a server for a client and passes on until either ends.
func (p *Proxy) serve(client net.Conn) {
	server := p.dial()
	if server == nil {
		_ = client.Close() // As the server would have refused it.
		return
	}
	c := &Connection{client: client, server: server, cut: make(chan struct{})}
	if !p.add(c) {
		c.Cut()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { c.pass(server, client, requests) })
	both.Go(func() { c.pass(client, server, answers) })
	both.Wait()
	c.Cut()
	p.mu.Lock()
	delete(p.connections, c)
	p.mu.Unlock()
}

// add gives a connection the fault in force, unless the proxy was closed meanwhile.
func (p *Proxy) add(c *Connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	c.fault = p.fault
	p.connections[c] = struct{}{}
	return true
}

// dial asks each target once, beginning with the one whose turn it is.
func (p *Proxy) dial() net.Conn {
	for _, target := range p.turn() {
		if server, err := net.DialTimeout("tcp", target, dialLimit); err == nil {
			return server
		}
	}
	return nil
}

func (p *Proxy) turn() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.targets) == 0 {
		return nil
	}
	first := p.next % len(p.targets)
	p.next++
	return slices.Concat(p.targets[first:], p.targets[:first])
}
