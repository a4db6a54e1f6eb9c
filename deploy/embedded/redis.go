package embedded

import (
	"context"
	"fmt"
	"net"

	"github.com/alicebob/miniredis/v2"
)

// RedisConfig says how to start the embedded Redis.
type RedisConfig struct {
	Listen string // Loopback address, host:port; empty or port 0 picks a free port.
}

// Redis is a miniredis in this process, spoken to over TCP. It starts empty: everything in it is a projection that its
// writers refill after a cold start, just as after a loss of Redis in production.
type Redis struct {
	server *miniredis.Miniredis
}

// StartRedis starts the embedded Redis.
func StartRedis(_ context.Context, cfg RedisConfig) (*Redis, error) {
	listen, err := loopback(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot start the embedded Redis: %w", err)
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(listen); err != nil {
		return nil, fmt.Errorf("cannot start the embedded Redis: %w", portError(listen, err))
	}
	return &Redis{server: server}, nil
}

// Addr is the host:port it listens on.
func (r *Redis) Addr() string { return r.server.Addr() }

// Close ends it and drops what it held. Close the clients first.
func (r *Redis) Close() error {
	r.server.Close()
	return nil
}

// loopback completes a listen address, and refuses one that other machines could reach: the embedded services know no
// passwords of their own.
func loopback(listen string) (string, error) {
	if listen == "" {
		return "127.0.0.1:0", nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("cannot read the listen address %q: %w", listen, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("cannot listen on %q: an embedded service is open to everybody who can reach it, so it listens on a loopback address only, 127.0.0.1 say; run a real one for other machines", listen)
	}
	return net.JoinHostPort(host, port), nil
}
