package control

import (
	"context"
	"encoding/json"
	"time"

	"sourceloop/schema"
)

// setupGrace is how long the setup that follows a new token is left to whoever
// saved it, before TakeSetups gives it to another.
const setupGrace = time.Minute

// Grant is what a provider gave us to speak for a workspace. It is all secret.
type Grant struct {
	Access  string        `json:"access"`
	Refresh string        `json:"refresh,omitempty"` // "" where the access token has no end
	Expires schema.Millis `json:"expires,omitempty"` // when the access token ends; 0 for never
}

// Ends tells whether the access token has ended by a moment.
func (g Grant) Ends(by schema.Millis) bool { return g.Expires != 0 && g.Expires <= by }

// SaveGrant seals what a provider granted and keeps it in place of what was
// granted earlier. The connection must not have been closed.
func (s *Store) SaveGrant(ctx context.Context, id int64, grant Grant) error {
	const op = "keep the provider's token"
	return s.update(ctx, op, func(t *tx) error {
		c, err := t.connection(ctx, op, id)
		if err != nil {
			return err
		}
		if c.State == Disconnected {
			return schema.E(op, schema.KindConflict, "The connection was closed while it was being set up. Connect again.")
		}
		sealed, err := s.sealGrant(c, grant)
		if err != nil {
			return err
		}
		if _, err = t.exec(ctx, "connection_granted", id, int64(t.now.Add(setupGrace))); err != nil {
			return err
		}
		_, err = t.exec(ctx, "token_put", id, sealed, int64(t.now), int64(grant.Expires), []byte{})
		return err
	})
}

func (s *Store) sealGrant(c Connection, grant Grant) ([]byte, error) {
	plain, err := json.Marshal(grant)
	if err != nil {
		return nil, err
	}
	return s.keys.Seal(plain, c.describe()...), nil
}

// Grant opens what a provider granted, whether or not it has ended meanwhile.
// The error's kind is Unknown when there is nothing, and Internal when it
// cannot be opened.
func (s *Store) Grant(ctx context.Context, id int64) (Grant, error) {
	const op = "open the provider's token"
	c, err := s.reader().connection(ctx, op, id)
	if err != nil {
		return Grant{}, failed(op, err)
	}
	sealed, err := s.SealedToken(ctx, id)
	if err != nil {
		return Grant{}, err
	}
	plain, err := s.keys.Open(sealed, c.describe()...)
	if err != nil {
		e := schema.E(op, schema.KindInternal, "The provider's token cannot be opened with the keys at hand. Give the key it was sealed with, or connect again.")
		e.Err = err
		return Grant{}, e
	}
	var grant Grant
	if len(plain) == 0 || plain[0] != '{' || json.Unmarshal(plain, &grant) != nil {
		grant = Grant{Access: string(plain)} // Of a version that kept the bare token.
	}
	return grant, nil
}

// Token is the access token of a connection, whether or not it has ended
// meanwhile. See Grant for errors.
func (s *Store) Token(ctx context.Context, id int64) (string, error) {
	grant, err := s.Grant(ctx, id)
	return grant.Access, err
}

// Turn says whose turn it is to get a new access token.
type Turn struct {
	Mine   bool // the caller's: it must call EndTurn or RestTurn
	Gone   bool // nobody's: the grant is another one by now, or was destroyed
	Rests  bool // nobody's yet: the last one failed a moment ago
	id     int64
	ticket []byte
}

// TakeTurn asks for the turn to replace a grant. Of all processes one has it at
// a time, for as long as lease.
func (s *Store) TakeTurn(ctx context.Context, id int64, old Grant, lease time.Duration) (Turn, error) {
	turn := Turn{id: id, ticket: []byte(newSecret(""))}
	err := s.update(ctx, "refresh the provider's token", func(t *tx) error {
		until := int64(t.now.Add(lease))
		taken, err := t.exec(ctx, "token_lease", id, int64(old.Expires), turn.ticket, until, int64(t.now))
		if turn.Mine = taken > 0; turn.Mine || err != nil {
			return err
		}
		var expires, leasedUntil int64
		var ticket []byte
		found, err := t.one(ctx, "token_state", []any{id}, &expires, &ticket, &leasedUntil)
		turn.Gone = !found || expires != int64(old.Expires)
		turn.Rests = !turn.Gone && len(ticket) == 0
		return err
	})
	return turn, err
}

// EndTurn keeps the new grant. It tells whether that was still wanted: not when
// the connection was closed or connected anew meanwhile, or the turn was over.
func (s *Store) EndTurn(ctx context.Context, turn Turn, grant Grant) (kept bool, err error) {
	const op = "keep the refreshed token"
	err = s.update(ctx, op, func(t *tx) error {
		c, err := t.connection(ctx, op, turn.id)
		if err != nil {
			return err
		}
		sealed, err := s.sealGrant(c, grant)
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, "token_refreshed", turn.id, turn.ticket, sealed, int64(t.now), int64(grant.Expires), []byte{})
		kept = n > 0
		return err
	})
	return kept, err
}

// RestTurn gives the turn back without a new grant; for a while nobody gets it.
func (s *Store) RestTurn(ctx context.Context, turn Turn, rest time.Duration) error {
	return s.update(ctx, "give the refresh back", func(t *tx) error {
		_, err := t.exec(ctx, "token_rest", turn.id, turn.ticket, []byte{}, int64(t.now.Add(rest)))
		return err
	})
}
