package report

import (
	"cmp"
	"context"
	"math"
	"slices"

	"sourceloop/schema"
)

// mover says what became of credits since a moment, from the rows of
// conversions in their order: every row since then takes away what the one before
// credited, and adds its own, both under its cause.
type mover struct {
	*rowsInOrder
	since  int64
	model  int
	causes map[int32]*CauseChange // by the numbers of causes
	rows   map[move]float64       // conversions credited
	items  []ChangedConversion    // the newest of those that are whole
	apart  map[schema.ID]*movement
	one    movement // of the conversion at hand
}

// move is what a cause changed of a key.
type move struct {
	cause int32
	key   [2]int32
}

// movement is what became of one conversion.
type movement struct {
	parts   []moving
	named   ChangedConversion
	version uint64 // of the row that it is named by
}

type moving struct {
	move
	credit, value float64
}

// moved reads the rows of the conversions that changed.
func (s Scoped) moved(ctx context.Context, room *touchRows, q Credits, model int) (*mover, error) {
	m := &mover{since: int64(q.AsOf), model: model, causes: map[int32]*CauseChange{}, rows: map[move]float64{}, apart: map[schema.ID]*movement{}}
	var err error
	if m.rowsInOrder, err = q.ordered(room); err != nil {
		return nil, err
	}
	delete(m.arguments, "as_of")
	m.data.Since, m.arguments["since"] = true, m.since
	if err = s.columns(ctx, "credits_in_order", m.data, m.arguments, m.begin(), func() error { return m.look(false) }); err == nil {
		err = m.look(true)
	}
	m.finish()
	return m, err
}

// look looks at the conversions of which all rows are there, and drops them.
func (m *mover) look(whole bool) error {
	n, err := m.check()
	if err != nil {
		return err
	}
	begin := 0
	for i := 1; i < n; i++ {
		if !m.alike(i, begin) {
			m.conversion(begin, i)
			begin = i
		}
	}
	if whole && begin < n {
		m.conversion(begin, n)
		begin = n
	}
	m.drop(begin)
	return nil
}

// conversion looks at the rows begin..end, which are those of one, oldest first.
func (m *mover) conversion(begin, end int) {
	stood := begin - 1
	for i := begin; i < end; i++ {
		if m.known.rows[i] <= m.since {
			stood = i
		}
	}
	of := &m.one
	*of = movement{parts: of.parts[:0]}
	if m.movedInTime.rows[begin] != 0 { // Its other times may be looked at much later.
		id := m.id.rows[begin]
		if m.apart[id] == nil {
			m.apart[id] = &movement{}
		}
		of = m.apart[id]
	}
	for i := max(begin, stood); i < end; i++ {
		if m.counted.rows[i] != 0 && m.version.rows[i] >= of.version {
			c := m.named(i)
			of.named, of.version = ChangedConversion{ID: c.ID, Contact: c.Contact, Name: c.Name, At: c.At}, m.version.rows[i]
		}
		if i > stood {
			m.step(of, begin, i)
		}
	}
	if of == &m.one {
		m.close(of)
	}
}

// step adds what row i changed of the one before.
func (m *mover) step(of *movement, begin, i int) {
	sign := 1.
	add := func(row int) {
		value := sign * m.value.rows[row]
		m.each(row, func(key [2]int32, share *shares) {
			of.parts = append(of.parts, moving{move{m.cause.codes[i], key}, sign * share[m.model], value * share[m.model]})
		})
	}
	if add(i); i > begin {
		sign = -1
		add(i - 1)
	}
}

// close counts what became of a conversion: by cause and key, what is left when
// all is added up.
func (m *mover) close(of *movement) {
	slices.SortFunc(of.parts, func(a, b moving) int {
		return cmp.Or(cmp.Compare(a.cause, b.cause), cmp.Compare(a.key[0], b.key[0]), cmp.Compare(a.key[1], b.key[1]))
	})
	var causes []int32
	for i := 0; i < len(of.parts); {
		sum := of.parts[i]
		for i++; i < len(of.parts) && of.parts[i].move == sum.move; i++ {
			sum.credit, sum.value = sum.credit+of.parts[i].credit, sum.value+of.parts[i].value
		}
		if math.Abs(sum.credit) <= 1e-9 && math.Abs(sum.value) <= 1e-9 {
			continue
		}
		change := m.causes[sum.cause]
		if change == nil {
			change = &CauseChange{Cause: m.causeOf(sum.cause)}
			m.causes[sum.cause] = change
		}
		change.Change, change.ValueChange = change.Change+sum.credit, change.ValueChange+sum.value
		if m.rows[sum.move] += sum.credit; len(causes) == 0 || causes[len(causes)-1] != sum.cause {
			causes = append(causes, sum.cause)
			change.Conversions++
		}
	}
	if len(causes) > 0 {
		m.list(of.named, causes)
	}
}

// causeOf is a cause by its number.
func (m *mover) causeOf(code int32) schema.Cause {
	return cmp.Or(schema.Cause(m.cause.texts[code]), UnknownCause)
}

// list adds a conversion to the list of those that changed, and leaves out the
// oldest of too many.
func (m *mover) list(c ChangedConversion, causes []int32) {
	for _, cause := range causes {
		c.Causes = append(c.Causes, m.causeOf(cause))
	}
	slices.Sort(c.Causes)
	if m.items = append(m.items, c); len(m.items) >= 2*maxChanged {
		m.cut()
	}
}

// cut leaves the newest conversions, these first.
func (m *mover) cut() {
	slices.SortFunc(m.items, func(a, b ChangedConversion) int {
		return cmp.Or(cmp.Compare(b.At, a.At), b.ID.Compare(a.ID))
	})
	m.items = m.items[:min(len(m.items), maxChanged)]
}

// finish counts those that were moved in time. Rows are not asked for any more.
func (m *mover) finish() {
	for _, of := range m.apart {
		m.close(of)
	}
	m.cut()
}

// tell puts into an answer what was found.
func (m *mover) tell(c *Changes, row func(keys) *ChangedRow) {
	for of, change := range m.rows {
		row(m.by.named(of.key)).ByCause[m.causeOf(of.cause)] = settled(change)
	}
	for _, cause := range m.causes {
		cause.Change, cause.ValueChange = settled(cause.Change), settled(cause.ValueChange)
		c.Causes = append(c.Causes, *cause)
	}
	c.Items = m.items
	order := append(schema.Causes(), UnknownCause)
	slices.SortFunc(c.Causes, func(a, b CauseChange) int { return slices.Index(order, a.Cause) - slices.Index(order, b.Cause) })
}
