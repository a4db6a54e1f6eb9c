package control

import (
	"context"

	"sourceloop/schema"
)

// readdress has what a destination did not send yet go to its new target, under
// the ids that it has there. What was sent stays as it is. What is at the old
// target's platform this very moment ends there.
func (t *tx) readdress(ctx context.Context, d *Destination) error {
	moves, under, err := t.unsent(ctx, d)
	if err != nil {
		return err
	}
	next := make([]string, len(moves))
	for i := range moves {
		next[i] = moves[i].next
	}
	there, err := t.findPushes(ctx, next)
	if err != nil {
		return err
	}
	var moved, gone [][]any
	for _, m := range moves {
		if _, taken := there[m.next]; taken {
			gone = append(gone, []any{m.id})
			continue
		}
		there[m.next] = storedPush{}
		moved = append(moved, []any{m.id, m.next})
	}
	for _, step := range []struct {
		name   string
		shared []any
		rows   [][]any
	}{
		{"pushes_delete", nil, gone}, {"attempts_delete", nil, gone}, {"pushes_readdress", []any{int64(t.now)}, moved}, {"attempts_readdress", nil, moved},
		{"pushes_cancel_some", t.cancelled("the destination was given another target"), under},
	} {
		if err := t.many(ctx, step.name, step.shared, step.rows, nothing); err != nil {
			return err
		}
	}
	return nil
}

// readdressed is a push with its id at the new target.
type readdressed struct{ id, next string }

// unsent are the pushes of a destination that the platform does not have, and
// those that are under way.
func (t *tx) unsent(ctx context.Context, d *Destination) (moves []readdressed, under [][]any, err error) {
	err = t.each(ctx, "pushes_unsent", []any{d.ID}, func(scan func(...any) error) error {
		var id, conversion, state, receipt string
		var open int64
		var leased schema.Millis
		if err := scan(&id, &conversion, &state, &receipt, &open, &leased); err != nil {
			return err
		}
		of, err := schema.ParseID(conversion)
		if err != nil {
			return err
		}
		next := d.PushID(of).String()
		switch {
		case state == string(schema.PushPending) && (receipt != "" || open > 0 && leased > t.now):
			under = append(under, []any{id})
		case next != id:
			moves = append(moves, readdressed{id: id, next: next})
		}
		return nil
	})
	return moves, under, err
}
