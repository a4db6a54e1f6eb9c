package report

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Model says how a conversion's credit is shared among its touches.
type Model string

// The models that look at the paths of everybody.
const (
	Markov  Model = "markov"
	Shapley Model = "shapley"
)

// Models gives all models: those that need nothing but a conversion's touches,
// in the order of the statement's results, and then the data-driven ones.
func Models() []Model { return append(touchModels(), Markov, Shapley) }

func touchModels() []Model {
	return []Model{
		"last_touch", "first_touch", "last_non_direct", "first_non_direct", "linear", "position_based", "time_decay", "w_shaped",
		"full_path",
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
	Second     Dimension     // a second one to group by; empty for none
	Period     Period        // conversions that happened in it
	Conversion string        // a conversion's name; empty for all but contact
	FirstOnly  bool          // of every contact only the first of these conversions, whenever that was
	Lookback   int           // days: 1, 7, 14, 30, 60, 90, 180, or AllTouches
	Exclude    []Filter      // touches that match one are as if they were not there
	Filters    []Filter      // credits whose touch matches all are counted
	AsOf       schema.Millis // what was known then; 0 for now
	Rows       int           // of Attribution: how many rows are given, the first of all; 0 for all

	// Progressed are the contacts that reached the stage In Progress, and when
	// first; full path asks for it. It is not changed.
	Progressed map[schema.ID]schema.Millis

	only     map[schema.ID]bool // no other conversions; nil for all
	replayed *replayed          // rows that stand whatever was known at AsOf; nil for none
	came     []keyCount         // the sessions by key, whatever the filters, where they are known; else nil
}

// endOfTime is later than anything known: the year 2286.
const endOfTime = int64(10_000_000_000_000)

// keys are the values of the one or two dimensions of a row; the second is
// empty where there is one.
type keys [2]string

// earned are a key's credits by model, in the order of Models.
type earned struct {
	conversions, value, attributed []float64
	untouched                      float64 // value of conversions without a touch
}

// Excluded is the key of conversions whose touches are all excluded.
const Excluded = "(excluded)"

// touchColumn reads one dimension of the credited touch, whose place is 0
// for a conversion without one, and negative where all are excluded.
func touchColumn(d Dimension) string {
	return fmt.Sprintf("multiIf(place = 0, '%s', place < 0, '%s', toString(touches_%s[place]))", d.direct(), Excluded, d)
}

// secondColumn is what column gives for a second dimension, if there is one.
func secondColumn(d Dimension, column func(Dimension) string) string {
	if d == "" {
		return "''"
	}
	return column(d)
}

// touchColumns are the columns that hold some dimensions of touches, each once.
func touchColumns(dimensions ...Dimension) []string {
	var columns []string
	for _, d := range dimensions {
		if d != "" {
			columns = append(columns, "touches_"+string(d))
		}
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// dimensionsOf are what filters read.
func dimensionsOf(filters ...Filter) []Dimension {
	var all []Dimension
	for _, f := range filters {
		all = append(all, f.Dimension)
	}
	return all
}

// placed is what fills the statements about credits.
type placed struct {
	Key, Second, Filters, Exclusions string
	Filtered                         bool     // there are filters
	Columns                          []string // of touches, beside the channel
	Reached                          bool     // whose conversions are is asked for
	Each                             bool     // conversions are told apart
	First                            bool     // only the first of every contact
	Since                            bool     // what changed since a moment
	State, SessionState              string   // of paths.sql, as are the next two
	SessionExclusions                string
	Sets                             bool
	Replayed                         bool   // a table of that name comes along
	Narrowed                         string // of credits_in_order.sql: which touches may credit what is looked for
	Browsers                         bool   // whose touches are is read
	Bots                             bool   // browsers.sql does not ask who is one
}

// placed checks a question, fills what statements about credits have in common,
// and binds it. reads are the dimensions that the keys read.
func (q *Credits) placed(arguments map[string]any, reads ...Dimension) (placed, error) {
	var p placed
	if err := q.checkLookback(); err != nil {
		return p, err
	}
	arguments["begin"], arguments["end"] = int64(q.Period.Begin), int64(q.Period.End)
	arguments["name"], arguments["lookback"], arguments["as_of"] = q.Conversion, int64(q.Lookback), int64(q.AsOf)
	if q.AsOf == 0 {
		arguments["as_of"] = endOfTime
	}
	var err error
	if p.Filters, err = conditions(q.Filters, touchColumn, arguments); err != nil {
		return p, err
	}
	if p.Exclusions, err = exclusions(q.Exclude, touchColumn, arguments); err != nil {
		return p, err
	}
	// The channel is read in any case.
	all := slices.Concat(reads, dimensionsOf(q.Filters...), dimensionsOf(q.Exclude...))
	p.Columns = slices.DeleteFunc(touchColumns(all...), func(c string) bool { return c == "touches_channel" })
	p.Reached, p.First, p.Replayed = len(q.Progressed) > 0, q.FirstOnly, q.replayed != nil
	return p, nil
}

func (q *Credits) checkLookback() error {
	if q.Lookback != AllTouches && !slices.Contains(lookbacks(), q.Lookback) {
		return invalid("the lookback must be 1, 7, 14, 30, 60, 90, 180 days or all, and is %d", q.Lookback)
	}
	return nil
}

// credits answers the question for its dimensions.
func (s Scoped) credits(ctx context.Context, q Credits) (map[keys]earned, error) {
	byKey, err := s.creditsBy(ctx, q, grouping{first: q.Dimension, second: q.Second})
	if err != nil {
		return nil, err
	}
	return byKey[0], nil
}

// creditsBy answers it by several groupings at once.
func (s Scoped) creditsBy(ctx context.Context, q Credits, by ...grouping) ([]map[keys]earned, error) {
	rows := s.reader.rooms.take()
	defer s.reader.rooms.put(rows)
	sums, err := s.summed(ctx, rows, q, by...)
	if err != nil {
		return nil, err
	}
	byKey := make([]map[keys]earned, len(sums))
	for i, sum := range sums {
		byKey[i] = sum.earned()
	}
	return byKey, nil
}

// summed sums the credits of a question's conversions, in some room.
func (s Scoped) summed(ctx context.Context, room *touchRows, q Credits, by ...grouping) ([]*sum, error) {
	var reads []Dimension
	for _, g := range by {
		reads = append(reads, g.first, g.second)
	}
	lists, columns, err := s.conversions(ctx, room, q, false, reads...)
	if err != nil {
		return nil, err
	}
	return sumLists(lists, room, q, columns, by), nil
}

// conversions gives those of a question, in one list or several, with some dimensions of their touches and, if asked, whose these are:
// from what is kept, or by one statement, which reads into the room.
func (s Scoped) conversions(ctx context.Context, room *touchRows, q Credits, browsers bool, reads ...Dimension) (lists []*touchRows, columns []string, err error) {
	arguments := map[string]any{}
	data, err := q.placed(arguments)
	if err != nil {
		return nil, nil, err
	}
	reads = append(reads, "channel")
	if lists, columns, err = s.keptConversions(ctx, room, q, browsers, reads); lists == nil && err == nil {
		delete(arguments, "lookback") // The statement leaves that to the reader.
		data.Columns, data.Filtered, data.Browsers = touchColumns(reads...), len(q.Filters) > 0, browsers
		lists, columns = []*touchRows{room}, data.Columns
		known := 0
		err = s.columns(ctx, "credits", data, arguments, room.begin(q.Lookback, &data), func() (err error) { known, err = room.add(known); return err }, q.replayed.tables()...)
	}
	if q.only != nil && err == nil {
		for _, list := range lists {
			list.keep(q.only)
		}
	}
	return lists, columns, err
}

// noneEarned has a place for every model.
func noneEarned() earned {
	n := touchModelCount + 2 // Markov and Shapley.
	all := make([]float64, 3*n)
	return earned{conversions: all[:n:n], value: all[n : 2*n : 2*n], attributed: all[2*n:]}
}

// sessionsBy counts the sessions of a question's period by its dimensions, every key once.
func (s Scoped) sessionsBy(ctx context.Context, q Credits) ([]keyCount, error) {
	if counts, done, err := s.restedBy(ctx, q); done || err != nil {
		return counts, err
	}
	arguments := q.Period.arguments()
	data, err := sessionsOf(q, arguments)
	if err != nil {
		return nil, err
	}
	data.Key, data.Second = sessionKey(q.Dimension), secondColumn(q.Second, sessionKey)
	var counts []keyCount
	err = s.query(ctx, "dimension_sessions", data, arguments, func(rows driver.Rows) error {
		var k keyCount
		err := rows.Scan(&k.key[0], &k.key[1], &k.n)
		counts = append(counts, k)
		return err
	})
	return counts, err
}

func sessionColumn(d Dimension) string { return string(d) }

// sessionKey is a column as the text that rows have for a key.
func sessionKey(d Dimension) string { return "toString(" + string(d) + ")" }

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
