package report

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
)

// How many rows are read at first for a page of a list, and at most at a time if
// these are not enough.
const (
	behindFew  = 1_000
	behindMany = 16_000
)

// behindTouches gives the conversions behind a row of a model that needs nothing
// but a conversion's touches. They are read from the newest on until the page is
// full, some at a time.
func (s Scoped) behindTouches(ctx context.Context, q Credits, model int, row CreditedRow) (page CreditedPage, err error) {
	if q.Second == "" && emptied(row.Second) != "" {
		return page, nil // There is no such row.
	}
	room := s.reader.rooms.take()
	defer s.reader.rooms.put(room)
	o, err := q.ordered(room)
	if err != nil {
		return page, err
	}
	if o.arguments["after_time"], o.arguments["after_id"], err = readCursor(row.Cursor); err != nil {
		return page, err
	}
	narrowed := q.narrowed(row, o.arguments)
	if q.FirstOnly {
		o.data.Narrowed = narrowed // Which conversions are the first takes longer than to read them: it is asked once.
	}
	for some := s.reader.few; ; some = s.reader.many {
		o.arguments["rows"] = uint32(some)
		if err = s.columns(ctx, "credits_in_order", o.data, o.arguments, o.begin(), func() error { return nil }); err != nil {
			return page, err
		}
		n, err := o.check()
		if err != nil {
			return page, err
		}
		o.behind(model, row, &page)
		if n < some || len(page.Conversions) > row.Limit {
			page.cut(row.Limit)
			return page, nil
		}
		o.data.Narrowed = narrowed // There are few, or the page would be full.
		o.arguments["after_time"], o.arguments["after_id"] = o.happened.rows[n-1], hex.EncodeToString(o.id.rows[n-1][:])
	}
}

// narrowed is a condition on the touches of conversions that may credit a row;
// empty where one without any may do so.
func (q *Credits) narrowed(row CreditedRow, arguments map[string]any) string {
	var all []string
	for i, d := range []Dimension{q.Dimension, q.Second} {
		key := emptied([]string{row.Key, row.Second}[i])
		if d == "" || key == d.direct() || key == Excluded {
			continue
		}
		name := fmt.Sprint("key", i)
		arguments[name] = key
		all = append(all, fmt.Sprintf("has(touches_%s, {%s:String})", d, name))
	}
	return strings.Join(all, " AND ")
}

// behind adds the conversions that credit a row to its page, until there is one
// more than fits.
func (o *rowsInOrder) behind(model int, row CreditedRow, page *CreditedPage) {
	wanted := o.by.codesOf(keys{emptied(row.Key), emptied(row.Second)})
	for i := range o.Rows() {
		if i > 0 && o.alike(i, i-1) { // The newest of each comes first.
			continue
		}
		credit := 0.
		o.each(i, func(key [2]int32, share *shares) {
			if key == wanted {
				credit += share[model]
			}
		})
		if credit == 0 {
			continue
		}
		c := o.named(i)
		c.Credit, c.CreditedValue = credit, credit*c.Value
		if page.Conversions = append(page.Conversions, c); len(page.Conversions) > row.Limit {
			return
		}
	}
}
