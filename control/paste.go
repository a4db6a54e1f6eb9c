package control

import "context"

// AdTarget is what a destination can send to, as its platform lists it: a
// conversion rule of LinkedIn.
type AdTarget struct {
	ID     string // the platform's number: Destination.Action
	Name   string // as the platform calls it
	Active bool   // whether the platform counts what is sent to it
}

// BeginWithToken begins a connection whose token a person made at the provider:
// there is no consent page. It becomes pending, unless it is connected and stays
// so until it is known whether the token works.
func (s *Store) BeginWithToken(ctx context.Context, who Principal, provider string) (Connection, error) {
	const op = "connect"
	if err := who.Require(op, ManageConnections); err != nil {
		return Connection{}, err
	}
	var c Connection
	err := s.update(ctx, op, func(t *tx) (err error) {
		if c, err = t.ensureConnection(ctx, who.Workspace, provider); err != nil {
			return err
		}
		if c.State != Connected {
			if _, err = t.exec(ctx, "connection_pending", c.ID, string(Pending), int64(t.now)); err != nil {
				return err
			}
			c.State = Pending
		}
		return t.audit(ctx, who, "connection begun", provider)
	})
	return c, err
}
