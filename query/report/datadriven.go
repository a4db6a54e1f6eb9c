package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// What bounds the cost of the data-driven models, whatever there is.
const (
	// markovPlayers are the keys that are told apart; the others are one.
	markovPlayers = 100
	// shapleyPlayers likewise: each is a bit of a set, once for touches that
	// match the filters and once for those that do not, beside the others.
	shapleyPlayers = 31
	// pathSessions is how many sessions are read for the paths of browsers that
	// did not convert; with more, one browser in so many stands for all.
	pathSessions = 2_000_000
	// mostSets is how many sets of states may occur; they are held at once, some
	// hundred bytes each with the room that a map keeps.
	mostSets = 2_000_000
)

// Other is the key of all that a data-driven model does not tell apart.
const Other = "(other)"

func (m Model) dataDriven() bool { return m == Markov || m == Shapley }

// players are the keys that a data-driven model tells apart. States are their
// places from 1, one more for all others, and as many again for touches that
// do not match the filters.
type players struct {
	keys  []keys
	every uint64 // of so many browsers that did not convert one is read
}

// key is a state's; false for what does not match the filters.
func (p *players) key(state int, second bool) (keys, bool) {
	switch {
	case state <= len(p.keys):
		return p.keys[state-1], true
	case state == len(p.keys)+1 && second:
		return keys{Other, Other}, true
	case state == len(p.keys)+1:
		return keys{Other}, true
	}
	return keys{}, false
}

// states is how many there are.
func (p *players) states() int { return 2 * (len(p.keys) + 1) }

// addDataDriven puts a data-driven model's credits into its place. byKey holds
// what the question's conversions gave under the other models.
func (s Scoped) addDataDriven(ctx context.Context, q Credits, m Model, byKey map[keys]earned) error {
	place, err := modelIndex(m)
	if err != nil {
		return err
	}
	for _, e := range byKey { // What has no touch is no path, and stays where it is.
		e.conversions[place], e.value[place] = e.conversions[0]-e.attributed[0], e.untouched
	}
	p, err := s.players(ctx, q, m, byKey)
	if err != nil || len(p.keys) == 0 {
		return err
	}
	credits, err := s.playOut(ctx, q, m, p)
	if err != nil {
		return err
	}
	for state, c := range credits {
		key, counts := p.key(state, q.Second != "")
		if !counts || c.conversions == 0 {
			continue
		}
		e, ok := byKey[key]
		if !ok {
			e = noneEarned()
			byKey[key] = e
		}
		e.conversions[place] += c.conversions
		e.attributed[place] += c.conversions
		e.value[place] += c.value
	}
	return nil
}

// players ranks keys by what they earned under the linear model, then by their
// sessions, whatever the filters.
func (s Scoped) players(ctx context.Context, q Credits, m Model, byKey map[keys]earned) (*players, error) {
	var err error
	if len(q.Filters) > 0 {
		q.Filters = nil
		if byKey, err = s.credits(ctx, q); err != nil {
			return nil, err
		}
	}
	sessions := q.came
	if sessions == nil {
		if sessions, err = s.sessionsBy(ctx, q); err != nil {
			return nil, err
		}
	}
	p, rank, came, all := &players{}, map[keys]float64{}, make(map[keys]uint64, len(sessions)), uint64(0)
	for _, of := range sessions {
		rank[of.key], came[of.key] = 0, of.n
		all += of.n
	}
	p.every = 1 + all/pathSessions
	for key, e := range byKey {
		rank[key] = e.conversions[slices.Index(touchModels(), "linear")]
	}
	for key := range rank {
		p.keys = append(p.keys, key)
	}
	slices.SortFunc(p.keys, func(a, b keys) int {
		return cmp.Or(cmp.Compare(settled(rank[b]), settled(rank[a])), cmp.Compare(came[b], came[a]), slices.Compare(a[:], b[:]))
	})
	most := markovPlayers
	if m == Shapley {
		most = shapleyPlayers
	}
	p.keys = p.keys[:min(most, len(p.keys))]
	return p, nil
}

// credit is what a state earned.
type credit struct{ conversions, value float64 }

// playOut reads the paths and shares the conversions among states.
func (s Scoped) playOut(ctx context.Context, q Credits, m Model, p *players) (map[int]credit, error) {
	if m == Shapley {
		sets, err := s.pathSets(ctx, q, p)
		if err != nil {
			return nil, err
		}
		return shapley(ctx, sets)
	}
	data, arguments, err := q.paths(p)
	if err != nil {
		return nil, err
	}
	if ctx, err = q.replayed.along(ctx); err != nil {
		return nil, err
	}
	chain := newChain(p.states())
	err = s.query(ctx, "paths", data, arguments, func(rows driver.Rows) error {
		var from, to int32
		var times, value float64
		err := rows.Scan(&from, &to, &times, &value)
		chain.add(int(from), int(to), times, value)
		return err
	})
	return chain.credits(), err
}

// pathSets reads what came of every set of states.
func (s Scoped) pathSets(ctx context.Context, q Credits, p *players) (map[uint64]outcome, error) {
	data, arguments, err := q.paths(p)
	if err != nil {
		return nil, err
	}
	if ctx, err = q.replayed.along(ctx); err != nil {
		return nil, err
	}
	data.Sets = true
	sets := make(map[uint64]outcome)
	err = s.query(ctx, "paths", data, arguments, func(rows driver.Rows) error {
		var set uint64
		var o outcome
		err := rows.Scan(&set, &o.conversions, &o.value, &o.misses)
		if sets[set] = o; err == nil && len(sets) > s.reader.mostSets {
			err = schema.E("read paths", schema.KindLimited, "people came by more than %d different combinations, which Shapley looks at one by one; ask for fewer days, or for a dimension with fewer values", s.reader.mostSets)
		}
		return err
	})
	return sets, err
}

// paths fills and binds the statements about paths.
func (q *Credits) paths(p *players) (placed, map[string]any, error) {
	arguments := map[string]any{}
	data, err := q.placed(arguments, q.Dimension, q.Second)
	if err != nil {
		return data, nil, err
	}
	data.Columns = append(data.Columns, "touches_visitor")
	data.Reached = false
	if data.State, err = q.state(touchColumn, touchColumn, arguments); err != nil {
		return data, nil, err
	}
	if data.SessionState, err = q.state(sessionKey, sessionColumn, arguments); err != nil {
		return data, nil, err
	}
	if data.SessionExclusions, err = exclusions(q.Exclude, sessionColumn, arguments); err != nil {
		return data, nil, err
	}
	p.bind(arguments)
	return data, arguments, nil
}

// bind gives the statement the players.
func (p *players) bind(arguments map[string]any) {
	names, places := make([]string, len(p.keys)), make([]int32, len(p.keys))
	for i, key := range p.keys {
		names[i], places[i] = key[0]+separator+key[1], int32(i+1)
	}
	arguments["players"], arguments["places"] = names, places
	arguments["others"], arguments["every"] = int32(len(p.keys)+1), p.every
}

// separator stands between the two keys of a state.
const separator = "\x1f"

// state is the state of a touch or a session, by its keys and filters.
func (q *Credits) state(key, column func(Dimension) string, arguments map[string]any) (string, error) {
	filters, err := conditions(q.Filters, column, arguments)
	name := fmt.Sprintf("concat(%s, '%s', %s)", key(q.Dimension), separator, secondColumn(q.Second, key))
	state := fmt.Sprintf("transform(%s, {players:Array(String)}, {places:Array(Int32)}, {others:Int32})", name)
	if len(q.Filters) > 0 {
		state = fmt.Sprintf("toInt32(%s + if(%s, 0, {others:Int32}))", state, filters)
	}
	return state, err
}
