package report_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sourceloop/pipeline/attribution"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// known is a row of a conversion, as it is stored.
type known struct {
	id, cause         string
	at, known         int64
	version           uint64
	deleted           bool
	value             float64
	starts            []int64
	sources, visitors []string
}

// rows gives all rows of every conversion, oldest first.
func (p *past) rows(t *testing.T) [][]known {
	t.Helper()
	found, err := p.conn.Query(t.Context(), `SELECT toString(id), toUnixTimestamp64Milli(at), version, toUnixTimestamp64Milli(known_at), toString(cause), deleted, value,
		arrayMap(x -> toUnixTimestamp64Milli(x), touches_at), touches_source, touches_visitor
		FROM conversions WHERE workspace = 1 AND (deleted OR name != 'contact') ORDER BY at, id, version, known_at`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	var all [][]known
	for found.Next() {
		var k known
		if err := found.Scan(&k.id, &k.at, &k.version, &k.known, &k.cause, &k.deleted, &k.value, &k.starts, &k.sources, &k.visitors); err != nil {
			t.Fatal(err)
		}
		if n := len(all); n == 0 || all[n-1][0].id != k.id || all[n-1][0].at != k.at {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], k)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// table credits, by source, what stands of conversions: of each one row, or none.
func (p *past) table(t *testing.T, model report.Model, standing []*known) map[string]float64 {
	t.Helper()
	q := p.question(model, 0)
	looked, table := map[string]bool{}, map[string]float64{}
	var paths []attribution.Path
	for _, k := range standing {
		if k == nil || k.deleted || k.at < int64(q.Period.Begin) || k.at >= int64(q.Period.End) {
			continue
		}
		path := attribution.Path{Conversions: 1, Value: k.value}
		for i, start := range k.starts {
			looked[k.visitors[i]] = true
			if start >= k.at-14*24*3600*1000 {
				path.States = append(path.States, cmp.Or(k.sources[i], report.None))
			}
		}
		if len(path.States) == 0 {
			table["direct"]++
			continue
		}
		paths = append(paths, path)
	}
	sessions := map[string][]schema.Session{}
	for i := range p.sessions {
		if s := p.sessions[i].Session; !looked[s.Visitor] && s.StartedAt >= q.Period.Begin && s.StartedAt < q.Period.End {
			sessions[s.Visitor] = append(sessions[s.Visitor], s)
		}
	}
	for _, of := range sessions {
		slices.SortFunc(of, func(a, b schema.Session) int {
			return cmp.Or(cmp.Compare(a.StartedAt, b.StartedAt), a.ID.Compare(b.ID))
		})
		path := attribution.Path{Missing: 1}
		for i := range of {
			path.States = append(path.States, cmp.Or(of[i].Touch.Source, report.None))
		}
		paths = append(paths, path)
	}
	earned, err := attribution.Earned(attribution.Model(model), paths)
	if err != nil {
		t.Fatal(err)
	}
	for key, of := range earned {
		if of.Conversions != 0 {
			table[key] += of.Conversions
		}
	}
	return table
}

// replayed books to every cause what the table changes, one change of a conversion after the other where the causes' order lets it.
func (p *past) replayed(t *testing.T, model report.Model, since schema.Millis) map[schema.Cause]map[string]float64 {
	t.Helper()
	all := p.rows(t)
	at, standing := make([]int, len(all)), make([]*known, len(all))
	for i, rows := range all {
		for n := range rows {
			if rows[n].known <= int64(since) {
				at[i], standing[i] = n+1, &rows[n]
			}
		}
	}
	booked := map[schema.Cause]map[string]float64{}
	before := p.table(t, model, standing)
	if then := p.attribution(t, p.question(model, since)); !same(before, then) {
		t.Fatalf("as of %d %s gives %v; want %v", since, model, then, before)
	}
	for round := range 3 {
		for _, cause := range []schema.Cause{"conversion", "late_hit", "merge", "undo", "rule_change", "erasure"} {
			for i, rows := range all {
				last := rows[len(rows)-1].cause == string(cause)
				for at[i] < len(rows) && (round < 2 && rows[at[i]].cause == string(cause) || round == 2 && last) {
					standing[i] = &rows[at[i]]
					at[i]++
				}
			}
			after := p.table(t, model, standing)
			if booked[cause] == nil {
				booked[cause] = map[string]float64{}
			}
			for key := range after {
				booked[cause][key] += after[key]
			}
			for key := range before {
				booked[cause][key] -= before[key]
			}
			before = after
		}
	}
	return booked
}

// What changed since a moment under Markov and Shapley is what the causes change in their order, by the reference, and adds up to the
// difference of the tables.
func TestReplay(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p := newPast(t, seed)
	p.random = rand.New(rand.NewPCG(seed, 12))
	causes := []schema.Cause{schema.CauseLateHit, schema.CauseMerge, schema.CauseUndo, schema.CauseConversion, schema.CauseRules, schema.CauseErasure}
	var moments []schema.Millis
	for n := range 24 {
		cause := causes[p.random.IntN(len(causes)-1)]
		if n == 15 {
			cause = schema.CauseErasure
		}
		moments = append(moments, p.moment())
		for p.moment() <= moments[n] {
			continue // What happens is known later.
		}
		p.happen(cause)
	}
	for _, model := range []report.Model{report.Markov, report.Shapley} {
		for _, since := range []schema.Millis{moments[0], moments[p.random.IntN(12)], p.moment()} {
			p.compareReplay(t, model, since)
		}
		narrow := p.question(model, moments[0])
		narrow.Second, narrow.Exclude = "channel", []report.Filter{{Dimension: "channel", Operator: "is", Value: "Direct"}}
		narrow.Filters = []report.Filter{{Dimension: "source", Operator: "is_not", Value: "news"}}
		p.addsUp(t, narrow)
	}
}

// addsUp: whatever is asked, a replay leads from the table that was to the one that is.
func (p *past) addsUp(t *testing.T, q report.Credits) {
	t.Helper()
	c, err := p.in(1).Changes(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	moved := map[[2]string]float64{}
	for _, row := range c.Rows {
		for _, change := range row.ByCause {
			moved[[2]string{row.Key, row.Second}] -= change
		}
	}
	then, sign := q.AsOf, 1.
	for _, q.AsOf = range []schema.Millis{0, then} {
		a, err := p.in(1).Attribution(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range a.Rows {
			moved[[2]string{row.Key, row.Second}] += sign * row.Conversions
		}
		sign = -1
	}
	for key, rest := range moved {
		if math.Abs(rest) > 1e-6 {
			t.Errorf("since %d %s moved %v by %v that has no cause", then, q.Model, key, rest)
		}
	}
	if len(c.Rows) == 0 {
		t.Error("nothing moved")
	}
}

func (p *past) compareReplay(t *testing.T, model report.Model, since schema.Millis) {
	t.Helper()
	q := p.question(model, since)
	c, err := p.in(1).Changes(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want := p.replayed(t, model, since)
	then, now := p.attribution(t, q), p.attribution(t, p.question(model, 0))
	apart := func(a, b float64) bool { return math.Abs(a-b) > 1e-6 }
	totals := map[schema.Cause]float64{}
	for _, row := range c.Rows {
		sum := 0.
		for cause, change := range row.ByCause {
			if sum += change; apart(change, want[cause][row.Key]) {
				t.Errorf("since %d %s has %s change %s by %v; want %v", since, model, cause, row.Key, change, want[cause][row.Key])
			}
			delete(want[cause], row.Key)
			totals[cause] += change
		}
		if apart(row.Now-row.Then, sum) || apart(row.Then, then[row.Key]) || apart(row.Now, now[row.Key]) {
			t.Errorf("since %d %s: %+v, whose causes add up to %v; the tables say %v and %v", since, model, row, sum, then[row.Key], now[row.Key])
		}
		delete(then, row.Key)
		delete(now, row.Key)
	}
	if !same(then, now) {
		t.Errorf("since %d %s is silent about changes: %v, now %v", since, model, then, now)
	}
	for cause, rest := range want {
		for key, change := range rest {
			if apart(change, 0) {
				t.Errorf("since %d %s is silent about what %s changed of %q: %v", since, model, cause, key, change)
			}
		}
	}
	total := 0.
	for _, cause := range c.Causes {
		if total += cause.Change; apart(cause.Change, totals[cause.Cause]) || cause.Conversions == 0 {
			t.Errorf("since %d %s: %+v; its rows add up to %v", since, model, cause, totals[cause.Cause])
		}
	}
	if apart(c.Now-c.Then, total) || len(c.Causes) > 0 != (len(c.Items) > 0) {
		t.Errorf("since %d %s: %v and %v conversions, causes add up to %v, %d are named", since, model, c.Then, c.Now, total, len(c.Items))
	}
}

// attribution gives the conversions of a table by key.
func (p *past) attribution(t *testing.T, q report.Credits) map[string]float64 {
	t.Helper()
	a, err := p.in(1).Attribution(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, row := range a.Rows {
		if row.Conversions != 0 {
			all[row.Key] = row.Conversions
		}
	}
	return all
}
