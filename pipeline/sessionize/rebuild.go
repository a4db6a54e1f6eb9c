package sessionize

import (
	"context"
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// The bounds of one step of a rebuild: what arrives meanwhile waits for it.
const (
	stepVisitors = 500
	stepHits     = MaxPast
)

// isOrder tells whether a record asks its partition's owner for something.
func isOrder(r *schema.HitRecord) bool { return r.GetRebuild() != nil || r.GetErase() != nil }

// isWhole tells whether an order can be obeyed.
func isWhole(r *schema.HitRecord) bool {
	if e := r.GetErase(); e != nil {
		return len(e.GetTask()) == len(schema.ID{}) && len(e.GetBrowsers()) == 1
	}
	return len(r.GetRebuild().GetTask()) == len(schema.ID{})
}

// obey does what an order asks for.
func (w *Worker) obey(ctx context.Context, order *schema.HitRecord, offset int64) error {
	if e := order.GetErase(); e != nil {
		return w.erase(ctx, e, offset)
	}
	return w.rebuild(ctx, order.GetRebuild(), offset)
}

// rebuild derives the sessions of the chain's next visitors anew, and appends
// the step that follows behind what has arrived meanwhile. A crash anywhere
// repeats the step.
func (w *Worker) rebuild(ctx context.Context, order *schema.Rebuild, offset int64) error {
	taken, place, err := w.takeStep(ctx, order, offset)
	if err != nil {
		return err
	}
	if !taken {
		return w.owner.Save(ctx, offset+1, w.owner.Progress(), nil, nil)
	}
	names, more, err := w.deps.History.Pick(ctx, Selection{
		Partition: w.partition, Workspace: order.GetWorkspace(), Late: order.GetLate(),
		From: schema.Millis(order.GetFrom()), To: schema.Millis(order.GetTo()),
		After: Visitor{order.GetAfterWorkspace(), order.GetAfterVisitor()}, Limit: stepVisitors, Hits: stepHits,
	})
	if err != nil {
		return err
	}
	st := w.anew(names)
	if !order.GetLate() {
		st.why = schema.CauseRules
	}
	if err := w.rederive(ctx, st, offset+1, place); err != nil {
		return err
	}
	if err := w.finishStep(ctx, order, names, more); err != nil {
		return err
	}
	var done []string
	if !more {
		done = append(done, place.Key)
	}
	return w.settle(ctx, st, done)
}

// takeStep tells whether a step is to be taken, and what to store so that it
// is taken once: a chain forks when a crash makes a step append its successor
// twice, and the second one finds that the first went before.
func (w *Worker) takeStep(ctx context.Context, order *schema.Rebuild, offset int64) (bool, state.Pair, error) {
	place := state.Pair{Key: "r:" + hex.EncodeToString(order.GetTask()), Value: fmt.Appendf(nil, "%d %d", order.GetStep(), offset)}
	values, err := w.owner.Get(ctx, []string{place.Key})
	if err != nil || values[0] == nil {
		return err == nil, place, err
	}
	var step uint32
	var at int64
	if _, err := fmt.Sscan(string(values[0]), &step, &at); err != nil {
		return false, place, fmt.Errorf("cannot read how far a rebuild has come: %w", err)
	}
	return order.GetStep() > step || order.GetStep() == step && offset == at, place, nil
}

// anew is a stretch of visitors whose sessions are derived from everything
// that is stored.
func (w *Worker) anew(names []Visitor) *stretch {
	st := &stretch{byName: make(map[Visitor]*visit), progress: w.owner.Progress()}
	for _, name := range names {
		ws, known := w.deps.Workspaces.Workspace(name.Workspace)
		if !known {
			continue
		}
		v := &visit{name: name, workspace: ws, anew: true}
		st.byName[name] = v
		st.visitors = append(st.visitors, v)
	}
	return st
}

// rederive derives a stretch's sessions from all hits in ClickHouse and makes
// them, and what they mean for contacts, durable. All rows are written again.
func (w *Worker) rederive(ctx context.Context, st *stretch, applied int64, others ...state.Pair) error {
	if err := w.recall(ctx, st); err != nil {
		return err
	}
	st.derive(w)
	if err := w.keep(ctx, st, applied, others...); err != nil {
		return err
	}
	w.metrics.rebuilt.Add(float64(len(st.visitors)))
	return nil
}

// recall reads the whole past of every visitor. Keys that only Redis knows are
// kept, since their rows may have to be deleted.
func (w *Worker) recall(ctx context.Context, st *stretch) error {
	before := make([]*visit, len(st.visitors))
	for i, v := range st.visitors {
		before[i] = &visit{name: v.name}
	}
	if _, err := w.loadKnown(ctx, before); err != nil {
		return err
	}
	if err := w.loadPast(ctx, st.visitors); err != nil {
		return err
	}
	for i, v := range st.visitors {
		if v.state.GetFlooded() {
			continue
		}
		have := make(map[rowKey]bool, len(v.state.GetWritten()))
		for _, k := range v.state.GetWritten() {
			have[keyOf(k)] = true
		}
		for _, k := range before[i].state.GetWritten() {
			if !have[keyOf(k)] {
				v.state.Written = append(v.state.Written, &schema.WrittenKey{Day: k.GetDay(), Session: k.GetSession()})
			}
		}
	}
	return nil
}

// finishStep takes the visitors off the queue, notes the step, and appends the
// next one.
func (w *Worker) finishStep(ctx context.Context, order *schema.Rebuild, names []Visitor, more bool) error {
	if order.GetLate() && len(names) > 0 {
		rows := make([]schema.LateRow, len(names))
		for i, name := range names {
			rows[i] = schema.LateRow{Workspace: name.Workspace, Visitor: name.ID, Version: w.owner.NextVersion(), Done: true}
		}
		if err := w.deps.Sink.WriteLate(ctx, rows); err != nil {
			return err
		}
	}
	visitors := order.GetVisitors() + uint64(len(names))
	if more {
		last := names[len(names)-1]
		next := proto.CloneOf(order)
		next.Step, next.Visitors, next.AfterWorkspace, next.AfterVisitor = order.GetStep()+1, visitors, last.Workspace, last.ID
		if err := w.appendOrder(ctx, &schema.HitRecord{Body: &schema.HitRecord_Rebuild{Rebuild: next}}); err != nil {
			return err
		}
	}
	return w.deps.Sink.NoteStep(ctx, &schema.TaskStep{
		Task: schema.ID(order.GetTask()), Part: order.GetPart(), Step: order.GetStep(), Done: !more,
		At: schema.MillisOf(w.deps.Now()), Counts: map[string]uint64{"visitors": visitors},
	})
}

// appendOrder puts an order behind what this partition has received so far.
func (w *Worker) appendOrder(ctx context.Context, order *schema.HitRecord) error {
	value, err := proto.Marshal(order)
	if err != nil {
		return fmt.Errorf("cannot encode an order: %w", err)
	}
	key := stream.KeyOf(w.partition, schema.HitsPartitions)
	return w.deps.Log.Append(ctx, schema.TopicHits, [][]byte{key}, [][]byte{value})
}

// settle seals what was derived anew, now that its rows are in ClickHouse, and
// stores what is left: a rebuild must not leave everybody's past in Redis. A
// visitor without any hits is forgotten.
func (w *Worker) settle(ctx context.Context, st *stretch, deletions []string) error {
	st.acknowledge()
	left := &stretch{progress: st.progress}
	for _, v := range st.visitors {
		v.read = false
		w.seal(v, st.progress)
		if v.isNothing() {
			w.visitors.Remove(v.name)
			deletions = append(deletions, stateKey(v.name))
			continue
		}
		left.visitors = append(left.visitors, v)
		if w.visitors.Contains(v.name) {
			w.visitors.Add(v.name, v.state)
		}
	}
	pairs, err := left.pairs()
	if err != nil {
		return err
	}
	return w.owner.Save(ctx, w.owner.Applied(), st.progress, pairs, deletions)
}

// late is the queue's entries for visitors with hits that came too late.
func (st *stretch) late(w *Worker) []schema.LateRow {
	var rows []schema.LateRow
	for _, v := range st.visitors {
		if v.late {
			rows = append(rows, schema.LateRow{Workspace: v.name.Workspace, Visitor: v.name.ID, Version: w.owner.NextVersion()})
		}
	}
	return rows
}
