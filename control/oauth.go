package control

import (
	"context"
	"crypto/subtle"
	"time"

	"sourceloop/schema"
)

// consentLife is how long a person may take on the provider's consent page.
const consentLife = 10 * time.Minute

// BeginConnection is the click on Connect: the connection becomes pending,
// unless it is connected and stays so until the callback, and a state is made
// for the consent page. browser is a secret of the browser's session, such as
// its cookie; the callback must come from the same.
func (s *Store) BeginConnection(ctx context.Context, who Principal, provider, browser string) (state string, err error) {
	const op = "connect"
	if err = who.Require(op, ManageConnections); err != nil {
		return "", err
	}
	if who.User == 0 || browser == "" {
		return "", schema.E(op, schema.KindDenied, "Connecting needs a person who is signed in with a browser.")
	}
	state = newSecret("")
	err = s.update(ctx, op, func(t *tx) error {
		c, err := t.ensureConnection(ctx, who.Workspace, provider)
		if err != nil {
			return err
		}
		if c.State != Connected {
			if _, err = t.exec(ctx, "connection_pending", c.ID, string(Pending), int64(t.now)); err != nil {
				return err
			}
		}
		_, err = t.exec(ctx, "oauth_state_insert", hashSecret(state), hashSecret(browser), provider, c.ID, int64(who.Workspace), who.User, int64(t.now.Add(consentLife)))
		if err != nil {
			return err
		}
		return t.audit(ctx, who, "connection begun", provider)
	})
	return state, err
}

// UseState ends a state and returns whose connection it was made for. It is
// refused when it is unknown, used, expired, from another browser or for
// another provider, or when the person may not manage connections any more.
func (s *Store) UseState(ctx context.Context, provider, state, browser string) (Connection, error) {
	const op = "finish connecting"
	var c Connection
	var refused error
	err := s.update(ctx, op, func(t *tx) error {
		var id, expires int64
		var bound []byte
		var madeFor string
		var role Role
		found, err := t.one(ctx, "oauth_state_find", []any{hashSecret(state)}, &id, &bound, &madeFor, &expires, &role)
		if err != nil {
			return err
		}
		used, err := t.exec(ctx, "oauth_state_use", hashSecret(state))
		if err != nil {
			return err
		}
		same := subtle.ConstantTimeCompare(bound, hashSecret(browser)) == 1
		if !found || used == 0 || !same || madeFor != provider || schema.Millis(expires) <= t.now || !(Principal{Role: role}).Can(ManageConnections) {
			// The state is used up all the same, so the transaction is kept.
			refused = schema.E(op, schema.KindDenied, "This connection attempt is not yours, was used already, or took longer than ten minutes. Nothing was connected. Go back to the settings and click Connect again.")
			return nil
		}
		c, err = t.connection(ctx, op, id)
		return err
	})
	if err == nil {
		err = refused
	}
	return c, err
}
