package control

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"sourceloop/schema"
)

// keepAttempts is how long it is kept what platforms said of each attempt.
const keepAttempts = 90 * 24 * time.Hour

// maxPushes bounds one page of the log.
const maxPushes = 1000

// PushQuery narrows the log of pushes. Zero values do not narrow.
type PushQuery struct {
	Destination int64
	Contact     schema.ID
	State       schema.PushState
	Limit       int    // 0: 100; 1,000 at most
	Cursor      string // where the last page ended
}

// Pushes is the log of the principal's workspace, the newest first, and where it
// goes on, "" at its end.
func (s *Store) Pushes(ctx context.Context, who Principal, q PushQuery) (page []Push, next string, err error) {
	const op = "list the pushes"
	if err := who.Require(op, Read); err != nil {
		return nil, "", err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, maxPushes)
	before, id, err := parseCursor(q.Cursor)
	if err != nil {
		return nil, "", schema.E(op, schema.KindInvalid, "The cursor is none that this list gave. Begin at the first page.")
	}
	name, args := "pushes_of", []any{int64(who.Workspace), q.Destination, string(q.State), before, id, int64(q.Limit + 1)}
	if !q.Contact.IsZero() {
		name, args = "pushes_of_contact", append(args, q.Contact.String())
	}
	page, err = s.reader().pushLog(ctx, name, args...)
	if err != nil {
		return nil, "", failed(op, err)
	}
	if len(page) > q.Limit {
		page = page[:q.Limit]
		last := page[q.Limit-1]
		next = fmt.Sprintf("%d.%s", last.CreatedAt, last.ID)
	}
	return page, next, nil
}

// parseCursor reads where a page ended: behind everything, for none.
func parseCursor(cursor string) (before int64, id string, err error) {
	if cursor == "" {
		return math.MaxInt64, "", nil
	}
	at, id, _ := strings.Cut(cursor, ".")
	if _, err = schema.ParseID(id); err == nil {
		before, err = strconv.ParseInt(at, 10, 64)
	}
	return before, id, err
}

func (r runner) pushLog(ctx context.Context, name string, args ...any) ([]Push, error) {
	var all []Push
	err := r.each(ctx, name, args, logged(&all))
	return all, err
}

// logged reads rows of the log.
func logged(into *[]Push) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var row pushRow
		if err := scan(append(row.into(), &row.push.Platform, &row.push.DestinationName)...); err != nil {
			return err
		}
		p, err := row.read()
		*into = append(*into, p)
		return err
	}
}

// Push is one push of the principal's workspace with its attempts.
func (s *Store) Push(ctx context.Context, who Principal, id schema.ID) (Push, []PushAttempt, error) {
	const op = "find the push"
	if err := who.Require(op, Read); err != nil {
		return Push{}, nil, err
	}
	p, err := s.reader().push(ctx, op, who.Workspace, id)
	if err != nil {
		return Push{}, nil, failed(op, err)
	}
	attempts, err := s.reader().attempts(ctx, id)
	return p, attempts, failed(op, err)
}

// PushAttempts are the attempts of a push, the first first; those of the last 90
// days.
func (s *Store) PushAttempts(ctx context.Context, who Principal, id schema.ID) ([]PushAttempt, error) {
	_, attempts, err := s.Push(ctx, who, id)
	return attempts, err
}

func (r runner) push(ctx context.Context, op string, workspace uint32, id schema.ID) (Push, error) {
	all, err := r.pushLog(ctx, "push_get", int64(workspace), id.String())
	if err == nil && len(all) == 0 {
		err = schema.E(op, schema.KindUnknown, "There is no such push in this workspace. The log of a platform goes 30 days after it was disconnected.")
	}
	if err != nil {
		return Push{}, err
	}
	return all[0], nil
}

func (r runner) attempts(ctx context.Context, push schema.ID) ([]PushAttempt, error) {
	var all []PushAttempt
	err := r.each(ctx, "attempts_of", []any{push.String()}, func(scan func(...any) error) error {
		var a PushAttempt
		var outcome string
		err := scan(&a.N, &a.At, &a.EndedAt, &outcome, &a.Code, &a.Words)
		a.Outcome = schema.ParseOutcome(outcome)
		all = append(all, a)
		return err
	})
	return all, err
}

// PushesAbout are all pushes of some conversions, in no order.
func (s *Store) PushesAbout(ctx context.Context, workspace uint32, conversions []schema.ID) ([]Push, error) {
	var all []Push
	rows := column(conversions, func(id schema.ID) any { return id.String() })
	err := s.reader().many(ctx, "pushes_about", []any{int64(workspace)}, rows, logged(&all))
	return all, failed("find pushes of conversions", err)
}

// PushCounts counts the pushes of the principal's workspace by destination and
// state.
func (s *Store) PushCounts(ctx context.Context, who Principal) (map[int64]map[schema.PushState]int, error) {
	const op = "count the pushes"
	if err := who.Require(op, Read); err != nil {
		return nil, err
	}
	counts := map[int64]map[schema.PushState]int{}
	err := s.reader().each(ctx, "push_counts", []any{int64(who.Workspace)}, func(scan func(...any) error) error {
		var destination int64
		var state string
		var n int
		if err := scan(&destination, &state, &n); err != nil {
			return err
		}
		if counts[destination] == nil {
			counts[destination] = map[schema.PushState]int{}
		}
		counts[destination][schema.PushState(state)] = n
		return nil
	})
	return counts, failed(op, err)
}

// RetryPush sends a push again that failed, under the id that it had.
func (s *Store) RetryPush(ctx context.Context, who Principal, id schema.ID) error {
	const op = "send the push again"
	if err := who.Require(op, SendConversions); err != nil {
		return err
	}
	return s.updateOutbox(ctx, op, func(t *tx) error {
		p, err := t.push(ctx, op, who.Workspace, id)
		if err != nil {
			return err
		}
		if p.State != schema.PushError {
			return schema.E(op, schema.KindConflict, "Only what failed can be sent again; this one is %s.", strings.ReplaceAll(string(p.State), "_", " "))
		}
		if p.Contact.IsZero() {
			return schema.E(op, schema.KindConflict, "The person was erased, so that there is nothing left to send.")
		}
		d, err := t.sendable(ctx, op, who.Workspace, p.Destination)
		if err != nil {
			return err
		}
		if d.PushID(p.Conversion) != id {
			return schema.E(op, schema.KindConflict, "The destination was given another target after this was sent to the former one, where it may have arrived. It is not sent there any more.")
		}
		if err = t.many(ctx, "pushes_retry", []any{int64(t.now)}, [][]any{{id.String()}}, nothing); err != nil {
			return err
		}
		return t.audit(ctx, who, "push sent again", "push "+id.String())
	})
}

// RetryPushes sends all pushes of a destination again that failed. It tells how
// many they are.
func (s *Store) RetryPushes(ctx context.Context, who Principal, destination int64) (int, error) {
	const op = "send the pushes again"
	if err := who.Require(op, SendConversions); err != nil {
		return 0, err
	}
	n := 0
	err := s.updateOutbox(ctx, op, func(t *tx) error {
		d, err := t.sendable(ctx, op, who.Workspace, destination)
		if err != nil {
			return err
		}
		failed, err := t.failedPushes(ctx, &d)
		if n = len(failed); err != nil || n == 0 {
			return err
		}
		if err = t.many(ctx, "pushes_retry", []any{int64(t.now)}, failed, nothing); err != nil {
			return err
		}
		return t.audit(ctx, who, "pushes sent again", fmt.Sprintf("%d of destination %d", n, destination))
	})
	return n, err
}

// failedPushes are those of a destination's present target.
func (t *tx) failedPushes(ctx context.Context, d *Destination) ([][]any, error) {
	var failed [][]any
	err := t.each(ctx, "pushes_failed", []any{d.ID}, func(scan func(...any) error) error {
		var id, conversion string
		if err := scan(&id, &conversion); err != nil {
			return err
		}
		if of, err := schema.ParseID(conversion); err != nil || d.PushID(of).String() != id {
			return err
		}
		failed = append(failed, []any{id})
		return nil
	})
	return failed, err
}

// sendable refuses to send to a destination that is gone or disconnected.
func (t *tx) sendable(ctx context.Context, op string, workspace uint32, destination int64) (Destination, error) {
	d, err := t.destination(ctx, op, workspace, destination)
	if err == nil && d.State == Disconnected {
		err = schema.E(op, schema.KindConflict, "The platform is disconnected. Connect it again first.")
	}
	return d, err
}

// NotePushes says of what was sent for a conversion what changed afterwards.
func (s *Store) NotePushes(ctx context.Context, workspace uint32, conversion schema.ID, note string) error {
	return s.updateOutbox(ctx, "note what changed after a push", func(t *tx) error {
		_, err := t.exec(ctx, "pushes_note", int64(workspace), conversion.String(), note, int64(t.now))
		return err
	})
}
