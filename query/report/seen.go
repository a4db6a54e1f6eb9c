package report

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// SeenHost is a host on whose pages the tracker was heard. Moments are those of
// arrival, 0 for never.
type SeenHost struct {
	Host      string
	Hits      uint64
	Last      schema.Millis
	Page      string        // of the newest hit, as the browser gave it
	Left      schema.Millis // the newest page that was left, which tells of the Messenger
	Pushed    schema.Millis // the newest on which the Messenger had the visitor's id
	Stub      schema.Millis // the newest on which the Messenger's script never came, though there was time
	Throttled schema.Millis // the newest on which the Messenger was told too often
	Opened    schema.Millis // the newest chat that was opened
}

// SeenHosts tells where the tracker was heard since a moment, the newest first.
func (s Scoped) SeenHosts(ctx context.Context, since schema.Millis) ([]SeenHost, error) {
	var all []SeenHost
	err := s.query(ctx, "seen_hosts", nil, map[string]any{"since": int64(since)}, func(rows driver.Rows) error {
		var h SeenHost
		err := rows.Scan(&h.Host, &h.Hits, (*int64)(&h.Last), &h.Page, (*int64)(&h.Left), (*int64)(&h.Pushed), (*int64)(&h.Stub),
			(*int64)(&h.Throttled), (*int64)(&h.Opened))
		all = append(all, h)
		return err
	})
	return all, err
}

// KnownConversations tells which of a provider's conversations have arrived; true
// of those that count, since their contact gave an email or a phone.
func (s Scoped) KnownConversations(ctx context.Context, provider string, external []string) (map[string]bool, error) {
	ids := make([]schema.ID, len(external))
	for i, id := range external {
		ids[i] = schema.ConversationID(s.workspace, provider, id)
	}
	known := make(map[string]bool, len(ids))
	if len(ids) == 0 {
		return known, nil
	}
	err := s.query(ctx, "known_conversions", nil, map[string]any{"ids": hexadecimal(ids)}, func(rows driver.Rows) error {
		var id string
		var counts uint8
		err := rows.Scan(&id, &counts)
		known[id] = counts != 0
		return err
	})
	return known, err
}
