package report

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Origin is what sessions say about where they came from, and what was made of
// it.
type Origin struct {
	Channel     string // that they have
	Kept        bool   // it was read from a session that is too old to be looked up
	Page        string // the URL that it was read from; values of click ids are x
	Referrer    string // external, or ""
	Example     string // one such URL as it was
	Sessions    uint64 // of people: bots are left out
	Conversions uint64 // whose last touch is one of them, those of bots too; that a contact was made is none
}

// Origins hands over what the sessions of a period came from. More than a
// million different origins are refused.
func (s Scoped) Origins(ctx context.Context, p Period, each func(Origin)) error {
	return s.query(ctx, "origins", nil, p.arguments(), func(rows driver.Rows) error {
		var o Origin
		err := rows.Scan(&o.Channel, &o.Kept, &o.Page, &o.Referrer, &o.Example, &o.Sessions, &o.Conversions)
		if err == nil {
			each(o)
		}
		return err
	})
}
