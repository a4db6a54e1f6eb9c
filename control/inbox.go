package control

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// InboxItem is a webhook that could not be finished when it came, taken by one
// process under a lease.
type InboxItem struct {
	ID       []byte // H(provider, app, body)
	Record   *schema.WebhookRecord
	Attempts int // this one included
	lease    []byte
}

// PutInbox keeps a webhook for later. The same webhook is kept once, and one of
// a connection that is disconnected is not kept.
func (s *Store) PutInbox(ctx context.Context, rec *schema.WebhookRecord, after time.Duration, why string) error {
	const op = "put a webhook in the inbox"
	payload, err := proto.Marshal(rec)
	if err != nil {
		return failed(op, err)
	}
	id := schema.Derive("inbox", rec.Provider, rec.App, string(rec.Body))
	return s.update(ctx, op, func(t *tx) error {
		// Touching the connection's row orders this and its disconnecting.
		open, err := t.exec(ctx, "inbox_open", rec.Connection)
		if err != nil || open == 0 {
			return err
		}
		_, err = t.exec(ctx, "inbox_put", id[:], rec.Connection, payload, rec.Received, int64(t.now.Add(after)), []byte{}, why)
		return err
	})
}

// TakeInbox takes at most limit due items, at most perConnection of each
// connection, the longest due first. For as long as lease nobody else gets them.
func (s *Store) TakeInbox(ctx context.Context, limit, perConnection int, lease time.Duration) ([]InboxItem, error) {
	const op = "take webhooks from the inbox"
	mark := []byte(newSecret(""))
	var items []InboxItem
	err := s.update(ctx, op, func(t *tx) error {
		args := []any{int64(t.now), int64(t.now.Add(lease)), mark, int64(perConnection), int64(limit)}
		return t.each(ctx, "inbox_take", args, func(scan func(...any) error) error {
			item := InboxItem{Record: new(schema.WebhookRecord), lease: mark}
			var payload []byte
			if err := scan(&item.ID, &payload, &item.Attempts); err != nil {
				return err
			}
			items = append(items, item)
			if err := proto.Unmarshal(payload, item.Record); err != nil {
				return fmt.Errorf("inbox item %x: %w", item.ID, err)
			}
			return nil
		})
	})
	return items, err
}

// FinishInbox deletes an item that is done. Losing the lease meanwhile is no
// error, since finishing twice changes nothing.
func (s *Store) FinishInbox(ctx context.Context, item InboxItem) error {
	return s.update(ctx, "finish a webhook", func(t *tx) error {
		_, err := t.exec(ctx, "inbox_finish", item.ID, item.lease)
		return err
	})
}

// DelayInbox gives an item back for later, and with it everything else that
// waits for the same connection.
func (s *Store) DelayInbox(ctx context.Context, item InboxItem, after time.Duration, why string) error {
	return s.update(ctx, "delay a webhook", func(t *tx) error {
		due := int64(t.now.Add(after))
		if _, err := t.exec(ctx, "inbox_delay", item.ID, item.lease, due, []byte{}, why); err != nil {
			return err
		}
		_, err := t.exec(ctx, "inbox_back_off", item.Record.Connection, due)
		return err
	})
}

// InboxSize counts what waits, for operators.
func (s *Store) InboxSize(ctx context.Context) (int, error) {
	var n int
	_, err := s.reader().one(ctx, "inbox_size", nil, &n)
	return n, failed("count the inbox", err)
}
