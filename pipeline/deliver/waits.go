package deliver

import (
	"context"
	"slices"
	"sync"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

const (
	// longestWait is how long a push waits for its journey.
	longestWait = 10 * time.Minute
	// waitPause is after what time it is looked at again.
	waitPause = time.Second
)

// wait tells new pushes which hits must have been processed before they are
// sent: what had arrived of their contacts' browsers by now. Those that are
// there wait for what they waited for.
func (d *Deps) wait(ctx context.Context, workspace uint32, pushes []control.Push, there []control.Push) error {
	known := make(map[schema.ID]*control.Push, len(there))
	for i := range there {
		known[there[i].ID] = &there[i]
	}
	var fresh []*control.Push
	var contacts []schema.ID
	for i := range pushes {
		p := &pushes[i]
		if was := known[p.ID]; was != nil {
			p.Waits, p.WaitUntil = was.Waits, was.WaitUntil
			continue
		}
		fresh, contacts = append(fresh, p), append(contacts, p.Contact)
	}
	if len(fresh) == 0 {
		return nil
	}
	slices.SortFunc(contacts, schema.ID.Compare)
	visitors, err := d.Reader.Visitors(ctx, workspace, slices.Compact(contacts))
	if err != nil {
		return err
	}
	ends, err := d.Progress.Ends(ctx, schema.TopicHits)
	if err != nil {
		return err
	}
	until := d.now().Add(longestWait)
	for _, p := range fresh {
		p.Waits, p.WaitUntil = d.marks(workspace, visitors[p.Contact], ends), until
	}
	return nil
}

// marks are the ends of the partitions that some browsers' hits are in.
func (d *Deps) marks(workspace uint32, visitors []string, ends map[int32]int64) []control.Mark {
	var all []control.Mark
	for _, v := range visitors {
		n := d.Progress.Partition(schema.TopicHits, schema.HitKey(workspace, v))
		mark := control.Mark{Topic: schema.TopicHits, Partition: n, Offset: ends[n]}
		if !slices.Contains(all, mark) {
			all = append(all, mark)
		}
	}
	return all
}

// waiting knows which pushes must wait. Those whose hits were processed wait for
// what these said of people, which is in the workspace's leads by then; that end
// is kept in memory, so that another process begins anew with it.
type waiting struct {
	deps *Deps

	mu    sync.Mutex
	leads map[schema.ID]leadsMark
}

// leadsMark is the end that a workspace's leads had, and until when it matters.
type leadsMark struct {
	mark  control.Mark
	until schema.Millis
}

func newWaiting(deps *Deps) *waiting {
	return &waiting{deps: deps, leads: make(map[schema.ID]leadsMark)}
}

// sift parts pushes that may be sent from those that wait.
func (w *waiting) sift(ctx context.Context, pushes []control.Push) (ready, waits []control.Push, err error) {
	now := w.deps.now()
	if !slices.ContainsFunc(pushes, func(p control.Push) bool { return mayWait(&p, now) }) {
		return pushes, nil, nil
	}
	reach, err := w.reach(ctx)
	if err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(now)
	for _, p := range pushes {
		if mayWait(&p, now) && !w.passed(&p, reach) {
			waits = append(waits, p)
			continue
		}
		ready = append(ready, p)
	}
	return ready, waits, nil
}

// mayWait tells whether a push has anything to wait for. One that was attempted
// has waited.
func mayWait(p *control.Push, now schema.Millis) bool {
	return len(p.Waits) > 0 && p.Attempts == 0 && now < p.WaitUntil
}

// reach is how far hits and leads are, and where leads end.
type reach struct{ hits, leads, leadsEnd map[int32]int64 }

func (w *waiting) reach(ctx context.Context) (r reach, err error) {
	// The end is read after the hits, so that it is behind all that they said.
	if r.hits, err = w.deps.Progress.Done(ctx, schema.TopicHits); err != nil {
		return r, err
	}
	if r.leadsEnd, err = w.deps.Progress.Ends(ctx, schema.TopicLeads); err != nil {
		return r, err
	}
	r.leads, err = w.deps.Progress.Done(ctx, schema.TopicLeads)
	return r, err
}

func (w *waiting) passed(p *control.Push, r reach) bool {
	if m, ok := w.leads[p.ID]; ok {
		return r.leads[m.mark.Partition] >= m.mark.Offset
	}
	for _, m := range p.Waits {
		if r.hits[m.Partition] < m.Offset {
			return false
		}
	}
	n := w.deps.Progress.Partition(schema.TopicLeads, schema.LeadKey(p.Workspace))
	w.leads[p.ID] = leadsMark{control.Mark{Topic: schema.TopicLeads, Partition: n, Offset: r.leadsEnd[n]}, p.WaitUntil}
	return r.leads[n] >= r.leadsEnd[n]
}

// forget drops what nobody waits for any more.
func (w *waiting) forget(now schema.Millis) {
	for id, m := range w.leads {
		if m.until <= now {
			delete(w.leads, id)
		}
	}
}
