package connect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

// Consent is how a provider is asked for tokens; OAuth does it.
type Consent interface {
	// AuthorizeURL is the consent page, which hands the state back. verifier is
	// the PKCE secret of this consent, for providers that know PKCE.
	AuthorizeURL(state, verifier string) string
	// Exchange turns the code of a callback into a grant.
	Exchange(ctx context.Context, code, verifier string) (control.Grant, error)
	// Refresh replaces an access token that ends. The answer may lack the
	// refresh token when that stays the same.
	Refresh(ctx context.Context, old control.Grant) (control.Grant, error)
}

// Provider is what differs between providers. Its errors are *schema.Error: a
// kind Unavailable or Limited is a passing reason, Denied means that the token
// is dead, and the text is shown on the card. No error may hold a token.
type Provider interface {
	Consent
	// Name is the provider's word in addresses, tables and nodes: intercom.
	Name() string
	// Setup finds out whose account the token opens and prepares it. It can be
	// repeated at any time and then changes nothing.
	Setup(ctx context.Context, token string) (control.Setup, error)
	// Revoke ends what was granted at the provider. The access token lives,
	// unless it could not be renewed.
	Revoke(ctx context.Context, grant control.Grant) error
	// CleanUp lists what a person may remove by hand after disconnecting.
	CleanUp() []string
}

// Listed is a Provider whose conversations can be looked through by the
// pipeline: all of them when a person asks, and every hour what changed.
type Listed interface{ Listed() }

// Advertiser is a Provider of an advertising platform: its card is not among the
// chats'. Its Setup says Sends.
type Advertiser interface{ Advertises() }

const (
	// setupAttempts is how often a setup is tried before the card says Error.
	setupAttempts = 6
	// setupLease outlasts one attempt.
	setupLease = time.Minute
	// setupLimit bounds one attempt, also while a person waits for it.
	setupLimit = 20 * time.Second
	// longestWait bounds what a provider may ask for between two attempts.
	longestWait = 2 * time.Minute
	// revokeLimit bounds how long a person waits for the provider's part of
	// disconnecting.
	revokeLimit = 10 * time.Second
	// abandonedAfter is when a consent page counts as left.
	abandonedAfter = 15 * time.Minute
)

// Service connects the workspaces of one settings database.
type Service struct {
	store     *control.Store
	tokens    *Tokens
	providers Providers
	absent    []Absent
	log       *slog.Logger
	every     time.Duration
}

// NewService makes a service for the providers, in the order of their cards.
// every is how often Run looks for work; 0 is a second. Without log nothing is
// logged.
func NewService(store *control.Store, log *slog.Logger, every time.Duration, providers ...Provider) *Service {
	if every <= 0 {
		every = time.Second
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: store, tokens: NewTokens(store, store.Now, providers...), providers: providers, log: log, every: every}
}

// Tokens are those of the service's providers.
func (s *Service) Tokens() *Tokens { return s.tokens }

func (s *Service) provider(op, name string) (Provider, error) { return s.providers.find(op, name) }

// Connect is the click on the card: it returns the address of the consent page.
// browser is a secret of the person's session, such as its cookie.
func (s *Service) Connect(ctx context.Context, who control.Principal, provider, browser string) (redirect string, err error) {
	p, err := s.provider("connect", provider)
	if err != nil {
		return "", err
	}
	state, err := s.store.BeginConnection(ctx, who, provider, browser)
	if err != nil {
		return "", err
	}
	return p.AuthorizeURL(state, verifierOf(state, browser)), nil
}

// Callback finishes what Connect began, from the query that the provider sent
// the browser back with. The error's text can be shown. When the reason is a
// passing one, the connection is returned pending, and Run goes on with it.
func (s *Service) Callback(ctx context.Context, provider, browser string, query url.Values) (control.Connection, error) {
	const op = "finish connecting"
	p, err := s.provider(op, provider)
	if err != nil {
		return control.Connection{}, err
	}
	c, err := s.store.UseState(ctx, provider, query.Get("state"), browser)
	if err != nil {
		return control.Connection{}, err
	}
	// A person who closes the window now has consented all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*setupLimit)
	defer cancel()
	if query.Get("error") != "" || query.Get("code") == "" {
		refused := schema.E(op, schema.KindDenied, "The consent page was left without agreeing, so nothing was connected. To connect, click Connect and agree.")
		return s.refuse(ctx, c, refused)
	}
	grant, err := p.Exchange(ctx, query.Get("code"), verifierOf(query.Get("state"), browser))
	if err != nil {
		return s.refuse(ctx, c, err)
	}
	if err = s.store.SaveGrant(ctx, c.ID, grant); err != nil {
		return control.Connection{}, err
	}
	if err = s.setUp(ctx, p, c, 1); err != nil && !passing(err) {
		return control.Connection{}, err
	}
	return s.store.Connection(ctx, c.ID)
}

// refuse ends an attempt that brought no token. What was connected before
// stays connected.
func (s *Service) refuse(ctx context.Context, c control.Connection, reason error) (control.Connection, error) {
	if c.State != control.Connected {
		if err := s.store.MarkFailed(ctx, c.ID, words(reason)); err != nil {
			return control.Connection{}, err
		}
	}
	return control.Connection{}, reason
}

// setUp prepares the account and routes it, or says on the card why not.
func (s *Service) setUp(ctx context.Context, p Provider, c control.Connection, attempt int) error {
	ctx, cancel := context.WithTimeout(ctx, setupLimit)
	defer cancel()
	token, err := s.tokens.Token(ctx, c.ID)
	if err != nil {
		return err
	}
	setup, err := p.Setup(ctx, token)
	if err != nil {
		return s.setUpFailed(context.WithoutCancel(ctx), c, attempt, err)
	}
	err = s.store.MarkConnected(ctx, c.ID, setup)
	if schema.KindOf(err) != schema.KindConflict {
		return err
	}
	// The account is another workspace's, or this was disconnected meanwhile.
	// The token goes, and is not revoked: that would end the other's as well.
	if failure := s.store.MarkFailed(ctx, c.ID, words(err)); failure != nil {
		return failure
	}
	if failure := s.store.DestroyToken(ctx, c.ID); failure != nil {
		return failure
	}
	return err
}

// setUpFailed keeps trying while the reason is a passing one.
func (s *Service) setUpFailed(ctx context.Context, c control.Connection, attempt int, reason error) error {
	if passing(reason) && attempt < setupAttempts && c.State == control.Pending {
		after := max(time.Second<<attempt, min(asked(reason), longestWait))
		if err := s.store.DelaySetup(ctx, c.ID, after, words(reason)); err != nil {
			return err
		}
		return reason
	}
	if err := s.store.MarkFailed(ctx, c.ID, words(reason)); err != nil {
		return err
	}
	if passing(reason) {
		// For the caller it is final: nobody tries again by itself.
		return schema.E("finish connecting", schema.KindConflict, "%s", words(reason))
	}
	return reason
}

// Backfill asks for the conversations from before. It begins once the
// connection is connected; how far it has come is on the card.
func (s *Service) Backfill(ctx context.Context, who control.Principal, provider string) error {
	const op = "import conversations"
	p, err := s.provider(op, provider)
	if err != nil {
		return err
	}
	if _, ok := p.(Listed); !ok {
		return schema.E(op, schema.KindInvalid, "The conversations from before cannot be imported from there. New ones come by themselves.")
	}
	return s.store.RequestBackfill(ctx, who, provider)
}

// Test asks the provider whether the connection works, repairs what Setup can
// repair, and brings the card up to date. It is the card's button.
func (s *Service) Test(ctx context.Context, who control.Principal, provider string) (control.Connection, error) {
	p, err := s.provider("test the connection", provider)
	if err != nil {
		return control.Connection{}, err
	}
	c, err := s.store.WorkspaceConnection(ctx, who, provider)
	if err != nil {
		return control.Connection{}, err
	}
	if err = s.check(ctx, p, c); err != nil {
		return control.Connection{}, err
	}
	return s.store.Connection(ctx, c.ID)
}

// check leaves a connection alone for a passing reason: its webhooks may come.
func (s *Service) check(ctx context.Context, p Provider, c control.Connection) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), setupLimit)
	defer cancel()
	token, err := s.tokens.Token(ctx, c.ID)
	if err != nil {
		return err
	}
	setup, err := p.Setup(ctx, token)
	if err != nil && passing(err) {
		return err
	}
	if err != nil {
		if failure := s.store.MarkFailed(ctx, c.ID, words(err)); failure != nil {
			return failure
		}
		return err
	}
	if c.State == control.Connected && c.App == setup.Route(c.Workspace) && c.Name == setup.Name {
		return s.store.MarkHealthy(ctx, c.ID)
	}
	return s.store.MarkConnected(ctx, c.ID, setup)
}

// Farewell says what disconnecting did.
type Farewell struct {
	Revoked bool     // the provider confirmed that the token is dead
	Words   string   // why not, and what to do; "" when it did
	CleanUp []string // what may be removed by hand at the provider
}

// Disconnect closes the routing, revokes the token at the provider and destroys
// it here, in this order. The provider's part may fail, which the Farewell
// says; the part here is done all the same.
func (s *Service) Disconnect(ctx context.Context, who control.Principal, provider string) (Farewell, error) {
	p, err := s.provider("disconnect", provider)
	if err != nil {
		return Farewell{}, err
	}
	c, err := s.store.WorkspaceConnection(ctx, who, provider)
	if err != nil {
		return Farewell{}, err
	}
	// From here on it is finished, whether or not the person waits.
	ctx = context.WithoutCancel(ctx)
	if _, err = s.store.CloseRoute(ctx, who, c.ID); err != nil {
		return Farewell{}, err
	}
	return s.end(ctx, p, c)
}

// end revokes and destroys the token of a connection without a route.
func (s *Service) end(ctx context.Context, p Provider, c control.Connection) (Farewell, error) {
	farewell := Farewell{CleanUp: p.CleanUp()}
	limited, cancel := context.WithTimeout(ctx, revokeLimit)
	defer cancel()
	grant, err := s.store.Grant(limited, c.ID)
	switch {
	case err == nil:
		err = s.revoke(limited, p, c, grant)
	case schema.KindOf(err) == schema.KindUnknown:
		farewell.Words = "There was no token to revoke."
		return farewell, nil
	case schema.KindOf(err) == schema.KindUnavailable:
		return Farewell{}, err
	}
	farewell.Revoked = err == nil
	if err != nil {
		farewell.Words = words(err) + " Here the token was destroyed; remove the app at the provider by hand."
	}
	return farewell, s.store.DestroyToken(ctx, c.ID)
}

// revoke asks with a token that lives where there is one: an ended one is
// refused, and would be taken for a dead one.
func (s *Service) revoke(ctx context.Context, p Provider, c control.Connection, grant control.Grant) error {
	live, err := s.tokens.Grant(ctx, c.ID)
	if err == nil {
		grant = live
	}
	if schema.KindOf(err) == schema.KindDenied && err != nil {
		return nil // The provider ended it already.
	}
	return p.Revoke(ctx, grant)
}

// Run tries pending setups again, ends abandoned ones, and finishes
// disconnections that a stopped process left half done, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.work(ctx); err != nil && ctx.Err() == nil {
			// The next round repeats all of it.
			s.log.Warn("connections could not be looked after; trying again", "error", err)
		}
	}
}

func (s *Service) work(ctx context.Context) error {
	err := s.store.FailAbandoned(ctx, abandonedAfter, "The consent page was left, so nothing was connected. Click Connect to try again.")
	if err != nil {
		return err
	}
	due, err := s.store.TakeSetups(ctx, setupLease)
	if err != nil {
		return err
	}
	for _, c := range due {
		if err = s.again(ctx, c); err != nil {
			return err
		}
	}
	return s.finishHalfDone(ctx)
}

// again repeats a setup; how it ends is on the card.
func (s *Service) again(ctx context.Context, c control.Connection) error {
	p, err := s.provider("finish connecting", c.Provider)
	if err != nil {
		return err
	}
	if err = s.setUp(ctx, p, c, c.Attempts+1); err != nil {
		s.log.Info("a connection is not set up yet", "connection", c.ID, "provider", c.Provider, "attempt", c.Attempts+1, "kind", fmt.Sprint(schema.KindOf(err)))
	}
	return nil
}

// finishHalfDone leaves fresh disconnections to the process that began them.
func (s *Service) finishHalfDone(ctx context.Context) error {
	left, err := s.store.UndestroyedTokens(ctx, 2*revokeLimit)
	if err != nil {
		return err
	}
	for _, c := range left {
		p, err := s.provider("disconnect", c.Provider)
		if err != nil {
			return err
		}
		if _, err = s.end(ctx, p, c); err != nil {
			return err
		}
	}
	return nil
}

// asked is how long the provider asks to wait; 0 when it does not say.
func asked(err error) time.Duration {
	var patient interface{ RetryAfter() time.Duration }
	if errors.As(err, &patient) {
		return patient.RetryAfter()
	}
	return 0
}

// passing tells whether waiting may help.
func passing(err error) bool {
	kind := schema.KindOf(err)
	return kind == schema.KindUnavailable || kind == schema.KindLimited
}
