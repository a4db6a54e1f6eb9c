package report

import (
	"context"
	"sync"
	"time"
)

// sweepsEvery is how often it is looked, while nobody asks, whether what is kept is still there: what was erased is not held longer.
const sweepsEvery = 10 * time.Second

// sweeper looks after what is kept between questions, as long as anything is.
type sweeper struct {
	sweep func(context.Context) // drops what should not be kept any longer
	keeps func() bool           // whether anything is left
	looks sync.WaitGroup
	ends  context.Context
	end   context.CancelFunc

	mutex sync.Mutex
	timer *time.Timer // nil when it does not wait
}

func newSweeper(sweep func(context.Context), keeps func() bool) *sweeper {
	s := &sweeper{sweep: sweep, keeps: keeps}
	s.ends, s.end = context.WithCancel(context.Background())
	return s
}

// start has it look after a while, unless it does already. Whoever keeps something calls it afterwards.
func (s *sweeper) start() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.timer != nil || s.closed() {
		return
	}
	s.looks.Add(1)
	s.timer = time.AfterFunc(sweepsEvery, func() {
		defer s.looks.Done()
		s.once()
		s.mutex.Lock()
		s.timer = nil
		s.mutex.Unlock()
		if s.keeps() {
			s.start()
		}
	})
}

// once looks now.
func (s *sweeper) once() {
	ctx, cancel := context.WithTimeout(s.ends, sweepsEvery)
	defer cancel()
	s.sweep(ctx)
}

// beside has something done beside all else, until it is over or everything ends; false when that is the case.
func (s *sweeper) beside(do func(context.Context)) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed() {
		return false
	}
	s.looks.Go(func() { do(s.ends) })
	return true
}

func (s *sweeper) closed() bool { return s.ends.Err() != nil }

// close ends it. It waits for a look that is under way.
func (s *sweeper) close() {
	s.end()
	s.mutex.Lock()
	if s.timer != nil && s.timer.Stop() {
		s.looks.Done()
	}
	s.mutex.Unlock()
	s.looks.Wait()
}
