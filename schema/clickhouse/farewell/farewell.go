// Package farewell dials connections to ClickHouse that are closed without a
// reset: whoever asks gives up at times, and ClickHouse as a library ends the whole
// process when a connection is reset with an answer under way.
package farewell

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
)

// drainFor bounds how long the rest of an answer that nobody wants is taken.
const drainFor = 10 * time.Second

// Dialer makes such connections. A question that is given up leaves an answer
// on its way; to close a connection before that is read would reset it.
type Dialer struct{ net.Dialer }

// Options are options whose connections are closed so. Behind TLS there is a
// server, which stands it.
func Options(options *clickhouse.Options) *clickhouse.Options {
	if options.TLS != nil || options.DialContext != nil {
		return options
	}
	changed := *options
	changed.DialContext = func(ctx context.Context, address string) (net.Conn, error) {
		return Dialer{Dialer: net.Dialer{Timeout: options.DialTimeout}}.DialContext(ctx, "tcp", address)
	}
	return &changed
}

// DialContext connects.
func (f Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := f.Dialer.DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
		return &drained{TCPConn: tcp}, nil
	}
	return conn, err
}

// drained is a connection that takes what is on its way before it ends.
type drained struct {
	*net.TCPConn
	reading sync.Mutex // held while somebody reads
	mu      sync.Mutex // over closed and deadlines
	closed  bool
}

// Read reads; of a closed connection nothing.
func (d *drained) Read(p []byte) (int, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	if d.isClosed() {
		return 0, net.ErrClosed
	}
	return d.TCPConn.Read(p)
}

// WriteTo reads by Read, as the connection's own would not.
func (d *drained) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{d})
}

func (d *drained) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// SetReadDeadline sets when reading gives up, unless the connection is closed.
func (d *drained) SetReadDeadline(at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	return d.TCPConn.SetReadDeadline(at)
}

// SetDeadline sets when reading and writing give up.
func (d *drained) SetDeadline(at time.Time) error {
	if err := d.SetReadDeadline(at); err != nil {
		return err
	}
	return d.SetWriteDeadline(at)
}

// Close says that nothing more comes, and returns; the rest is read aside until
// the other side closes as well.
func (d *drained) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	d.closed = true
	if d.CloseWrite() != nil || d.TCPConn.SetReadDeadline(time.Unix(1, 0)) != nil { // Whoever reads gives up.
		return d.TCPConn.Close()
	}
	go func() {
		d.reading.Lock()
		defer d.reading.Unlock()
		defer d.TCPConn.Close()
		if d.TCPConn.SetReadDeadline(time.Now().Add(drainFor)) == nil {
			_, _ = io.Copy(io.Discard, d.TCPConn) // However it ends, it is over.
		}
	}()
	return nil
}
