package report

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// owners know whose the browsers are.
type owners struct {
	numbers  map[schema.ID]uint64 // of contacts that count
	ids      []schema.ID          // by number
	browsers map[uint64]ownership
	begins   []int64
	contacts []uint64 // since begins; math.MaxUint64 for one that does not count
}

type ownership struct{ from, to int32 }

func (o *owners) number(contact schema.ID) uint64 {
	number, ok := o.numbers[contact]
	if !ok {
		number = uint64(len(o.numbers))
		o.numbers[contact], o.ids = number, append(o.ids, contact)
	}
	return number
}

// of is the contact that had a browser at a time: what was done before it was
// anybody's is of the first.
func (o *owners) of(browser uint64, at int64) (contact uint64, known bool) {
	own, ok := o.browsers[browser]
	if !ok {
		return 0, false
	}
	contact = o.contacts[own.from]
	for i := own.from + 1; i < own.to && o.begins[i] <= at; i++ {
		contact = o.contacts[i]
	}
	return contact, contact != math.MaxUint64
}

func (r *funnelRun) readOwners(ctx context.Context) (*owners, error) {
	o := &owners{numbers: map[schema.ID]uint64{}, browsers: map[uint64]ownership{}}
	id := proto.ColFixedStr{Size: 16}
	err := r.columns(ctx, "funnel_known", nil, nil, proto.Results{{Name: "id", Data: &id}}, func() error {
		for i := range id.Rows() {
			o.number(schema.ID(id.Row(i)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var browser proto.ColUInt64
	begin, contact := &proto.ColInt64{}, &proto.ColFixedStr{Size: 16}
	begins, contacts := proto.NewArray(begin), proto.NewArray(contact)
	result := proto.Results{{Name: "browser", Data: &browser}, {Name: "begins", Data: begins}, {Name: "contacts", Data: contacts}}
	return o, r.columns(ctx, "funnel_owners", nil, nil, result, func() error {
		from := 0
		for i, number := range browser {
			to := int(begins.Offsets[i])
			o.add(number, (*begin)[from:to], contact, from)
			from = to
		}
		return nil
	})
}

func (o *owners) add(browser uint64, begins []int64, contacts *proto.ColFixedStr, first int) {
	from := len(o.begins)
	o.begins = append(o.begins, begins...)
	for i := range begins {
		number, counts := o.numbers[schema.ID(contacts.Row(first+i))]
		if !counts {
			number = math.MaxUint64
		}
		o.contacts = append(o.contacts, number)
	}
	o.browsers[browser] = ownership{int32(from), int32(len(o.begins))}
}

// owned makes a visitor's row its contact's; false when it is nobody's that
// counts.
func (r *funnelRun) owned(row *funnelRow) bool {
	if r.owners == nil {
		return true
	}
	contact, known := r.owners.of(row.browser, int64(row.moment>>momentBits))
	row.entity, row.moment = contact, contactMoment(row.moment, row.browser)
	return known
}

// own adds the rows of contacts to some.
func (r *funnelRun) own(rows *funnelRows, owned []funnelRow) []funnelRow {
	for i, browser := range rows.browsers.rows {
		if left := r.source.leftOut.of(browser); len(left) > 0 && slices.Contains(left, rows.days.rows[i]) {
			continue
		}
		if row := rows.row(i); r.owned(&row) {
			owned = append(owned, row)
		}
	}
	return owned
}

// inTime has a funnel be asked for, which is refused when it takes too long by contact: how often journeys is read then depends on how many rows
// contacts have.
func (s Scoped) inTime(ctx context.Context, f Funnel, ask func(context.Context) error) error {
	if f.Scope != ByContact {
		return ask(ctx)
	}
	limit := s.reader.funnelLimits.time
	return within(ctx, limit, schema.E("read a funnel", schema.KindLimited, "the funnel took longer than %s, since what contacts did is read again for as many of them as fit into memory; ask for fewer days, or for a funnel by visitor", limit), ask)
}

// goesOn tells whether the next range of contacts is still asked for: nothing may be left to read of it that would notice.
func goesOn(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cannot go on with further contacts: %w", err)
	}
	return nil
}

// eachContact hands over what contacts did. One may have browsers everywhere: so journeys is read for as many of them as fit into memory, and
// again for the others.
func (r *funnelRun) eachContact(ctx context.Context, g *gathering) error {
	var rest []funnelRow
	r.held = &heldRows{most: int(r.reader.funnelLimits.rows)}
	for low := uint64(0); ; low = r.held.high + 1 {
		if err := goesOn(ctx); err != nil {
			return err
		}
		r.held.begin(low)
		read, err := r.readJourneys(ctx, 0)
		if err != nil {
			return err
		}
		r.giveBack(read)
		if low == 0 {
			if rest, err = r.awaitRest(ctx, 0); err != nil {
				return err
			}
		}
		for some := range slices.Chunk(rest, rowsALook) {
			r.held.add(some)
		}
		rows := r.room()
		rows.add(r.held.rows, r.source)
		g.sort([]*funnelRows{rows}, 0, math.MaxUint64)
		r.giveBack([]*funnelRows{rows})
		if r.held.high == math.MaxUint64 {
			return nil
		}
	}
}
