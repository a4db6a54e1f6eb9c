package clickhouse_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// garden is a database with sessions that a test knows, by what tells them apart.
type garden struct {
	*engine
	t       *testing.T
	random  *rand.Rand
	began   time.Time
	version uint64
	known   map[schema.ID]schema.SessionRow
	hashes  map[string]uint64
}

func newGarden(t *testing.T) *garden {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &garden{
		engine: open(t), t: t, random: rand.New(rand.NewPCG(seed, 3)), began: time.Now().UTC(),
		known: map[schema.ID]schema.SessionRow{}, hashes: map[string]uint64{},
	}
}

func pick[T any](g *garden, of ...T) T { return of[g.random.IntN(len(of))] }

// session is a random one of a visitor that begins so long before the test.
func (g *garden) session(visitor string, ago time.Duration) schema.Session {
	s := schema.Session{
		Workspace: uint32(1 + g.random.IntN(2)), Visitor: visitor, StartedAt: schema.MillisOf(g.began.Add(-ago)), Reason: schema.ReasonFirstHit,
		Device: pick(g, "mobile", "desktop"), Country: pick(g, "DE", ""), Browser: "Firefox",
		Touch: schema.Touch{
			Channel: schema.ChannelDirect, Source: pick(g, "direct", "news"), Medium: "m", Campaign: pick(g, "a", "b"), Content: "c", Term: "t",
			LandingPage: pick(g, "https://a.example/", "https://a.example/x"), Referrer: pick(g, "", "https://b.example/"),
		},
	}
	s.ID = schema.Derive(visitor, fmt.Sprint(s.StartedAt), fmt.Sprint(g.random.Uint64()))
	at := s.StartedAt
	for range g.random.IntN(6) {
		kind := pick(g, schema.HitType_HIT_TYPE_PAGEVIEW, schema.HitType_HIT_TYPE_PAGEVIEW, schema.HitType_HIT_TYPE_EVENT, schema.HitType_HIT_TYPE_IDENTIFY)
		item := schema.Item{Hit: schema.Derive("hit", fmt.Sprint(g.random.Uint64())), At: at, Type: kind,
			URL: pick(g, "https://a.example", "https://a.example/", "https://a.example/x?q=1", "https://a.example/signup", "https://other.example/x")}
		if kind == schema.HitType_HIT_TYPE_EVENT {
			item.Name = pick(g, "signup", "/x", "play")
		}
		s.Items = append(s.Items, item)
		at += pick(g, schema.Millis(0), 0, 1, 60_000)
	}
	s.EndedAt = at
	return s
}

// write stores sessions, or that there are none of them any more.
func (g *garden) write(deleted bool, sessions ...schema.Session) {
	g.t.Helper()
	b := &sink.Batch{}
	for _, s := range sessions {
		g.version++
		row := schema.SessionRow{Session: s, Version: g.version, Deleted: deleted}
		g.known[s.ID] = row
		b.Sessions = append(b.Sessions, row)
	}
	if err := g.Write(g.t.Context(), b); err != nil {
		g.t.Fatal(err)
	}
}

func (g *garden) exec(sql string, args ...any) {
	g.t.Helper()
	if err := g.conn.Exec(g.t.Context(), sql, args...); err != nil {
		g.t.Fatalf("%s: %v", sql, err)
	}
}

// copyAll copies what there is to copy, and checks that what stands is what the sessions hold.
func (g *garden) copyAll(anew bool) []schema.JourneyCopy {
	g.t.Helper()
	if err := g.CopyJourneys(g.t.Context(), copiedBefore(anew)); err != nil {
		g.t.Fatal(err)
	}
	return g.check()
}

// copiedBefore is the moment before which copies are made again.
func copiedBefore(anew bool) schema.Millis {
	if anew {
		return schema.MillisOf(time.Now())
	}
	return 0
}

// hash is what ClickHouse makes of a text.
func (g *garden) hash(text string) uint64 {
	g.t.Helper()
	if _, known := g.hashes[text]; !known {
		g.hashes[text] = g.count(g.t, fmt.Sprintf("SELECT sipHash64(unhex('%x'))", text))
	}
	return g.hashes[text]
}

// heads are those of all copies.
func (g *garden) heads() (all []schema.JourneyCopy) {
	g.t.Helper()
	rows, err := g.conn.Query(g.t.Context(), "SELECT month, build, day, covers, rows FROM journeys WHERE workspace = 0")
	if err != nil {
		g.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var c schema.JourneyCopy
		if err := rows.Scan(&c.Month, &c.Build, &c.Begins, &c.Covers, &c.Rows); err != nil {
			g.t.Fatal(err)
		}
		c.Begins, c.Covers = schema.UTCDay(c.Begins), schema.UTCDay(c.Covers)
		all = append(all, c)
	}
	return all
}

// check compares the copies that stand with what the sessions of their days hold, and gives them.
func (g *garden) check() []schema.JourneyCopy {
	g.t.Helper()
	standing := schema.JourneyCopies(g.heads())
	for _, c := range standing {
		var want []string
		for _, row := range g.known {
			day := row.StartedAt.Time().UTC().Truncate(24 * time.Hour)
			if !row.Deleted && !day.Before(c.Begins) && day.Before(c.Covers) {
				want = append(want, g.expand(&row.Session)...)
			}
		}
		slices.Sort(want)
		got := g.rowsOf(c)
		if !slices.Equal(got, want) {
			g.t.Errorf("the copy %d of %s to %s has %d rows, want %d; not wanted are\n%v\nlacking are\n%v", c.Build, c.Begins.Format(time.DateOnly),
				c.Covers.Format(time.DateOnly), len(got), len(want), without(got, want), without(want, got))
		}
		if int(c.Rows) != len(want) {
			g.t.Errorf("its head says %d rows", c.Rows)
		}
	}
	return standing
}

func without(some, others []string) (left []string) {
	for _, s := range some {
		if !slices.Contains(others, s) {
			left = append(left, s)
		}
	}
	return left[:min(len(left), 5)]
}

// expand is what journeys must have of a session.
func (g *garden) expand(s *schema.Session) (rows []string) {
	before := map[schema.Millis]int{}
	for _, i := range s.Items {
		before[i.At]++
		var item uint64
		switch i.Type {
		case schema.HitType_HIT_TYPE_PAGEVIEW:
			u, err := url.Parse(i.URL)
			if err != nil {
				g.t.Fatal(err)
			}
			item = g.hash(cmp.Or(u.Path, "/"))&^3 | 1
		case schema.HitType_HIT_TYPE_EVENT:
			item = g.hash(i.Name)&^3 | 2
		default:
			continue
		}
		moment := uint64(i.At)<<22 | g.hash(string(s.ID[:]))&1023<<11 | uint64(before[i.At]-1)
		if i.At == s.StartedAt {
			moment |= 1 << 21
		}
		t := s.Touch
		rows = append(rows, fmt.Sprint(s.Workspace, " ", item, " ", g.hash(s.Visitor), " ", moment, " ", g.hash(string(s.ID[:])), " ",
			s.StartedAt.Time().UTC().Format(time.DateOnly), " ", strings.Join([]string{t.Channel, t.Source, t.Medium, t.Campaign, t.Content, t.Term,
				t.LandingPage, t.Referrer, s.Device, s.Country, s.Browser}, "|")))
	}
	return rows
}

func (g *garden) rowsOf(c schema.JourneyCopy) []string {
	g.t.Helper()
	return g.lines(fmt.Sprintf(`SELECT concatWithSeparator(' ', toString(workspace), toString(item), toString(visitor), toString(moment), toString(session), toString(day),
		concatWithSeparator('|', channel, source, medium, campaign, content, term, landing_page, referrer, device, country, browser)) AS line
		FROM journeys WHERE month = %d AND build = %d AND workspace != 0 ORDER BY line`, c.Month, c.Build))
}

func (g *garden) lines(sql string) []string {
	g.t.Helper()
	all := []string{}
	rows, err := g.conn.Query(g.t.Context(), sql)
	if err != nil {
		g.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			g.t.Fatal(err)
		}
		all = append(all, line)
	}
	return all
}

const day = 24 * time.Hour

// grow writes sessions of 45 days, a few of them changed or gone again, and forgets that they were written while they rested.
func (g *garden) grow() {
	var all []schema.Session
	for i := range 400 {
		all = append(all, g.session(fmt.Sprint("visitor ", i%40), time.Duration(g.random.Int64N(int64(45*day)))))
	}
	g.write(false, all...)
	g.write(true, all[:10]...)
	g.change(all[10:20])
	g.exec("TRUNCATE TABLE journey_changes")
}

// change gives sessions other items, so that they are written anew.
func (g *garden) change(sessions []schema.Session) {
	for _, s := range sessions {
		changed := g.session(s.Visitor, 0)
		s.EndedAt, s.Items = changed.EndedAt-changed.StartedAt+s.StartedAt, changed.Items
		for i := range s.Items {
			s.Items[i].At += s.StartedAt - changed.StartedAt
		}
		g.write(false, s)
	}
}

func busiestOf(copies []schema.JourneyCopy) schema.JourneyCopy {
	return slices.MaxFunc(copies, func(a, b schema.JourneyCopy) int { return cmp.Compare(a.Rows, b.Rows) })
}

func builds(copies []schema.JourneyCopy) map[uint32][]uint64 {
	all := map[uint32][]uint64{}
	for _, c := range copies {
		all[c.Month] = append(all[c.Month], c.Build)
	}
	return all
}

// TestJourneysHoldWhatSessionsHold: every copy is what a naive expansion of its days' sessions is. What changes after it is noted,
// and is in the next one; months in which nothing changed are left alone.
func TestJourneysHoldWhatSessionsHold(t *testing.T) {
	g := newGarden(t)
	g.grow()
	standing := g.copyAll(false)
	first, last := standing[0].Begins, standing[len(standing)-1].Covers
	if earliest := g.began.Add(-44 * day); first.After(earliest) || last.Before(g.began.Add(-3*day).Truncate(day)) || len(standing) != len(builds(standing)) {
		t.Fatalf("of 45 days copied is %+v", standing)
	}
	var total uint64
	for _, c := range standing {
		total += c.Rows
	}
	if total == 0 {
		t.Fatal("nothing was copied")
	}

	// A day that rests, one that does not, one session more and one less.
	busiest := busiestOf(standing)
	var old []schema.Session
	for _, id := range slices.SortedFunc(maps.Keys(g.known), func(a, b schema.ID) int { return cmp.Compare(a.String(), b.String()) }) {
		row := g.known[id]
		if began := row.StartedAt.Time().UTC(); !row.Deleted && !began.Before(busiest.Begins) && began.Before(busiest.Covers) {
			old = append(old, row.Session)
		}
	}
	late := g.session("late visitor", g.began.Sub(old[2].StartedAt.Time()))
	g.change(old[:1])
	g.write(true, old[1])
	g.write(false, late, g.session("visitor 1", time.Hour))
	want := map[string]bool{}
	for _, s := range []schema.Session{old[0], old[1], late} {
		want[fmt.Sprint(s.Workspace, s.StartedAt.Time().UTC().Format(time.DateOnly), s.Visitor)] = true
	}
	if got := g.lines("SELECT DISTINCT concat(toString(workspace), toString(day), visitor) AS line FROM journey_changes ORDER BY line"); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("noted are %q, want %q", got, slices.Sorted(maps.Keys(want)))
	}
	before := builds(standing)
	after := builds(g.copyAll(false))
	for month, was := range before {
		if changed := !slices.Equal(after[month], was); changed != (month == busiest.Month) {
			t.Errorf("the month %d was copied again: %v", month, changed)
		}
	}
	anew := builds(g.copyAll(true))
	for month, was := range after {
		if slices.Equal(anew[month], was) {
			t.Errorf("the month %d was not copied anew", month)
		}
	}
}

// craft makes a copy of rows of a month's copy that stands, as one that was begun at a time; without covers it has no head.
func (g *garden) craft(from schema.JourneyCopy, build uint64, covers time.Time) schema.JourneyCopy {
	g.t.Helper()
	until := covers
	if covers.IsZero() {
		until = from.Covers
	}
	g.exec(fmt.Sprintf("INSERT INTO journeys SELECT * REPLACE(%d AS build) FROM journeys AS j WHERE j.month = %d AND j.build = %d AND j.workspace != 0 AND j.day < '%s'",
		build, from.Month, from.Build, until.Format(time.DateOnly)))
	if !covers.IsZero() {
		g.exec(fmt.Sprintf(`INSERT INTO journeys (month, build, workspace, day, covers, noted, rows)
			SELECT month, %d, 0, day, '%s', noted, (SELECT count() FROM journeys WHERE month = %d AND build = %d) FROM journeys WHERE month = %d AND build = %d AND workspace = 0`,
			build, covers.Format(time.DateOnly), from.Month, build, from.Month, from.Build))
	}
	return schema.JourneyCopy{Month: from.Month, Build: build, Begins: from.Begins, Covers: covers}
}

func (g *garden) drop(c schema.JourneyCopy) {
	g.exec(fmt.Sprintf("ALTER TABLE journeys DROP PARTITION (%d, %d)", c.Month, c.Build))
}

func (g *garden) has(c schema.JourneyCopy) bool {
	return g.count(g.t, fmt.Sprintf("SELECT count() FROM journeys WHERE month = %d AND build = %d", c.Month, c.Build)) > 0
}

// TestJourneysGrowDayByDay: what rests since the last copy is appended to it; a month that is over becomes one copy. What a crash
// left is never read, and dropped later, as is what others replaced.
func TestJourneysGrowDayByDay(t *testing.T) {
	g := newGarden(t)
	g.grow()
	standing := g.copyAll(false)
	whole := busiestOf(standing[:len(standing)-1]) // The months before the last are over.
	part := g.craft(whole, whole.Build+1, whole.Begins.AddDate(0, 0, 20))
	crashed := g.craft(whole, schema.JourneyBuild(schema.MillisOf(g.began.Add(-13*time.Hour))), time.Time{})
	underWay := g.craft(whole, schema.JourneyBuild(schema.MillisOf(g.began.Add(-time.Hour))), time.Time{})
	chain := builds(g.copyAll(false))[whole.Month]
	if len(chain) != 2 || chain[0] != part.Build {
		t.Errorf("after the copy %d, which ends early, stand %v", part.Build, chain)
	}
	if g.has(crashed) || !g.has(underWay) || !g.has(whole) {
		t.Error("of a crashed copy, one under way and one just replaced the first must go")
	}
	again := builds(g.copyAll(false))[whole.Month]
	if len(again) != 1 || again[0] <= chain[1] {
		t.Errorf("of a month that is over stand %v, before %v", again, chain)
	}
	if last := builds(g.copyAll(false))[whole.Month]; !slices.Equal(last, again) {
		t.Errorf("without anything new it was copied again as %v", last)
	}

	older := func(age time.Duration) schema.JourneyCopy {
		return g.craft(whole, schema.JourneyBuild(schema.MillisOf(g.began.Add(-age))), whole.Covers)
	}
	replaced, stands := older(40*time.Hour), older(30*time.Hour)
	for _, c := range g.heads() {
		if c.Month == whole.Month && c.Build > stands.Build {
			g.drop(c)
		}
	}
	if got := builds(g.copyAll(false))[whole.Month]; !slices.Equal(got, []uint64{stands.Build}) || g.has(replaced) {
		t.Errorf("%v stand, want %d alone; the one before it is there: %v", got, stands.Build, g.has(replaced))
	}
}

// left tells what is left of a browser in the copies.
func (g *garden) left(visitor string) string {
	return fmt.Sprint(g.count(g.t, fmt.Sprintf("SELECT count() FROM journeys WHERE visitor = sipHash64('%s')", visitor)), " rows, notes of ",
		g.lines(fmt.Sprintf("SELECT DISTINCT toString(day) AS line FROM journey_changes WHERE visitor = '%s' ORDER BY line", visitor)))
}

// TestAnErasureReachesJourneys: rows of a browser, notes that name it, and pages that nobody else saw go. Of one that is
// somebody else's, too, the days stay noted, since its rows are read from sessions from now on.
func TestAnErasureReachesJourneys(t *testing.T) {
	g := newGarden(t)
	visit := func(visitor string, days int, paths ...string) schema.Session {
		s := g.session(visitor, time.Duration(days)*day)
		s.Workspace, s.Items = 7, nil
		for _, path := range paths {
			s.Items = append(s.Items, schema.Item{Hit: schema.Derive("hit", visitor, path), At: s.StartedAt, Type: schema.HitType_HIT_TYPE_PAGEVIEW, URL: "https://a.example" + path})
		}
		return s
	}
	eve, ann := visit("eve", 20, "/eve-alone", "/both"), visit("ann", 20, "/both", "/ann")
	shared, own := visit("shared", 18, "/eve-shared"), visit("shared", 17, "/ann-shared")
	g.write(false, eve, ann, shared, own)
	g.copyAll(true)
	g.exec("CREATE TABLE read_before AS journeys")
	g.exec("INSERT INTO read_before SELECT * FROM journeys WHERE visitor = sipHash64('eve')")
	erase := func() {
		for _, visitor := range []string{"eve", "shared"} {
			if err := g.EraseHits(t.Context(), &schema.ErasedHits{Workspace: 7, Visitor: visitor, Version: g.version}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ownDay := own.StartedAt.Time().UTC().Format(time.DateOnly)
	gone := func(when string) {
		t.Helper()
		if got := g.left("eve"); got != "0 rows, notes of []" {
			t.Errorf("%s, of the erased are left %s", when, got)
		}
		if got := g.left("shared"); !strings.HasSuffix(got, "notes of ["+ownDay+"]") {
			t.Errorf("%s, of the shared browser are left %s", when, got)
		}
		if got := g.count(t, "SELECT count() FROM journeys WHERE visitor = sipHash64('ann')"); got < 2 {
			t.Errorf("%s, of somebody else %d rows are left", when, got)
		}
	}
	// A copy that is under way stores what it has read before behind what deleted it.
	interrupted := 0
	g.Before("INSERT INTO journey_items", func(bound map[string]any) {
		if bound["day"] != eve.StartedAt.Time().UTC().Format(time.DateOnly) || interrupted > 0 {
			return
		}
		interrupted++
		g.write(true, eve, shared)
		g.write(false, own)
		g.exec("TRUNCATE TABLE journey_changes") // Whoever deletes rows of a day notes the day.
		erase()
		g.exec(fmt.Sprintf("INSERT INTO journeys SELECT * REPLACE(%d AS build) FROM read_before", bound["build"]))
	})
	g.copyAll(true)
	if interrupted == 0 {
		t.Fatal("nobody was erased")
	}
	gone("after a copy")
	g.exec("DROP TABLE read_before")
	erase()
	gone("after the night")
	items := func() string {
		return fmt.Sprint(g.lines("SELECT text AS line FROM journey_items FINAL WHERE workspace = 7 ORDER BY line"))
	}
	if err := g.ApplyDeletions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := items(); got != "[/ann /both]" { // The shared browser's are read from sessions.
		t.Errorf("known are %s", got)
	}
	g.copyAll(true)
	gone("after another copy")
	if got := items(); got != "[/ann /ann-shared /both]" {
		t.Errorf("known are %s", got)
	}
}
