package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// storm lets one fault after the other happen, several at a time.
type storm struct {
	cluster *cluster
	faults  []fault
	weights int
}

func newStorm(c *cluster) *storm {
	s := &storm{cluster: c, faults: c.faults()}
	for i := range s.faults {
		s.weights += s.faults[i].weight
	}
	return s
}

// The time between two faults.
const (
	shortestGap = 500 * time.Millisecond
	longestGap  = 5 * time.Second
)

// blow lets faults happen until the context ends, and returns when all are over.
func (s *storm) blow(ctx context.Context) error {
	random := s.cluster.dice(0)
	var happening sync.WaitGroup
	failures := make(chan error, 1)
	for step := uint64(1); ctx.Err() == nil; step++ {
		f := s.pick(random)
		gap := shortestGap + time.Duration(random.Int64N(int64(longestGap-shortestGap)))
		dice := s.cluster.dice(step)
		happened := make(chan bool, 1)
		happening.Go(func() {
			if err := s.happen(ctx, f, dice, happened); err != nil {
				select {
				case failures <- err:
				default:
				}
			}
		})
		if !<-happened {
			continue // There is no need to wait after nothing.
		}
		_ = pause(ctx, gap) // The loop sees that the context has ended.
	}
	happening.Wait()
	select {
	case err := <-failures:
		return err
	default:
		return nil
	}
}

func (s *storm) pick(random *rand.Rand) *fault {
	at := random.IntN(s.weights)
	for i := range s.faults {
		if at -= s.faults[i].weight; at < 0 {
			return &s.faults[i]
		}
	}
	return nil // The weights add up.
}

// happen applies a fault unless its target is busy with another one. It tells
// whether there is anything to wait for as soon as that is known.
func (s *storm) happen(ctx context.Context, f *fault, random *rand.Rand, happened chan<- bool) error {
	target := f.target()
	if !s.cluster.busy.take(target) {
		happened <- false
		return nil
	}
	defer s.cluster.busy.give(target)
	begun := time.Now()
	s.cluster.log.Info("begins", "fault", f.name)
	happened <- true
	err := f.apply(ctx, random)
	if errors.Is(err, errNotNow) {
		s.cluster.log.Info("came to nothing", "fault", f.name)
		return nil
	}
	s.cluster.tally.fault(f.name)
	s.cluster.log.Info("over", "fault", f.name, "after", time.Since(begun).Round(time.Millisecond))
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

// targets are what faults happen to at the moment.
type targets struct {
	mu   sync.Mutex
	busy map[string]bool
}

// take tells whether a target was free, and is the caller's now.
func (t *targets) take(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[name] {
		return false
	}
	if t.busy == nil {
		t.busy = make(map[string]bool)
	}
	t.busy[name] = true
	return true
}

func (t *targets) give(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.busy, name)
}
