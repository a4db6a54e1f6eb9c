package front

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrStopped means that nothing is sent any more.
var ErrStopped = errors.New("the stand-in is stopping: what it has to tell is sent after the next start")

// Batches sends batches of notifications, a few side by side, and tells who
// waits for one that something became of it.
type Batches struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}

	slots    chan struct{} // one for each that may be under way
	underWay sync.WaitGroup
	woken    chan struct{} // has a signal when there is something to send
	stopped  chan struct{} // closed when nothing is sent any more
}

// NewBatches makes one that nobody waits for. At most so many batches are under
// way at the same time.
func NewBatches(most int) *Batches {
	return &Batches{
		waiting: map[string]chan struct{}{}, slots: make(chan struct{}, most),
		woken: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
}

// Run calls dispatch whenever there may be something to send, until ctx ends,
// and then waits for what is under way. dispatch Starts everything that is due
// and returns how long nothing will be. Run returns nil when ctx ended it, and
// is called once: who waits for a batch when it ends is told so.
func (b *Batches) Run(ctx context.Context, dispatch func(context.Context) (time.Duration, error)) error {
	defer close(b.stopped)
	defer b.underWay.Wait()
	for {
		wait, err := dispatch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-b.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Start sends one batch beside the others, once there is room for it.
func (b *Batches) Start(ctx context.Context, send func()) error {
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	b.underWay.Go(func() {
		send()
		<-b.slots
		b.Wake() // Something of it may be due again, or more was waiting.
	})
	return nil
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
		case <-b.stopped:
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
	case b.woken <- struct{}{}:
	default:
	}
}
