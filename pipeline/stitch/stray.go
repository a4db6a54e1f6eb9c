package stitch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/state"
	"sourceloop/schema"
)

// Rows are strays when they come to ClickHouse after somebody else has taken the
// partition over (see sessionize). Those of claims and nodes are covered by the
// new owner's. But a contact that was live for a stretch that nobody else
// processed in the same way has a row that the new owner, when Redis was lost
// meanwhile, knows nothing of. So a worker that finds, after it has written, that
// it is the owner no more sends its components to the new one, with the ids of
// their contacts.

// strayPatience bounds that. It holds up who waits for the partition.
const strayPatience = 5 * time.Second

// own notes the components that a stretch is about to write.
func (st *stretch) own(components map[place]*schema.LeadRecord) {
	for _, c := range st.touched() {
		if !c.added {
			continue
		}
		components[place{c.workspace, smallest(nodesOf(c.stored))}] = &schema.LeadRecord{
			Workspace: c.workspace, Received: st.received,
			Body: &schema.LeadRecord_Evidence{Evidence: &schema.Evidence{Claims: c.stored.GetClaims(), Contacts: c.stored.GetContacts()}},
		}
	}
}

// confirm tells, after rows were written, that they are no strays.
func (w *Worker) confirm(ctx context.Context) error {
	if err := w.owner.Check(ctx); err != nil {
		return err
	}
	clear(w.unconfirmed)
	return nil
}

// disown sends components whose rows may be strays to the new owner.
func (w *Worker) disown(ctx context.Context) {
	if len(w.unconfirmed) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), strayPatience)
	defer cancel()
	if err := w.send(ctx); err != nil {
		w.deps.Slog.Error("rows were written by a process that owns their partition no more, and nobody can be told; "+
			"a contact may stand twice until it is heard of again", "partition", w.tag, "components", len(w.unconfirmed), "err", err)
		return
	}
	w.deps.Slog.Warn("rows were written by a process that owned their partition no more; their contacts are looked at again",
		"partition", w.tag, "components", len(w.unconfirmed))
	w.metrics.strays.Add(float64(len(w.unconfirmed)))
	clear(w.unconfirmed)
}

func (w *Worker) send(ctx context.Context) error {
	var keys, values [][]byte
	for _, lead := range w.unconfirmed {
		value, err := proto.Marshal(lead)
		if err != nil {
			return fmt.Errorf("cannot encode a lead: %w", err)
		}
		keys, values = append(keys, schema.LeadKey(lead.GetWorkspace())), append(values, value)
	}
	return w.deps.Log.Append(ctx, schema.TopicLeads, keys, values)
}

// Close releases nothing, since all state is in Redis. What was written and not
// confirmed since the lane was stopped is confirmed now.
func (w *Worker) Close() {
	if len(w.unconfirmed) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), strayPatience)
	defer cancel()
	if err := w.confirm(ctx); errors.Is(err, state.ErrFenced) {
		w.disown(ctx)
	} else if err != nil {
		w.deps.Slog.Error("it cannot be told whether rows were written by a process that owns their partition no more; "+
			"a contact may stand twice until it is heard of again", "partition", w.tag, "components", len(w.unconfirmed), "err", err)
	}
}
