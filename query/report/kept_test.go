package report_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// insertConversions writes rows of the conversions from..to, one a day of 60 from the first on, each with a few touches. Of a
// contact some happen at one moment.
const insertConversions = `INSERT INTO conversions (workspace, at, id, version, known_at, deleted, name, value, contact, identified_at,
    touches_at, touches_channel, touches_landing_page, touches_source, touches_campaign, touches_country)
WITH arrayMap(word -> unhex(word), splitByChar(',', {words:String})) AS words
SELECT {workspace:UInt32}, fromUnixTimestamp64Milli({begin:Int64} + (number % 60) * 86400000 + number % 4, 'UTC') AS happens, sipHash128(number), {version:UInt64},
    fromUnixTimestamp64Milli({known:Int64}, 'UTC'), {deleted:UInt8} = 1, if({deleted:UInt8} = 1, '', ['chat', 'goal', 'contact'][1 + number % 3]), 1 + number % 7,
    sipHash128(number % 90), happens - toIntervalHour(number % 30),
    arrayMap(i -> happens - toIntervalHour(50 * i), reverse(range(cityHash64(number, {version:UInt64}) % 6))) AS starts,
    arrayMap(t -> ['Direct', 'Email', 'Display', 'Referral'][1 + cityHash64(t, {version:UInt64}) % 4], starts),
    arrayMap(t -> concat('/page-', toString(cityHash64(t) % 50)), starts),
    arrayMap(t -> ['google', ''][1 + cityHash64(t) % 2], starts),
    arrayMap(t -> words[1 + cityHash64(t, 1) % length(words)], starts),
    arrayMap(t -> ['DE', '', 'FR'][1 + cityHash64(t, 2) % 3], starts)
FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64})`

type writing struct {
	workspace uint32
	from, to  uint64
	version   uint64
	known     schema.Millis
	deleted   uint8
}

func (s *store) exec(ctx context.Context, statement string, args ...any) error {
	if err := s.conn.Exec(ctx, statement, args...); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func (s *store) insert(ctx context.Context, begin schema.Millis, w writing) error {
	return s.exec(ctx, insertConversions, clickhouse.Named("begin", int64(begin)), clickhouse.Named("workspace", w.workspace), clickhouse.Named("from", w.from),
		clickhouse.Named("words", hexadecimal(oddWords())), clickhouse.Named("to", w.to), clickhouse.Named("version", w.version), clickhouse.Named("known", int64(w.known)), clickhouse.Named("deleted", w.deleted))
}

// reading opens another reader of the same tables.
func (s *store) reading() *report.Reader {
	s.t.Helper()
	r, err := report.New(s.db.Options(), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := r.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return r
}

// someQuestion draws one that can be answered from what was kept.
func someQuestion(random *rand.Rand, begin schema.Millis) (q report.Credits, dimensions []report.Dimension) {
	from := random.IntN(40)
	q = report.Credits{
		Model: "linear", FirstOnly: random.IntN(3) == 0, Filters: someFilters(random), Exclude: someFilters(random), Lookback: []int{0, 7, 1}[random.IntN(3)], Conversion: []string{"", "", "chat", "contact"}[random.IntN(4)],
		Period: report.Period{Begin: begin.Add(time.Duration(from) * 24 * time.Hour), End: begin.Add(time.Duration(from+1+random.IntN(60)) * 24 * time.Hour)},
	}
	if random.IntN(3) == 0 {
		q.AsOf = begin.Add(time.Duration(random.IntN(20)) * time.Hour)
	}
	if random.IntN(3) == 0 {
		var contact schema.ID
		contact[0] = byte(random.IntN(256))
		q.Progressed = map[schema.ID]schema.Millis{contact: begin}
	}
	dimensions = [][]report.Dimension{{"channel"}, {"landing_page", "channel"}, {"source"}, {"campaign"}, {"channel", "landing_page", "source"}}[random.IntN(5)]
	return q, dimensions
}

// sameTables compares what two readers say.
func sameTables(t *testing.T, what string, kept, direct report.Scoped, q report.Credits, dimensions []report.Dimension) {
	t.Helper()
	got, err := kept.CreditTables(t.Context(), q, dimensions...)
	if err != nil {
		t.Fatal(err)
	}
	want, err := direct.CreditTables(t.Context(), q, dimensions...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		compareRows(t, fmt.Sprintf("%s, by %s, %+v", what, dimensions[i], q), got[i].Rows, want[i].Rows)
	}
	// Two dimensions, and stretches of time, are other sums.
	if len(dimensions) > 1 {
		q.Dimension, q.Second = dimensions[0], dimensions[1]
		sameAttribution(t, what, kept, direct, q)
	}
}

func compareRows(t *testing.T, what string, got, want []report.CreditRow) {
	t.Helper()
	byKey := map[string]report.CreditRow{}
	for _, row := range got {
		byKey[row.Key] = row
	}
	if len(byKey) != len(want) {
		t.Fatalf("%s: %d keys, want %d: %q, and %+v", what, len(byKey), len(want), slices.Sorted(maps.Keys(byKey)), want)
	}
	for _, row := range want {
		for m := range row.Conversions {
			mine := byKey[row.Key]
			if mine.Conversions == nil || math.Abs(mine.Conversions[m]-row.Conversions[m]) > 1e-6 || math.Abs(mine.Value[m]-row.Value[m]) > 1e-6 {
				t.Fatalf("%s: %q has %v worth %v, want %v worth %v", what, row.Key, mine.Conversions, mine.Value, row.Conversions, row.Value)
			}
		}
	}
}

func sameAttribution(t *testing.T, what string, kept, direct report.Scoped, q report.Credits) {
	t.Helper()
	got, err := kept.Attribution(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want, err := direct.Attribution(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s, %+v:\n%v, want\n%v", what, q, got, want)
	}
}

// Whatever happens to the parts of the table, what is answered from rows that were kept is what is answered without.
func TestKeptRowsAreThoseThatAreThere(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 5))
	s := open(t)
	begin := at(t, "1T00:00")
	plain := s.reading()
	plain.KeepNothing()
	workspace := &schema.Workspace{ID: 1, Zone: time.UTC}
	happens := map[string]func() error{
		"an insert": func() error {
			from := random.Uint64N(500)
			return s.insert(t.Context(), begin, writing{
				workspace: uint32(1 + random.IntN(4)/3), from: from, to: from + 1 + random.Uint64N(400), version: 1 + random.Uint64N(4),
				known: begin.Add(time.Duration(random.IntN(20*60)) * time.Minute), deleted: uint8(random.IntN(4) / 3),
			})
		},
		"a merge": func() error { return s.exec(t.Context(), "OPTIMIZE TABLE conversions FINAL") },
		"an erasure": func() error {
			return s.exec(t.Context(), fmt.Sprintf("DELETE FROM conversions WHERE cityHash64(id) %% 11 = %d", random.IntN(11)))
		},
		"what was deleted taken away": func() error {
			return s.exec(t.Context(), "ALTER TABLE conversions APPLY DELETED MASK SETTINGS mutations_sync = 2")
		},
		"a mutation": func() error {
			return s.exec(t.Context(), fmt.Sprintf("ALTER TABLE conversions UPDATE value = value + 1 WHERE cityHash64(id) %% 7 = %d SETTINGS mutations_sync = 2", random.IntN(7)))
		},
		"a new table": func() error { return s.exec(t.Context(), "TRUNCATE TABLE conversions") },
	}
	for turn := range 24 {
		what := []string{"an insert", "an insert", "an insert", "an insert", "a merge", "an erasure", "what was deleted taken away", "a mutation"}[random.IntN(8)]
		if turn%12 == 11 {
			what = "a new table"
		}
		if err := happens[what](); err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			q, dimensions := someQuestion(random, begin)
			if n == 0 { // The widest: what is kept of it serves the others.
				q.Conversion, q.Period, dimensions = "contact", report.Period{Begin: begin, End: begin.Add(120 * 24 * time.Hour)}, []report.Dimension{"channel", "landing_page", "source"}
			}
			sameTables(t, fmt.Sprintf("turn %d, after %s", turn, what), s.reader.For(workspace), plain.For(workspace), q, dimensions)
		}
	}
}

// While rows are written, merged and deleted, every answer is that of a moment between the question and the answer.
func TestKeptRowsWhileTheyChange(t *testing.T) {
	s := open(t)
	begin := at(t, "1T00:00")
	var written, begun, deleted, deleting atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const each = 600 // of which two in three are no contacts
	var others sync.WaitGroup
	fail := func(err error) {
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			cancel()
		}
	}
	others.Go(func() {
		for n := uint64(0); ctx.Err() == nil; n++ {
			begun.Add(each / 3 * 2)
			fail(s.insert(ctx, begin, writing{workspace: 1, from: n * each, to: (n + 1) * each, version: 1, known: begin}))
			written.Add(each / 3 * 2)
			deleting.Add(1)
			fail(s.exec(ctx, "DELETE FROM conversions WHERE id = sipHash128(toUInt64({n:UInt64}))", clickhouse.Named("n", n*each)))
			deleted.Add(1)
			if n%3 == 2 {
				fail(s.exec(ctx, "OPTIMIZE TABLE conversions FINAL"))
			}
		}
	})
	q := report.Credits{Model: "linear", Dimension: "channel", Period: report.Period{Begin: begin, End: begin.Add(61 * 24 * time.Hour)}}
	for asked := 0; ctx.Err() == nil && (asked < 40 || deleted.Load() < 5); asked++ {
		least, mostDeleted := written.Load(), deleted.Load()
		rows, err := s.in(1).CreditTables(ctx, q, "channel")
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.
		for _, row := range rows[0].Rows {
			sum += row.Conversions[0]
		}
		if got := int64(math.Round(sum)); got < least-deleting.Load() || got > begun.Load()-mostDeleted {
			t.Fatalf("%d conversions, of at least %d and at most %d", got, least-deleting.Load(), begun.Load()-mostDeleted)
		}
	}
	cancel()
	others.Wait()
	t.Logf("%d written, %d deleted", written.Load(), deleted.Load())
}

// What disappears between the list of parts and their reading is looked for among what came in its place.
func TestKeptRowsThatGoMeanwhile(t *testing.T) {
	s := open(t)
	begin := at(t, "1T00:00")
	n := uint64(0)
	insert := func() {
		t.Helper()
		if err := s.insert(t.Context(), begin, writing{workspace: 1, from: n * 300, to: (n + 1) * 300, version: 1, known: begin}); err != nil {
			t.Fatal(err)
		}
		n++
	}
	insert()
	s.reader.LookByHand()
	merges := 0
	s.reader.AfterLists(func() {
		if merges--; merges >= 0 {
			if err := s.exec(t.Context(), "OPTIMIZE TABLE conversions FINAL"); err != nil {
				t.Error(err)
			}
			insert()
			insert()
		}
	})
	q := report.Credits{Model: "linear", Dimension: "channel", Period: report.Period{Begin: begin, End: begin.Add(61 * 24 * time.Hour)}}
	for _, merges = range []int{1, 2, 3, 9} { // From four on it is read directly.
		insert()
		least := float64(n * 200)
		got, err := s.in(1).Attribution(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if got.Total < least || got.Total > float64(n*200) {
			t.Fatalf("%v conversions, of at least %v and at most %v", got.Total, least, n*200)
		}
	}
}

// What was read once is not read again, and is forgotten when its part is not there any more.
func TestKeptRowsAreForgotten(t *testing.T) {
	s := open(t)
	s.reader.LookByHand()
	begin := at(t, "1T00:00")
	if err := s.insert(t.Context(), begin, writing{workspace: 1, from: 0, to: 300, version: 1, known: begin}); err != nil {
		t.Fatal(err)
	}
	q := report.Credits{Model: "linear", Dimension: "channel", Period: report.Period{Begin: begin, End: begin.Add(61 * 24 * time.Hour)}}
	total := func() float64 {
		t.Helper()
		got, err := s.in(1).Attribution(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return got.Total
	}
	if got := total(); got != 200 {
		t.Fatalf("%v conversions, want 200", got)
	}
	s.reader.SpoilKept()
	if got := total(); got != 0 {
		t.Fatalf("%v conversions were read although they had been kept", got)
	}
	if err := s.insert(t.Context(), begin, writing{workspace: 1, from: 300, to: 600, version: 1, known: begin}); err != nil {
		t.Fatal(err)
	}
	if got := total(); got != 200 {
		t.Fatalf("%v conversions, want those of the new part, which are 200", got)
	}
	erase := func() {
		t.Helper()
		if err := s.exec(t.Context(), "DELETE FROM conversions WHERE id = sipHash128(toUInt64(0))"); err != nil {
			t.Fatal(err)
		}
	}
	erase()
	if got := total(); got != 399 {
		t.Fatalf("%v conversions after an erasure, want 399", got)
	}
	erase()
	if s.reader.KeptBytes() == 0 {
		t.Fatal("nothing is kept")
	}
	s.reader.LookAtKept()
	if n := s.reader.KeptBytes(); n != 0 {
		t.Fatalf("%d bytes are still kept of parts that are not there any more", n)
	}
}

// No more is kept than may be, and answers are right all the same.
func TestKeptRowsAreBounded(t *testing.T) {
	s := open(t)
	begin := at(t, "1T00:00")
	if err := s.insert(t.Context(), begin, writing{workspace: 1, from: 0, to: 3000, version: 1, known: begin}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	workspace := &schema.Workspace{ID: 1, Zone: time.UTC}
	plain := s.reading()
	plain.KeepNothing()
	for _, most := range []int{200_000, 1000} {
		s.reader.KeepAtMost(most)
		for range 20 {
			q, dimensions := someQuestion(random, begin)
			sameTables(t, fmt.Sprintf("at most %d bytes", most), s.reader.For(workspace), plain.For(workspace), q, dimensions)
			if n := s.reader.KeptBytes(); n > most {
				t.Fatalf("%d bytes are kept of at most %d", n, most)
			}
		}
	}
}
