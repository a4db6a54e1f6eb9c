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
	"sourceloop/pipeline/failpoint"
	"sourceloop/schema"
)

// Store keeps webhooks that wait; *control.Store does.
type Store interface {
	TakeInbox(ctx context.Context, limit, perConnection int, lease time.Duration) ([]control.InboxItem, error)
	FinishInbox(ctx context.Context, item control.InboxItem) error
	DelayInbox(ctx context.Context, item control.InboxItem, after time.Duration, why string) error
}

// Resolver resolves the webhooks of any provider.
type Resolver interface {
	Resolve(ctx context.Context, rec *schema.WebhookRecord) (*Result, error)
}

// InboxConfig is what an Inbox needs.
type InboxConfig struct {
	Store    Store
	Resolver Resolver
	// Deliver passes a result on, and returns when it is durable.
	Deliver func(ctx context.Context, rec *schema.WebhookRecord, result *Result) error
	// Bury makes a webhook a dead letter, and returns when that is durable.
	Bury func(ctx context.Context, rec *schema.WebhookRecord, reason error) error
	// Every is how often due webhooks are looked for. Default one second.
	Every time.Duration
	// MaxAge is how long after its arrival a webhook is given up. Default 72 hours.
	MaxAge time.Duration
	// Now is the clock. Default time.Now.
	Now  func() time.Time
	Log  *slog.Logger
	Fail failpoint.Reach // for tests
}

const (
	inboxBatch = 64
	// inboxPerConnection bounds what one connection can take of a batch.
	inboxPerConnection = 8
	// inboxLease outlasts a connection's share of a batch, each with a few
	// requests of five seconds.
	inboxLease = 3 * time.Minute
)

// Inbox finishes webhooks that could not be finished when they came.
type Inbox struct{ config InboxConfig }

// NewInbox makes an inbox.
func NewInbox(config InboxConfig) *Inbox {
	if config.Every <= 0 {
		config.Every = time.Second
	}
	if config.MaxAge <= 0 {
		config.MaxAge = 72 * time.Hour
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Inbox{config: config}
}

// Run works until ctx ends. What fails is taken again when its lease is over.
func (b *Inbox) Run(ctx context.Context) error {
	tick := time.NewTicker(b.config.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := b.Work(ctx); err != nil && ctx.Err() == nil {
			b.config.Log.Warn("the inbox could not be worked through; trying again", "error", err)
		}
	}
}

// Work takes what is due and finishes it: connections side by side, the
// webhooks of one after another.
func (b *Inbox) Work(ctx context.Context) error {
	items, err := b.config.Store.TakeInbox(ctx, inboxBatch, inboxPerConnection, inboxLease)
	if err != nil {
		return err
	}
	if len(items) > 0 {
		if err := b.config.Fail.At("inbox.after-lease"); err != nil {
			return err
		}
	}
	connections := map[int64][]control.InboxItem{}
	for _, item := range items {
		id := item.Record.GetConnection()
		connections[id] = append(connections[id], item)
	}
	var wg sync.WaitGroup
	failures := make(chan error, len(connections))
	for _, list := range connections {
		wg.Go(func() {
			if err := b.finishAll(ctx, list); err != nil {
				failures <- err
			}
		})
	}
	wg.Wait()
	close(failures)
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	return err
}

func (b *Inbox) finishAll(ctx context.Context, items []control.InboxItem) error {
	for _, item := range items {
		if err := b.finish(ctx, item); err != nil {
			return fmt.Errorf("connection %d: %w", item.Record.GetConnection(), err)
		}
	}
	return nil
}

func (b *Inbox) finish(ctx context.Context, item control.InboxItem) error {
	result, err := b.resolve(ctx, item.Record)
	var later *ErrLater
	switch {
	case err == nil:
		err = b.config.Deliver(ctx, item.Record, result)
	case errors.As(err, &later):
		arrived := schema.Millis(item.Record.GetReceived())
		if schema.MillisOf(b.config.Now()).Sub(arrived) < b.config.MaxAge {
			return b.config.Store.DelayInbox(ctx, item, later.After, later.Reason)
		}
		err = b.config.Bury(ctx, item.Record, later)
	case schema.KindOf(err) == schema.KindInvalid:
		err = b.config.Bury(ctx, item.Record, err)
	}
	if err != nil {
		return err
	}
	return b.config.Store.FinishInbox(ctx, item)
}

// resolve makes a panic an error that no repetition will mend.
func (b *Inbox) resolve(ctx context.Context, rec *schema.WebhookRecord) (result *Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			b.config.Log.Error("a webhook made the resolver panic", "connection", rec.GetConnection(), "stack", string(debug.Stack()))
			result, err = nil, invalid("The webhook made the resolver panic with a %T.", r)
		}
	}()
	return b.config.Resolver.Resolve(ctx, rec)
}
