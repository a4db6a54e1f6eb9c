package intercom

import (
	"context"

	"sourceloop/control"
	"sourceloop/schema"
)

// Access opens the REST API for connections; it is what resolving webhooks
// asks through.
type Access struct {
	store    *control.Store
	provider *Provider
}

// NewAccess joins the tokens of a store with the addresses of a provider.
func NewAccess(store *control.Store, provider *Provider) *Access {
	return &Access{store: store, provider: provider}
}

// Access returns the API's address, without a slash at the end, and the
// connection's token. The error's kind is Unknown from the moment that the
// connection is disconnected.
func (a *Access) Access(ctx context.Context, connection int64) (baseURL, token string, err error) {
	c, err := a.store.Connection(ctx, connection)
	if err != nil {
		return "", "", err
	}
	if c.Provider != Name || c.State == control.Disconnected {
		return "", "", schema.E("ask Intercom", schema.KindUnknown, "The connection is closed.")
	}
	token, err = a.store.Token(ctx, connection)
	return a.provider.APIBase(), token, err
}
