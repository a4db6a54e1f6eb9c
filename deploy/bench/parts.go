package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"sourceloop/deploy/embedded"
	"sourceloop/schema"
)

// PartCommand is the hidden subcommand by which the binary becomes one of the parts.
const PartCommand = "bench-part"

// The parts: programs that must not share a process with who is measured.
const (
	PartKafka = "kafka" // the embedded broker
	PartRedis = "redis" // the embedded Redis
	PartEcho  = "echo"  // the baseline of the collector
	PartLoop  = "loop"  // the baseline of the pipeline
)

// PartConfig is what a part may need to know.
type PartConfig struct {
	Data       string // folder
	Kafka      string // address
	ClickHouse string // DSN
	Hits       int
	// Serve serves a handler as the product does, and gives the address.
	Serve func(http.Handler) (address string, stop func() error, err error)
	In    io.Reader // its end ends the part
	Out   io.Writer
}

// RunPart is one part, until the context or the input ends.
func RunPart(ctx context.Context, name string, c PartConfig) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, c.In) // However it ends, the part is to end.
		cancel()
	}()
	switch name {
	case PartKafka:
		k, err := embedded.StartKafka(ctx, embedded.KafkaConfig{Dir: c.Data})
		if err != nil {
			return err
		}
		return c.serve(ctx, k.Addr(), k.Close)
	case PartRedis:
		r, err := embedded.StartRedis(ctx, embedded.RedisConfig{})
		if err != nil {
			return err
		}
		return c.serve(ctx, r.Addr(), r.Close)
	case PartEcho:
		address, stop, err := c.Serve(doNothing())
		if err != nil {
			return err
		}
		return c.serve(ctx, address, stop)
	case PartLoop:
		return bareLoop(ctx, c)
	}
	return schema.E("bench", schema.KindInvalid, "There is no part %q.", name)
}

// serve tells the address and waits for the end.
func (c PartConfig) serve(ctx context.Context, address string, stop func() error) error {
	if _, err := fmt.Fprintln(c.Out, address); err != nil {
		return errors.Join(fmt.Errorf("cannot tell the address: %w", err), stop())
	}
	<-ctx.Done()
	return stop()
}

// doNothing is the baseline of the collector: an Echo handler that takes the same requests and answers 204.
func doNothing() http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.POST("/sl/hits", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	return e
}
