package front

import (
	"context"
	"errors"
	"sync"
)

// ErrStopped means that nothing is sent any more.
var ErrStopped = errors.New("the stand-in is stopping: what it has to tell is sent after the next start")

// Batches tells who waits for a batch of notifications that something became
// of it, and wakes whoever sends them.
type Batches struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}

	// Woken gets a signal when there is something to send.
	Woken chan struct{}
	// Stopped is closed, by its sender, when nothing is sent any more.
	Stopped chan struct{}
}

// NewBatches makes one that nobody waits for.
func NewBatches() *Batches {
	return &Batches{waiting: map[string]chan struct{}{}, Woken: make(chan struct{}, 1), Stopped: make(chan struct{})}
}

// Await waits until everything of a batch was attempted once, or dropped: until
// left gives 0.
func (b *Batches) Await(ctx context.Context, batch string, left func() (int, error)) error {
	for {
		attempted := b.expect(batch)
		n, err := left()
		if err != nil {
			return err
		}
		if n == 0 {
			b.Finish(batch)
			return nil
		}
		select {
		case <-attempted:
		case <-b.Stopped:
			return ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// expect returns a channel that is closed when the batch was attempted.
func (b *Batches) expect(batch string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting[batch] == nil {
		b.waiting[batch] = make(chan struct{})
	}
	return b.waiting[batch]
}

// Finish tells that a batch was attempted.
func (b *Batches) Finish(batch string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if waiting := b.waiting[batch]; waiting != nil {
		close(waiting)
		delete(b.waiting, batch)
	}
}

// FinishAll is for changes that may have dropped any batch.
func (b *Batches) FinishAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for batch, waiting := range b.waiting {
		close(waiting)
		delete(b.waiting, batch)
	}
}

// Wake tells that there is something to send.
func (b *Batches) Wake() {
	select {
	case b.Woken <- struct{}{}:
	default:
	}
}
