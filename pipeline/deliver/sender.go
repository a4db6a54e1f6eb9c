package deliver

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"sourceloop/control"
)

const (
	takeAtOnce = 2000
	// perDestination bounds what one destination has under way, which is read from
	// ClickHouse at once.
	perDestination = 200
	// lease outlasts what is begun within it; see reserve.
	lease = 3 * time.Minute
	// sendPatience is how long one request may take. With less than reserve left of
	// a lease none is begun any more: it must be answered and noted within it.
	sendPatience = 45 * time.Second
	reserve      = 2 * sendPatience
	// atOnce bounds the destinations that are sent to at a time. Each has one
	// request under way.
	atOnce = 256
	// sizesEvery is how often the outbox is measured.
	sizesEvery = 15 * time.Second
)

// Sender sends what is due.
type Sender struct {
	deps     *Deps
	metrics  *metrics
	every    time.Duration
	waiting  *waiting
	limiters map[string]*rate.Limiter // by platform

	mu    sync.Mutex
	busy  map[int64]bool // destinations that are being sent to
	freed chan struct{}  // signalled when one is not any more
	work  sync.WaitGroup
}

// NewSender registers the metrics of the stage. every is how often due pushes are
// looked for; half a second when 0.
func NewSender(deps *Deps, every time.Duration, reg prometheus.Registerer) *Sender {
	if every <= 0 {
		every = time.Second / 2
	}
	s := &Sender{
		deps: deps, metrics: newMetrics(reg), every: every, waiting: newWaiting(deps), limiters: make(map[string]*rate.Limiter),
		busy: make(map[int64]bool), freed: make(chan struct{}, 1),
	}
	for name, c := range deps.Channels {
		if c.PerMinute > 0 {
			s.limiters[name] = rate.NewLimiter(rate.Limit(float64(c.PerMinute)/60), max(1, c.PerMinute/10))
		}
	}
	return s
}

// Run works until ctx ends, and until what is under way is noted.
func (s *Sender) Run(ctx context.Context) error {
	tick, sizes := time.NewTicker(s.every), time.NewTicker(sizesEvery)
	defer tick.Stop()
	defer sizes.Stop()
	defer s.work.Wait()
	for {
		if err := s.Round(ctx); err != nil && ctx.Err() == nil {
			s.deps.Slog.Warn("the outbox could not be worked through; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-sizes.C:
			s.measure(ctx)
		case <-tick.C:
		case <-s.freed:
		}
	}
}

// Round takes what is due and sends it, each destination by itself. It does not
// wait for that.
func (s *Sender) Round(ctx context.Context) error {
	busy := s.occupied()
	if len(busy) >= atOnce || ctx.Err() != nil {
		return nil
	}
	// Read before they are taken, so that no lease is over sooner than is believed.
	until := s.deps.Now().Add(lease)
	pushes, err := s.deps.Queue.TakePushes(ctx, takeAtOnce, perDestination, lease, busy...)
	if err != nil {
		return err
	}
	groups := make(map[int64][]control.Push)
	for _, p := range pushes {
		groups[p.Destination] = append(groups[p.Destination], p)
	}
	for id, group := range groups {
		s.occupy(id)
		s.work.Go(func() {
			defer s.free(id)
			if err := s.guarded(ctx, id, group, until); err != nil && ctx.Err() == nil {
				s.deps.Slog.Warn("cannot send conversions; trying again when the lease is over", "destination", id, "pushes", len(group), "err", err)
			}
		})
	}
	return nil
}

// Wait returns when nothing is under way.
func (s *Sender) Wait() { s.work.Wait() }

func (s *Sender) occupied() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]int64, 0, len(s.busy))
	for id := range s.busy {
		all = append(all, id)
	}
	return all
}

func (s *Sender) occupy(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[id] = true
}

func (s *Sender) free(id int64) {
	s.mu.Lock()
	delete(s.busy, id)
	s.mu.Unlock()
	select {
	case s.freed <- struct{}{}:
	default:
	}
}

// guarded makes a panic an error: one destination must not end the process.
func (s *Sender) guarded(ctx context.Context, id int64, pushes []control.Push, until time.Time) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.deps.Slog.Error("sending conversions panicked", "destination", id, "stack", string(debug.Stack()))
			err = fmt.Errorf("sending panicked with a %T", r)
		}
	}()
	return s.deliver(ctx, id, pushes, until)
}
