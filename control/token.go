package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sourceloop/schema"
)

// SealedToken is a connection's token as it is stored, for those who prove that
// it is gone.
func (s *Store) SealedToken(ctx context.Context, id int64) ([]byte, error) {
	const op = "read the sealed token"
	var sealed []byte
	found, err := s.reader().one(ctx, "token_get", []any{id}, &sealed)
	if err != nil {
		return nil, failed(op, err)
	}
	if !found {
		return nil, schema.E(op, schema.KindUnknown, "There is no token for this connection. Connect it first.")
	}
	return sealed, nil
}

// DestroyToken deletes a connection's token. On SQLite nothing of it, plain or
// sealed, is in the data folder afterwards, write-ahead log included.
func (s *Store) DestroyToken(ctx context.Context, id int64) error {
	const op = "destroy the provider's token"
	err := s.update(ctx, op, func(t *tx) error {
		_, err := t.exec(ctx, "token_delete", id)
		return err
	})
	if err != nil {
		return err
	}
	if err = s.scrub(ctx); err != nil {
		e := schema.E(op, schema.KindUnavailable, "The token was deleted, but its sealed bytes may stay in the database's files until the server is restarted.")
		e.Err = err
		return e
	}
	return nil
}

// UndestroyedTokens are connections that were disconnected longer than age ago
// and still have a token, because a process ended in between.
func (s *Store) UndestroyedTokens(ctx context.Context, age time.Duration) ([]Connection, error) {
	all, err := s.reader().connections(ctx, "tokens_orphaned", int64(s.clock().Add(-age)))
	return all, failed("find tokens to destroy", err)
}

// scrub rewrites the SQLite files without what was deleted. secure_delete
// overwrote the row; the write-ahead log, which holds it as it was, is emptied
// here. The database is written anew first, since secure_delete promises
// nothing about copies in pages that were split or merged.
func (s *Store) scrub(ctx context.Context) error {
	if !s.sqlite {
		return nil
	}
	if _, err := s.writer().exec(ctx, "sqlite_vacuum"); err != nil {
		return err
	}
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		var busy, pages, moved int64
		if _, err := s.writer().one(ctx, "sqlite_checkpoint", nil, &busy, &pages, &moved); err != nil {
			return err
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return errors.New("cannot empty the write-ahead log: it stays in use")
		case <-again.C:
		}
	}
}

func (s *Store) writer() runner { return runner{s.text, s.write} }

// Reseal seals anew every token that was sealed with another key than the
// first, and returns how many. Run at every start, it is how keys rotate. A
// token whose key is gone stays as it is: its connection will say so.
func (s *Store) Reseal(ctx context.Context) (int, error) {
	const op = "seal the tokens anew"
	var count int
	err := s.update(ctx, op, func(t *tx) error {
		sealed := map[int64][]byte{}
		err := t.each(ctx, "tokens_all", nil, func(scan func(...any) error) error {
			var id int64
			var body []byte
			err := scan(&id, &body)
			sealed[id] = body
			return err
		})
		if err != nil {
			return err
		}
		for id, body := range sealed {
			if !s.keys.Stale(body) {
				continue
			}
			done, err := t.reseal(ctx, s, id, body)
			if err != nil {
				return fmt.Errorf("connection %d: %w", id, err)
			}
			count += done
		}
		done, err := t.resealErasures(ctx, s)
		count += done
		if err != nil {
			return err
		}
		done, err = t.resealEndpoints(ctx, s)
		count += done
		return err
	})
	if err == nil && count > 0 {
		err = failed(op, s.scrub(ctx))
	}
	return count, err
}

func (t *tx) reseal(ctx context.Context, s *Store, id int64, body []byte) (int, error) {
	c, err := t.connection(ctx, "seal the tokens anew", id)
	if err != nil {
		return 0, err
	}
	token, err := s.keys.Open(body, c.describe()...)
	if err != nil {
		s.log.Warn("a token does not open with the keys at hand", "connection", id)
		return 0, nil
	}
	_, err = t.exec(ctx, "token_reseal", id, s.keys.Seal(token, c.describe()...), int64(t.now))
	return 1, err
}
