package api

import (
	"context"
	"slices"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/schema"
)

// adPlatforms are the advertising platforms, in the order of their cards.
func adPlatforms() []AdPlatform {
	return []AdPlatform{AdPlatformGoogle, AdPlatformMeta, AdPlatformLinkedin}
}

// isAd tells an advertising platform from a chat provider.
func isAd(provider string) bool { return slices.Contains(adPlatforms(), AdPlatform(provider)) }

// ListAds gives the cards of the advertising platforms.
func (s *service) ListAds(ctx context.Context, _ ListAdsRequestObject) (ListAdsResponseObject, error) {
	cards, err := s.adCards(ctx)
	return ListAds200JSONResponse{Items: cards}, err
}

func (s *service) adCards(ctx context.Context) ([]AdCard, error) {
	who := callerOf(ctx).Principal
	known, err := s.Connections.Cards(ctx, who)
	if err != nil {
		return nil, err
	}
	destinations, err := s.destinations(ctx, who)
	if err != nil {
		return nil, err
	}
	cards := make([]AdCard, 0, len(adPlatforms()))
	for _, platform := range adPlatforms() {
		card := adCard(platform, known)
		for _, d := range destinations {
			if d.Platform == platform {
				card.Destinations = append(card.Destinations, d)
			}
		}
		cards = append(cards, card)
	}
	return cards, nil
}

// adCard is a platform's card, also where this server knows nothing of it.
func adCard(platform AdPlatform, known []connect.Card) AdCard {
	card := AdCard{
		Platform: platform, Name: providerName(string(platform)), State: ConnectionStateDisconnected, How: Oauth,
		CleanUp: []string{}, Destinations: []Destination{},
	}
	i := slices.IndexFunc(known, func(c connect.Card) bool { return c.Provider == string(platform) })
	if i < 0 {
		card.Unavailable = "This server cannot connect " + card.Name + ". Ask its operator to set it up."
		return card
	}
	c := known[i]
	card.State, card.AccountName, card.LastError, card.Unavailable, card.CleanUp = ConnectionState(c.State), c.Name, c.LastError, c.Unavailable, list(c.CleanUp)
	switch {
	case c.Pasted:
		card.How = Token
	case c.Unavailable == "":
		card.ConnectUrl = "/connect/" + c.Provider + "/start"
	}
	if c.State == control.Connected {
		card.ConnectedAt = moment(c.Since)
	}
	return card
}

// ConnectAdsByToken connects a platform by a token that a person made there.
func (s *service) ConnectAdsByToken(ctx context.Context, in ConnectAdsByTokenRequestObject) (ConnectAdsByTokenResponseObject, error) {
	token := text(&in.Body.Token)
	if token == "" {
		return nil, schema.E("connect", schema.KindInvalid, "The token is empty. Copy it whole at %s, and paste it again.", providerName(string(in.Platform)))
	}
	if _, err := s.Connections.Paste(ctx, callerOf(ctx).Principal, string(in.Platform), token); err != nil {
		return nil, err
	}
	cards, err := s.adCards(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(cards, func(c AdCard) bool { return c.Platform == in.Platform })
	return ConnectAdsByToken200JSONResponse(cards[i]), nil
}

// ListAdTargets asks the platform what a destination can send to.
func (s *service) ListAdTargets(ctx context.Context, in ListAdTargetsRequestObject) (ListAdTargetsResponseObject, error) {
	targets, listed, err := s.Connections.Targets(ctx, callerOf(ctx).Principal, string(in.Platform), text(in.Params.Account))
	if err != nil {
		return nil, err
	}
	answer := ListAdTargets200JSONResponse{Listed: listed, Items: make([]AdTarget, 0, len(targets))}
	for _, t := range targets {
		answer.Items = append(answer.Items, AdTarget{Id: t.ID, Name: t.Name, Active: t.Active})
	}
	return answer, nil
}
