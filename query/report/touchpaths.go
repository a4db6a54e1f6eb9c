package report

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// TouchPath is a sequence of touches, with the conversions that it came before.
type TouchPath struct {
	Steps       []string // the first touch first; None for an empty value
	Conversions uint64
	Value       float64
	Visitors    uint64 // distinct browsers of these touches
}

// TouchPaths are the sequences that came most often.
type TouchPaths struct {
	Rows       []TouchPath
	Paths      uint64 // different ones, those that are not in Rows included
	Total      uint64 // conversions
	TotalValue float64
}

// MaxPaths is how many sequences are given.
const MaxPaths = 500

// Page is a landing page without its query, as Content tells pages apart.
const Page Dimension = "page"

// pathDimensions are what touches may be named by.
func pathDimensions() []Dimension { return []Dimension{"channel", "source", Page} }

// TouchPaths gives the touches before every conversion of the question as
// sequences of by: channel, source or Page. With collapsed, a touch that says
// what the one before it says is left out. Filters ask for conversions of which
// a touch matches all of them. Of the question the models and dimensions are
// not read: a path is whole, whoever is credited.
func (s Scoped) TouchPaths(ctx context.Context, q Credits, by Dimension, collapsed bool, limit int) (TouchPaths, error) {
	if !slices.Contains(pathDimensions(), by) {
		return TouchPaths{}, invalid("paths are told by channel, source or page, and not by %s; choose one of these", by)
	}
	if limit < 1 || limit > MaxPaths {
		return TouchPaths{}, invalid("limit must be between 1 and %d, and is %d", MaxPaths, limit)
	}
	arguments := map[string]any{"limit": uint32(limit)}
	q.Progressed = nil
	column, key := by, touchColumn(by)
	if by == Page {
		column, key = "landing_page", "cutQueryString("+touchColumn("landing_page")+")"
	}
	data, err := q.placed(arguments, column)
	if err != nil {
		return TouchPaths{}, err
	}
	data.Key, data.Collapsed, data.Columns = key, collapsed, append(data.Columns, "touches_visitor")
	var t TouchPaths
	err = s.query(ctx, "touch_paths", data, arguments, func(rows driver.Rows) error {
		var p TouchPath
		if err := rows.Scan(&p.Steps, &p.Conversions, &p.Value, &p.Visitors, &t.Paths, &t.Total, &t.TotalValue); err != nil {
			return err
		}
		for i, step := range p.Steps {
			if step == "" {
				p.Steps[i] = None
			}
		}
		t.Rows = append(t.Rows, p)
		return nil
	})
	return t, err
}
