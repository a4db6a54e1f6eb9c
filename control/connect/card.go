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
	LastError   string                  // in words, with what to do; "" for none
	CleanUp     []string                // what stays at the provider after disconnecting, to be removed by hand
	Sends       bool                    // whether it is an advertising platform's
	Pasted      bool                    // whether it is connected by a token that a person pastes
	Unavailable string                  // why it cannot be connected here, and what to do; "" when it can
	Listed      bool                    // whether the conversations from before can be imported, and missed ones found
	Backfill    *control.Look           // the import of the conversations from before; nil when nobody asked for it
	LookedAt    schema.Millis           // when it was last looked for what no webhook told; 0 for never
}

// Absent is a provider that this server was given no app of.
type Absent struct {
	Name  string // as Provider.Name
	Words string // why, and what to do
	Sends bool   // whether it is an advertising platform
}

// Lacks names providers that cannot be connected here; their cards say so. It
// must be called before the service is used.
func (s *Service) Lacks(absent ...Absent) { s.absent = append(s.absent, absent...) }

// Cards are one per provider, whether connected or not, for the principal's
// workspace.
func (s *Service) Cards(ctx context.Context, who control.Principal) ([]Card, error) {
	known, err := s.store.Connections(ctx, who)
	if err != nil {
		return nil, err
	}
	cards := make([]Card, 0, len(s.providers)+len(s.absent))
	for _, p := range s.providers {
		card := Card{Provider: p.Name(), State: control.Disconnected}
		for _, c := range known {
			if c.Provider == p.Name() {
				card = cardOf(c)
			}
		}
		if err = s.looks(ctx, &card); err != nil {
			return nil, err
		}
		card.CleanUp = p.CleanUp()
		_, card.Listed = p.(Listed)
		_, card.Pasted = p.(Pasted)
		_, card.Sends = p.(Advertiser)
		cards = append(cards, card)
	}
	for _, a := range s.absent {
		cards = append(cards, Card{Provider: a.Name, State: control.Disconnected, Unavailable: a.Words, Sends: a.Sends})
	}
	return cards, nil
}

// looks adds how far the looks through the provider have come.
func (s *Service) looks(ctx context.Context, card *Card) error {
	if card.Connection == 0 {
		return nil
	}
	all, err := s.store.Looks(ctx, card.Connection)
	for i, look := range all {
		switch look.Kind {
		case control.Backfill:
			card.Backfill = &all[i]
		case control.Reconcile:
			card.LookedAt = look.FinishedAt
		}
	}
	return err
}

func cardOf(c control.Connection) Card {
	return Card{
		Provider: c.Provider, Connection: c.ID, State: c.State, Name: c.Name, App: c.App, Since: c.Since,
		LastWebhook: c.LastEventAt, LastError: c.LastError,
	}
}

// words are what an error says to a person.
func words(err error) string {
	var e *schema.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return "Something went wrong that should not. Try again; if it stays, tell the operator."
}
