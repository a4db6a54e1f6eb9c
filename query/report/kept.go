package report

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// What is kept of conversions between questions.
const (
	// keptBytes bounds all of it.
	keptBytes = 256 << 20
	// keptUnused is how long rows are kept that nobody asks for.
	keptUnused = time.Hour
)

// contactColumn is whose conversions are, and browsersColumn whose their touches.
const (
	contactColumn  = "contact"
	browsersColumn = "browsers"
)

// keeping says what is kept of some parts: the rows of a workspace in a period.
type keeping struct {
	workspace uint32
	contacts  bool // with those that say that a contact came to be
	period    Period
	columns   []string // sorted: those of touches, and those of contacts and browsers
}

func (k *keeping) has(column string) bool { return slices.Contains(k.columns, column) }

func (k *keeping) touchColumns() []string {
	return slices.DeleteFunc(slices.Clone(k.columns), func(c string) bool { return c == contactColumn || c == browsersColumn })
}

// covers tells whether all that is needed is there, but for columns.
func (k *keeping) covers(need *keeping) bool {
	return k.workspace == need.workspace && (k.contacts || !need.contacts) && k.period.Begin <= need.period.Begin && k.period.End >= need.period.End
}

func (k *keeping) hasColumns(need *keeping) bool {
	return !slices.ContainsFunc(need.columns, func(c string) bool { return !k.has(c) })
}

// keptRows are rows of some parts, all that were ever written of each
// conversion. They do not change once they are read.
type keptRows struct {
	keeping
	parts    parts
	rows     touchRows   // counted where they are not deleted
	name     codedValues // of each
	repeated []bool      // rows whose conversions have others here; nil for none
	bytes    int
	used     time.Time // guarded by the keeper
}

// finish makes what was read ready to be kept.
func (k *keptRows) finish() error {
	rows, err := k.rows.check()
	if err != nil {
		return err
	}
	r := &k.rows
	found := places{of: []*touchRows{r}}
	for i := range rows {
		slot, other, place := found.find(r.id.rows[i], r.happened.rows[i])
		if other == nil {
			found.slots[slot] = int64(i + 1)
			found.used++
			continue
		}
		if k.repeated == nil {
			k.repeated = make([]bool, rows)
		}
		k.repeated[i], k.repeated[place] = true, true
	}
	k.trim()
	return nil
}

// trim lets go of room that was made for more.
func (k *keptRows) trim() {
	r := &k.rows
	r.happened.rows, r.known.rows, r.identified.rows = trimmed(r.happened.rows), trimmed(r.known.rows), trimmed(r.identified.rows)
	r.id.rows, r.contact.rows, r.version.rows = trimmed(r.id.rows), trimmed(r.contact.rows), trimmed(r.version.rows)
	r.counted.rows, r.value.rows = trimmed(r.counted.rows), trimmed(r.value.rows)
	r.starts.ends, r.starts.elements.rows, r.starts.offsets = trimmed(r.starts.ends), trimmed(r.starts.elements.rows), nil
	r.browsers.ends, r.browsers.elements.rows, r.browsers.offsets = trimmed(r.browsers.ends), trimmed(r.browsers.elements.rows), nil
	k.name.codedColumn = k.name.trimmed()
	k.bytes = k.name.bytes() + k.name.names.bytes() + bytesOf(k.repeated)
	for _, column := range r.columns {
		*column = column.trimmed()
		k.bytes += column.names.bytes()
	}
	k.bytes += r.bytes()
}

func trimmed[T any](list []T) []T {
	if cap(list) > len(list)+len(list)/8 {
		return slices.Clone(list)
	}
	return list
}

// bytesWith is about how much it would be with some more columns, the texts of these left out.
func (k *keptRows) bytesWith(columns []string) int {
	const code, contact, browser = 4, 16, 8
	bytes := k.bytes
	for _, column := range columns {
		switch {
		case k.has(column):
		case column == contactColumn:
			bytes += contact * k.rows.Rows()
		case column == browsersColumn:
			bytes += browser * k.rows.starts.elements.Rows()
		default:
			bytes += code * k.rows.starts.elements.Rows()
		}
	}
	return bytes
}

// keeper keeps rows. It is safe for concurrent use.
type keeper struct {
	list func(asking) (parts, error) // which are active
	with func(context.Context, func(asking) error) error
	most int // bytes
	*sweeper

	mutex  sync.Mutex
	all    []*keptRows
	unsure bool // it was once not known which parts there are: it is not asked again
}

func newKeeper(list func(asking) (parts, error), with func(context.Context, func(asking) error) error) *keeper {
	k := &keeper{list: list, with: with, most: keptBytes}
	k.sweeper = newSweeper(k.forget, func() bool {
		k.mutex.Lock()
		defer k.mutex.Unlock()
		return len(k.all) > 0
	})
	return k
}

// take gives the rows that are kept of active parts, and the parts that are
// missing. Rows of parts that are not active are dropped. The columns that are
// kept of what is missing are added to those that are needed, so that they are
// there afterwards, unless all of them would be more than is kept.
func (k *keeper) take(active parts, need *keeping) (all []*keptRows, missing parts) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.drop(func(rows *keptRows) bool { return !active.hasAll(rows.parts) })
	// Those that hold most parts come first; of the others, that overlap with them, nothing is used.
	slices.SortStableFunc(k.all, func(a, b *keptRows) int { return cmp.Compare(len(b.parts), len(a.parts)) })
	found, now := parts{}, time.Now()
	for _, rows := range k.all {
		if !rows.covers(need) || !rows.hasColumns(need) || found.hasAny(rows.parts) {
			continue
		}
		rows.used = now
		all = append(all, rows)
		for one, n := range rows.parts {
			found[one] = n
		}
	}
	missing = parts{}
	for one, n := range active {
		if _, ok := found[one]; !ok {
			missing[one] = n
		}
	}
	for _, rows := range k.all {
		if rows.covers(need) && missing.hasAll(rows.parts) && rows.bytesWith(need.columns) <= k.most {
			need.columns = append(need.columns, rows.columns...)
		}
	}
	slices.Sort(need.columns)
	need.columns = slices.Compact(need.columns)
	return all, missing
}

// put keeps what was read of parts that are still active. What it makes
// superfluous is dropped, and what was not used for longest, if there is too much.
func (k *keeper) put(active parts, read []*keptRows) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.closed() {
		return
	}
	for _, rows := range read {
		if rows.bytes > k.most || !active.hasAll(rows.parts) {
			continue
		}
		k.drop(func(old *keptRows) bool {
			return rows.covers(&old.keeping) && rows.hasColumns(&old.keeping) && rows.parts.hasAll(old.parts)
		})
		rows.used = time.Now()
		k.all = append(k.all, rows)
	}
	k.drop(func(rows *keptRows) bool { return !active.hasAll(rows.parts) })
	for k.bytes() > k.most {
		oldest := slices.MinFunc(k.all, func(a, b *keptRows) int { return a.used.Compare(b.used) })
		k.drop(func(rows *keptRows) bool { return rows == oldest })
	}
	k.start()
}

func (k *keeper) drop(which func(*keptRows) bool) { k.all = slices.DeleteFunc(k.all, which) }

func (k *keeper) bytes() int {
	n := 0
	for _, rows := range k.all {
		n += rows.bytes
	}
	return n
}

// forget drops rows of parts that are not there any more, those that nobody asks
// for, and all if it cannot be known.
func (k *keeper) forget(ctx context.Context) {
	var active parts
	err := k.with(ctx, func(ask asking) (err error) { active, err = k.list(ask); return err })
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.drop(func(rows *keptRows) bool {
		return err != nil || !active.hasAll(rows.parts) || time.Since(rows.used) > keptUnused
	})
}

// doubt tells that it is not known which parts there are.
func (k *keeper) doubt() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.unsure, k.all = true, nil
}

func (k *keeper) doubts() bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.unsure
}

// close lets go of everything.
func (k *keeper) close() {
	k.sweeper.close()
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.all = nil
}

// keptConversions gives those of a question from rows that are kept, and those
// that were read to be; no lists when it cannot be done so.
func (s Scoped) keptConversions(ctx context.Context, room *touchRows, q Credits, browsers bool, reads []Dimension) (lists []*touchRows, columns []string, err error) {
	if q.replayed != nil || s.reader.kept.doubts() {
		return nil, nil, nil // What is replayed is ClickHouse's to answer.
	}
	columns = touchColumns(slices.Concat(reads, dimensionsOf(q.Filters...), dimensionsOf(q.Exclude...))...)
	need := &keeping{workspace: s.workspace, contacts: q.Conversion == "contact", period: q.looked(), columns: slices.Clone(columns)}
	if len(q.Progressed) > 0 || q.FirstOnly {
		need.columns = append(need.columns, contactColumn)
	}
	if browsers {
		need.columns = append(need.columns, browsersColumn)
	}
	kept, err := s.keptRows(ctx, need)
	if errors.Is(err, errPartsUnsure) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	lists, err = s.views(ctx, kept, room, q, columns)
	return lists, columns, err
}
