package sessionize

import (
	"context"

	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/session"
	"sourceloop/schema"
)

// erased tells whether an erasure names a hit: it happened in a browser while
// that was the person's, or says who they are. It decides for every reader of
// the log and of ClickHouse, so that nothing erased is derived again.
func (w *Worker) erased(h *schema.Hit) bool {
	e, arrived := w.deps.Erasures, schema.Millis(h.GetReceived())
	if e == nil || arrived > e.ErasedUntil(h.GetWorkspace()) {
		return false
	}
	return w.concerns(h, func(node schema.Node, at schema.Millis) bool { return e.Erased(h.GetWorkspace(), node, at, arrived) })
}

func (w *Worker) concerns(h *schema.Hit, erased func(schema.Node, schema.Millis) bool) bool {
	at := schema.Millis(h.GetAt())
	if erased(schema.NewNode(schema.NodeVisitor, h.GetVisitor()), at) {
		return true
	}
	named := session.Named(h, h.GetCountry(), w.deps.Normalizer)
	return identity.NamesErased(named, func(n schema.Node) bool { return erased(n, at) })
}

// unerased leaves out of a visitor's past what was erased, or is about to be.
// Whether the past was read whole does not depend on it.
func (w *Worker) unerased(v *visit, past Past) Past {
	if len(past.Hits) > MaxPast && !v.order.whole() {
		v.erased = append(v.erased, w.erasedIDs(v, past.Hits)...)
		return past
	}
	gone := w.erasedIDs(v, past.Hits)
	if len(gone) == 0 {
		return past
	}
	v.erased = gone
	isGone := make(map[schema.ID]bool, len(gone))
	for _, id := range gone {
		isGone[id] = true
	}
	kept := make([]*schema.Hit, 0, len(past.Hits)-len(gone))
	for _, h := range past.Hits {
		if !isGone[schema.ID(h.GetId())] {
			kept = append(kept, h)
		}
	}
	return Past{Hits: kept, Sessions: past.Sessions}
}

func (w *Worker) erasedIDs(v *visit, hits []*schema.Hit) []schema.ID {
	var ids []schema.ID
	for _, h := range hits {
		if !w.erased(h) && !v.order.names(w, h) {
			continue
		}
		ids = append(ids, schema.ID(h.GetId()))
		if v.order != nil && !v.order.browser().Holds(schema.Millis(h.GetAt())) {
			v.strays = append(v.strays, schema.ID(h.GetId()))
		}
	}
	return ids
}

// erasing is the order to erase a part of one browser, or nil.
type erasing struct{ *schema.Erase }

func (e *erasing) browser() *schema.Browser { return e.GetBrowsers()[0] }

// whole tells whether nothing of the browser stays.
func (e *erasing) whole() bool { return e != nil && e.browser().Whole() }

func (e *erasing) names(w *Worker, h *schema.Hit) bool {
	return e != nil && h.GetReceived() <= e.GetUntil() && w.concerns(h, e.Names)
}

// erase derives a browser's sessions from the hits that stay, and deletes the
// others: from Redis, with the sessions they made, and from ClickHouse.
func (w *Worker) erase(ctx context.Context, order *schema.Erase, offset int64) error {
	e := &erasing{order}
	name := Visitor{order.GetWorkspace(), e.browser().GetVisitor()}
	st := w.anew([]Visitor{name})
	st.why = schema.CauseErasure
	step := &schema.TaskStep{
		Task: schema.ID(order.GetTask()), Part: order.GetPart(), Done: true, At: schema.MillisOf(w.deps.Now()),
		Counts: map[string]uint64{"browsers": uint64(len(st.visitors))},
	}
	before := w.owner.NextVersion()
	for _, v := range st.visitors {
		v.order, v.changed = e, true
	}
	if err := w.rederive(ctx, st, offset+1); err != nil {
		return err
	}
	for _, v := range st.visitors {
		step.Counts["hits"] = uint64(len(v.erased))
		if err := w.deps.Sink.EraseHits(ctx, &schema.ErasedHits{
			Workspace: name.Workspace, Visitor: name.ID, Until: schema.Millis(order.GetUntil()),
			Stretches: e.browser().GetStretches(), IDs: v.strays, Version: before,
		}); err != nil {
			return err
		}
	}
	if err := w.deps.Sink.NoteStep(ctx, step); err != nil {
		return err
	}
	if err := w.settle(ctx, st, nil); err != nil {
		return err
	}
	return w.untouch(ctx, st)
}

// untouch takes those of whom nothing is left off the days on which they were
// touched, where their names stand.
func (w *Worker) untouch(ctx context.Context, st *stretch) error {
	var gone []string
	for _, v := range st.visitors {
		if v.isNothing() {
			gone = append(gone, stateKey(v.name))
		}
	}
	for _, day := range w.days {
		if err := w.owner.Drop(ctx, day, gone, nil); err != nil {
			return err
		}
	}
	return nil
}

// isNothing tells whether no state of the visitor is stored.
func (v *visit) isNothing() bool { return len(v.state.GetHits()) == 0 && !v.state.GetFlooded() }
