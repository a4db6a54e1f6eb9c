package connect

import (
	"context"

	"sourceloop/control"
	"sourceloop/schema"
)

// Doubt finds out whether a connection's token is dead, and says so on the
// card. It is for providers whose refusal of a request does not tell. That the
// provider cannot be asked now is no answer, and no error.
func (s *Service) Doubt(ctx context.Context, connection int64) (dead bool, err error) {
	c, err := s.store.Connection(ctx, connection)
	if err != nil || c.State != control.Connected {
		return c.State == control.Failed, err
	}
	p, err := s.provider("check the connection", c.Provider)
	if err != nil {
		return false, err
	}
	err = s.check(ctx, p, c)
	switch schema.KindOf(err) {
	case schema.KindUnavailable, schema.KindLimited, schema.KindInvalid, schema.KindDenied, schema.KindUnknown:
	default:
		if err != nil {
			return false, err
		}
	}
	c, err = s.store.Connection(ctx, connection)
	return c.State == control.Failed, err
}
