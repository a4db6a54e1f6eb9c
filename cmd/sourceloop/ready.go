package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"sourceloop/schema"
)

// readyCommand is the health check of a container: the image has nothing else
// that could ask.
type readyCommand struct {
	Listen string `help:"Address that the process listens on." default:":8080" env:"SOURCELOOP_LISTEN"`
}

// Run ends with an error when the process on this machine that listens on the
// address does not answer that it is ready.
func (c *readyCommand) Run(ctx context.Context) error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return schema.E("ready", schema.KindInvalid, "%q is no address to listen on, such as :8080.", c.Listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("cannot ask whether it is ready: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("cannot ask whether it is ready: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return schema.E("ready", schema.KindUnavailable, "The process is not ready; /readyz says %s.", response.Status)
	}
	return nil
}
