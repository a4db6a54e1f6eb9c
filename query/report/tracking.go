package report

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Arrivals tell whether a site's tracker is heard.
type Arrivals struct {
	Hits   uint64        // that arrived, repeated ones counted until they are merged
	Newest schema.Millis // arrival of the newest; 0 when there is none
	Host   string        // of the page it came from
	URL    string        // of that page, raw
}

// Arrivals looks at the hits that arrived since a moment.
func (s Scoped) Arrivals(ctx context.Context, since schema.Millis) (Arrivals, error) {
	var a Arrivals
	err := s.query(ctx, "last_hit", nil, map[string]any{"since": int64(since)}, func(rows driver.Rows) error {
		var newest int64
		err := rows.Scan(&a.Hits, &newest, &a.Host, &a.URL)
		a.Newest = schema.Millis(newest)
		return err
	})
	if a.Hits == 0 {
		a.Newest = 0
	}
	return a, err
}
