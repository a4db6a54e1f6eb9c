package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/schema"
)

// The clock of these cases: 2026-11-20 12:00 UTC. Sessions rest that began before the 18th.
var (
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	rests = time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC)
)

// copiesOf reads "10-01..11-01 3h", which is a copy of October that was begun three hours ago; a second one of that time has a higher number.
func copiesOf(t *testing.T, text string) (all []schema.JourneyCopy) {
	t.Helper()
	for i, line := range strings.Split(text, ",") {
		var days, age string
		if n, _ := fmt.Sscan(line, &days, &age); n == 0 {
			continue
		}
		first, behind, _ := strings.Cut(days, "..")
		begins, err := time.Parse("2006-01-02", "2026-"+first)
		covers, err2 := time.Parse("2006-01-02", "2026-"+behind)
		ago, err3 := time.ParseDuration(age)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatal(line, err, err2, err3)
		}
		all = append(all, schema.JourneyCopy{
			Month: uint32(begins.Year()*100 + int(begins.Month())), Build: uint64(schema.MillisOf(noon.Add(-ago)))<<10 | uint64(i), Begins: begins, Covers: covers,
		})
	}
	return all
}

func wordsOf(copies []schema.JourneyCopy) string {
	var words []string
	for _, c := range copies {
		words = append(words, fmt.Sprintf("%s..%s %s", c.Begins.Format("01-02"), c.Covers.Format("01-02"), noon.Sub(schema.JourneyMade(c.Build).Time()).Round(time.Second)))
	}
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(strings.Join(words, ", "))
}

// TestWhichCopiesStand: chains from the first day of a month on, the newest of those that begin on one day.
func TestWhichCopiesStand(t *testing.T) {
	for _, c := range []struct{ name, all, want string }{
		{"none", "", ""},
		{"a chain", "11-01..11-05 3h, 11-05..11-06 2h, 11-06..11-08 1h", "11-01..11-05 3h, 11-05..11-06 2h, 11-06..11-08 1h"},
		{"in any order", "11-06..11-08 1h, 11-01..11-05 3h, 11-05..11-06 2h", "11-01..11-05 3h, 11-05..11-06 2h, 11-06..11-08 1h"},
		{"with a gap", "11-01..11-05 3h, 11-06..11-08 1h", "11-01..11-05 3h"},
		{"without its first day", "11-02..11-05 3h", ""},
		{"a new copy of all", "11-01..11-05 3h, 11-05..11-06 2h, 11-01..11-08 1h", "11-01..11-08 1h"},
		{"a new copy of all, and what came after an old one", "11-01..11-05 3h, 11-05..11-06 2h, 11-01..11-05 1h", "11-01..11-05 1h, 11-05..11-06 2h"},
		{"two of one day", "11-01..11-05 3h, 11-05..11-07 2h, 11-05..11-06 1h", "11-01..11-05 3h, 11-05..11-06 1h"},
		{"two at one time", "11-01..11-05 3h, 11-01..11-06 3h", "11-01..11-06 3h"},
		{"a day that overlaps", "11-01..11-05 3h, 11-04..11-08 2h", "11-01..11-05 3h"},
		{"a copy of no day", "11-01..11-05 3h, 11-05..11-05 1h", "11-01..11-05 3h"},
		{"a copy of no day at a month's beginning", "10-01..11-01 3h, 11-01..11-01 2h, 11-01..11-05 4h", "10-01..11-01 3h, 11-01..11-05 4h"},
		{"one that ends before it begins", "11-01..11-05 3h, 11-05..11-01 1h", "11-01..11-05 3h"},
		{"months", "11-01..11-05 3h, 10-01..11-01 9h, 09-01..09-30 9h", "09-01..09-30 9h, 10-01..11-01 9h, 11-01..11-05 3h"},
		{"a month that is over by two", "10-01..10-20 9h, 10-20..11-01 8h, 11-01..11-02 1h", "10-01..10-20 9h, 10-20..11-01 8h, 11-01..11-02 1h"},
	} {
		for _, hours := range []int{0, -11, 14} {
			all := copiesOf(t, c.all)
			for i := range all {
				all[i].Begins, all[i].Covers = midnight(all[i].Begins, hours), midnight(all[i].Covers, hours)
			}
			if got := wordsOf(schema.JourneyCopies(all)); got != c.want {
				t.Errorf("%s, %d hours from UTC: %q stands, want %q", c.name, hours, got, c.want)
			}
		}
	}
}

// midnight is a day's beginning where clocks are so many hours ahead.
func midnight(day time.Time, hours int) time.Time {
	if hours == 0 {
		return day
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.FixedZone("", hours*3600))
}

// TestWhatIsCopied of a month with 1000 sessions, by what stands and how many of them changed since.
func TestWhatIsCopied(t *testing.T) {
	for _, c := range []struct {
		name     string
		month    uint32
		standing string
		changed  uint64
		asked    time.Duration // how long ago everything was asked for anew; 0 is never
		want     string
	}{
		{"the first time", 202611, "", 0, 0, "11-01"},
		{"whatever changed before the first time", 202611, "", 900, 0, "11-01"},
		{"nothing new", 202611, "11-01..11-18 2h", 0, 0, ""},
		{"another day", 202611, "11-01..11-17 24h", 0, 0, "11-17"},
		{"some days after a chain", 202611, "11-01..11-12 48h, 11-12..11-15 24h", 0, 0, "11-15"},
		{"little changed", 202611, "11-01..11-17 24h", 5, 0, "11-17"},
		{"much changed", 202611, "11-01..11-17 24h", 6, 0, "11-01"},
		{"much changed and nothing new", 202611, "11-01..11-18 24h", 6, 0, "11-01"},
		{"anew", 202611, "11-01..11-18 2h", 0, time.Minute, "11-01"},
		{"anew the first time", 202611, "", 0, time.Minute, "11-01"},
		{"anew, and copied by an earlier try", 202611, "11-01..11-18 2h", 0, 3 * time.Hour, ""},
		{"anew, and copied by an earlier try of another day", 202611, "11-01..11-17 25h", 0, 26 * time.Hour, "11-17"},
		{"anew, and copied in part before", 202611, "11-01..11-17 24h, 11-17..11-18 2h", 0, 3 * time.Hour, "11-01"},
		{"a month that is over", 202610, "10-01..11-01 600h", 0, 0, ""},
		{"a month that is over, by many copies", 202610, "10-01..10-30 600h, 10-30..11-01 500h", 0, 0, "10-01"},
		{"the end of a month", 202610, "10-01..10-30 600h", 0, 0, "10-30"},
		{"a month of long ago", 202510, "", 0, 0, "10-01"},
		{"a copy of long ago", 202601, "01-01..02-01 8700h", 0, 0, ""},
		{"a copy of a year ago", 202601, "01-01..02-01 8761h", 0, 0, "01-01"},
		{"another month's copy", 202611, "10-01..11-01 2h", 0, 0, "11-01"},
	} {
		m := journeyMonth{month: c.month, sessions: 1000, changed: c.changed, rests: rests}
		var since schema.Millis
		if c.asked > 0 {
			since = schema.MillisOf(noon.Add(-c.asked))
		}
		begins, ok := m.next(copiesOf(t, c.standing), since, schema.MillisOf(noon))
		if got := begins.Format("01-02"); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: copied from %s, %v; want %q", c.name, got, ok, c.want)
		}
		if ok && (!m.ends().After(begins) || m.ends().After(rests)) {
			t.Errorf("%s: copied up to %s", c.name, m.ends())
		}
	}
}

// TestWhichCopiesAreDropped: those in whose place others have stood for longer than anybody reads them, and what crashes left.
func TestWhichCopiesAreDropped(t *testing.T) {
	for _, c := range []struct{ name, heads, headless, want string }{
		{"what stands", "11-01..11-17 99h, 11-17..11-18 1h", "", ""},
		{"one that was replaced a moment ago", "11-01..11-18 99h, 11-01..11-18 1h", "", ""},
		{"one that was replaced while some may read it", "11-01..11-18 99h, 11-01..11-18 12h5m", "", ""},
		{"one that was replaced", "11-01..11-18 99h, 11-01..11-18 13h", "", "11-01..11-18 99h"},
		{"a chain that was replaced", "11-01..11-17 99h, 11-17..11-18 98h, 11-01..11-18 13h", "", "11-01..11-17 99h, 11-17..11-18 98h"},
		{"one of another month", "10-01..11-01 99h, 10-01..11-01 1h, 11-01..11-18 13h", "", ""},
		{"one under way", "11-01..11-18 99h", "11-01..11-18 11h", ""},
		{"one that crashed", "11-01..11-18 99h", "11-01..11-18 13h", "11-01..11-18 13h"},
		{"one that crashed in a month without copies", "", "11-01..11-18 13h", "11-01..11-18 13h"},
		{"one without a first day", "11-05..11-18 99h", "", "11-05..11-18 99h"},
	} {
		heads, headless := copiesOf(t, c.heads), copiesOf(t, c.headless)
		var parts []journeyPart
		for _, h := range slices.Concat(heads, headless) {
			parts = append(parts, journeyPart{h.Month, h.Build})
		}
		var dropped []schema.JourneyCopy
		for _, p := range needless(parts, heads, schema.MillisOf(noon)) {
			for _, h := range slices.Concat(heads, headless) {
				if h.Build == p.build {
					dropped = append(dropped, h)
				}
			}
		}
		if got := wordsOf(dropped); got != c.want {
			t.Errorf("%s: %q is dropped, want %q", c.name, got, c.want)
		}
	}
}
