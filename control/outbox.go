package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"sourceloop/schema"
)

// updateOutbox is update for what changes pushes. Such transactions follow one
// another everywhere: they are short, and many touch the same rows, so that at
// once they would only wait for each other, or for ever.
func (s *Store) updateOutbox(ctx context.Context, op string, fn func(t *tx) error) error {
	return s.update(ctx, op, func(t *tx) error {
		if err := t.lockOutbox(ctx); err != nil {
			return err
		}
		return fn(t)
	})
}

// lockOutbox must come before any other row is touched.
func (t *tx) lockOutbox(ctx context.Context) error {
	_, err := t.serial(ctx, "outbox")
	return err
}

// TakePushes takes at most limit pushes that are due, at most perDestination of
// each destination, and of many destinations a part of each. For as long as
// lease nobody else gets them. Those whose destination is paused, or whose
// connection does not work, stay, and so do those of destinations that are busy.
func (s *Store) TakePushes(ctx context.Context, limit, perDestination int, lease time.Duration, busy ...int64) ([]Push, error) {
	var taken []Push
	err := s.updateOutbox(ctx, "take pushes", func(t *tx) error {
		ready, err := t.ready(ctx, perDestination, busy)
		if err != nil {
			return err
		}
		mark := newSecret("")
		for _, r := range shareOut(ready, limit) {
			args := []any{r.destination, int64(t.now), mark, int64(t.now.Add(lease)), int64(r.share)}
			if err = t.pushes(ctx, "pushes_take", args, mark, &taken); err != nil {
				return err
			}
		}
		return nil
	})
	return taken, err
}

// ready is how much of a destination is due, and how much of it is taken.
type ready struct {
	destination int64
	due, share  int
}

func (t *tx) ready(ctx context.Context, atMost int, busy []int64) ([]ready, error) {
	var all []ready
	err := t.each(ctx, "pushes_ready", []any{int64(t.now), int64(atMost)}, func(scan func(...any) error) error {
		var r ready
		err := scan(&r.destination, &r.due)
		if !slices.Contains(busy, r.destination) {
			all = append(all, r)
		}
		return err
	})
	return all, err
}

// shareOut gives each destination the same part, or all that it has; what one
// does not need is the others'. Are there more destinations than pushes to be
// taken, those go first that have the least, and they have nothing next time.
func shareOut(all []ready, limit int) []ready {
	slices.SortFunc(all, func(a, b ready) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.destination, b.destination))
	})
	if len(all) > limit {
		all = all[:max(limit, 0)]
	}
	for i := range all {
		all[i].share = min(all[i].due, limit/(len(all)-i))
		limit -= all[i].share
	}
	return all
}

func (r runner) pushes(ctx context.Context, name string, args []any, lease string, into *[]Push) error {
	return r.each(ctx, name, args, func(scan func(...any) error) error {
		var row pushRow
		if err := scan(row.into()...); err != nil {
			return err
		}
		p, err := row.read()
		p.lease = lease
		*into = append(*into, p)
		return err
	})
}

// BeginPushes notes, before the first byte goes out, that an attempt is made of
// each push. It returns those that may be sent, as they are now: the others were
// cancelled, erased or taken by somebody else, and must not be sent. Each can be
// begun once while it is held.
func (s *Store) BeginPushes(ctx context.Context, pushes []Push) ([]Push, error) {
	var begun []Push
	err := s.updateOutbox(ctx, "begin pushes", func(t *tx) error {
		held := map[string]*Push{}
		byLease := map[string][][]any{}
		for _, p := range pushes {
			held[p.ID.String()] = &p
			byLease[p.lease] = append(byLease[p.lease], []any{p.ID.String()})
		}
		var attempts [][]any
		for lease, rows := range byLease {
			err := t.many(ctx, "pushes_begin", []any{lease, int64(t.now)}, rows, func(scan func(...any) error) error {
				var id string
				var count, tries int64
				var since, first schema.Millis
				if err := scan(&id, &count, &tries, &since, &first); err != nil {
					return err
				}
				p := *held[id]
				p.Attempts, p.Tries, p.Open, p.OpenSince, p.FirstAt, p.UpdatedAt = int(count), int(tries), true, since, first, t.now
				begun = append(begun, p)
				attempts = append(attempts, []any{id, count})
				return nil
			})
			if err != nil {
				return err
			}
		}
		return t.many(ctx, "attempt_insert", []any{int64(t.now)}, attempts, nothing)
	})
	if err != nil {
		return nil, err
	}
	return begun, nil
}

// nothing is for statements that return no rows.
func nothing(func(...any) error) error { return nil }

// EndPushes notes what came of pushes and gives them back. What is no longer
// held by the caller is left alone, which is no error: whoever holds it now, or
// cancelled it, knows better. A push that was begun and is given back without a
// known outcome stays Open.
func (s *Store) EndPushes(ctx context.Context, results []PushResult) error {
	const op = "end pushes"
	return s.updateOutbox(ctx, op, func(t *tx) error {
		var ends, attempts [][]any
		for i := range results {
			r := &results[i]
			if !slices.Contains(schema.PushStates(), r.State) {
				return schema.E(op, schema.KindInternal, "The push %s cannot come into the state %q.", r.Push.ID, r.State)
			}
			id := r.Push.ID.String()
			ends = append(ends, []any{id, r.Push.lease, string(r.State), r.Words, r.Code, int64(cmp.Or(r.Due, t.now)), r.Receipt, flag(r.Alone),
				flag(r.Outcome.Known()), flag(r.Outcome.Arrived())})
			if r.Outcome != 0 {
				attempts = append(attempts, []any{id, r.Push.lease, r.Outcome.String(), r.Code, r.Words})
			}
		}
		if err := t.many(ctx, "attempts_end", []any{int64(t.now)}, attempts, nothing); err != nil {
			return err
		}
		return t.many(ctx, "pushes_end", []any{int64(t.now)}, ends, nothing)
	})
}

// cancelPushes ends what waits for a destination. One that is being sent at this
// moment takes the word of whoever sends it, when it comes.
func (t *tx) cancelPushes(ctx context.Context, destination int64, why string) error {
	_, err := t.exec(ctx, "pushes_cancel", append(t.cancelled(why), destination)...)
	return err
}

// cancelled are the time and the words of pushes that are cancelled: of those
// that the platform took, may have, and does not have.
func (t *tx) cancelled(why string) []any {
	return []any{
		int64(t.now),
		fmt.Sprintf("The platform has taken it; %s before it said what became of it.", why),
		fmt.Sprintf("Cancelled: %s while it was being sent, so that the platform may have it. Look for its id there before you send it again.", why),
		fmt.Sprintf("Cancelled: %s before it was sent. The platform does not have it.", why),
	}
}

// OutboxSize is what waits for one platform, for operators.
type OutboxSize struct {
	Platform string
	Pending  int
	Due      int           // of them to be sent now
	Oldest   schema.Millis // since when the first of those is due; 0 for none
}

// OutboxSizes are those of the platforms for which something waits.
func (s *Store) OutboxSizes(ctx context.Context) ([]OutboxSize, error) {
	var all []OutboxSize
	err := s.reader().each(ctx, "outbox_sizes", []any{int64(s.clock())}, func(scan func(...any) error) error {
		var size OutboxSize
		err := scan(&size.Platform, &size.Pending, &size.Due, &size.Oldest)
		if size.Due == 0 {
			size.Oldest = 0
		}
		all = append(all, size)
		return err
	})
	return all, failed("count the outbox", err)
}
