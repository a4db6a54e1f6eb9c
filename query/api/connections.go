package api

import (
	"context"
	"errors"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/schema"
)

// ListConnections gives the cards.
func (s *service) ListConnections(ctx context.Context, _ ListConnectionsRequestObject) (ListConnectionsResponseObject, error) {
	cards, err := s.Connections.Cards(ctx, callerOf(ctx).Principal)
	if err != nil {
		return nil, err
	}
	list := ListConnections200JSONResponse{Items: make([]Connection, 0, len(cards))}
	for _, card := range cards {
		if isAd(card.Provider) {
			continue // It has a page of its own.
		}
		list.Items = append(list.Items, connectionOf(card))
	}
	return list, nil
}

func connectionOf(card connect.Card) Connection {
	c := Connection{
		Provider: Provider(card.Provider), Name: providerName(card.Provider), State: ConnectionState(card.State),
		WorkspaceName: card.Name, LastEventAt: moment(card.LastWebhook), LastError: card.LastError,
		ConnectUrl: "/connect/" + card.Provider + "/start", CleanUp: list(card.CleanUp), Unavailable: card.Unavailable, Listed: card.Listed,
	}
	if card.State == control.Connected {
		c.ConnectedAt = moment(card.Since)
	}
	c.LookedAt = moment(card.LookedAt)
	if l := card.Backfill; l != nil {
		c.Backfill = &Backfill{Done: l.Done, Found: int(l.Found), Total: int(max(l.Total, l.Found)), Note: l.Note}
	}
	return c
}

// StartBackfill asks for the conversations from before.
func (s *service) StartBackfill(ctx context.Context, in StartBackfillRequestObject) (StartBackfillResponseObject, error) {
	if err := s.Connections.Backfill(ctx, callerOf(ctx).Principal, string(in.Provider)); err != nil {
		return nil, err
	}
	return StartBackfill204Response{}, nil
}

// providerName is how a provider writes itself.
func providerName(provider string) string {
	switch provider {
	case "intercom":
		return "Intercom"
	case "hubspot":
		return "HubSpot"
	case "google":
		return "Google Ads"
	case "meta":
		return "Meta"
	case "linkedin":
		return "LinkedIn"
	}
	return provider
}

// TestConnection asks the provider whether the connection works.
func (s *service) TestConnection(ctx context.Context, in TestConnectionRequestObject) (TestConnectionResponseObject, error) {
	provider := string(in.Provider)
	c, err := s.Connections.Test(ctx, callerOf(ctx).Principal, provider)
	var known *schema.Error
	switch {
	case err == nil:
	case errors.As(err, &known) && known.Kind != schema.KindUnknown && known.Kind != schema.KindInternal:
		// That it does not work is what was found.
		p := worded(0, known.Text)
		return TestConnection200JSONResponse{Checks: []Check{{Name: providerName(provider) + " answers", Text: p.Detail, Fix: p.WhatToDo}}}, nil
	default:
		return nil, err
	}
	answers := Check{Name: providerName(provider) + " answers", Ok: true, Text: "The token works for " + c.Name + ", and what SourceLoop needs there is set up."}
	if isAd(provider) {
		answers.Text = "The access of " + c.Name + " works."
		return TestConnection200JSONResponse{Checks: []Check{answers}}, nil
	}
	return TestConnection200JSONResponse{Checks: []Check{answers, s.webhookCheck(c)}}, nil
}

func (s *service) webhookCheck(c control.Connection) Check {
	check := Check{Name: "Webhooks arrive", Ok: c.LastEventAt != 0}
	if check.Ok {
		check.Text = "The last one came " + ago(schema.MillisOf(s.Now()).Sub(c.LastEventAt)) + "."
		return check
	}
	check.Text = "None has come since it was connected."
	check.Fix = "Start a chat on your site. If none comes then, look whether the webhooks of the app at " + providerName(c.Provider) + " point here."
	return check
}

// Disconnect ends a connection.
func (s *service) Disconnect(ctx context.Context, in DisconnectRequestObject) (DisconnectResponseObject, error) {
	farewell, err := s.Connections.Disconnect(ctx, callerOf(ctx).Principal, string(in.Provider))
	if err != nil {
		return nil, err
	}
	left := list(farewell.CleanUp)
	if !farewell.Revoked && farewell.Words != "" {
		left = append([]string{farewell.Words}, left...)
	}
	return Disconnect200JSONResponse{CleanUp: left}, nil
}
