package servers

import (
	"context"
	"errors"
	"syscall"
	"time"
)

const (
	sigterm = syscall.SIGTERM
	// pingPatience is how long one look at whether a server answers may take.
	pingPatience = 2 * time.Second
)

// started starts a server for the first time, and leaves nothing where it can't.
func started[S any](ctx context.Context, server *S, process *Process) (*S, error) {
	if err := process.Start(ctx); err != nil {
		return nil, errors.Join(err, process.Close())
	}
	return server, nil
}
