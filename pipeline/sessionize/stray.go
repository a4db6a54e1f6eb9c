package sessionize

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"sourceloop/pipeline/state"
	"sourceloop/schema"
)

// Rows are strays when they come to ClickHouse after somebody else has taken the
// partition over: of a process, say, that was stopped between Redis and
// ClickHouse and goes on. The new owner finds their keys in Redis. But when
// Redis was lost meanwhile, it has read from ClickHouse what was there before,
// and would never know of them. So a worker looks, after it has written, whether
// it is still the owner; if it is not, it has the visitors derived anew.

// strayPatience bounds that. It holds up who waits for the partition.
const strayPatience = 5 * time.Second

// confirm tells, after rows were written, that they are no strays.
func (w *Worker) confirm(ctx context.Context) error {
	if err := w.owner.Check(ctx); err != nil {
		return err
	}
	clear(w.unconfirmed)
	return nil
}

// disown asks the new owner to look at the visitors whose rows may be strays.
func (w *Worker) disown(ctx context.Context) {
	if len(w.unconfirmed) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), strayPatience)
	defer cancel()
	rows := make([]schema.LateRow, 0, len(w.unconfirmed))
	for v := range w.unconfirmed {
		rows = append(rows, schema.LateRow{Workspace: v.Workspace, Visitor: v.ID, Version: w.owner.NextVersion()})
	}
	err := w.deps.Sink.WriteLate(ctx, rows)
	if err == nil {
		var task schema.ID
		_, _ = rand.Read(task[:]) // It never fails.
		err = w.appendOrder(ctx, &schema.HitRecord{Body: &schema.HitRecord_Rebuild{Rebuild: &schema.Rebuild{
			Task: task[:], Part: "strays", Late: true,
		}}})
	}
	if err != nil {
		w.deps.Slog.Error("rows were written by a process that owns their partition no more, and nobody can be asked to look at them; "+
			"rebuild sessions if a visitor has too many", "partition", w.partition, "visitors", len(rows), "err", err)
		return
	}
	w.deps.Slog.Warn("rows were written by a process that owned their partition no more; their visitors are derived anew",
		"partition", w.partition, "visitors", len(rows))
	w.metrics.strays.Add(float64(len(rows)))
	clear(w.unconfirmed)
}

// Close forgets the visitors. What was written and not confirmed since the lane
// was stopped is confirmed now.
func (w *Worker) Close() {
	w.visitors.Purge()
	if len(w.unconfirmed) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), strayPatience)
	defer cancel()
	if err := w.confirm(ctx); errors.Is(err, state.ErrFenced) {
		w.disown(ctx)
	} else if err != nil {
		w.deps.Slog.Error("it cannot be told whether rows were written by a process that owns their partition no more; "+
			"rebuild sessions if a visitor has too many", "partition", w.partition, "visitors", len(w.unconfirmed), "err", err)
	}
}
