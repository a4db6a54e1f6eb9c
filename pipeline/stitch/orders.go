package stitch

import (
	"context"

	"sourceloop/schema"
)

// obey does what an order asks for.
func (w *Worker) obey(ctx context.Context, lead *schema.LeadRecord, offset int64) error {
	return w.rebuild(ctx, lead.GetRebuild(), offset)
}

// rebuild credits everybody of a workspace again.
func (w *Worker) rebuild(ctx context.Context, order *schema.Rebuild, offset int64) error {
	if err := w.owner.Save(ctx, offset+1, w.owner.Progress(), nil, nil); err != nil {
		return err
	}
	if err := w.deps.Sink.Attribute(ctx, order.GetWorkspace(), nil, w.owner.NextVersion()); err != nil {
		return err
	}
	return w.deps.Sink.NoteStep(ctx, &schema.TaskStep{
		Task: schema.ID(order.GetTask()), Part: order.GetPart(), Done: true, At: schema.MillisOf(w.deps.Now()),
	})
}
