package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sourceloop/schema"
)

// webServer is an HTTP server with the limits that every one of ours has.
type webServer struct {
	server   *http.Server
	listener net.Listener
	failed   chan error
	drain    func(context.Context) error // of what the listener answers by itself; nil for nothing
}

// listen opens the address before anything else happens, so that a port in
// use is told at once.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, schema.E("listen", schema.KindUnavailable,
			"Nothing can listen on %s (%v). Another program uses the port, or the address is not this machine's; choose another one with --listen.", address, err)
	}
	return l, nil
}

func serveHTTP(l net.Listener, handler http.Handler, log *slog.Logger) *webServer {
	w := &webServer{listener: l, failed: make(chan error, 1), server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go func() {
		if err := w.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.failed <- err
		}
	}()
	return w
}

// close stops taking requests and waits for those under way.
func (w *webServer) close(patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := w.server.Shutdown(ctx)
	if w.drain != nil {
		err = errors.Join(err, w.drain(ctx))
	}
	if err != nil {
		return errors.Join(err, w.server.Close())
	}
	return nil
}
