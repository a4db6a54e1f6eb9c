package report

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// bearer is a conversion whose path has a state, or that is a row's own
// without a touch.
type bearer struct {
	CreditedConversion
	touched bool
	members uint64 // the states of its path as bits, under Shapley
	bearers uint64 // how many conversions have the state
	borne   float64
}

// behindPaths gives the conversions behind a row of a data-driven model.
//
// Shapley shares each conversion among its own touches, and that share is given.
// Markov shares the sum of all conversions among states and none of them in
// particular: what it gives a state is spread alike over the conversions whose
// path has the state, and its value by what they are worth. A state that only
// visits without a conversion passed through can earn as well; that is
// WithoutPath, which no conversion bears.
func (s Scoped) behindPaths(ctx context.Context, q Credits, row CreditedRow) (CreditedPage, error) {
	byKey, err := s.credits(ctx, q)
	if err != nil {
		return CreditedPage{}, err
	}
	p, err := s.players(ctx, q, q.Model, byKey)
	if err != nil {
		return CreditedPage{}, err
	}
	bearers, err := s.bearers(ctx, q, row, p)
	if err != nil {
		return CreditedPage{}, err
	}
	page := CreditedPage{}
	if q.Model == Shapley {
		err = s.shareByShapley(ctx, q, row, p, bearers)
	} else {
		err = s.shareByMarkov(ctx, q, row, p, bearers, &page)
	}
	for i := range bearers {
		page.Conversions = append(page.Conversions, bearers[i].CreditedConversion)
	}
	page.cut(row.Limit)
	return page, err
}

// stateOf is the state of a row; 0 for a row that has none.
func (p *players) stateOf(row CreditedRow) int32 {
	if row.Key == Other && (row.Second == Other || row.Second == "") {
		return int32(len(p.keys) + 1)
	}
	return int32(slices.Index(p.keys, keys{emptied(row.Key), emptied(row.Second)}) + 1)
}

// bearers reads a page of them, and one more.
func (s Scoped) bearers(ctx context.Context, q Credits, row CreditedRow, p *players) ([]bearer, error) {
	data, arguments, err := q.paths(p)
	if err != nil {
		return nil, err
	}
	if arguments["after_time"], arguments["after_id"], err = readCursor(row.Cursor); err != nil {
		return nil, err
	}
	arguments["state"], arguments["limit"] = p.stateOf(row), uint32(row.Limit+1)
	arguments["key"], arguments["second"] = emptied(row.Key), emptied(row.Second)
	data.Each, data.Sets, data.Key, data.Second = true, q.Model == Shapley, touchColumn(q.Dimension), secondColumn(q.Second, touchColumn)
	var all []bearer
	err = s.query(ctx, "paths_behind", data, arguments, func(rows driver.Rows) error {
		var id, contact string
		var b bearer
		err := rows.Scan(&id, &contact, (*int64)(&b.At), &b.Name, &b.Value, &b.touched, &b.members, &b.bearers, &b.borne)
		b.ID, b.Contact = schema.ID([]byte(id)), schema.ID([]byte(contact))
		b.Credit, b.CreditedValue = 1, b.Value // What has no touch is the row's own.
		all = append(all, b)
		return err
	})
	return all, err
}

func (s Scoped) shareByShapley(ctx context.Context, q Credits, row CreditedRow, p *players, bearers []bearer) error {
	sets, err := s.pathSets(ctx, q, p)
	if err != nil {
		return err
	}
	shares := map[uint64]float64{} // of the row's state, by set
	for i := range bearers {
		b := &bearers[i]
		if !b.touched {
			continue
		}
		share, known := shares[b.members]
		if !known {
			share = shapleyShares(b.members, sets)[int(p.stateOf(row))]
			shares[b.members] = share
		}
		b.Credit, b.CreditedValue = share, share*b.Value
	}
	return nil
}

func (s Scoped) shareByMarkov(ctx context.Context, q Credits, row CreditedRow, p *players, bearers []bearer, page *CreditedPage) error {
	credits, err := s.playOut(ctx, q, Markov, p)
	if err != nil {
		return err
	}
	earned := credits[int(p.stateOf(row))]
	if row.Cursor == "" && (len(bearers) == 0 || bearers[0].bearers == 0) {
		page.WithoutPath, page.WithoutPathValue = earned.conversions, earned.value
	}
	for i := range bearers {
		b := &bearers[i]
		if !b.touched {
			continue
		}
		b.Credit, b.CreditedValue = earned.conversions/float64(b.bearers), earned.value/float64(b.bearers)
		if b.borne > 0 {
			b.CreditedValue = earned.value * b.Value / b.borne
		}
	}
	return nil
}
