package report

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// restingColumns are what is kept of sessions in any case.
func restingColumns() []string {
	return []string{"page_views", "country", "first_page", "last_page", "pages"}
}

// shortColumns are kept together, once any is asked for: a session takes a byte or two of each.
func shortColumns() []string {
	return []string{"channel", "source", "medium", "campaign", "content", "term", "device", "browser"}
}

// columnsToKeep are those of a piece: what it had, and what is asked for.
func columnsToKeep(former *restingPiece, asked []string) []string {
	all := append(restingColumns(), asked...)
	if former != nil {
		for column := range former.run.columns {
			all = append(all, column)
		}
	}
	if slices.ContainsFunc(shortColumns(), func(c string) bool { return slices.Contains(all, c) }) {
		all = append(all, shortColumns()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// expression is a column as it is read: long texts have a name of their own, for conditions are on the texts themselves.
func (c *readColumn) expression() string {
	if c.name == "landing_page" || c.name == "referrer" {
		return "toLowCardinality(" + c.name + ") AS " + c.as()
	}
	return c.name
}

func (c *readColumn) as() string {
	if c.name == "landing_page" || c.name == "referrer" {
		return "coded_" + c.name
	}
	return c.name
}

// restingData fills resting.sql.
type restingData struct {
	placed
	Days    string // which of the period's days are read; empty for all
	Changed bool   // those of a table of that name are read, too
}

// sessionReading gathers sessions, to be put in order.
type sessionReading struct {
	browser  proto.ColUInt64 // of a block, as are those that follow
	moment   proto.ColInt64
	columns  []readColumn
	browsers chunks[uint64]
	moments  chunks[int64]
	rows     int
	bytes    int
}

// readColumn is a column of them: of texts, of lists of texts, or of numbers.
type readColumn struct {
	name   string
	texts  *codedValues
	lists  *codedColumn
	number *proto.ColUInt32
	all    chunks[uint32]
	sizes  chunks[uint32]
	told   int // texts whose bytes are counted
}

func newSessionReading(columns []string) *sessionReading {
	r := &sessionReading{columns: make([]readColumn, len(columns))}
	for i, name := range columns {
		c := &r.columns[i]
		c.name = name
		switch name {
		case "page_views":
			c.number = new(proto.ColUInt32)
		case "pages":
			c.lists = &codedColumn{names: newNames()}
		default:
			c.texts = newValues(newNames())
		}
	}
	return r
}

// result is where a statement reads to.
func (r *sessionReading) result() proto.Results {
	results := proto.Results{{Name: "number", Data: &r.browser}, {Name: "started", Data: &r.moment}}
	for i := range r.columns {
		c := &r.columns[i]
		switch {
		case c.number != nil:
			results = append(results, proto.ResultColumn{Name: c.as(), Data: c.number})
		case c.lists != nil:
			results = append(results, proto.ResultColumn{Name: c.as(), Data: c.lists})
		default:
			results = append(results, proto.ResultColumn{Name: c.as(), Data: c.texts})
		}
	}
	return results
}

// block takes what was read.
func (r *sessionReading) block() {
	for i, browser := range r.browser {
		r.browsers.add(browser)
		r.moments.add(r.moment[i])
	}
	r.rows += len(r.browser)
	r.bytes += 16 * len(r.browser)
	for i := range r.columns {
		r.bytes += r.columns[i].block()
	}
}

// block gives how many bytes it takes more.
func (c *readColumn) block() (bytes int) {
	switch {
	case c.number != nil:
		for _, n := range *c.number {
			c.all.add(n)
		}
		return 4 * len(*c.number)
	case c.lists != nil:
		begin := uint64(0)
		for _, end := range c.lists.offsets {
			c.sizes.add(uint32(end - begin))
			begin = end
		}
		return 4*len(c.lists.offsets) + c.coded(c.lists)
	}
	return c.coded(&c.texts.codedColumn)
}

func (c *readColumn) coded(column *codedColumn) (bytes int) {
	for _, code := range column.codes {
		c.all.add(uint32(code))
	}
	bytes = 4 * len(column.codes)
	column.forget()
	for _, text := range column.texts[c.told:] {
		bytes += len(text) + placeBytes
	}
	c.told = len(column.texts)
	return bytes
}

// run puts the sessions in order. Those of a piece have their moments above its base.
func (r *sessionReading) run(base int64, piece bool) *sessionRun {
	o := orderOf(r.browsers.all(make([]uint64, 0, r.rows)))
	r.browsers = chunks[uint64]{}
	run := o.run()
	run.base, run.moments = base, arranged(&o, r.moments.all(make([]int64, 0, r.rows)))
	r.moments = chunks[int64]{}
	if piece {
		run.started = make([]uint32, r.rows)
		for i, moment := range run.moments {
			run.started[i] = uint32(moment - base)
		}
		run.moments = nil
	}
	for i := range r.columns {
		run.columns[r.columns[i].name] = r.columns[i].run(&o, run)
		r.columns[i] = readColumn{}
	}
	return run
}

func (c *readColumn) run(o *runOrder, run *sessionRun) *runColumn {
	all := c.all.all(make([]uint32, 0, c.all.size()))
	switch {
	case c.number != nil:
		return &runColumn{codes: narrowed(arranged(o, all))}
	case c.lists != nil:
		column := o.lists(run, all, c.sizes.all(make([]uint32, 0, c.sizes.size())))
		column.texts = trimmed(c.lists.texts)
		return column
	}
	return &runColumn{codes: narrowed(arranged(o, all)), texts: trimmed(c.texts.texts)}
}

// readSessions reads those of a question, or of some of its days and of what changed.
func (s Scoped) readSessions(ctx context.Context, q Credits, columns []string, data restingData, changed *changes, each func(bytes int) error) (*sessionReading, error) {
	r := newSessionReading(columns)
	arguments := q.Period.arguments()
	conditions, err := sessionsOf(q, arguments)
	if err != nil {
		return nil, err
	}
	data.Filters, data.Exclusions = conditions.Filters, conditions.Exclusions
	for i := range r.columns {
		data.Columns = append(data.Columns, r.columns[i].expression())
	}
	var tables []ch.ExternalTable
	if data.Changed {
		tables = append(tables, changed.table())
	}
	return r, s.columns(ctx, "resting", data, arguments, r.result(), func() error {
		r.block()
		return each(r.bytes)
	}, tables...)
}

// restingState tells whether sessions that are kept are still there.
type restingState struct {
	clock    int64 // ClickHouse's, milliseconds since 1970
	erasures uint64
	notes    uint64
	blocks   uint64 // other than before if anything was noted since
	tables   string
	firsts   map[uint32]int64 // by month: its first block
	begun    time.Time        // when it was asked for
	ended    time.Time        // when it was told
}

// restingState asks for it. That nothing can be said is a state, too: an empty one, of which no session is.
func (s Scoped) restingState(ctx context.Context) (restingState, error) {
	state := restingState{firsts: make(map[uint32]int64), begun: time.Now()}
	var month proto.ColUInt32
	var first, clock proto.ColInt64
	var erasures, notes, blocks proto.ColUInt64
	var tables proto.ColStr
	result := proto.Results{
		{Name: "month", Data: &month}, {Name: "first", Data: &first}, {Name: "clock", Data: &clock}, {Name: "erasures", Data: &erasures}, {Name: "notes", Data: &notes},
		{Name: "blocks", Data: &blocks}, {Name: "tables", Data: &tables},
	}
	err := s.columns(ctx, "resting_state", nil, nil, result, func() error {
		for i := range month {
			state.firsts[month[i]] = first[i]
			state.clock, state.erasures, state.notes, state.blocks, state.tables = clock[i], erasures[i], notes[i], blocks[i], tables.Row(i)
		}
		return nil
	})
	state.ended = time.Now()
	if _, refused := exceptionCode(err); refused {
		return restingState{begun: state.begun, ended: state.ended}, nil
	}
	return state, err
}

// restingNotes are the browsers' days that were written although they rest.
type restingNotes struct {
	changes
	noted proto.ColInt64 // the last time each, milliseconds since 1970
}

// restingNotes finds those since a moment, of the days first..end, and not more than there may be.
func (s Scoped) restingNotes(ctx context.Context, oldest int64, first, end int32) (all restingNotes, err error) {
	var day proto.ColDate32
	var visitor proto.ColStr
	var browser proto.ColUInt64
	var last proto.ColInt64
	arguments := map[string]any{"oldest": oldest, "first": int64(first), "end": int64(end), "limit": uint64(s.reader.funnelLimits.changes + 1)}
	result := proto.Results{{Name: "day", Data: &day}, {Name: "visitor", Data: &visitor}, {Name: "browser", Data: &browser}, {Name: "last", Data: &last}}
	err = s.columns(ctx, "resting_changes", nil, arguments, result, func() error {
		for i := range day {
			all.visitor.AppendBytes(visitor.RowBytes(i))
		}
		all.day, all.browser, all.noted = append(all.day, day...), append(all.browser, browser...), append(all.noted, last...)
		return nil
	})
	return all, err
}

// dayCondition is one on days since 1970, the end excluded.
func dayCondition(first, end int32) string {
	return "day >= toDate32(" + strconv.Itoa(int(first)) + ") AND day < toDate32(" + strconv.Itoa(int(end)) + ")"
}
