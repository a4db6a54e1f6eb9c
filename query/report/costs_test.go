package report_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/pipeline/enrich"
	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// bill is a random workspace with visits and costs, which were uploaded,
// uploaded again and in part deleted.
type bill struct {
	workspace *schema.Workspace
	kept      []schema.AdCost // what counts
	sessions  []schema.Session
	question  report.Credits
}

func newBill(random *rand.Rand, id uint32, zone *time.Location) *bill {
	b := &bill{workspace: &schema.Workspace{ID: id, Zone: zone, Currency: "EUR", Settings: []schema.Settings{schema.DefaultSettings()}}}
	if random.IntN(2) == 0 { // From the middle of some day on there are rules.
		later := schema.DefaultSettings()
		later.Version, later.From = 2, schema.MillisOf(time.Date(2026, 9, 1+random.IntN(30), random.IntN(24), 30, 0, 0, time.UTC))
		later.Rules = []schema.ChannelRule{{Name: "own", Channel: "Partners", Conditions: []schema.ChannelCondition{{Field: "campaign", Operator: "contains", Value: "SPRING"}}}}
		b.workspace.Settings = append(b.workspace.Settings, later)
	}
	return b
}

func pick(random *rand.Rand, all ...string) string { return all[random.IntN(len(all))] }

func (b *bill) cost(random *rand.Rand) schema.AdCost {
	return schema.AdCost{
		Day: fmt.Sprintf("2026-09-%02d", 1+random.IntN(30)), Source: pick(random, "google", "facebook", "linkedin", "some.where"),
		Medium: pick(random, "cpc", "display", "email"), Campaign: pick(random, "", "spring", "Ünïted spring", "brand"), Currency: "EUR",
		Micros: random.Int64N(5_000) * 10_000, Clicks: random.Uint64N(100), Impressions: random.Uint64N(10_000),
	}
}

// upload is one file: the later of two rows about the same stands.
func (b *bill) upload(t *testing.T, costs *sink.Costs, random *rand.Rand) {
	t.Helper()
	var file []schema.AdCost
	for range random.IntN(30) {
		c := b.cost(random)
		if !slices.ContainsFunc(file, func(other schema.AdCost) bool { return other.Same(&c) }) {
			file = append(file, c)
		}
	}
	if err := costs.Store(t.Context(), b.workspace.ID, file); err != nil {
		t.Fatal(err)
	}
	b.kept = slices.DeleteFunc(b.kept, func(old schema.AdCost) bool {
		return slices.ContainsFunc(file, func(c schema.AdCost) bool { return c.Same(&old) })
	})
	b.kept = append(b.kept, file...)
}

func (b *bill) remove(t *testing.T, costs *sink.Costs, random *rand.Rand) {
	t.Helper()
	first := 1 + random.IntN(30)
	from, to, source := fmt.Sprintf("2026-09-%02d", first), fmt.Sprintf("2026-09-%02d", min(30, first+random.IntN(5))), pick(random, "", "google")
	before := len(b.kept)
	b.kept = slices.DeleteFunc(b.kept, func(c schema.AdCost) bool {
		return c.Day >= from && c.Day <= to && (source == "" || c.Source == source)
	})
	n, err := costs.Delete(t.Context(), b.workspace.ID, from, to, source)
	if err != nil || int(n) != before-len(b.kept) {
		t.Fatalf("deleting %s to %s of %q: %d, %v, want %d", from, to, source, n, err, before-len(b.kept))
	}
}

func (b *bill) visit(random *rand.Rand, channels *enrich.Channels) {
	visitor := fmt.Sprint("v", len(b.sessions))
	start := schema.MillisOf(time.Date(2026, 9, 1+random.IntN(30), random.IntN(24), 0, 0, 0, time.UTC))
	c := b.cost(random)
	source := channels.OfCampaign(c.Source, c.Medium, c.Campaign, b.workspace.At(start))
	b.sessions = append(b.sessions, schema.Session{
		ID: schema.SessionID(b.workspace.ID, visitor, hitID(visitor)), Workspace: b.workspace.ID, Visitor: visitor, StartedAt: start, EndedAt: start,
		Touch: schema.Touch{Channel: source.GetChannel(), Source: c.Source, Medium: c.Medium, Campaign: c.Campaign, At: start},
	})
}

func (b *bill) ask(random *rand.Rand) {
	all := []report.Dimension{"channel", "source", "medium", "campaign"}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	q := report.Credits{Model: "last_touch", Dimension: all[0], Lookback: 90}
	if random.IntN(2) == 0 {
		q.Second = all[1]
	}
	filter := func() report.Filter {
		return report.Filter{
			Dimension: all[random.IntN(4)], Operator: pick(random, "is", "is_not", "contains"),
			Value: pick(random, "google", "cpc", report.None, "SPRING", "Paid Search", "ünï", "part"),
		}
	}
	for range random.IntN(3) {
		q.Filters = append(q.Filters, filter())
	}
	for range random.IntN(2) {
		q.Exclude = append(q.Exclude, filter())
	}
	first := time.Date(2026, 9, 1+random.IntN(20), 0, 0, 0, 0, b.workspace.Zone)
	q.Period = report.Period{Begin: schema.MillisOf(first), End: schema.MillisOf(first.AddDate(0, 0, 1+random.IntN(15)))}
	b.question = q
}

// naive goes through the rows that count one by one.
func (b *bill) naive(channels *enrich.Channels) (rows map[[2]string]float64, total float64, known bool) {
	rows = map[[2]string]float64{}
	q := b.question
	for _, c := range b.kept {
		midnight, _ := time.ParseInLocation(time.DateOnly, c.Day, b.workspace.Zone)
		if at := schema.MillisOf(midnight); at < q.Period.Begin || at >= q.Period.End {
			continue
		}
		known = true
		end := schema.MillisOf(midnight.AddDate(0, 0, 1)) - 1
		says := map[report.Dimension]string{
			"channel": channels.OfCampaign(c.Source, c.Medium, c.Campaign, b.workspace.At(end)).GetChannel(), "source": c.Source, "medium": c.Medium, "campaign": c.Campaign,
		}
		holds := func(f report.Filter) bool {
			is, wanted := says[f.Dimension], strings.TrimPrefix(f.Value, report.None)
			switch f.Operator {
			case "is":
				return is == wanted
			case "is_not":
				return is != wanted
			}
			return strings.Contains(strings.ToLower(is), strings.ToLower(wanted))
		}
		if slices.ContainsFunc(q.Exclude, holds) || slices.ContainsFunc(q.Filters, func(f report.Filter) bool { return !holds(f) }) {
			continue
		}
		key := [2]string{cmp.Or(says[q.Dimension], report.None)}
		if q.Second != "" {
			key[1] = cmp.Or(says[q.Second], report.None)
		}
		rows[key] += float64(c.Micros) / 1e6
		total += float64(c.Micros) / 1e6
	}
	return rows, total, known
}

// TestCostsEqualReference: every row of every table has the cost that going
// through all of them one by one gives, and its sum is the report's.
func TestCostsEqualReference(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 9))
	s := open(t)
	channels, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	var bills []*bill
	batch := &sink.Batch{}
	for n := range max(6, *markets/4) { // Each is written by several inserts.

		zone, err := time.LoadLocation(pick(random, "UTC", "America/New_York", "Asia/Tokyo"))
		if err != nil {
			t.Fatal(err)
		}
		b := newBill(random, uint32(1+n), zone)
		for range 1 + random.IntN(2) {
			b.upload(t, s.costs, random)
			if random.IntN(3) == 0 {
				b.remove(t, s.costs, random)
			}
		}
		for range random.IntN(20) {
			b.visit(random, channels)
		}
		for i := range b.sessions {
			batch.Sessions = append(batch.Sessions, schema.SessionRow{Session: b.sessions[i], Version: 1})
		}
		bills = append(bills, b)
	}
	s.write(batch)
	reader := s.reader.WithChannels(channels)
	for _, b := range bills {
		for range 3 {
			b.ask(random)
			b.compare(t, reader.For(b.workspace), channels)
		}
	}
}

func (b *bill) compare(t *testing.T, scoped report.Scoped, channels *enrich.Channels) {
	t.Helper()
	want, total, known := b.naive(channels)
	got, err := scoped.Attribution(t.Context(), b.question)
	if err != nil {
		t.Fatal(err)
	}
	traffic, err := scoped.Traffic(t.Context(), b.question)
	if err != nil {
		t.Fatal(err)
	}
	wrong := got.Costed != known || traffic.Costed != known || math.Abs(got.Cost-total) > 1e-6 || math.Abs(traffic.Cost-total) > 1e-6
	seen := map[[2]string]bool{}
	for _, r := range got.Rows {
		key := [2]string{r.Key, r.Second}
		seen[key] = true
		wrong = wrong || math.Abs(r.Cost-want[key]) > 1e-6
	}
	for key, cost := range want {
		wrong = wrong || cost > 0 && !seen[key]
	}
	if wrong {
		t.Fatalf("workspace %d, %+v\ngot  %+v and %+v\nwant %v, %v, %v\nof %+v", b.workspace.ID, b.question, got, traffic, want, total, known, b.kept)
	}
}

// What cannot be told apart by campaign has no cost, rather than a wrong one.
func TestCostsThatCannotBePlaced(t *testing.T) {
	s := open(t)
	channels, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	one := schema.AdCost{Day: "2026-09-03", Source: "google", Medium: "cpc", Campaign: "brand", Currency: "EUR", Micros: 12_340_000, Clicks: 3}
	if err := s.costs.Store(t.Context(), 1, []schema.AdCost{one}); err != nil {
		t.Fatal(err)
	}
	workspace := &schema.Workspace{ID: 1, Zone: time.UTC, Settings: []schema.Settings{schema.DefaultSettings()}}
	in := s.reader.WithChannels(channels).For(workspace)
	q := report.Credits{Model: "linear", Dimension: "channel", Lookback: 90, Period: report.Period{Begin: at(t, "1T00:00"), End: at(t, "9T00:00")}}
	mobile := report.Filter{Dimension: "device", Operator: "is", Value: "mobile"}
	for name, change := range map[string]func(*report.Credits){
		"a landing page": func(q *report.Credits) { q.Dimension = "landing_page" },
		"two":            func(q *report.Credits) { q.Second = "device" },
		"filter":         func(q *report.Credits) { q.Filters = []report.Filter{mobile} },
		"exclusion":      func(q *report.Credits) { q.Exclude = []report.Filter{mobile} },
		"other days":     func(q *report.Credits) { q.Period.Begin = at(t, "4T00:00") },
	} {
		asked := q
		change(&asked)
		if got, err := in.Attribution(t.Context(), asked); err != nil || got.Costed || got.Cost != 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	got, err := in.Attribution(t.Context(), q)
	if err != nil || !got.Costed || len(got.Rows) != 1 || got.Rows[0].Key != "Paid Search" || got.Rows[0].Cost != 12.34 || got.Rows[0].Sessions != 0 {
		t.Errorf("a cost without a visit: %+v, %v", got, err)
	}
	other, err := s.reader.WithChannels(channels).For(&schema.Workspace{ID: 2, Zone: time.UTC, Settings: workspace.Settings}).Attribution(t.Context(), q)
	if err != nil || other.Costed {
		t.Errorf("another workspace sees %+v, %v", other, err)
	}
	months, err := in.CostMonths(t.Context())
	if err != nil || len(months) != 1 || months[0].Month != "2026-09" || months[0].Cost != 12.34 || months[0].Clicks != 3 || months[0].First != "2026-09-03" {
		t.Errorf("there is %+v, %v", months, err)
	}
	if n, err := in.Replaced(t.Context(), []schema.AdCost{one, {Day: "2026-09-03", Source: "google", Medium: "cpc"}}); n != 1 || err != nil {
		t.Errorf("%d are replaced, %v", n, err)
	}
}
