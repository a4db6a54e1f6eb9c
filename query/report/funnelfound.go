package report

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"golang.org/x/sync/errgroup"

	"sourceloop/schema"
)

// findings are what there is in journeys of a funnel's conditions: the same as long as its state is. They are not changed.
type findings struct {
	state    string
	all      []schema.JourneyCopy // that stand
	items    []uint64
	meanings map[uint64]meaning
	one      bool   // every item has one meaning, and there are not too many
	size     uint64 // how many rows of items there are at most
}

// find looks a funnel's conditions up, as far as that is not known from the last question about them, and what changed since copies were
// made. Not usable are copies for items of two meanings, and those that too much changed of.
func (s Scoped) find(ctx context.Context, f Funnel, source *funnelSource) (usable bool, err error) {
	key := source.conditions(s.workspace)
	if former := s.reader.memory.found(key); former != nil {
		var state string
		source.findings = former
		find, within := errgroup.WithContext(ctx)
		find.Go(func() (err error) { state, err = s.findState(within); return err })
		find.Go(func() (err error) { usable, err = s.findRest(within, f, source); return err })
		if err := find.Wait(); err != nil || state == former.state {
			return usable && former.one, err
		}
	}
	source.findings = &findings{}
	if err := s.lookUp(ctx, source); err != nil || len(source.all) == 0 {
		return false, err
	}
	find, within := errgroup.WithContext(ctx)
	find.Go(func() error {
		if !source.one {
			return nil
		}
		return s.findSize(within, source)
	})
	find.Go(func() (err error) { usable, err = s.findRest(within, f, source); return err })
	if err := find.Wait(); err != nil {
		return false, err
	}
	if source.state != "" {
		s.reader.memory.note(key, source.findings)
	}
	return usable && source.one, nil
}

// lookUp finds copies and items. What copies have is known once they stand, so items that were read afterwards are all of theirs: after
// the copies were read, or, if these are the same as for the last question, beside them.
func (s Scoped) lookUp(ctx context.Context, source *funnelSource) error {
	last := s.reader.copies.Load()
	find, within := errgroup.WithContext(ctx)
	find.Go(func() (err error) { source.state, err = s.findState(within); return err })
	find.Go(func() (err error) { source.all, err = s.findCopies(within); return err })
	if last != nil {
		find.Go(func() error { return s.findItems(within, source) })
	}
	if err := find.Wait(); err != nil {
		return err
	}
	s.reader.copies.Store(&source.all)
	if last != nil && slices.Equal(*last, source.all) || len(source.all) == 0 {
		return nil
	}
	return s.findItems(ctx, source)
}

// conditions is a hash of what is looked up.
func (f *funnelSource) conditions(workspace uint32) memoryKey {
	arguments := maps.Clone(f.arguments)
	delete(arguments, "begin")
	delete(arguments, "end")
	return memoryKey(sha256.Sum256(fmt.Appendf(nil, "%d %q %q %d %d %t %#v", workspace, f.ItemMask, f.ItemStop, f.Otherwise, f.Pages, f.Everything(), arguments)))
}

// findState finds of which parts journeys consists; empty where that is not known for sure: by several servers, of which each may have
// others at the time, or for a user who may not look.
func (s Scoped) findState(ctx context.Context) (state string, err error) {
	if s.reader.memory.most == 0 {
		return "", nil
	}
	return s.reader.lookForState(ctx)
}

// lookForState is the same, of all workspaces.
func (r *Reader) lookForState(ctx context.Context) (state string, err error) {
	if len(r.columnar.options.Addr) > 1 || r.kept.doubts() {
		return "", nil
	}
	err = r.columnar.with(ctx, func(ask asking) error { state, err = Scoped{reader: r}.state(ask); return err })
	if code, _ := exceptionCode(err); code == codeDenied {
		r.kept.doubt()
		return "", nil // All is answered by reading everything.
	}
	return state, explain("read funnel_state", err)
}

// state asks for it by a connection.
func (s Scoped) state(ask asking) (state string, err error) {
	var parts proto.ColStr
	q, err := s.columnQuery("funnel_state", nil, nil, proto.Results{{Name: "state", Data: &parts}}, func() error {
		if parts.Rows() > 0 { // The last block has none.
			state = parts.Row(0)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return state, explain("read funnel_state", ask(q))
}

// findCopies finds those that stand.
func (s Scoped) findCopies(ctx context.Context) (all []schema.JourneyCopy, err error) {
	var month proto.ColUInt32
	var build, rows proto.ColUInt64
	var begins, covers proto.ColDate32
	var noted proto.ColInt64
	result := proto.Results{
		{Name: "month", Data: &month}, {Name: "build", Data: &build}, {Name: "day", Data: &begins}, {Name: "covers", Data: &covers}, {Name: "noted", Data: &noted}, {Name: "rows", Data: &rows},
	}
	err = s.columns(ctx, "funnel_copies", nil, nil, result, func() error {
		for i := range month {
			all = append(all, schema.JourneyCopy{
				Month: month[i], Build: build[i], Begins: begins[i].Time(), Covers: covers[i].Time(), Noted: schema.Millis(noted[i]), Rows: rows[i],
			})
		}
		return nil
	})
	return schema.JourneyCopies(all), err
}

// findRest finds the copies with sessions that may be asked for, and what they do not have. Not usable are those that too much
// changed of.
func (s Scoped) findRest(ctx context.Context, f Funnel, source *funnelSource) (usable bool, err error) {
	begin, end := f.Period.Begin.Add(-longestSession), f.Period.End.Add(f.Window)
	source.copies, source.changed = nil, changes{}
	for _, c := range source.all {
		if c.Covers.After(begin.Time()) && !c.Begins.After(end.Time()) {
			source.copies = append(source.copies, c)
		}
	}
	if len(source.copies) == 0 {
		return false, nil
	}
	source.Uncopied = uncopied(source.copies)
	find, ctx := errgroup.WithContext(ctx)
	find.Go(func() (err error) { usable, err = s.findChanges(ctx, source); return err })
	find.Go(func() (err error) {
		source.rest, err = s.estimate(ctx, "funnel_uncopied", source, map[string]any{"first": int64(begin), "last": int64(end)})
		return err
	})
	err = find.Wait()
	return usable, err
}

// findItems looks the conditions up.
func (s Scoped) findItems(ctx context.Context, source *funnelSource) error {
	source.items, source.meanings, source.one = nil, make(map[uint64]meaning), true
	arguments := maps.Clone(source.arguments)
	arguments["limit"] = uint64(s.reader.funnelLimits.items + 1)
	var item, meanings proto.ColUInt64
	var mask, stop proto.ColUInt16
	result := proto.Results{{Name: "item", Data: &item}, {Name: "mask", Data: &mask}, {Name: "stop", Data: &stop}, {Name: "meanings", Data: &meanings}}
	err := s.columns(ctx, "funnel_items", source, arguments, result, func() error {
		for i, number := range item {
			source.items, source.meanings[number] = append(source.items, number), meaning{mask[i], stop[i]}
			source.one = source.one && meanings[i] == 1
		}
		return nil
	})
	source.one = source.one && len(source.items) <= s.reader.funnelLimits.items
	return err
}

// findSize asks how many rows will be read at most.
func (s Scoped) findSize(ctx context.Context, source *funnelSource) (err error) {
	source.size = 0
	if source.Everything() || len(source.items) > 0 {
		source.size, err = s.estimate(ctx, "funnel_size", source, map[string]any{"items": list(source.items)})
	}
	return err
}

// estimate asks an explanation of how many rows a statement would read.
func (s Scoped) estimate(ctx context.Context, name string, data any, arguments map[string]any) (size uint64, err error) {
	var database, table proto.ColStr
	var parts, rows, marks proto.ColUInt64
	result := proto.Results{{Name: "database", Data: &database}, {Name: "table", Data: &table}, {Name: "parts", Data: &parts}, {Name: "rows", Data: &rows}, {Name: "marks", Data: &marks}}
	return size, s.columns(ctx, name, data, arguments, result, func() error {
		for _, n := range rows {
			size += n
		}
		return nil
	})
}

// findChanges finds what the copies do not know. They are the same for all
// statements of a question, or a session that changes meanwhile would be in none or both.
func (s Scoped) findChanges(ctx context.Context, source *funnelSource) (usable bool, err error) {
	noted := map[uint32]schema.Millis{}
	oldest := source.copies[0].Noted
	for _, c := range source.copies {
		oldest = min(oldest, c.Noted)
		if of, ok := noted[c.Month]; !ok || c.Noted < of {
			noted[c.Month] = c.Noted
		}
	}
	var months []uint32
	var since []int64
	for month, of := range noted {
		months, since = append(months, month), append(since, int64(of))
	}
	var day proto.ColDate32
	var visitor proto.ColStr
	var browser proto.ColUInt64
	arguments := map[string]any{"oldest": int64(oldest), "months": list(months), "noted": list(since), "limit": uint64(s.reader.funnelLimits.changes + 1)}
	result := proto.Results{{Name: "day", Data: &day}, {Name: "visitor", Data: &visitor}, {Name: "browser", Data: &browser}}
	err = s.columns(ctx, "funnel_changes", nil, arguments, result, func() error {
		c := &source.changed
		for i := range day {
			c.visitor.AppendBytes(visitor.RowBytes(i))
		}
		c.day, c.browser = append(c.day, day...), append(c.browser, browser...)
		return nil
	})
	n := source.changed.visitor.Rows()
	source.Changed = n > 0
	return n <= s.reader.funnelLimits.changes, err
}
