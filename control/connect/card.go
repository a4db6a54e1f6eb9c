package connect

import (
	"context"
	"errors"

	"sourceloop/control"
	"sourceloop/schema"
)

// Card is what a person sees of a connection.
type Card struct {
	Provider    string
	Connection  int64                   // 0 when it was never begun
	State       control.ConnectionState // Disconnected when it was never begun
	Name        string                  // the provider's name of the connected workspace
	App         string                  // the provider's id of it
	Since       schema.Millis           // when it came into this state; 0 when never begun
	LastWebhook schema.Millis           // 0 for none
	LastError   string                  // in words; "" for none
}

// Cards are one per provider, whether connected or not, for the principal's
// workspace.
func (s *Service) Cards(ctx context.Context, who control.Principal) ([]Card, error) {
	known, err := s.store.Connections(ctx, who)
	if err != nil {
		return nil, err
	}
	cards := make([]Card, len(s.providers))
	for i, p := range s.providers {
		cards[i] = Card{Provider: p.Name(), State: control.Disconnected}
		for _, c := range known {
			if c.Provider == p.Name() {
				cards[i] = Card{
					Provider: c.Provider, Connection: c.ID, State: c.State, Name: c.Name, App: c.App, Since: c.Since,
					LastWebhook: c.LastEventAt, LastError: c.LastError,
				}
			}
		}
	}
	return cards, nil
}

// words are what an error says to a person.
func words(err error) string {
	var e *schema.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return "Something went wrong that should not. Try again; if it stays, tell the operator."
}
