package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"sourceloop/schema"
)

// keepSignals is how long it is remembered that a kind of delivery came: as
// long as all that tells of deliveries.
const keepSignals = 30 * 24 * time.Hour

// Signal is a kind of delivery that reached a provider's webhook address.
type Signal struct {
	What  string // a topic, or one of the names below
	Times int64
	Last  schema.Millis // when the newest came
}

// What a delivery can be noted as beside its topic.
const (
	SignalUnsigned  = "(unsigned)"  // its signature did not fit; that it names the app proves nothing
	SignalUninstall = "(uninstall)" // the notice that an app was removed, which may be forged
	SignalOther     = "(other)"     // a topic that nobody here knows
)

// Signals collects notes and writes them together, so that taking a webhook
// never waits for the settings database. It is safe for concurrent use.
type Signals struct {
	store *Store
	mu    sync.Mutex
	notes map[signalKey]Signal
}

type signalKey struct{ provider, app, what string }

// maxNotes bounds what is collected between two writes.
const maxNotes = 10_000

// NewSignals makes a collection; Run writes it.
func NewSignals(store *Store) *Signals {
	return &Signals{store: store, notes: make(map[signalKey]Signal)}
}

// Note remembers a delivery. What is lost when the process dies is a note,
// never a webhook.
func (s *Signals) Note(provider, app, what string, at schema.Millis) {
	key := signalKey{provider, app, what}
	s.mu.Lock()
	defer s.mu.Unlock()
	n, known := s.notes[key]
	if !known && len(s.notes) >= maxNotes {
		return
	}
	s.notes[key] = Signal{What: what, Times: n.Times + 1, Last: max(n.Last, at)}
}

// Run writes every half second what was noted, until ctx ends, and then once
// more.
func (s *Signals) Run(ctx context.Context) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			s.write(last)
			return nil
		case <-tick.C:
			s.write(ctx)
		}
	}
}

// write keeps the notes for the next time when the database is away.
func (s *Signals) write(ctx context.Context) {
	s.mu.Lock()
	notes := s.notes
	s.notes = make(map[signalKey]Signal)
	s.mu.Unlock()
	if len(notes) == 0 {
		return
	}
	err := s.store.update(ctx, "note what arrived", func(t *tx) error {
		var all error
		for key, n := range notes {
			_, err := t.exec(ctx, "signal_note", key.provider, key.app, key.what, n.Times, int64(n.Last))
			all = errors.Join(all, err)
		}
		return all
	})
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, n := range notes {
		if later, known := s.notes[key]; known || len(s.notes) < maxNotes {
			s.notes[key] = Signal{What: n.What, Times: n.Times + later.Times, Last: max(n.Last, later.Last)}
		}
	}
}

// SignalsOf tells what reached a provider's webhook address for an app in the
// last 30 days.
func (s *Store) SignalsOf(ctx context.Context, provider, app string) ([]Signal, error) {
	var all []Signal
	err := s.reader().each(ctx, "signals_of", []any{provider, app}, func(scan func(...any) error) error {
		var n Signal
		err := scan(&n.What, &n.Times, &n.Last)
		all = append(all, n)
		return err
	})
	return all, failed("read what arrived", err)
}

// InboxOf counts the webhooks of a connection that wait.
func (s *Store) InboxOf(ctx context.Context, connection int64) (int, error) {
	var n int
	_, err := s.reader().one(ctx, "inbox_waiting", []any{connection}, &n)
	return n, failed("count the inbox", err)
}
