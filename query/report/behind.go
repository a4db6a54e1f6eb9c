package report

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
)

// How many rows are read at first for a page of a list, and how many next if
// these are not enough. Then it is twice as many each time, since a row that few
// conversions credit would else take a statement for every few of all there are;
// but no more than take behindBytes: lists that grow become up to twice as large,
// and so the room that they are read into stays one that is kept (rooms.go).
const (
	behindFew   = 1_000
	behindMany  = 16_000
	behindBytes = roomBytes / 2
)

// listing is how a list is read.
type listing struct {
	few, many int // rows that are read at first, and next
	bytes     int // that those read at a time may take, about
}

func usualListing() listing { return listing{behindFew, behindMany, behindBytes} }

// next is how many rows are read after some that took so many bytes, and were
// not enough.
func (l listing) next(some, bytes int) int {
	fit := float64(l.bytes) / float64(max(1, bytes)) * float64(some)
	return max(1, int(min(fit, float64(max(l.many, 2*some)))))
}

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
	for some := s.reader.listing.few; ; some = s.reader.listing.next(some, o.used()) {
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
