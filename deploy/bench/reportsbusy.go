package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// How many ask at once, how often each, and how many sessions another workspace writes each time meanwhile.
const (
	busyAsking  = 8
	busyTurns   = 10
	busyWritten = 20_000
)

// busy has eight people ask for the funnel while sessions are written: those of another workspace, of the same days, which go again.
func (m *reporting) busy(ctx context.Context, r *Report) (err error) {
	defer func() { err = errors.Join(err, m.forgetWritten(context.WithoutCancel(ctx))) }()
	turns := busyTurns
	if m.rounds == 1 {
		turns = 1
	}
	for _, side := range []struct {
		name string
		ask  func(context.Context) error
	}{
		{"", func(ctx context.Context) error { _, err := m.funnelOurs(ctx, m.ours, ""); return err }},
		{" by windowFunnel", func(ctx context.Context) error { _, err := m.funnelBaseline(ctx, "funnel_window"); return err }},
	} {
		if err := side.ask(ctx); err != nil {
			return err
		}
		taken, written, err := m.crowded(ctx, turns, side.ask)
		if err != nil {
			return err
		}
		slices.Sort(taken)
		r.note("busy, eight at a time, sessions written a second beside"+side.name, written)
		r.note("busy, eight at a time, milliseconds for the funnel, median"+side.name, taken[len(taken)/2])
		r.note("busy, eight at a time, milliseconds for the funnel, longest"+side.name, taken[len(taken)-1])
	}
	return nil
}

// crowded gives what each question took, in milliseconds, and how many sessions a second were written meanwhile.
func (m *reporting) crowded(ctx context.Context, turns int, ask func(context.Context) error) (taken []float64, written float64, err error) {
	begun, sessions := time.Now(), 0
	writing, stop := context.WithCancel(ctx)
	defer stop()
	writes := make(chan error, 1)
	go func() {
		for {
			err := m.generate(writing, "busy", sessions, sessions+busyWritten)
			if writing.Err() != nil {
				writes <- nil
				return
			}
			if err != nil {
				writes <- err
				return
			}
			sessions += busyWritten
		}
	}()
	each := make([][]float64, busyAsking)
	asking, within := errgroup.WithContext(ctx)
	for i := range each {
		asking.Go(func() error {
			for range turns {
				begun := time.Now()
				if err := ask(within); err != nil {
					return err
				}
				each[i] = append(each[i], time.Since(begun).Seconds()*1000)
			}
			return nil
		})
	}
	err = asking.Wait()
	seconds := time.Since(begun).Seconds()
	stop()
	err = errors.Join(err, <-writes)
	return slices.Concat(each...), float64(sessions) / seconds, err
}

// forgetWritten leaves the data as it was, for the next run that uses it.
func (m *reporting) forgetWritten(ctx context.Context) error {
	for _, table := range []string{"sessions", "journey_changes"} {
		if err := m.conn.Exec(ctx, "DELETE FROM "+table+" WHERE workspace = 2"); err != nil {
			return fmt.Errorf("cannot take away what was written: %w", err)
		}
	}
	return nil
}
