package report

import (
	"context"
	"encoding/hex"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// explainPaths adds to the shares of a conversion's touches, by their places,
// what the question's data-driven models give them. It adds nothing when the
// question does not count the conversion: these models share no other.
//
// Such a model credits keys. What it gives a key in this conversion, as it is in
// the list behind the key's row, is spread alike over the key's touches there.
func (s Scoped) explainPaths(ctx context.Context, id schema.ID, q Credits, shares map[int]map[Model]float64) error {
	q.Progressed = nil // Neither model asks for stages.
	for _, m := range []Model{q.Model, q.Compare} {
		if !m.dataDriven() {
			continue
		}
		asked := q
		asked.Model, asked.Compare = m, ""
		if _, _, err := asked.check(); err != nil {
			return err
		}
		if len(shares) == 0 {
			continue
		}
		if err := s.explainPath(ctx, id, asked, shares); err != nil {
			return err
		}
	}
	return nil
}

// stateOfOne is a state that a conversion's path has.
type stateOfOne struct {
	state   int
	bearers uint64  // how many conversions have it
	places  []int32 // of its touches, from 1
}

func (s Scoped) explainPath(ctx context.Context, id schema.ID, q Credits, shares map[int]map[Model]float64) error {
	p, err := s.playersOf(ctx, q)
	if err != nil {
		return err
	}
	states, err := s.statesOfOne(ctx, id, q, p)
	if err != nil || len(states) == 0 {
		return err
	}
	credits, err := s.creditsOfOne(ctx, q, p, states)
	if err != nil {
		return err
	}
	for i, of := range states {
		for _, place := range of.places {
			if share, ok := shares[int(place)]; ok {
				share[q.Model] = credits[i] / float64(len(of.places))
			}
		}
	}
	return nil
}

// playersOf are those of the question's model.
func (s Scoped) playersOf(ctx context.Context, q Credits) (*players, error) {
	q.Filters = nil // Who plays does not depend on them.
	byKey, err := s.credits(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.players(ctx, q, q.Model, byKey)
}

func (s Scoped) statesOfOne(ctx context.Context, id schema.ID, q Credits, p *players) ([]stateOfOne, error) {
	data, arguments, err := q.paths(p)
	if err != nil {
		return nil, err
	}
	data.Each, arguments["id"] = true, hex.EncodeToString(id[:])
	var all []stateOfOne
	err = s.query(ctx, "paths_of_one", data, arguments, func(rows driver.Rows) error {
		var one stateOfOne
		var state int32
		err := rows.Scan(&state, &one.bearers, &one.places)
		one.state = int(state)
		all = append(all, one)
		return err
	})
	return all, err
}

// creditsOfOne are what the model gives each of a conversion's states there.
func (s Scoped) creditsOfOne(ctx context.Context, q Credits, p *players, states []stateOfOne) ([]float64, error) {
	credits := make([]float64, len(states))
	if q.Model == Shapley {
		sets, err := s.pathSets(ctx, q, p)
		if err != nil {
			return nil, err
		}
		members := uint64(0)
		for _, of := range states {
			members |= 1 << (of.state - 1)
		}
		shares := shapleyShares(members, sets)
		for i, of := range states {
			credits[i] = shares[of.state]
		}
		return credits, nil
	}
	earned, err := s.playOut(ctx, q, Markov, p)
	for i, of := range states {
		credits[i] = earned[of.state].conversions / float64(of.bearers)
	}
	return credits, err
}
