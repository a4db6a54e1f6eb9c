package connect

import (
	"context"

	"sourceloop/control"
	"sourceloop/schema"
)

// Pasted is a Provider without a consent page: a person makes a token there and
// pastes it here. Its AuthorizeURL and Exchange are never asked.
type Pasted interface{ Pasted() }

// Targeted is a Provider that lists what a destination can send to.
type Targeted interface {
	// Targets are those of an account, by its number at the provider.
	Targets(ctx context.Context, token, account string) ([]control.AdTarget, error)
}

// Paste connects by a token that a person made at the provider. A token that
// the provider refuses changes nothing, and its words say so.
func (s *Service) Paste(ctx context.Context, who control.Principal, provider, token string) (control.Connection, error) {
	const op = "connect"
	p, err := s.provider(op, provider)
	if err != nil {
		return control.Connection{}, err
	}
	if _, ok := p.(Pasted); !ok {
		return control.Connection{}, schema.E(op, schema.KindInvalid, "This is not connected by a token, but on a consent page. Click Connect on its card.")
	}
	if err := who.Require(op, control.ManageConnections); err != nil { // Nobody else may have tokens tried.
		return control.Connection{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), setupLimit)
	defer cancel()
	setup, err := p.Setup(ctx, token)
	if err != nil {
		return control.Connection{}, mistyped(op, err)
	}
	c, err := s.store.BeginWithToken(ctx, who, provider)
	if err != nil {
		return control.Connection{}, err
	}
	if err = s.store.SaveGrant(ctx, c.ID, control.Grant{Access: token}); err != nil {
		return control.Connection{}, err
	}
	if err = s.store.MarkConnected(ctx, c.ID, setup); err != nil {
		return s.refuse(ctx, c, err)
	}
	return s.store.Connection(ctx, c.ID)
}

// mistyped says of a token that does not open anything that the request was
// wrong: it is not the person who may not.
func mistyped(op string, err error) error {
	if schema.KindOf(err) == schema.KindDenied {
		return schema.E(op, schema.KindInvalid, "%s", words(err))
	}
	return err
}

// Targets lists what a destination of the workspace can send to. listed is
// false where the provider lists nothing.
func (s *Service) Targets(ctx context.Context, who control.Principal, provider, account string) (targets []control.AdTarget, listed bool, err error) {
	const op = "list what can be sent to"
	p, err := s.provider(op, provider)
	if err != nil {
		return nil, false, err
	}
	c, err := s.store.WorkspaceConnection(ctx, who, provider)
	if err != nil {
		return nil, false, err
	}
	lister, ok := p.(Targeted)
	if !ok {
		return nil, false, nil
	}
	if account == "" {
		return nil, true, schema.E(op, schema.KindInvalid, "It is not said of which account. Name the number of the account at the platform.")
	}
	ctx, cancel := context.WithTimeout(ctx, setupLimit)
	defer cancel()
	token, err := s.tokens.Token(ctx, c.ID)
	if err == nil {
		targets, err = lister.Targets(ctx, token, account)
	}
	return targets, true, err
}
