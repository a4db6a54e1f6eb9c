package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/pipeline/attribution"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/journeys"
	"sourceloop/pipeline/sessionize"
	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stitch"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
	"sourceloop/sinks/clickhouse"
)

// errAway is what an engine that is away answers.
var errAway = errors.New("the engine is away")

// faults makes the n-th call from now fail, before or after its effect.
type faults struct {
	countdown int
	after     bool
}

// around runs one effect under the plan.
func (f *faults) around(effect func() error) error {
	f.countdown--
	if f.countdown != 0 {
		return effect()
	}
	if f.after {
		if err := effect(); err != nil {
			return err
		}
	}
	return errAway
}

// faultyHits and faultyLeads are ClickHouse with faults.
type faultyHits struct {
	hitStore
	plan *faults
}

func (s faultyHits) WriteHits(ctx context.Context, hits []*schema.Hit, sessions []schema.SessionRow) error {
	return s.plan.around(func() error { return s.hitStore.WriteHits(ctx, hits, sessions) })
}

func (s faultyHits) WriteLate(ctx context.Context, rows []schema.LateRow) error {
	return s.plan.around(func() error { return s.hitStore.WriteLate(ctx, rows) })
}

func (s faultyHits) EraseHits(ctx context.Context, e *schema.ErasedHits) error {
	return s.plan.around(func() error { return s.hitStore.EraseHits(ctx, e) })
}

func (s faultyHits) NoteStep(ctx context.Context, step *schema.TaskStep) error {
	return s.plan.around(func() error { return s.hitStore.NoteStep(ctx, step) })
}

// Pick takes the story's visitors, whatever their partitions, one a step.
func (s faultyHits) Pick(ctx context.Context, q sessionize.Selection) (visitors []sessionize.Visitor, more bool, err error) {
	picked, more, err := s.sink.Pick(ctx, clickhouse.Selection{
		Partitions: 1, Workspace: q.Workspace, Late: q.Late, After: clickhouse.Visitor(q.After), Limit: 1, Hits: q.Hits,
	})
	for _, v := range picked {
		visitors = append(visitors, sessionize.Visitor(v))
	}
	return visitors, more, err
}

type faultyLeads struct {
	leadStore
	plan *faults
}

func (s faultyLeads) WriteLeads(ctx context.Context, rows *stitch.Rows) error {
	return s.plan.around(func() error { return s.leadStore.WriteLeads(ctx, rows) })
}

func (s faultyLeads) Attribute(ctx context.Context, workspace uint32, contacts []schema.Recredit, version uint64) error {
	return s.plan.around(func() error { return s.leadStore.Attribute(ctx, workspace, contacts, version) })
}

func (s faultyLeads) AttributeAnew(ctx context.Context, workspace uint32, contacts []schema.ID, version uint64) error {
	return s.plan.around(func() error { return s.leadStore.AttributeAnew(ctx, workspace, contacts, version) })
}

func (s faultyLeads) EraseOwners(ctx context.Context, e *schema.ErasedLeads) (credited []schema.ID, err error) {
	err = s.plan.around(func() error {
		credited, err = s.leadStore.EraseOwners(ctx, e)
		return err
	})
	return credited, err
}

func (s faultyLeads) EraseLeads(ctx context.Context, e *schema.ErasedLeads) error {
	return s.plan.around(func() error { return s.leadStore.EraseLeads(ctx, e) })
}

func (s faultyLeads) NoteStep(ctx context.Context, step *schema.TaskStep) error {
	return s.plan.around(func() error { return s.leadStore.NoteStep(ctx, step) })
}

// twoLogs keeps what is appended to hits and leads, with faults. What else is
// appended nobody reads there.
type twoLogs struct {
	plan  *faults
	hits  []*stream.Record
	leads []*stream.Record
	dead  int
}

func (l *twoLogs) Append(_ context.Context, topic string, _, values [][]byte) error {
	return l.plan.around(func() error {
		for _, v := range values {
			l.append(topic, v)
		}
		return nil
	})
}

func (l *twoLogs) append(topic string, value []byte) {
	var log *[]*stream.Record
	switch topic {
	case schema.TopicHits:
		log = &l.hits
	case schema.TopicLeads:
		log = &l.leads
	default:
		return
	}
	*log = append(*log, &stream.Record{Topic: topic, Value: value, Offset: int64(len(*log))})
}

func (l *twoLogs) AppendDead(_ context.Context, letters []*schema.DeadRecord) error {
	l.dead += len(letters)
	return nil
}

type oneWorkspace struct{ w *schema.Workspace }

func (o oneWorkspace) Workspace(id uint32) (*schema.Workspace, bool) { return o.w, id == o.w.ID }

// bench is the two stages that keep state, on real engines, driven by hand.
type bench struct {
	sink      *clickhouse.Sink
	conn      driver.Conn
	state     *state.Store
	channels  *enrich.Channels
	workspace uint32
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db := embeddedtest.ClickHouse(t)
	if err := migrations.Migrate(t.Context(), db.Options(), db.Name); err != nil {
		t.Fatal(err)
	}
	sink, err := clickhouse.New(t.Context(), clickhouse.Config{
		Addr: []string{db.Addr}, Database: db.Name, User: db.Username, Password: db.Password, Every: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	conn, err := driver.Open(db.Options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	store, err := state.Open(t.Context(), state.Config{
		Addrs: []string{embeddedtest.Redis(t)}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	channels, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	return &bench{sink: sink, conn: conn, state: store, channels: channels}
}

// driver of one topic: it hands stretches to a worker, and after an error
// either repeats with the same worker or, as after a crash, with a new one,
// for which some of the engines' memory may be gone.
type lane struct {
	t         *rapid.T
	name      string
	make      func(context.Context, stream.Assignment) (stream.Worker, error)
	partition int32
	committed int64
	worker    stream.Worker
	plan      *faults
}

func (l *lane) process(ctx context.Context, records []*stream.Record) {
	for {
		l.plan.countdown = rapid.IntRange(0, 5).Draw(l.t, l.name+" fails at call")
		l.plan.after = rapid.Bool().Draw(l.t, l.name+" fails after the effect")
		err := l.step(ctx, records)
		if err == nil && rapid.IntRange(0, 9).Draw(l.t, l.name+" is killed before the commit") > 0 {
			break
		}
		if err != nil && !errors.Is(err, errAway) && !errors.Is(err, stream.ErrFenced) {
			l.t.Fatal(err)
		}
		if err == nil || rapid.Bool().Draw(l.t, l.name+" is killed") {
			l.worker = nil
		}
	}
	l.committed = records[len(records)-1].Offset + 1
}

func (l *lane) step(ctx context.Context, records []*stream.Record) error {
	if l.worker == nil {
		w, err := l.make(ctx, stream.Assignment{
			Partition: l.partition, Confirm: func(context.Context) (int64, error) { return l.committed, nil },
		})
		if err != nil {
			return err
		}
		l.worker = w
	}
	return l.worker.Process(ctx, records)
}

// TestRepeatingChangesNothing sends random hits and claims, cut into random
// stretches, through sessionize and stitch on real engines that fail at random
// calls, with workers that are killed at random points and a Redis that is
// flushed; then sessions, contacts and touches must be those of the naive
// reference, which sorts everything and starts over.
func TestRepeatingChangesNothing(t *testing.T) {
	fewerChecks(t, 25)
	b := newBench(t)
	rapid.Check(t, func(t *rapid.T) {
		b.workspace++
		story := drawStory(t, b.workspace)
		story.send(t, b)
		story.compare(t, b)
	})
}

// fewerChecks asks rapid for fewer histories where nobody asked for a number:
// one takes a second or two.
func fewerChecks(t *testing.T, n int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
}

// story is one workspace's random history.
type story struct {
	workspace *schema.Workspace
	hits      []*schema.Hit
	leads     []*schema.Evidence // not sent yet
	chats     []*schema.Evidence // all
	rebuilds  int
	erasure   erasure
}

func drawStory(t *rapid.T, id uint32) *story {
	settings := schema.DefaultSettings()
	s := &story{workspace: &schema.Workspace{ID: id, Zone: time.UTC, Currency: "USD", Settings: []schema.Settings{settings}}}
	start := schema.MillisOf(time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC))
	urls := []string{
		"https://site.example/", "https://site.example/pricing", "https://site.example/?utm_source=test&utm_medium=verify",
		"https://site.example/?gclid=abc", "https://site.example/docs?utm_source=news&utm_medium=email&utm_campaign=may",
	}
	referrers := []string{"", "", "https://www.google.com/", "https://site.example/", "https://chatgpt.com/"}
	n := rapid.IntRange(1, 25).Draw(t, "hits")
	for i := range n {
		minutes := rapid.SampledFrom([]int{0, 1, 5, 30, 31, 90, 600, 3000}).Draw(t, "minutes")
		start += schema.Millis(minutes) * 60_000
		at := start
		hit := schema.NewHitID(at, [10]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id), byte(i)})
		h := &schema.Hit{
			Id: hit[:], Workspace: id, Visitor: rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "visitor"), At: int64(at),
			Type: schema.HitType_HIT_TYPE_PAGEVIEW, Url: rapid.SampledFrom(urls).Draw(t, "url"),
			Referrer: rapid.SampledFrom(referrers).Draw(t, "referrer"), Device: "desktop", Browser: "Firefox", Country: "DE",
		}
		if rapid.IntRange(0, 5).Draw(t, "identifies") == 0 {
			h.Type = schema.HitType_HIT_TYPE_IDENTIFY
			h.Traits = &schema.Traits{Email: rapid.SampledFrom([]string{"ann@example.com", "bob@example.com"}).Draw(t, "email")}
		}
		s.hits = append(s.hits, h)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "chats") {
		s.leads = append(s.leads, drawChat(t, id, i, start))
	}
	s.chats = s.leads
	return s
}

// drawChat is what resolve makes of a conversation.
func drawChat(t *rapid.T, workspace uint32, i int, end schema.Millis) *schema.Evidence {
	person := rapid.SampledFrom([]string{"ann", "bob", "cyd"}).Draw(t, "person")
	at := end - schema.Millis(rapid.IntRange(-10, 2000).Draw(t, "minutes before the end"))*60_000
	contact := schema.NewNode(schema.NodeIntercom, person)
	conversation := fmt.Sprint(i)
	e := &schema.Evidence{Claims: []*schema.Claim{
		schema.NewClaim(workspace, []schema.Node{contact, schema.NewNode(schema.NodeEmail, person+"@example.com")}, true, at, "intercom contact "+person, "intercom", person),
	}}
	id := schema.ConversationID(workspace, "intercom", conversation)
	e.Conversion = &schema.ConversionFact{
		Id: id[:], Workspace: workspace, Name: "intercom_conversation", Provider: "intercom", ExternalId: conversation,
		Node: string(contact), At: int64(at), Updated: 1,
	}
	if visitor := rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(t, "sourceloop_id"); visitor != "" {
		e.Conversion.Visitor = visitor
		e.Claims = append(e.Claims, schema.NewClaim(workspace, []schema.Node{contact, schema.NewNode(schema.NodeVisitor, visitor)},
			false, at, "intercom conversation "+conversation, "sourceloop_id", ""))
	}
	return e
}

// pipe is both stages at work on a story.
type pipe struct {
	story    *story
	bench    *bench
	log      *twoLogs
	hits     *lane
	leads    *lane
	received schema.Millis // the newest arrival
}

func (s *story) pipe(t *rapid.T, b *bench) *pipe {
	plan := &faults{}
	log := &twoLogs{plan: plan}
	registry := prometheus.NewRegistry()
	now := func() time.Time { return time.Unix(1_790_000_000, 0) }
	hits := &lane{t: t, name: "sessionize", partition: int32(b.workspace % schema.HitsPartitions), plan: plan, make: sessionize.NewStager(sessionize.Deps{
		State: b.state, Workspaces: oneWorkspace{s.workspace}, Classifier: b.channels, Normalizer: identity.Rules{},
		Sink: faultyHits{hitStore{b.sink}, plan}, History: faultyHits{hitStore{b.sink}, plan}, Conversions: stitch.Lookup{State: b.state},
		Erasures: &s.erasure, Log: log, Slog: slog.New(slog.DiscardHandler), Now: now,
	}, registry).New}
	leads := &lane{
		t: t, name: "stitch", plan: plan, partition: stream.Partition(schema.LeadKey(b.workspace), schema.LeadsPartitions),
		make: stitch.NewStager(stitch.Deps{
			State: b.state, Sink: faultyLeads{leadStore{b.sink}, plan}, History: leadStore{b.sink}, Erasures: &s.erasure, Dead: log, Log: log,
			Slog: slog.New(slog.DiscardHandler), Now: now,
		}, registry).New,
	}
	flush(t, b, hits.partition, leads.partition) // what an earlier story left
	return &pipe{
		story: s, bench: b, log: log, hits: hits, leads: leads,
		received: schema.MillisOf(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)),
	}
}

// send drives both stages until everything has been processed.
func (s *story) send(t *rapid.T, b *bench) {
	r := s.pipe(t, b)
	r.arrive(t, s.arrivals(t))
	r.drain(t, len(s.leads))
}

// drain lets so many chats happen, folds in what came late, and works until
// nothing is left.
func (r *pipe) drain(t *rapid.T, chats int) {
	left := len(r.story.leads) - chats
	for rebuilt := false; !rebuilt || r.behind() || len(r.story.leads) > left; {
		if int(r.hits.committed) == len(r.log.hits) && !rebuilt {
			r.log.append(schema.TopicHits, r.story.rebuild(t, true))
			rebuilt = true
			continue
		}
		r.step(t, len(r.story.leads) > left)
	}
	if r.log.dead != 0 {
		t.Fatalf("%d dead letters", r.log.dead)
	}
}

func (r *pipe) behind() bool {
	return int(r.hits.committed) < len(r.log.hits) || int(r.leads.committed) < len(r.log.leads)
}

// step takes one stage one stretch further; perhaps somebody chats before.
func (r *pipe) step(t *rapid.T, chats bool) {
	if rapid.IntRange(0, 7).Draw(t, "Redis is lost") == 0 {
		flush(t, r.bench, r.hits.partition, r.leads.partition)
	}
	if open := r.log.hits[r.hits.committed:]; len(open) > 0 && rapid.Bool().Draw(t, "hits first") {
		r.hits.process(context.Background(), open[:rapid.IntRange(1, len(open)).Draw(t, "stretch")])
		return
	}
	if chats {
		r.story.someLeads(t, r.log)
	}
	if open := r.log.leads[r.leads.committed:]; len(open) > 0 {
		r.leads.process(context.Background(), open[:rapid.IntRange(1, len(open)).Draw(t, "stretch of leads")])
	}
}

// arrivals are the hits in a random order of arrival, some of them twice.
func (s *story) arrivals(t *rapid.T) []*schema.Hit {
	arriving := rapid.Permutation(s.hits).Draw(t, "arrival")
	for _, h := range s.hits {
		if rapid.IntRange(0, 4).Draw(t, "sent twice") == 0 {
			arriving = append(arriving, h)
		}
	}
	for i, h := range arriving {
		arriving[i] = proto.CloneOf(h)
	}
	return arriving
}

// arrive puts hits into the log, now and then days later, so that some come
// after the seal. In between everything is rebuilt, or what was late.
func (r *pipe) arrive(t *rapid.T, hits []*schema.Hit) {
	for _, h := range hits {
		hours := rapid.SampledFrom([]int{0, 0, 0, 0, 1, 80}).Draw(t, "hours later")
		r.received += schema.Millis(hours*3_600_000 + 1)
		h.Received = int64(r.received)
		r.log.append(schema.TopicHits, encoded(t, &schema.HitRecord{Body: &schema.HitRecord_Hit{Hit: h}}))
		if rapid.IntRange(0, 9).Draw(t, "is rebuilt") == 0 {
			r.log.append(schema.TopicHits, r.story.rebuild(t, rapid.Bool().Draw(t, "only what is late")))
		}
	}
}

// rebuild is the order to derive the story's sessions anew.
func (s *story) rebuild(t *rapid.T, late bool) []byte {
	s.rebuilds++
	task := schema.Derive("task", fmt.Sprint(s.workspace.ID), fmt.Sprint(s.rebuilds))
	return encoded(t, &schema.HitRecord{Body: &schema.HitRecord_Rebuild{Rebuild: &schema.Rebuild{
		Task: task[:], Part: "hits", Workspace: s.workspace.ID, Late: late,
	}}})
}

func encoded(t *rapid.T, m proto.Message) []byte {
	value, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// someLeads appends the next chat, sometimes twice.
func (s *story) someLeads(t *rapid.T, log *twoLogs) {
	if len(s.leads) == 0 {
		return
	}
	value := encoded(t, &schema.LeadRecord{
		Workspace: s.workspace.ID, Received: s.arrival(), Body: &schema.LeadRecord_Evidence{Evidence: s.leads[0]},
	})
	for range rapid.IntRange(1, 2).Draw(t, "delivered") {
		log.append(schema.TopicLeads, value)
	}
	s.leads = s.leads[1:]
}

// arrival is when the next chat arrives: at first before anything is erased,
// then after.
func (s *story) arrival() int64 {
	if s.erasure.work != nil {
		return s.erasure.work.GetUntil() + 1
	}
	return 1
}

// flush loses everything that Redis had of two partitions.
func flush(t *rapid.T, b *bench, hits, leads int32) {
	ctx := context.Background()
	for _, tag := range []string{fmt.Sprintf("h%d", hits), fmt.Sprintf("l%d", leads)} {
		if err := b.state.Forget(ctx, tag); err != nil {
			t.Fatal(err)
		}
	}
}

// compare asks ClickHouse for what must have come out.
func (s *story) compare(t *rapid.T, b *bench) {
	var want []schema.Session
	var claims []*schema.Claim
	for _, visitor := range []string{"ann", "bob"} {
		var mine []*schema.Hit
		for _, h := range s.hits {
			if h.GetVisitor() == visitor {
				mine = append(mine, h)
			}
		}
		sessions := journeys.Sessions(s.workspace, visitor, mine, b.channels)
		want = append(want, sessions...)
		claims = append(claims, journeys.Identifications(s.workspace.ID, mine, sessions, identity.Rules{})...)
	}
	for _, e := range s.chats {
		claims = append(claims, e.GetClaims()...)
	}
	contacts, identities := journeys.Contacts(s.workspace.ID, claims)
	s.compareSessions(t, b, want)
	s.compareContacts(t, b, contacts)
	s.compareTouches(t, b, contacts, identities, want)
}

type sessionRow struct {
	Visitor, Reason, Source, Medium, Channel string
	Started, Ended                           time.Time
	Items                                    uint64
}

func (s *story) compareSessions(t *rapid.T, b *bench, sessions []schema.Session) {
	var want, got []sessionRow
	for i := range sessions {
		x := &sessions[i]
		want = append(want, sessionRow{x.Visitor, string(x.Reason), x.Touch.Source, x.Touch.Medium, x.Touch.Channel,
			x.StartedAt.Time(), x.EndedAt.Time(), uint64(len(x.Items))})
	}
	rows, err := b.conn.Query(context.Background(), `
		SELECT visitor, toString(reason), source, medium, channel, started_at, ended_at, toUInt64(length(items_at))
		FROM sessions FINAL WHERE workspace = {workspace:UInt32}`, driver.Named("workspace", s.workspace.ID))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r sessionRow
		if err := rows.Scan(&r.Visitor, &r.Reason, &r.Source, &r.Medium, &r.Channel, &r.Started, &r.Ended, &r.Items); err != nil {
			t.Fatal(err)
		}
		r.Started, r.Ended = r.Started.UTC(), r.Ended.UTC()
		got = append(got, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	order := func(a, b sessionRow) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("sessions:\n got %v\nwant %v", got, want)
	}
}

// texts asks ClickHouse for one sorted column of text.
func (s *story) texts(t *rapid.T, b *bench, sql string) []string {
	rows, err := b.conn.Query(context.Background(), sql, driver.Named("workspace", s.workspace.ID))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func compareTexts(t *rapid.T, what string, got, want []string) {
	slices.Sort(want)
	if !slices.Equal(want, got) {
		t.Fatalf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// compareContacts checks the live contacts against a fold over all claims.
func (s *story) compareContacts(t *rapid.T, b *bench, contacts []schema.Contact) {
	var want []string
	for _, c := range contacts {
		want = append(want, hex.EncodeToString(c.ID[:])+" "+c.Email)
	}
	compareTexts(t, "contacts", s.texts(t, b, `
		SELECT concat(lower(hex(id)), ' ', email) FROM contacts FINAL
		WHERE workspace = {workspace:UInt32} AND redirect = toFixedString('', 16)`), want)
}

// compareTouches checks whose every conversion is, when it was, and the
// sessions that it is credited to, in their order.
func (s *story) compareTouches(t *rapid.T, b *bench, contacts []schema.Contact, identities []schema.Identity, sessions []schema.Session) {
	var want []string
	add := func(fact *schema.ConversionFact, contact schema.ID) {
		text := fmt.Sprintf("%s %x of %x at %d:", fact.GetName(), fact.GetId(), contact[:], fact.GetAt())
		for _, touch := range attribution.Touches(fact, contact, identities, sessions, 0) {
			text += fmt.Sprintf(" %x", touch.Session[:])
		}
		want = append(want, text)
	}
	for _, e := range s.chats {
		if e.GetConversion() == nil {
			continue
		}
		if contact := journeys.Counts(e.GetConversion(), contacts, identities); !contact.IsZero() {
			add(e.GetConversion(), contact)
		}
	}
	for _, c := range contacts {
		if c.Email != "" || c.Phone != "" {
			add(&schema.ConversionFact{Id: c.ID[:], Name: "contact", At: int64(c.CreatedAt)}, c.ID)
		}
	}
	compareTexts(t, "conversions", s.texts(t, b, `
		SELECT concat(name, ' ', lower(hex(id)), ' of ', lower(hex(contact)), ' at ', toString(toUnixTimestamp64Milli(at)), ':',
			arrayStringConcat(arrayMap(session -> concat(' ', lower(hex(session))), touches_session)))
		FROM (
			SELECT * FROM conversions WHERE workspace = {workspace:UInt32}
			ORDER BY version DESC, known_at DESC LIMIT 1 BY at, id
		)
		WHERE NOT deleted`), want)
}
