package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sourceloop/pipeline/enrich"
	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// nearly tells whether two rows have the same keys and, but for the dust of adding shares, the same figures.
func nearly(x, y report.AttributionRow) bool {
	near := func(x, y float64) bool { return math.Abs(x-y) <= 1e-6 }
	return x.Key == y.Key && x.Second == y.Second && x.Sessions == y.Sessions && near(x.Conversions, y.Conversions) && near(x.Value, y.Value) &&
		near(x.CompareConversions, y.CompareConversions) && near(x.CompareValue, y.CompareValue) && near(x.Cost, y.Cost)
}

// summed is a row without keys that has the figures of all.
func summed(all []report.AttributionRow) (sum report.AttributionRow) {
	for _, row := range all {
		sum.Conversions, sum.Value, sum.Sessions = sum.Conversions+row.Conversions, sum.Value+row.Value, sum.Sessions+row.Sessions
		sum.CompareConversions, sum.CompareValue, sum.Cost = sum.CompareConversions+row.CompareConversions, sum.CompareValue+row.CompareValue, sum.Cost+row.Cost
	}
	return sum
}

// byKeys are the rows of each name, as one.
func byKeys(rows []report.AttributionRow) map[[2]string]report.AttributionRow {
	all := map[[2]string]report.AttributionRow{}
	for _, row := range rows {
		key := [2]string{row.Key, row.Second}
		sum := summed([]report.AttributionRow{all[key], row})
		sum.Key, sum.Second = row.Key, row.Second
		all[key] = sum
	}
	return all
}

// wantBeside: by name, rows of these and of the other days have what each of both have alone, whose totals are the report's. It gives both.
func wantBeside(t *testing.T, in report.Scoped, q report.Credits, before report.Period) (whole report.ComparedAttribution) {
	t.Helper()
	q.Rows = 0
	whole, err := in.AttributionBeside(t.Context(), q, before)
	if err != nil {
		t.Fatal(err)
	}
	var now, then []report.AttributionRow
	for _, row := range whole.Rows {
		row.Then.Key, row.Then.Second = row.Key, row.Second
		now, then = append(now, row.AttributionRow), append(then, row.Then)
	}
	for _, side := range []struct {
		what   string
		period report.Period
		second report.Model
		total  report.Attribution
		rows   []report.AttributionRow
	}{{"these days", q.Period, q.Compare, whole.Now, now}, {"the other days", before, "", whole.Then, then}} {
		q.Period, q.Compare = side.period, side.second
		alone, err := in.Attribution(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, want := byKeys(side.rows), byKeys(alone.Rows)
		for key, row := range got {
			other := want[key]
			if other.Key, other.Second = key[0], key[1]; !nearly(row, other) {
				t.Errorf("%s, %+v: %+v; alone %+v", side.what, q, row, other)
			}
		}
		for key := range want {
			if _, ok := got[key]; !ok {
				t.Errorf("%s, %+v: no row of %v", side.what, q, key)
			}
		}
		total, sum := side.total, summed(side.rows)
		same := report.AttributionRow{Conversions: total.Total, Value: sum.Value, Sessions: sum.Sessions, CompareConversions: sum.CompareConversions, CompareValue: sum.CompareValue, Cost: total.Cost}
		if !nearly(sum, same) || total.Costed != alone.Costed || math.Abs(total.Total-alone.Total) > 1e-6 || math.Abs(total.Attributed-alone.Attributed) > 1e-6 {
			t.Errorf("%s, %+v: %+v with rows of %+v; alone %+v", side.what, q, total, sum, alone)
		}
	}
	return whole
}

// firstBeside: asked for some rows, the first of all come, and the sums of the others in these and in the other days.
func firstBeside(t *testing.T, in report.Scoped, q report.Credits, before report.Period, whole report.ComparedAttribution) {
	t.Helper()
	got, err := in.AttributionBeside(t.Context(), q, before)
	if err != nil {
		t.Fatal(err)
	}
	first := min(q.Rows, len(whole.Rows))
	var now, then []report.AttributionRow
	for _, row := range whole.Rows[first:] {
		now, then = append(now, row.AttributionRow), append(then, row.Then)
	}
	same := slices.EqualFunc(got.Rows, whole.Rows[:first], func(x, y report.ComparedRow) bool {
		return nearly(x.AttributionRow, y.AttributionRow) && nearly(x.Then, y.Then)
	})
	if !same || got.Count != len(whole.Rows) || !nearly(got.Rest.AttributionRow, summed(now)) || !nearly(got.Rest.Then, summed(then)) {
		t.Errorf("%+v\ngives %+v, of\n%+v", q, got, whole)
	}
}

// TestComparedInWorlds: whatever is asked, with costs, filters and second models.
func TestComparedInWorlds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 20))
	s, begin := open(t), at(t, "1T00:00")
	channels, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	var bills []*bill
	batch := &sink.Batch{}
	for n := range max(6, *markets/4) {
		b := newBill(random, uint32(1+n), time.UTC)
		b.upload(t, s.costs, random)
		newMarket(random, b.workspace.ID, begin).rows(batch)
		bills = append(bills, b)
	}
	s.write(batch)
	reader := s.reader.WithChannels(channels)
	for _, b := range bills {
		s.attribute(b.workspace.ID, 1)
		in := reader.For(b.workspace)
		for range 3 {
			b.ask(random)
			q, middle := b.question, begin.Add(time.Duration(5+random.IntN(25))*24*time.Hour)
			q.Model, q.Compare = report.Models()[random.IntN(9)], append(report.Models(), "")[random.IntN(10)]
			q.Period = report.Period{Begin: middle, End: begin.Add(time.Duration(31+random.IntN(30)) * 24 * time.Hour)}
			before := report.Period{Begin: begin, End: middle}
			whole := wantBeside(t, in, q, before)
			q.Rows = 1 + random.IntN(4)
			firstBeside(t, in, q, before, whole)
		}
	}
}

// TestComparedRowsOfOneName: a medium that is empty and one that says itself that it is none are two rows of one name. What they were in the
// other days is told once.
func TestComparedRowsOfOneName(t *testing.T) {
	s := open(t)
	batch := &sink.Batch{}
	for i, medium := range []string{"", report.None} {
		name := fmt.Sprint("p", i)
		node := schema.NewNode(schema.NodeEmail, name+"@a.example")
		contact, identities := person(1, node.Value(), at(t, "1T00:00"), node, schema.NewNode(schema.NodeVisitor, name))
		batch.Contacts, batch.Identities = append(batch.Contacts, contact), append(batch.Identities, identities...)
		for _, day := range []string{"2", "6"} {
			batch.Sessions = append(batch.Sessions, visit(t, 1, name, day+"T10:00", "1m", schema.Touch{Channel: "Referral", Source: "a", Medium: medium}, "https://a.example/"))
			batch.Facts = append(batch.Facts, chat(1, name+day, node, name, at(t, day+"T11:00")))
		}
	}
	s.write(batch)
	s.attribute(1, 1)
	day := func(text string) report.Period {
		return report.Period{Begin: at(t, text+"T00:00"), End: at(t, text+"T23:59")}
	}
	for name, c := range map[string]struct {
		now, then string
		rows      int
		was       report.AttributionRow
	}{
		"in both":                {"6", "2", 2, report.AttributionRow{Conversions: 2, Value: 20, Sessions: 2}},
		"in these days only":     {"6", "4", 2, report.AttributionRow{}},
		"in the other days only": {"4", "2", 1, report.AttributionRow{Conversions: 2, Value: 20, Sessions: 2}},
		"in neither":             {"4", "8", 0, report.AttributionRow{}},
	} {
		q := report.Credits{Model: "last_touch", Dimension: "medium", Period: day(c.now), Lookback: 90}
		whole := wantBeside(t, s.in(1), q, day(c.then))
		var was []report.AttributionRow
		for _, row := range whole.Rows {
			if row.Key != report.None {
				t.Errorf("%s: there is a row of %q", name, row.Key)
			}
			was = append(was, row.Then)
		}
		if sum := summed(was); len(whole.Rows) != c.rows || !nearly(sum, c.was) {
			t.Errorf("%s: %d rows that were %+v; want %d that were %+v", name, len(whole.Rows), sum, c.rows, c.was)
		}
		q.Rows = 1
		firstBeside(t, s.in(1), q, day(c.then), whole)
	}
}
