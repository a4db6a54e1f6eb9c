package connect

import (
	"context"
	"errors"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

const (
	// refreshBefore is how long before its end an access token is replaced.
	refreshBefore = 2 * time.Minute
	// refreshLease outlasts the question to the provider.
	refreshLease = 30 * time.Second
	// refreshLimit bounds that question.
	refreshLimit = 15 * time.Second
	// refreshRest is how long after a failure nobody asks again.
	refreshRest = 5 * time.Second
	// refreshLook is how often those look that wait for another one's refresh.
	refreshLook = 25 * time.Millisecond
)

// Providers are those that can be connected, in the order of their cards.
type Providers []Provider

func (all Providers) find(op, name string) (Provider, error) {
	for _, p := range all {
		if p.Name() == name {
			return p, nil
		}
	}
	return nil, schema.E(op, schema.KindUnknown, "There is nothing to connect with this name.")
}

// Tokens hands out access tokens that live. Of all processes that find one near
// its end, one asks the provider for the next; the others wait for it. It is
// safe for concurrent use.
type Tokens struct {
	store     *control.Store
	providers Providers
	now       func() time.Time
}

// NewTokens opens the tokens of a settings database. now is the clock; nil is
// time.Now.
func NewTokens(store *control.Store, now func() time.Time, providers ...Provider) *Tokens {
	if now == nil {
		now = time.Now
	}
	return &Tokens{store: store, providers: providers, now: now}
}

// Token gives a connection's access token. The error's kind is Unknown when
// there is none, Internal when it cannot be opened, Denied when the provider
// does not renew it, which the card says then, Limited when it may later, and
// Unavailable when the settings database is away.
func (t *Tokens) Token(ctx context.Context, connection int64) (string, error) {
	grant, err := t.Grant(ctx, connection)
	return grant.Access, err
}

// Grant is Token with all that was granted.
func (t *Tokens) Grant(ctx context.Context, connection int64) (control.Grant, error) {
	grant, err := t.store.Grant(ctx, connection)
	if err != nil || !grant.Ends(t.after(refreshBefore)) {
		return grant, err
	}
	tick := time.NewTicker(refreshLook)
	defer tick.Stop()
	for {
		turn, err := t.store.TakeTurn(ctx, connection, grant, refreshLease)
		switch {
		case err != nil:
			return control.Grant{}, err
		case turn.Mine:
			return t.refresh(ctx, connection, turn, grant)
		case turn.Gone:
			return t.store.Grant(ctx, connection)
		case !grant.Ends(t.after(0)):
			return grant, nil // Good for a while yet.
		case turn.Rests:
			return control.Grant{}, schema.E("refresh the token", schema.KindLimited, "The provider could not renew our token a moment ago. It is tried again by itself.")
		}
		select {
		case <-ctx.Done():
			return control.Grant{}, ctx.Err()
		case <-tick.C:
		}
	}
}

func (t *Tokens) after(d time.Duration) schema.Millis { return schema.MillisOf(t.now().Add(d)) }

func (t *Tokens) refresh(ctx context.Context, connection int64, turn control.Turn, old control.Grant) (control.Grant, error) {
	// What the provider granted is kept, whether or not somebody still waits.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshLimit)
	defer cancel()
	next, err := t.ask(ctx, connection, old)
	if err == nil {
		return t.keep(ctx, turn, connection, next)
	}
	if failure := t.store.RestTurn(ctx, turn, refreshRest); failure != nil {
		return control.Grant{}, failure
	}
	if schema.KindOf(err) == schema.KindDenied {
		if failure := t.store.MarkFailed(ctx, connection, words(err)); failure != nil {
			return control.Grant{}, failure
		}
	}
	if passing(err) && !old.Ends(t.after(0)) {
		return old, nil
	}
	return control.Grant{}, limited(err)
}

// limited tells the provider's trouble from that of our own database.
func limited(err error) error {
	var known *schema.Error
	if errors.As(err, &known) && known.Kind == schema.KindUnavailable {
		return &schema.Error{Op: known.Op, Kind: schema.KindLimited, Text: known.Text, Err: known.Err}
	}
	return err
}

func (t *Tokens) ask(ctx context.Context, connection int64, old control.Grant) (control.Grant, error) {
	c, err := t.store.Connection(ctx, connection)
	if err != nil {
		return control.Grant{}, err
	}
	p, err := t.providers.find("refresh the token", c.Provider)
	if err != nil {
		return control.Grant{}, err
	}
	next, err := p.Refresh(ctx, old)
	if next.Refresh == "" {
		next.Refresh = old.Refresh // Providers may leave out what stays.
	}
	return next, err
}

func (t *Tokens) keep(ctx context.Context, turn control.Turn, connection int64, next control.Grant) (control.Grant, error) {
	kept, err := t.store.EndTurn(ctx, turn, next)
	if err != nil || kept {
		return next, err
	}
	return t.store.Grant(ctx, connection) // Connected anew meanwhile, or disconnected.
}
