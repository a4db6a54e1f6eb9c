package report

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Model says how a conversion's credit is shared among its touches.
type Model string

// Models are those that need nothing but a conversion's touches, in the order
// of the statement's results.
func Models() []Model {
	return []Model{
		"last_touch", "first_touch", "last_non_direct", "first_non_direct", "linear", "position_based", "time_decay",
	}
}

// lookbacks are the windows, in days, for which the first touch is kept.
func lookbacks() []int { return []int{1, 7, 14, 30, 60, 90, 180} }

// AllTouches is the lookback without an end.
const AllTouches = 0

// Credits asks what earned conversions.
type Credits struct {
	Model      Model
	Compare    Model // a second model to stand beside it; empty for none
	Dimension  Dimension
	Period     Period        // conversions that happened in it
	Conversion string        // a conversion's name; empty for all but contact
	Lookback   int           // days: 1, 7, 14, 30, 60, 90, 180, or AllTouches
	Filters    []Filter      // credits whose touch matches all are counted
	AsOf       schema.Millis // what was known then; 0 for now
}

// Attribution is the answer.
type Attribution struct {
	Rows       []AttributionRow // most conversions first
	Attributed float64          // conversions with a touch
	Total      float64          // conversions in the period
}

// AttributionRow is what one value of the dimension earned.
type AttributionRow struct {
	Key                string // None when empty
	Conversions, Value float64
	Sessions           uint64 // of this value in the same period, bots left out
	CompareConversions float64
	CompareValue       float64
}

// endOfTime is later than anything known: the year 2286.
const endOfTime = int64(10_000_000_000_000)

// earned are a key's credits by model, in the order of Models.
type earned struct {
	conversions, value, attributed []float64
}

// Attribution credits the conversions of a period to the values of one
// dimension. Rows sum to Total.
func (s Scoped) Attribution(ctx context.Context, q Credits) (Attribution, error) {
	model, err := modelIndex(q.Model)
	if err != nil {
		return Attribution{}, err
	}
	compare := -1
	if q.Compare != "" {
		if compare, err = modelIndex(q.Compare); err != nil {
			return Attribution{}, err
		}
	}
	if _, err := ParseDimension(string(q.Dimension)); err != nil {
		return Attribution{}, err
	}
	byKey, err := s.credits(ctx, q, touchColumn(q.Dimension), q.Dimension)
	if err != nil {
		return Attribution{}, err
	}
	sessions, err := s.sessionsBy(ctx, q.Dimension, q.Period, q.Filters)
	if err != nil {
		return Attribution{}, err
	}
	return tabulate(byKey, sessions, model, compare), nil
}

func modelIndex(m Model) (int, error) {
	if i := slices.Index(Models(), m); i >= 0 {
		return i, nil
	}
	names := make([]string, 0, len(Models()))
	for _, known := range Models() {
		names = append(names, string(known))
	}
	return 0, invalid("the model %q can't be computed; it is one of %s", m, strings.Join(names, ", "))
}

// touchColumn reads one dimension of the credited touch, whose place is 0
// for a conversion without one.
func touchColumn(d Dimension) string {
	return fmt.Sprintf("if(place = 0, '%s', toString(touches_%s[place]))", d.direct(), d)
}

// touchColumns are the columns that hold some dimensions of touches, each once.
func touchColumns(dimensions ...Dimension) []string {
	var columns []string
	for _, d := range dimensions {
		columns = append(columns, "touches_"+string(d))
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// dimensionsOf are what filters read.
func dimensionsOf(filters []Filter) []Dimension {
	var all []Dimension
	for _, f := range filters {
		all = append(all, f.Dimension)
	}
	return all
}

// credits runs the statement for a key expression of this package, which reads
// the dimensions in reads.
func (s Scoped) credits(ctx context.Context, q Credits, key string, reads ...Dimension) (map[string]earned, error) {
	if q.Lookback != AllTouches && !slices.Contains(lookbacks(), q.Lookback) {
		return nil, invalid("the lookback must be 1, 7, 14, 30, 60, 90, 180 days or all, and is %d", q.Lookback)
	}
	arguments := q.Period.arguments()
	arguments["name"], arguments["lookback"] = q.Conversion, int64(q.Lookback)
	arguments["as_of"] = int64(q.AsOf)
	if q.AsOf == 0 {
		arguments["as_of"] = endOfTime
	}
	filters, err := conditions(q.Filters, touchColumn, arguments)
	if err != nil {
		return nil, err
	}
	// The channel is read in any case.
	columns := slices.DeleteFunc(touchColumns(append(reads, dimensionsOf(q.Filters)...)...), func(c string) bool { return c == "touches_channel" })
	data := map[string]any{"Key": key, "Filters": filters, "Columns": columns}
	byKey := make(map[string]earned)
	err = s.query(ctx, "credits", data, arguments, func(rows driver.Rows) error {
		var name string
		var e earned
		err := rows.Scan(&name, &e.conversions, &e.value, &e.attributed)
		byKey[name] = e
		return err
	})
	return byKey, err
}

func (s Scoped) sessionsBy(ctx context.Context, d Dimension, p Period, filters []Filter) (map[string]uint64, error) {
	arguments := p.arguments()
	where, err := conditions(filters, sessionColumn, arguments)
	if err != nil {
		return nil, err
	}
	counts := make(map[string]uint64)
	data := map[string]string{"Key": sessionColumn(d), "Filters": where}
	err = s.query(ctx, "dimension_sessions", data, arguments, func(rows driver.Rows) error {
		var key string
		var n uint64
		err := rows.Scan(&key, &n)
		counts[key] = n
		return err
	})
	return counts, err
}

func sessionColumn(d Dimension) string { return string(d) }

// settled takes the dust of adding floating-point shares off a sum: whole
// conversions are counted in whole numbers, and the order in which shares were
// added, which differs from one time to the next, is not seen.
func settled(sum float64) float64 { return math.Round(sum*1e9) / 1e9 }

func (r AttributionRow) settled() AttributionRow {
	r.Conversions, r.Value = settled(r.Conversions), settled(r.Value)
	r.CompareConversions, r.CompareValue = settled(r.CompareConversions), settled(r.CompareValue)
	return r
}

// tabulate picks models and brings keys with credits or sessions together.
func tabulate(byKey map[string]earned, sessions map[string]uint64, model, compare int) Attribution {
	var a Attribution
	keys := make(map[string]bool)
	for key := range byKey {
		keys[key] = true
	}
	for key := range sessions {
		keys[key] = true
	}
	for key := range keys {
		row := AttributionRow{Key: key, Sessions: sessions[key]}
		if key == "" {
			row.Key = None
		}
		if e, ok := byKey[key]; ok {
			row.Conversions, row.Value = e.conversions[model], e.value[model]
			if len(e.attributed) > 0 {
				a.Attributed += e.attributed[model]
			}
			if compare >= 0 {
				row.CompareConversions, row.CompareValue = e.conversions[compare], e.value[compare]
			}
		}
		a.Total += row.Conversions
		// A key that only another model credits, or that has only sessions of bots, is no row.
		if row = row.settled(); row.Sessions > 0 || row.Conversions > 0 || row.CompareConversions > 0 {
			a.Rows = append(a.Rows, row)
		}
	}
	a.Attributed, a.Total = settled(a.Attributed), settled(a.Total)
	sort.Slice(a.Rows, func(i, j int) bool {
		x, y := a.Rows[i], a.Rows[j]
		switch {
		case x.Conversions != y.Conversions:
			return x.Conversions > y.Conversions
		case x.Sessions != y.Sessions:
			return x.Sessions > y.Sessions
		}
		return x.Key < y.Key
	})
	return a
}
