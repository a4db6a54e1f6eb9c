package report

import (
	"context"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// readRest reads what is not in journeys.
func (r *funnelRun) readRest(ctx context.Context) error {
	r.rest = make([][]funnelRow, r.ranges)
	values := newNames()
	if err := r.readSessions(ctx, values); err != nil {
		return err
	}
	if err := r.readConversions(ctx, values); err != nil {
		return err
	}
	r.restValues = values
	return nil
}

func (r *funnelRun) readSessions(ctx context.Context, values *names) error {
	if !r.source.Everything() && !r.funnel.onItems() {
		return nil
	}
	if len(r.source.copies) > 0 && r.source.rest == 0 && !r.source.Changed {
		return nil // To plan reading nothing takes longer than all that was asked by now.
	}
	block, result := newRowBlock(r.source, values)
	return r.columns(ctx, "funnel_sessions", r.source, r.source.arguments, result, func() error {
		for i := range block.browser {
			if row := block.row(i); r.owned(&row) {
				r.keep(row)
			}
		}
		block.forget()
		return r.enough()
	}, r.source.tables()...)
}

func (r *funnelRun) keep(row funnelRow) {
	if !r.source.spans.has(row.entity, row.moment) {
		return
	}
	place := r.rangeOf(row.browser)
	r.rest[place] = append(r.rest[place], row)
	r.restRows++
}

// enough refuses what would not fit in memory: what is not in journeys is held as a whole.
func (r *funnelRun) enough() error {
	if r.restRows <= r.reader.funnelLimits.rest {
		return nil
	}
	return schema.E("read a funnel", schema.KindLimited, "the funnel looks at more than %d things that people did and that no copy has yet; ask for fewer days, or for steps by path instead of whole addresses or properties", r.reader.funnelLimits.rest)
}

// readConversions puts those of one time in order.
func (r *funnelRun) readConversions(ctx context.Context, values *names) error {
	if !r.source.Conversions() && !r.source.Stream {
		return nil
	}
	block, result := newRowBlock(r.source, values)
	result = append(result, proto.ResultColumn{Name: "contact", Data: &block.contact})
	id := proto.ColFixedStr{Size: 16}
	if r.source.Credited != 0 {
		result = append(result, proto.ResultColumn{Name: "id", Data: &id})
		r.credited = make(map[doing]schema.ID)
	}
	var before funnelRow
	var contact schema.ID
	var together uint64
	return r.columns(ctx, "funnel_conversion_rows", r.source, r.source.arguments, result, func() error {
		for i := range block.browser {
			row, whose := block.row(i), schema.ID(block.contact.Row(i))
			together++
			if row.moment != before.moment || r.owners == nil && row.browser != before.browser || r.owners != nil && whose != contact {
				together = 0
			}
			before, contact = row, whose
			row.moment = row.moment<<momentBits | conversionLast | min(together, 1<<10-1)
			if r.owners != nil {
				row.entity = r.owners.number(whose)
			}
			if row.mask&r.source.Credited != 0 {
				r.credited[doing{row.entity, row.moment}] = schema.ID(id.Row(i))
			}
			r.keep(row)
		}
		block.forget()
		return r.enough()
	})
}

// awaitRest gives what is not in journeys of a range, once, when all values of what is are there.
func (r *funnelRun) awaitRest(ctx context.Context, place int) ([]funnelRow, error) {
	select {
	case <-r.restRead:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	rest := r.rest[place]
	if r.source.Breakdown {
		places := r.restValues.among(r.values)
		for i := range rest {
			rest[i].entry = places[rest[i].entry]
		}
	}
	return rest, nil
}
