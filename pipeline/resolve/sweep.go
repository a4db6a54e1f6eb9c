package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

// Lister reads what a provider has, page by page. Providers that can be looked
// through have one beside their Resolver.
type Lister interface {
	// Page reads the page at a position. Its errors are those of
	// Resolver.Resolve; the kind Unknown says that the connection was closed.
	Page(ctx context.Context, ask Ask) (*Page, error)
}

// Ask says what of a connection is looked for.
type Ask struct {
	Workspace  uint32
	Connection int64
	App        string
	Everything bool          // all conversations; else what changed at or after Since
	Since      schema.Millis //
	Position   string        // as the page before gave it; "" at the beginning
	Now        schema.Millis
}

// Page is a stretch of what a provider has.
type Page struct {
	Results []*Result
	Found   int64  // conversations on this page
	Total   int64  // conversations in all, as the provider counts them; 0 when it does not say
	Next    string // the position of the next page; "" at the end
	Note    string // what could not be seen, in words
}

// Looks keeps how far each look has come; *control.Store does.
type Looks interface {
	TakeLook(ctx context.Context, lease time.Duration) (*control.Look, error)
	PauseLook(ctx context.Context, look *control.Look, after time.Duration) error
	EndLook(ctx context.Context, look *control.Look) error
	Connection(ctx context.Context, id int64) (control.Connection, error)
}

// SweepConfig is what a Sweeper needs.
type SweepConfig struct {
	Looks   Looks
	Listers map[string]Lister // by provider
	// Deliver passes a result on, and returns when it is durable.
	Deliver func(ctx context.Context, rec *schema.WebhookRecord, result *Result) error
	// Every is how often due looks are looked for. Default one second.
	Every time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	Log *slog.Logger
}

const (
	// looksAtOnce bounds how many connections are looked through side by side.
	looksAtOnce = 4
	// lookLease outlasts a page: its questions take five seconds each at most.
	lookLease = 5 * time.Minute
	// lookTrouble is how long a look rests after trouble of its own.
	lookTrouble = time.Minute
)

// Sweeper looks through providers: through everything when a person asks, and
// every hour through what changed, so that a webhook that never came is found.
// What it finds goes the way of a webhook's result, with the same ids. How far
// it has come is kept page by page; a crash repeats one. Several processes may
// each run one.
type Sweeper struct{ config SweepConfig }

// NewSweeper makes a sweeper.
func NewSweeper(config SweepConfig) *Sweeper {
	if config.Every <= 0 {
		config.Every = time.Second
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Sweeper{config: config}
}

// Run works until ctx ends. What fails is taken again when its lease is over.
func (s *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(s.config.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.Work(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Warn("providers could not be looked through; trying again", "error", err)
		}
	}
}

// Work takes every look that is due one page further, a few side by side.
func (s *Sweeper) Work(ctx context.Context) error {
	var looks []*control.Look
	for len(looks) < looksAtOnce {
		look, err := s.config.Looks.TakeLook(ctx, lookLease)
		if err != nil {
			return err
		}
		if look == nil {
			break
		}
		looks = append(looks, look)
	}
	var group sync.WaitGroup
	failures := make([]error, len(looks))
	for i, look := range looks {
		group.Go(func() {
			if err := s.advance(ctx, look); err != nil {
				failures[i] = fmt.Errorf("connection %d: %w", look.Connection, err)
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// advance reads one page and gives the look back.
func (s *Sweeper) advance(ctx context.Context, look *control.Look) error {
	c, err := s.config.Looks.Connection(ctx, look.Connection)
	if err != nil {
		return err
	}
	lister, ok := s.config.Listers[c.Provider]
	if !ok {
		return s.config.Looks.PauseLook(ctx, look, time.Hour) // This server has no app of it just now.
	}
	page, err := s.page(ctx, lister, Ask{
		Workspace: c.Workspace, Connection: c.ID, App: c.App, Everything: look.Kind == control.Backfill,
		Since: look.Since, Position: look.Position, Now: schema.MillisOf(s.config.Now()),
	})
	var later *ErrLater
	switch {
	case errors.As(err, &later):
		look.Note = "It waits, since " + later.Reason + "."
		return s.config.Looks.PauseLook(ctx, look, later.After)
	case schema.KindOf(err) == schema.KindInvalid && err != nil:
		var known *schema.Error
		if errors.As(err, &known) {
			look.Note = known.Text
		}
		return s.config.Looks.PauseLook(ctx, look, lookTrouble)
	case schema.KindOf(err) == schema.KindUnknown && err != nil:
		return nil // Closed meanwhile; the look is gone as well.
	case err != nil:
		return err
	}
	return s.keep(ctx, c, look, page)
}

// page makes a panic an error, so that one look does not end the process.
func (s *Sweeper) page(ctx context.Context, lister Lister, ask Ask) (page *Page, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.config.Log.Error("looking through a provider made it panic", "connection", ask.Connection, "stack", string(debug.Stack()))
			page, err = nil, invalid("Looking through it made the program panic with a %T.", r)
		}
	}()
	return lister.Page(ctx, ask)
}

// remembered says of what a provider still knows that it arrived when it
// happened, so that a look does not bring back whom an erasure names.
func remembered(evidence []*schema.Evidence) {
	for _, e := range evidence {
		for _, c := range e.GetClaims() {
			c.Received = c.GetAt()
		}
		if f := e.GetConversion(); f != nil {
			f.Received = f.GetAt()
		}
	}
}

// keep passes a page on, and only then moves the position.
func (s *Sweeper) keep(ctx context.Context, c control.Connection, look *control.Look, page *Page) error {
	rec := &schema.WebhookRecord{
		Provider: c.Provider, App: c.App, Workspace: c.Workspace, Connection: c.ID, Received: int64(schema.MillisOf(s.config.Now())),
	}
	for _, result := range page.Results {
		result.Topic = string(look.Kind)
		remembered(result.Evidence)
		if err := s.config.Deliver(ctx, rec, result); err != nil {
			return err
		}
	}
	if look.Position == "" {
		look.Note = ""
	}
	look.Position, look.Found = page.Next, look.Found+page.Found
	if page.Total > 0 {
		look.Total = page.Total
	}
	if page.Note != "" {
		look.Note = page.Note
	}
	if page.Next == "" {
		return s.config.Looks.EndLook(ctx, look)
	}
	return s.config.Looks.PauseLook(ctx, look, 0)
}
