package control

import (
	"context"
	"time"

	"sourceloop/schema"
)

// LookKind is why a provider is looked through.
type LookKind string

// The kinds of looks.
const (
	// Backfill goes through all conversations that there are, once.
	Backfill LookKind = "backfill"
	// Reconcile goes through what changed since the last time, every hour, so
	// that a webhook that never came is found.
	Reconcile LookKind = "reconcile"
)

const (
	// reconcileEvery is how long after a look began the next one is due.
	reconcileEvery = time.Hour
	// reconcileOverlap is how far a look goes back behind the begin of the last
	// one: providers' searches lag minutes behind.
	reconcileOverlap = 15 * time.Minute
)

// Look is one walk through what a provider has of a connection.
type Look struct {
	Connection int64
	Kind       LookKind
	Done       bool          // a backfill that has come to its end
	Since      schema.Millis // what changed at or after; 0 for everything
	BegunAt    schema.Millis // 0 when it has not begun
	Position   string        // where it goes on, in words of the provider's code; "" at the beginning
	Found      int64         // conversations so far
	Total      int64         // as the provider counts them; 0 when it does not say
	FinishedAt schema.Millis // when the last one came to its end; 0 for never
	Note       string        // why it waits, or what it could not see; "" for nothing
	lease      []byte
}

// RequestBackfill asks for all conversations that a provider has. One under way
// goes on; a finished one begins anew, which changes nothing that is known.
func (s *Store) RequestBackfill(ctx context.Context, who Principal, provider string) error {
	const op = "import conversations"
	if err := who.Require(op, ManageConnections); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		all, err := t.connections(ctx, "connection_at", int64(who.Workspace), provider)
		if err != nil {
			return err
		}
		if len(all) == 0 || all[0].State == Disconnected {
			return noConnection(op)
		}
		if err = t.askBackfill(ctx, all[0].ID); err != nil {
			return err
		}
		return t.audit(ctx, who, "conversations import begun", provider)
	})
}

// askBackfill notes the wish; it is fulfilled while the connection is connected.
func (t *tx) askBackfill(ctx context.Context, connection int64) error {
	if _, err := t.exec(ctx, "look_ask", connection, string(Backfill), int64(0), int64(t.now), []byte{}); err != nil {
		return err
	}
	_, err := t.exec(ctx, "look_again", connection, string(Backfill), int64(t.now))
	return err
}

// keepReconciling begins to look every hour, for what changes from now on. One
// that looked before an interruption looks at once, for all since then.
func (t *tx) keepReconciling(ctx context.Context, connection int64) error {
	due := int64(t.now.Add(reconcileEvery))
	made, err := t.exec(ctx, "look_ask", connection, string(Reconcile), int64(t.now), due, []byte{})
	if err != nil || made > 0 {
		return err
	}
	_, err = t.exec(ctx, "look_hurry", connection, string(Reconcile), int64(t.now))
	return err
}

// TakeLook takes the look that is due longest, or nil. For as long as lease
// nobody else gets it.
func (s *Store) TakeLook(ctx context.Context, lease time.Duration) (*Look, error) {
	mark := []byte(newSecret(""))
	var look *Look
	err := s.update(ctx, "take a look", func(t *tx) error {
		args := []any{int64(t.now), int64(t.now.Add(lease)), mark}
		return t.each(ctx, "look_take", args, func(scan func(...any) error) error {
			look = &Look{lease: mark}
			return look.scan(scan)
		})
	})
	return look, err
}

// PauseLook gives a look back, to be taken again after a while where it stands.
// A lease that was lost meanwhile is no error: whoever has it repeats a page.
func (s *Store) PauseLook(ctx context.Context, look *Look, after time.Duration) error {
	return s.update(ctx, "pause a look", func(t *tx) error {
		return t.saveLook(ctx, look, t.now.Add(after))
	})
}

// EndLook gives a look back that has come to its end. The next one of its kind,
// if there is any, looks for what changed since this one began.
func (s *Store) EndLook(ctx context.Context, look *Look) error {
	return s.update(ctx, "end a look", func(t *tx) error {
		look.FinishedAt, look.Position = t.now, ""
		due := t.now
		switch look.Kind {
		case Backfill:
			look.Done = true
		case Reconcile:
			look.Since = look.BegunAt.Add(-reconcileOverlap)
			due = look.BegunAt.Add(reconcileEvery)
			look.BegunAt, look.Found, look.Total = 0, 0, 0
		}
		return t.saveLook(ctx, look, due)
	})
}

func (t *tx) saveLook(ctx context.Context, l *Look, due schema.Millis) error {
	state := "open"
	if l.Done {
		state = "done"
	}
	_, err := t.exec(ctx, "look_save", l.Connection, string(l.Kind), l.lease, state, int64(l.Since), int64(l.BegunAt), l.Position,
		l.Found, l.Total, int64(l.FinishedAt), l.Note, int64(due), []byte{})
	return err
}

// Looks are those of a connection, for its card.
func (s *Store) Looks(ctx context.Context, connection int64) ([]Look, error) {
	var all []Look
	err := s.reader().each(ctx, "looks_of", []any{connection}, func(scan func(...any) error) error {
		var look Look
		err := look.scan(scan)
		all = append(all, look)
		return err
	})
	return all, failed("read the looks", err)
}

func (l *Look) scan(scan func(...any) error) error {
	var state string
	err := scan(&l.Connection, &l.Kind, &state, &l.Since, &l.BegunAt, &l.Position, &l.Found, &l.Total, &l.FinishedAt, &l.Note)
	l.Done = state == "done"
	return err
}
