package report_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// oddWords are campaigns, of which some differ by case only. Those of more cases than two are left out: what ClickHouse says of
// them depends on where they lie in a column.
func oddWords() []string {
	return []string{
		"", "", "", "spring", "Spring SALE", "Müller", "MÜLLER", "Straße", "STRASSE", "ŻÓŁĆ", "żółć", "Жук", "ЖУК", "ΟΔΟΣ", "οδος", "οδός",
		"東京", "😀 spring", "e\u0301", "'", `\`, "a\tb", "a\x00B", "\xff\xfeA", "%", "_", "(excluded)", "Direct", "direct",
	}
}

func hexadecimal(words []string) string {
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = hex.EncodeToString([]byte(word))
	}
	return strings.Join(all, ",")
}

// someFilters draws none, one or two, of values that are there and of parts of them, in some case.
func someFilters(random *rand.Rand) (all []report.Filter) {
	for range max(0, random.IntN(5)-2) {
		values := map[report.Dimension][]string{
			"channel": {"Direct", "Email", "irect", "nobody's", report.Excluded}, "landing_page": {"/page-7", "AGE-1", "/PAGE", "4"}, "source": {"google", "", report.None, "OOG", "Direct"},
			"campaign": oddWords(), "country": {"", "DE"},
		}
		f := report.Filter{Dimension: []report.Dimension{"channel", "landing_page", "source", "campaign", "campaign", "country"}[random.IntN(6)]}
		f.Operator = []string{"is", "is_not", "contains"}[random.IntN(3)]
		f.Value = values[f.Dimension][random.IntN(len(values[f.Dimension]))]
		if f.Operator == "contains" {
			characters := []rune(f.Value)
			if n := len(characters); n > 0 && random.IntN(2) == 0 && !strings.Contains(f.Value, "\xff") {
				from := random.IntN(n)
				f.Value = string(characters[from : from+1+random.IntN(n-from)])
			}
			f.Value = []func(string) string{strings.ToLower, strings.ToUpper, strings.Clone}[random.IntN(3)](f.Value)
		}
		all = append(all, f)
	}
	return all
}

// Questions with filters, exclusions and for first conversions only are answered from what is kept as ClickHouse answers them.
func TestKeptRowsAreChosenAsByClickHouse(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 7))
	s := open(t)
	begin := at(t, "1T00:00")
	plain := s.reading()
	plain.KeepNothing()
	// Two large lists of rows, and a small one: of the same conversions, of others, and of some that were deleted.
	for _, w := range []writing{
		{workspace: 1, to: 22_000, version: 1, known: begin},
		{workspace: 1, from: 20_000, to: 41_000, version: 2, known: begin.Add(time.Hour)},
		{workspace: 1, from: 3000, to: 4000, version: 3, known: begin.Add(2 * time.Hour), deleted: 1},
		{workspace: 2, to: 500, version: 1, known: begin},
	} {
		if err := s.insert(t.Context(), begin, w); err != nil {
			t.Fatal(err)
		}
	}
	counted := 0
	for turn := range 40 {
		q, dimensions := someQuestion(random, begin)
		for len(q.Filters)+len(q.Exclude) == 0 && !q.FirstOnly {
			q.Filters, q.Exclude = someFilters(random), someFilters(random)
		}
		if turn < 4 { // Conversions that have no touches, and such that have none left.
			q.Period, q.AsOf, q.Exclude = report.Period{Begin: begin, End: begin.Add(60 * 24 * time.Hour)}, 0, []report.Filter{{Dimension: "channel", Operator: "is_not", Value: "Email"}}
			q.Filters = []report.Filter{{Dimension: "channel", Operator: []string{"is", "is_not"}[turn%2], Value: []string{"Direct", report.Excluded}[turn/2]}}
		}
		one := &schema.Workspace{ID: uint32(1 + turn%5/4), Zone: time.UTC}
		sameTables(t, fmt.Sprint("turn ", turn), s.reader.For(one), plain.For(one), q, dimensions)
		tables, err := s.reader.For(one).CreditTables(t.Context(), q, dimensions...)
		if err != nil {
			t.Fatal(err)
		}
		counted += len(tables[0].Rows)
	}
	if counted < 40 {
		t.Errorf("of 40 questions %d rows are the answer, which compares little", counted)
	}
}

// What filters and first conversions need is kept with the rest, and is not read again.
func TestChosenRowsAreKept(t *testing.T) {
	s := open(t)
	begin := at(t, "1T00:00")
	if err := s.insert(t.Context(), begin, writing{workspace: 1, to: 600, version: 1, known: begin}); err != nil {
		t.Fatal(err)
	}
	q := report.Credits{Model: "linear", Dimension: "channel", Period: report.Period{Begin: begin.Add(24 * time.Hour), End: begin.Add(61 * 24 * time.Hour)}}
	kept := []int{0}
	for _, change := range []func(){
		func() {},
		func() { q.Filters = []report.Filter{{Dimension: "campaign", Operator: "contains", Value: "SPRING"}} },
		func() { q.Exclude = []report.Filter{{Dimension: "landing_page", Operator: "is", Value: "/page-7"}} },
		func() { q.FirstOnly = true },
	} {
		change()
		if got, err := s.in(1).Attribution(t.Context(), q); err != nil || got.Total == 0 {
			t.Fatalf("%+v: %+v, %v", q, got, err)
		}
		if kept = append(kept, s.reader.KeptBytes()); !slices.IsSorted(kept) || kept[len(kept)-1] == kept[len(kept)-2] {
			t.Fatalf("%d bytes are kept after one question more each: nothing was added for %+v", kept, q)
		}
	}
	s.reader.SpoilKept()
	if got, err := s.in(1).Attribution(t.Context(), q); err != nil || got.Total != 0 {
		t.Fatalf("%v conversions were read although they had been kept; %v", got.Total, err)
	}
}
