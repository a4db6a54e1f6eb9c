package report

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// tablePart is one of the table of conversions. What is in it never changes.
type tablePart struct{ name, hash string }

// parts are those that are active, with their rows, those of other workspaces included.
type parts map[tablePart]uint64

// hasAll tells whether all of some are among them.
func (p parts) hasAll(some parts) bool {
	for one := range some {
		if _, ok := p[one]; !ok {
			return false
		}
	}
	return true
}

func (p parts) hasAny(some parts) bool {
	for one := range some {
		if _, ok := p[one]; ok {
			return true
		}
	}
	return false
}

func (p parts) rows() (n uint64) {
	for _, rows := range p {
		n += rows
	}
	return n
}

// rowsBytes is about what a row with its touches takes.
const rowsBytes = 200

// portions are parts that are read together: a large one alone, the small ones
// in one go. Of those a merge makes all be read anew, which costs little.
func (p parts) portions() []parts {
	const large = 20_000 // rows
	var all []parts
	small := parts{}
	for one, rows := range p {
		if rows >= large {
			all = append(all, parts{one: rows})
		} else {
			small[one] = rows
		}
	}
	if len(small) > 0 {
		all = append(all, small)
	}
	return all
}

// names writes them as ClickHouse's text form of Array(String) does.
func (p parts) names() string {
	names := make([]string, 0, len(p))
	for one := range p {
		names = append(names, "'"+one.name+"'") // Letters, digits and underscores.
	}
	slices.Sort(names)
	return "[" + strings.Join(names, ",") + "]"
}

// errPartsUnsure says that it cannot be told which parts there are, or what they hold.
var errPartsUnsure = errors.New("it is not known which parts the conversions lie in")

// activeParts lists the parts, by a connection.
func (s Scoped) activeParts(ask asking) (parts, error) {
	var name, hash proto.ColStr
	var rows proto.ColUInt64
	all, unsure := parts{}, false
	result := proto.Results{{Name: "name", Data: &name}, {Name: "hash", Data: &hash}, {Name: "rows", Data: &rows}}
	q, err := s.columnQuery("conversion_parts", nil, nil, result, func() error {
		for i := range name.Rows() {
			one := tablePart{name.Row(i), hash.Row(i)}
			all[one] = rows[i]
			// A part that only patches others changes what they hold.
			unsure = unsure || one.hash == "" || strings.HasPrefix(one.name, "patch-")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = ask(q)
	if code, _ := exceptionCode(err); code == codeDenied {
		s.reader.kept.doubt()
	}
	if _, refused := ch.AsException(err); refused || err == nil && (unsure || len(all) == 0) {
		return nil, errPartsUnsure // There may be rows all the same: the table may only stand for another one.
	}
	return all, explain("read conversion_parts", err)
}

// readParts reads what a question needs of some parts.
func (s Scoped) readParts(ask asking, need *keeping, some parts) (*keptRows, error) {
	kept := &keptRows{keeping: *need, parts: some, name: codedValues{codedColumn{names: newNames()}}}
	kept.columns = slices.Clone(need.columns)
	data := placed{Columns: need.touchColumns(), Reached: need.has(contactColumn), Browsers: need.has(browsersColumn)}
	result := append(kept.rows.begin(AllTouches, &data), proto.ResultColumn{Name: "name", Data: &kept.name})
	arguments := need.period.arguments()
	arguments["parts"], arguments["contacts"] = some.names(), uint8(0)
	if need.contacts {
		arguments["contacts"] = uint8(1)
	}
	q, err := s.columnQuery("credits_of_parts", data, arguments, result, func() error { return nil })
	if err != nil {
		return nil, err
	}
	if err := ask(q); err != nil {
		return nil, explain("read credits_of_parts", err)
	}
	return kept, kept.finish()
}

// tries is how often what disappeared meanwhile is looked for among what came in its place.
const tries = 3

// keptRows gives all rows that a question needs, of which those that were kept
// are not read. Parts are listed, read if they are not kept, and listed again, by
// one connection: those of the first list that the second one has were there in
// between, when they were read. If one went meanwhile, what came in its place is
// read, as of the second list. So the answer is of the moment of a list, or there
// is none.
func (s Scoped) keptRows(ctx context.Context, need *keeping) (all []*keptRows, err error) {
	kept := s.reader.kept
	err = s.reader.columnar.with(ctx, func(ask asking) error {
		active, err := kept.list(ask)
		for range tries {
			if err != nil {
				return err
			}
			if need.period.Begin == sinceEver && active.rows()*rowsBytes > uint64(kept.most) {
				return errPartsUnsure // All that ever happened would be read by every question.
			}
			var missing parts
			if all, missing = kept.take(active, need); len(missing) == 0 {
				return nil
			}
			var read []*keptRows
			for _, some := range missing.portions() {
				rows, err := s.readParts(ask, need, some)
				if err != nil {
					return err
				}
				read = append(read, rows)
			}
			before := active
			if active, err = kept.list(ask); err != nil {
				return err
			}
			kept.put(active, read)
			if active.hasAll(before) {
				all = append(all, read...)
				return nil
			}
		}
		return errPartsUnsure
	})
	if errors.Is(err, errPartsUnsure) {
		return nil, err
	}
	return all, explain("read conversions by parts", err)
}
