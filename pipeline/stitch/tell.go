package stitch

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// tellAtOnce bounds a record of the topic credited: 160 KB of ids.
const tellAtOnce = 10_000

// tell says in the log whose conversions were credited, for the stages that
// make something of them elsewhere. It comes after crediting and before the
// commit, so that nobody is forgotten.
func (w *Worker) tell(ctx context.Context, workspace uint32, contacts []schema.ID) error {
	return w.append(ctx, workspace, slices.Collect(slices.Chunk(contacts, tellAtOnce)))
}

// tellEverybody says that of everybody.
func (w *Worker) tellEverybody(ctx context.Context, workspace uint32) error {
	return w.append(ctx, workspace, [][]schema.ID{nil})
}

func (w *Worker) append(ctx context.Context, workspace uint32, records [][]schema.ID) error {
	keys, values := make([][]byte, len(records)), make([][]byte, len(records))
	for i, contacts := range records {
		value, err := proto.Marshal(&schema.CreditedRecord{
			Workspace: workspace, At: int64(schema.MillisOf(w.deps.Now())), Contacts: bytesOf(contacts),
		})
		if err != nil {
			return fmt.Errorf("cannot encode who was credited: %w", err)
		}
		keys[i], values[i] = schema.LeadKey(workspace), value
	}
	return w.deps.Log.Append(ctx, schema.TopicCredited, keys, values)
}
