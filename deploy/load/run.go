package load

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
)

// Senders at a time.
const (
	hitSenders  = 4
	chatSenders = 4
)

// Run plans traffic, sends all of it and returns what must come out. It ends early with an error when something is
// refused that no repetition changes, or with the context.
func Run(ctx context.Context, c Config, to Target, log *slog.Logger) (*Account, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s, plan, sum := newSender(to, c), newPlanner(c), newTally(c)
	begun := s.Now()
	var made Sent
	for w := plan.wave(); w != nil; w = plan.wave() {
		if err := s.wave(ctx, w); err != nil {
			return nil, err
		}
		for _, u := range w.units {
			sum.add(u)
		}
		made.Duplicates, made.Late, made.WrongClock = made.Duplicates+w.duplicates, made.Late+w.late, made.WrongClock+w.wrongClock
		log.Info("acknowledged so far", "hits", s.sent.Hits, "chats", s.sent.Chats, "retries", s.sent.Retries)
	}
	account := sum.account()
	account.Sent = s.sent
	account.Sent.finish(made, s.Now().Sub(begun))
	return account, nil
}

// finish tells distinct hits and repetitions apart, and how long it took.
func (s *Sent) finish(made Sent, took time.Duration) {
	s.Seconds = took.Seconds()
	if s.Seconds > 0 {
		s.HitsPerS = float64(s.Hits) / s.Seconds
	}
	s.Hits -= made.Duplicates
	s.Duplicates, s.Late, s.WrongClock = made.Duplicates, made.Late, made.WrongClock
}

// wave sends hits and chats side by side.
func (s *sender) wave(ctx context.Context, w *wave) error {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		hits, ctx := errgroup.WithContext(ctx)
		hits.SetLimit(hitSenders)
		for _, batch := range w.batches(s.Batch) {
			hits.Go(func() error { return s.hits(ctx, batch) })
		}
		return hits.Wait()
	})
	both.Go(func() error {
		chats, ctx := errgroup.WithContext(ctx)
		chats.SetLimit(chatSenders)
		for _, p := range w.chatters() {
			chats.Go(func() error { return s.chats(ctx, p) })
		}
		return chats.Wait()
	})
	return both.Wait()
}

// chatters are the people who chat.
func (w *wave) chatters() []*person {
	var all []*person
	for _, u := range w.units {
		for _, p := range u.people {
			if len(p.chats) > 0 {
				all = append(all, p)
			}
		}
	}
	return all
}
