package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"sourceloop/schema"
)

// past is what became of conversions since a moment: the rows of those that
// changed (changed_rows.sql), in their order, and how far a replay has come.
type past struct {
	happened, known gatheredInt64
	id, contact     gatheredID
	version         gatheredUInt64
	counted         gatheredUInt8
	name, cause     codedValues
	conversions     []pastConversion
}

// pastConversion is one of them.
type pastConversion struct {
	stood     int // the row that stood at the moment; one less than its first for none
	next, end int // the rows that are still to come
	named     int // the newest row that the question counts
	causes    causeSet
}

// causeSet are causes as bits, by their places in replayOrder.
type causeSet uint8

// past reads the conversions that changed, of which the question counted any row.
func (s Scoped) past(ctx context.Context, q Credits) (*past, error) {
	p := &past{}
	p.name.names, p.cause.names = newNames(), newNames()
	result := proto.Results{
		{Name: "happened", Data: &p.happened}, {Name: "id", Data: &p.id}, {Name: "version", Data: &p.version}, {Name: "known", Data: &p.known},
		{Name: "counted", Data: &p.counted}, {Name: "contact", Data: &p.contact}, {Name: "name", Data: &p.name}, {Name: "cause", Data: &p.cause},
	}
	arguments := q.Period.arguments()
	arguments["name"], arguments["since"] = q.Conversion, int64(q.AsOf)
	if err := s.columns(ctx, "changed_rows", nil, arguments, result, func() error { return s.reader.replays.check(p.id.Rows()) }); err != nil {
		return nil, err
	}
	begin := 0
	for i := range p.id.rows {
		if i+1 == len(p.id.rows) || p.id.rows[i+1] != p.id.rows[i] || p.happened.rows[i+1] != p.happened.rows[i] {
			p.conversion(begin, i+1, int64(q.AsOf))
			begin = i + 1
		}
	}
	return p, nil
}

// conversion adds the one whose rows are begin..end, oldest first.
func (p *past) conversion(begin, end int, since int64) {
	c := pastConversion{stood: begin - 1, end: end, named: -1}
	for i := begin; i < end; i++ {
		if p.known.rows[i] <= since {
			c.stood = i
		}
	}
	c.next = c.stood + 1
	for i := max(begin, c.stood); i < end; i++ {
		if p.counted.rows[i] != 0 {
			c.named = i
		}
	}
	if c.named >= 0 && c.next < end {
		p.conversions = append(p.conversions, c)
	}
}

// causeOf is the place in replayOrder of why row i came.
func (p *past) causeOf(i int) int {
	return max(0, slices.Index(replayOrder(), cmp.Or(schema.Cause(p.cause.texts[p.cause.codes[i]]), UnknownCause)))
}

// move makes the changes of a cause that no other one precedes, or, if it is the
// last time, all changes of the conversions whose last one has the cause. It
// tells whether there are any.
func (p *past) move(cause int, last bool) (moved bool) {
	for i := range p.conversions {
		c := &p.conversions[i]
		whole := last && c.next < c.end && p.causeOf(c.end-1) == cause
		for c.next < c.end && (whole || !last && p.causeOf(c.next) == cause) {
			c.causes |= 1 << p.causeOf(c.next)
			c.next++
			moved = true
		}
	}
	return moved
}

// replayed are the rows that stand by now in place of those that stood.
func (p *past) replayed() *replayed {
	r := &replayed{}
	for _, c := range p.conversions {
		if i := c.next - 1; i > c.stood {
			r.happened, r.id = append(r.happened, p.happened.rows[i]), append(r.id, p.id.rows[i])
			r.version, r.known = append(r.version, p.version.rows[i]), append(r.known, p.known.rows[i])
		}
	}
	return r
}

// causes says what each cause changed, and how many conversions.
func (p *past) causes(steps map[schema.Cause]credit) []CauseChange {
	changed := p.changed()
	counts := make([]uint64, len(replayOrder()))
	for _, causes := range changed {
		for place := range counts {
			counts[place] += uint64(causes >> place & 1)
		}
	}
	var all []CauseChange
	for _, cause := range append(schema.Causes(), UnknownCause) {
		if n := counts[slices.Index(replayOrder(), cause)]; n > 0 {
			step := steps[cause]
			all = append(all, CauseChange{Cause: cause, Conversions: n, Change: settled(step.conversions), ValueChange: settled(step.value)})
		}
	}
	return all
}

// changed tells by which causes conversions changed: one that was moved in time is one.
func (p *past) changed() map[schema.ID]causeSet {
	all := make(map[schema.ID]causeSet, len(p.conversions))
	for _, c := range p.conversions {
		all[p.id.rows[c.named]] |= c.causes
	}
	return all
}

// items names the newest of the conversions that changed.
func (p *past) items() []ChangedConversion {
	var all []ChangedConversion
	changed := p.changed()
	for i := len(p.conversions) - 1; i >= 0 && len(all) < maxChanged; i-- {
		row := p.conversions[i].named
		id := p.id.rows[row]
		causes, ok := changed[id]
		if !ok {
			continue
		}
		delete(changed, id)
		item := ChangedConversion{ID: id, Contact: p.contact.rows[row], Name: p.name.texts[p.name.codes[row]], At: schema.Millis(p.happened.rows[row])}
		for place, cause := range replayOrder() {
			if causes>>place&1 == 1 {
				item.Causes = append(item.Causes, cause)
			}
		}
		slices.Sort(item.Causes)
		all = append(all, item)
	}
	return all
}

// replayed are rows that go along with a statement as a table.
type replayed struct {
	happened, known proto.ColInt64
	id              proto.ColFixedStr16
	version         proto.ColUInt64
}

// tables are those for the client that reads columns; none for nil.
func (r *replayed) tables() []ch.ExternalTable {
	if r == nil {
		return nil
	}
	return []ch.ExternalTable{{Name: "replayed", Data: proto.Input{
		{Name: "happened", Data: &r.happened}, {Name: "id", Data: &r.id}, {Name: "version", Data: &r.version}, {Name: "known", Data: &r.known},
	}}}
}

// rowsALook is how often it is looked whether anybody still waits.
const rowsALook = 4096

// along gives the table to the other client's statements.
func (r *replayed) along(ctx context.Context) (context.Context, error) {
	if r == nil {
		return ctx, nil
	}
	table, err := ext.NewTable("replayed", ext.Column("happened", column.Type("Int64")), ext.Column("id", column.Type("FixedString(16)")),
		ext.Column("version", column.Type("UInt64")), ext.Column("known", column.Type("Int64")))
	for i := 0; i < len(r.id) && err == nil; i++ {
		if i%rowsALook == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("cannot write which rows of conversions stand: %w", ctx.Err())
		}
		err = table.Append(r.happened[i], string(r.id[i][:]), r.version[i], r.known[i])
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write which rows of conversions stand: %w", err)
	}
	return clickhouse.Context(ctx, clickhouse.WithExternalTable(table)), nil
}
