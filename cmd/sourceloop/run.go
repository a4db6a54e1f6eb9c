package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// drain is how long requests under way may take when the process stops.
const drain = 20 * time.Second

// run runs the loops and serves until the context ends or something fails,
// then stops: first it says that it is not ready and goes on serving for as
// long as balancers need to notice, then it takes no more requests, then the
// loops finish what they hold and commit it.
func (n *node) run(ctx context.Context) error {
	n.log.Info("ready", "url", n.url, "roles", n.config.roles)
	loops, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLoops()
	group, loops := errgroup.WithContext(loops)
	for _, r := range n.runners {
		group.Go(func() error { return r(loops) })
	}
	failure := n.await(ctx.Done(), loops.Done())
	n.draining.Store(true)
	if failure == nil && loops.Err() == nil {
		failure = n.drain(loops.Done())
	}
	failure = errors.Join(failure, n.web.close(drain))
	stopLoops()
	return errors.Join(failure, group.Wait(), n.close())
}

// await waits until the process is to stop, or can't go on.
func (n *node) await(told, loops <-chan struct{}) error {
	select {
	case <-told:
		return nil
	case <-loops:
		return nil
	case err := <-n.web.failed:
		return fmt.Errorf("cannot serve: %w", err)
	case err := <-n.engines.failed:
		return fmt.Errorf("the embedded ClickHouse ended by itself: %w", err)
	}
}

// drain serves on while /readyz says no, until balancers have had their time, or
// a second signal says that nobody needs it.
func (n *node) drain(loops <-chan struct{}) error {
	delay := n.config.settings.DrainDelay
	n.log.Info("stopping", "still serving for", delay)
	n.web.server.SetKeepAlivesEnabled(false) // Clients go elsewhere with their next request.
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again)
	enough, done := context.WithTimeout(context.Background(), delay)
	defer done()
	go func() {
		select {
		case <-again:
			done()
		case <-enough.Done():
		}
	}()
	return n.await(enough.Done(), loops)
}
