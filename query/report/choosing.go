package report

import (
	"context"
	"slices"
)

// choosing is what a filter says of touches, told once for every value.
type choosing struct {
	column         *codedColumn
	takes          []bool // by code
	none, excluded bool   // a conversion without a touch, and one whose touches are all excluded
}

// choose has views know which touches a question leaves out, and which match its filters. Columns are those of the views.
func (s Scoped) choose(ctx context.Context, q *Credits, columns []string, views []*touchRows) error {
	for i, filter := range slices.Concat(q.Exclude, q.Filters) {
		all, err := s.choosings(ctx, filter, columns, views)
		if err != nil {
			return err
		}
		for k, v := range views {
			if i < len(q.Exclude) {
				v.excludes, v.leaves = true, append(v.leaves, all[k])
			} else {
				v.filters, v.takes = true, append(v.takes, all[k])
			}
		}
	}
	return nil
}

// choosings tells what one filter says, for each of the views.
func (s Scoped) choosings(ctx context.Context, f Filter, columns []string, views []*touchRows) ([]choosing, error) {
	place := slices.Index(columns, "touches_"+string(f.Dimension))
	all, coded := make([]choosing, len(views)), make([][2]int32, len(views))
	var unsure []unsureText
	for k, v := range views {
		column := v.columns[place]
		coded[k] = [2]int32{column.code([]byte(f.Dimension.direct())), column.code([]byte(Excluded))}
		all[k] = choosing{column: column, takes: make([]bool, len(column.texts))}
		more, err := f.takes(column.texts, all[k].takes)
		if err != nil {
			return nil, err
		}
		unsure = append(unsure, more...)
	}
	if err := s.tellContained(ctx, f.wanted(), unsure); err != nil {
		return nil, err
	}
	for k := range all {
		all[k].none, all[k].excluded = all[k].takes[coded[k][0]], all[k].takes[coded[k][1]]
	}
	return all, nil
}

// wanted is the value that is looked for.
func (f Filter) wanted() string {
	if f.Value == None {
		return ""
	}
	return f.Value
}

// takes tells of each text whether a filter takes it, but for those that only ClickHouse can tell of.
func (f Filter) takes(texts []string, told []bool) (unsure []unsureText, err error) {
	wanted := f.wanted()
	switch f.Operator {
	case "contains":
		return containing(texts, wanted, told), nil
	case "is", "is_not":
		for i, text := range texts {
			told[i] = (text == wanted) == (f.Operator == "is")
		}
		return nil, nil
	}
	return nil, invalid("the operator %q is unknown; it is is, is_not or contains", f.Operator)
}

// anyTakes tells whether one of some filters takes a touch.
func anyTakes(all []choosing, touch int) bool {
	for i := range all {
		if all[i].takes[all[i].column.codes[touch]] {
			return true
		}
	}
	return false
}

// allTake tells whether all of them do.
func allTake(all []choosing, touch int) bool {
	for i := range all {
		if !all[i].takes[all[i].column.codes[touch]] {
			return false
		}
	}
	return true
}

// allTakeNone tells whether all of them take a conversion without a touch, or one whose touches are all excluded.
func allTakeNone(all []choosing, excluded bool) bool {
	return !slices.ContainsFunc(all, func(c choosing) bool { return excluded && !c.excluded || !excluded && !c.none })
}
