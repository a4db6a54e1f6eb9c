package report

import (
	"cmp"
	"context"
	"math"
	"slices"

	"sourceloop/schema"
)

// Changes say what became of a period's credits since a moment.
type Changes struct {
	Then, Now float64       // conversions, as they were known then and are now
	Causes    []CauseChange // in the order of schema.Causes; those that changed something
	Rows      []ChangedRow  // the greatest changes first
	Items     []ChangedConversion
}

// CauseChange is what one cause changed.
type CauseChange struct {
	Cause       schema.Cause // UnknownCause for what was written before causes were
	Conversions uint64       // whose credits moved, or that came or went
	Change      float64      // of the number of conversions
	ValueChange float64
}

// UnknownCause stands for changes from before causes were kept.
const UnknownCause schema.Cause = "unknown"

// ChangedRow is a value of the dimension, or a pair of values.
type ChangedRow struct {
	Key, Second         string
	Then, Now           float64 // conversions credited
	ThenValue, NowValue float64
	ByCause             map[schema.Cause]float64 // sums to Now - Then
}

// ChangedConversion is a conversion whose credits moved.
type ChangedConversion struct {
	ID, Contact schema.ID
	Name        string
	At          schema.Millis
	Causes      []schema.Cause
}

// maxChanged is how many conversions are named at most.
const maxChanged = 200

// Changes compares the credits as they were known at q.AsOf with those of now,
// and says why they differ. Then plus what all causes changed is now. What was
// erased is in neither. A data-driven model looks at all paths together: under
// one the causes are replayed (replay.go).
func (s Scoped) Changes(ctx context.Context, q Credits) (Changes, error) {
	q.Compare = ""
	model, _, err := q.check()
	if err != nil {
		return Changes{}, err
	}
	if q.FirstOnly {
		return Changes{}, invalid("which conversion is a contact's first may change as well, and has no cause of its own; ask for all conversions")
	}
	if q.AsOf == 0 {
		return Changes{}, invalid("it is not said since when; send as_of")
	}
	if q.Model.dataDriven() {
		return s.replay(ctx, q)
	}
	return s.changesOfEach(ctx, q, model)
}

// changedRows are rows by key.
type changedRows map[keys]*ChangedRow

func (all changedRows) row(k keys) *ChangedRow {
	if all[k] == nil {
		all[k] = &ChangedRow{Key: cmp.Or(k[0], None), Second: k[1], ByCause: map[schema.Cause]float64{}}
	}
	return all[k]
}

// changed gives those that changed, the greatest changes first.
func (all changedRows) changed(q *Credits) []ChangedRow {
	var rows []ChangedRow
	for _, r := range all {
		if len(r.ByCause) > 0 || r.Then != r.Now || r.ThenValue != r.NowValue {
			if q.Second != "" {
				r.Second = cmp.Or(r.Second, None)
			}
			rows = append(rows, *r)
		}
	}
	slices.SortFunc(rows, func(a, b ChangedRow) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Now-b.Then), math.Abs(a.Now-a.Then)), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Second, b.Second))
	})
	return rows
}

// changesOfEach adds up what every row changed of the one before it.
func (s Scoped) changesOfEach(ctx context.Context, q Credits, model int) (Changes, error) {
	byKey := changedRows{}
	now := q
	now.AsOf = 0
	var c Changes
	for _, at := range []struct {
		q      Credits
		total  *float64
		number func(*ChangedRow) (conversions, value *float64)
	}{
		{q, &c.Then, func(r *ChangedRow) (conversions, value *float64) { return &r.Then, &r.ThenValue }},
		{now, &c.Now, func(r *ChangedRow) (conversions, value *float64) { return &r.Now, &r.NowValue }},
	} {
		found, err := s.credits(ctx, at.q)
		if err != nil {
			return c, err
		}
		for k, e := range found {
			conversions, value := at.number(byKey.row(k))
			*conversions, *value = settled(e.conversions[model]), settled(e.value[model])
			*at.total += e.conversions[model]
		}
		*at.total = settled(*at.total)
	}
	if err := s.changed(ctx, q, model, &c, byKey.row); err != nil {
		return c, err
	}
	c.Rows = byKey.changed(&q)
	return c, nil
}

// changed asks what each cause changed, and of which conversions.
func (s Scoped) changed(ctx context.Context, q Credits, model int, c *Changes, row func(keys) *ChangedRow) error {
	room := s.reader.rooms.take()
	defer s.reader.rooms.put(room)
	m, err := s.moved(ctx, room, q, model)
	if err == nil {
		m.tell(c, row)
	}
	return err
}
