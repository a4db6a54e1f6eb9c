package sessionize

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// Most visitors never come back. Their newest session is never sealed, so that
// without sweeping Redis would keep everybody there ever was. What was not
// touched for three whole days of the partition's progress is dropped: its rows
// are in ClickHouse, and who returns is read from there.

// The age at which states are dropped, in days of the partition's progress, and
// how many are looked at after each stretch, which waits for it.
const (
	idleDays  = 4
	sweepStep = 500
)

// touch remembers which states this stretch touches on a new day.
func (w *Worker) touch(ctx context.Context, st *stretch) error {
	today := st.progress.Day()
	var keys []string
	for _, v := range st.visitors {
		if v.state.GetTouched() != today {
			v.state.Touched = today
			keys = append(keys, stateKey(v.name))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if err := w.owner.Touch(ctx, today, keys); err != nil {
		return err
	}
	if len(w.days) == 0 || w.days[len(w.days)-1] < today {
		w.days = append(w.days, today)
	}
	return nil
}

// sweep drops some of what is idle. It is called between stretches, when all
// rows that the states speak of are in ClickHouse.
func (w *Worker) sweep(ctx context.Context) error {
	if len(w.days) == 0 || w.days[0]+idleDays > w.owner.Progress().Day() {
		return nil
	}
	day := w.days[0]
	keys, err := w.owner.TouchedOn(ctx, day, sweepStep)
	if err != nil {
		return err
	}
	idle, err := w.idle(ctx, day, keys)
	if err != nil {
		return err
	}
	if err := w.owner.Drop(ctx, day, keys, idle); err != nil {
		return err
	}
	if len(keys) < sweepStep {
		w.days = w.days[1:]
	}
	w.metrics.swept.Add(float64(len(idle)))
	return nil
}

// idle are the keys of those states that were not touched after a day.
func (w *Worker) idle(ctx context.Context, day int32, keys []string) ([]string, error) {
	values, err := w.owner.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	var idle []string
	for i, value := range values {
		if value == nil {
			continue
		}
		var st schema.VisitorState
		if err := proto.Unmarshal(value, &st); err != nil {
			return nil, fmt.Errorf("cannot read a visitor's state: %w", err)
		}
		if st.GetTouched() <= day {
			idle = append(idle, keys[i])
		}
	}
	return idle, nil
}
