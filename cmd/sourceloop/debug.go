package main

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"

	"sourceloop/schema"
)

// serveDebug serves profiles under /debug/pprof/ for as long as the process
// lives; nothing without an address. A profile holds pieces of memory, and
// taking one costs: only this machine may.
func serveDebug(address string, log *slog.Logger) error {
	if address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return schema.E("debug", schema.KindInvalid,
			"Profiles can't be served on %q. They are for this machine alone: use --debug 127.0.0.1:6060.", address)
	}
	l, err := listen(address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	serveHTTP(l, mux, log)
	log.Info("profiles are served", "url", "http://"+l.Addr().String()+"/debug/pprof/")
	return nil
}
