package upkeep

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

const (
	// settled is how long after sessions were derived anew they are copied: what was written shortly before a
	// copy counts as changed until the next one.
	settled = 10 * time.Minute
	// copyAgain is when a copy that failed, or came upon another one, is tried again. One that fails waits
	// twice as long each time, up to copyRarely: each try may read and store what the ones before did.
	copyAgain  = time.Minute
	copyRarely = time.Hour
	// copyFor is for how long what a night or a rebuild asked for is tried: the next night asks anew.
	copyFor = 24 * time.Hour
)

// copier copies journeys beside the other work, one task at a time.
type copier struct {
	sync.Mutex
	sync.WaitGroup
}

// askAfter asks for a copy once most sessions were derived anew. What a night's
// re-derivation, a goal or an erasure changes is little, and waits for the next.
func (k *Keeper) askAfter(ctx context.Context, task *control.Task) error {
	if task.Kind != control.RebuildTask {
		return nil
	}
	return k.config.Store.AddJourneys(ctx, fmt.Sprintf("journeys of task %d", task.ID), settled)
}

// copyJourneys begins a task that takes long beside the others, which must not
// wait for it. The task stays with this process meanwhile.
func (k *Keeper) copyJourneys(ctx context.Context, task *control.Task) error {
	if !k.copier.TryLock() {
		return k.config.Store.SaveTask(ctx, task, copyAgain)
	}
	k.copier.Go(func() {
		defer k.copier.Unlock()
		task.Progress.Doing = "copying sessions"
		wait := copyAgain
		err := k.holding(ctx, task, func(ctx context.Context) error { return k.config.Journeys.CopyJourneys(ctx, copiedBefore(task)) })
		if task.Finished = err == nil; err != nil && ctx.Err() == nil {
			wait = k.failedCopy(task, err)
		}
		// Also a process that ends gives the task back, so that nobody waits for its lease.
		if err := k.config.Store.SaveTask(context.WithoutCancel(ctx), task, wait); err != nil {
			k.config.Slog.Warn("a task could not be given back; another process takes it after its lease", "task", task.ID, "err", err)
		}
	})
	return nil
}

// copiedBefore is the moment before which copies count as old. It is the same
// in each try, so that a month that was copied in one is left alone in the next.
func copiedBefore(task *control.Task) schema.Millis {
	if task.Body.Anew {
		return task.CreatedAt
	}
	return 0
}

// failedCopy tells of a copy that failed, and how long it waits.
func (k *Keeper) failedCopy(task *control.Task, err error) time.Duration {
	wait := min(copyAgain<<min(task.Progress.Failures, 6), copyRarely)
	task.Progress.Failures++
	task.Finished = !task.Body.Anew && schema.MillisOf(k.config.Now()).Sub(task.CreatedAt) >= copyFor
	k.config.Slog.Warn("sessions could not be copied into journeys; funnels read them where they are, and it is tried again",
		"err", err, "failures", task.Progress.Failures, "again in", wait)
	return wait
}

// holding keeps a task's lease while it is worked on. Should it be lost, another
// process copies as well, which changes nothing.
func (k *Keeper) holding(ctx context.Context, task *control.Task, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	held := *task
	var holder sync.WaitGroup
	holder.Go(func() {
		for ctx.Err() == nil {
			if err := k.config.Store.HoldTask(ctx, &held, lease); err != nil && ctx.Err() == nil {
				k.config.Slog.Warn("a task's lease could not be lengthened", "task", held.ID, "err", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(lease / 4):
			}
		}
	})
	err := work(ctx)
	cancel()
	holder.Wait()
	return err
}
