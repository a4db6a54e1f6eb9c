package connect

import (
	"context"

	"sourceloop/control"
	"sourceloop/schema"
)

// Access opens the API of one provider for its connections; it is what
// resolving webhooks asks through.
type Access struct {
	provider string
	tokens   *Tokens
	base     func(control.Connection) string
}

// NewAccess joins a provider's tokens with the address of its API, which base
// gives for a connection, without a slash at the end.
func NewAccess(provider string, tokens *Tokens, base func(control.Connection) string) *Access {
	return &Access{provider: provider, tokens: tokens, base: base}
}

// Access returns the API's address and a token that lives. The error's kind is
// Unknown from the moment that the connection is disconnected; others are those
// of Tokens.Token.
func (a *Access) Access(ctx context.Context, connection int64) (baseURL, token string, err error) {
	c, err := a.tokens.store.Connection(ctx, connection)
	if err != nil {
		return "", "", err
	}
	if c.Provider != a.provider || c.State == control.Disconnected {
		return "", "", schema.E("ask the provider", schema.KindUnknown, "The connection is closed.")
	}
	token, err = a.tokens.Token(ctx, connection)
	return a.base(c), token, err
}
