package clickhouse

import (
	"context"
	"sync"
)

// shared answers many who ask the same at about the same time with one
// question, which begins after the last of them asked: whoever wants to know
// what was written until now is told no less.
type shared[T any] struct {
	ask func(ctx context.Context) (T, error)

	mu   sync.Mutex
	busy bool       // a question is under way
	next *answer[T] // that of the question after it; nil while nobody waits for one
}

type answer[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// get waits for an answer, or for the context's end. The question itself goes
// on for the others.
func (s *shared[T]) get(ctx context.Context) (T, error) {
	a := s.join(context.WithoutCancel(ctx))
	select {
	case <-a.done:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (s *shared[T]) join(ctx context.Context) *answer[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = &answer[T]{done: make(chan struct{})}
	}
	a := s.next
	if !s.busy {
		s.busy = true
		go s.run(ctx)
	}
	return a
}

// run asks until nobody waits.
func (s *shared[T]) run(ctx context.Context) {
	for {
		s.mu.Lock()
		a := s.next
		s.next = nil
		s.busy = a != nil
		s.mu.Unlock()
		if a == nil {
			return
		}
		a.value, a.err = s.ask(ctx)
		close(a.done)
	}
}
