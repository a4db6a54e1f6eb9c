package deliver_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/pipeline/deliver"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// tester is what helpers need of a test, be it one of rapid's.
type tester interface {
	Helper()
	Fatal(args ...any)
	Context() context.Context
}

func must[T any](t tester) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// world is what the stage works with: a real settings database, and ClickHouse,
// Kafka and platforms as far as it needs them.
type world struct {
	clock    *controltest.Clock
	store    *control.Store
	who      control.Principal
	truth    *truth
	log      *offsets
	channels map[string]deliver.Channel
	connect  map[string]control.Connection
	tokens   map[string]string // by platform
	fail     func(place string) error
	deps     *deliver.Deps
	planner  *deliver.Planner
	sender   *deliver.Sender
	stages   *deliver.Stages
}

func newWorld(t testing.TB) *world {
	w := &world{
		clock: controltest.NewClock(), truth: newTruth(), log: newOffsets(), channels: map[string]deliver.Channel{},
		connect: map[string]control.Connection{}, tokens: map[string]string{},
	}
	w.store = controltest.Open(t, controltest.SQLite(t), control.Options{Now: w.clock.Now})
	w.who = controltest.NewOwner(t, w.store, "ann@example.com")
	for _, platform := range []string{"google", "meta", "linkedin"} {
		state := must[string](t)(w.store.BeginConnection(t.Context(), w.who, platform, "browser"))
		c := must[control.Connection](t)(w.store.UseState(t.Context(), platform, state, "browser"))
		if err := w.store.SaveGrant(t.Context(), c.ID, control.Grant{Access: "token of " + platform}); err != nil {
			t.Fatal(err)
		}
		w.connect[platform] = c
		w.reconnect(t, platform)
	}
	w.start()
	return w
}

// reconnect makes a connection work again.
func (w *world) reconnect(t tester, platform string) {
	t.Helper()
	if err := w.store.MarkConnected(t.Context(), w.connect[platform].ID, control.Setup{App: "app of " + platform, Name: "Tea"}); err != nil {
		t.Fatal(err)
	}
}

// start is a process that has just begun.
func (w *world) start() {
	w.deps = &deliver.Deps{
		Destinations: w.store, Outbox: w.store, Queue: w.store, Stages: w.store, Reader: w.truth, Progress: w.log, Connections: w,
		Channels: w.channels, Slog: slog.New(slog.DiscardHandler), Now: w.clock.Now,
		Fail: func(place string) error {
			if w.fail == nil {
				return nil
			}
			return w.fail(place)
		},
	}
	w.planner = &deliver.Planner{Deps: w.deps, Dead: w}
	w.sender = deliver.NewSender(w.deps, 0, prometheus.NewRegistry())
	w.stages = &deliver.Stages{Deps: w.deps}
}

func (w *world) Token(_ context.Context, connection int64) (string, error) {
	for platform, c := range w.connect {
		if c.ID == connection {
			return w.tokens[platform], nil
		}
	}
	return "", schema.E("read the token", schema.KindUnknown, "There is no token for this connection. Connect it first.")
}

func (w *world) MarkFailed(ctx context.Context, connection int64, words string) error {
	return w.store.MarkFailed(ctx, connection, words)
}

func (w *world) AppendDead(_ context.Context, letters []*schema.DeadRecord) error {
	if len(letters) > 0 {
		return fmt.Errorf("%d dead letters", len(letters))
	}
	return nil
}

func (w *world) now() schema.Millis { return schema.MillisOf(w.clock.Now()) }

// destination makes one with an action of its own.
func (w *world) destination(t tester, platform string, action int, change func(*control.Destination)) control.Destination {
	t.Helper()
	d := control.Destination{Platform: platform, Name: platform, Action: strconv.Itoa(action)}
	switch platform {
	case "google":
		d.Account = "123-456-7890"
	case "meta":
		d.Event = "Lead"
	case "linkedin":
		d.Account = "9"
	}
	if change != nil {
		change(&d)
	}
	return must[control.Destination](t)(w.store.CreateDestination(t.Context(), w.who, d))
}

// credit tells the planner who was credited; nobody is everybody.
func (w *world) credit(ctx context.Context, contacts ...schema.ID) error {
	rec := &schema.CreditedRecord{Workspace: w.who.Workspace, At: int64(w.now())}
	for _, c := range contacts {
		rec.Contacts = append(rec.Contacts, c[:])
	}
	value, err := proto.Marshal(rec)
	if err != nil {
		return err
	}
	return w.planner.Process(ctx, []*stream.Record{{Topic: schema.TopicCredited, Value: value}})
}

// round sends what is due, and waits for it.
func (w *world) round(t tester) {
	t.Helper()
	if err := w.sender.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.sender.Wait()
}

// pushes are all of a destination, by conversion.
func (w *world) pushes(t tester, d control.Destination) map[schema.ID]control.Push {
	t.Helper()
	all, cursor := map[schema.ID]control.Push{}, ""
	for {
		page, next, err := w.store.Pushes(t.Context(), w.who, control.PushQuery{Destination: d.ID, Limit: 1000, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page {
			all[p.Conversion] = p
		}
		if cursor = next; next == "" {
			return all
		}
	}
}

// truth is ClickHouse as far as the stage reads it.
type truth struct {
	mu          sync.Mutex
	conversions map[schema.ID]*schema.Sendable
	formerly    map[schema.ID][]schema.ID // contacts that a conversion ever had
	heirs       map[schema.ID]schema.ID
}

func newTruth() *truth {
	return &truth{conversions: map[schema.ID]*schema.Sendable{}, formerly: map[schema.ID][]schema.ID{}, heirs: map[schema.ID]schema.ID{}}
}

// clear forgets all.
func (c *truth) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.conversions)
	clear(c.formerly)
	clear(c.heirs)
}

func contactNamed(name string) schema.ID { return schema.Derive("contact", name) }

// put has a conversion of a contact stand.
func (c *truth) put(name, contact string, at schema.Millis, change func(*schema.Sendable)) schema.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, owner := schema.Derive("conversion", name), contactNamed(contact)
	s := &schema.Sendable{
		Standing: schema.Standing{ID: id, Contact: owner, Name: "intercom_conversation", At: at, Country: "DE", Visitor: contact},
		Live:     true, Email: contact + "@example.com", Nodes: []schema.Node{nodeOf(contact)},
		Visits: []schema.Visit{{At: at - 1000, ClickIDs: []string{"gclid=g-" + name, "fbclid=F-" + name, "li_fat_id=" + schema.Derive("li", name).String()}}},
	}
	if change != nil {
		change(s)
	}
	c.conversions[id] = s
	c.heirs[owner] = owner
	c.formerly[id] = append(c.formerly[id], owner)
	return id
}

func nodeOf(contact string) schema.Node {
	return schema.NewNode(schema.NodeEmail, contact+"@example.com")
}

// give makes a conversion another contact's.
func (c *truth) give(conversion schema.ID, contact schema.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conversions[conversion].Contact = contact
	c.formerly[conversion] = append(c.formerly[conversion], contact)
}

func (c *truth) change(conversion schema.ID, how func(*schema.Sendable)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	how(c.conversions[conversion])
}

func (c *truth) Standing(_ context.Context, _ uint32, contacts []schema.ID, since schema.Millis) ([]schema.Standing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []schema.Standing
	for id, s := range c.conversions {
		if s.At >= since && slices.ContainsFunc(c.formerly[id], func(k schema.ID) bool { return slices.Contains(contacts, k) }) {
			all = append(all, s.Standing)
		}
	}
	return all, nil
}

func (c *truth) StandingAfter(_ context.Context, _ uint32, after schema.Place, limit int) (page []schema.Standing, next schema.Place, more bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []schema.Standing
	for _, s := range c.conversions {
		if s.At > after.At || s.At == after.At && s.ID.Compare(after.ID) > 0 {
			all = append(all, s.Standing)
		}
	}
	slices.SortFunc(all, func(a, b schema.Standing) int {
		if a.At != b.At {
			return int(a.At - b.At)
		}
		return a.ID.Compare(b.ID)
	})
	if len(all) <= limit {
		return all, after, false, nil
	}
	last := all[limit-1]
	return all[:limit], schema.Place{At: last.At, ID: last.ID}, true, nil
}

func (c *truth) Sendables(_ context.Context, _ uint32, conversions []schema.ID) (map[schema.ID]*schema.Sendable, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[schema.ID]*schema.Sendable{}
	for _, id := range conversions {
		if s := c.conversions[id]; s != nil {
			copied := *s
			all[id] = &copied
		}
	}
	return all, nil
}

func (c *truth) Visitors(_ context.Context, _ uint32, contacts []schema.ID) (map[schema.ID][]string, error) {
	all := map[schema.ID][]string{}
	for _, id := range contacts {
		all[id] = []string{id.String()}
	}
	return all, nil
}

func (c *truth) Heirs(_ context.Context, _ uint32, contacts []schema.ID) (map[schema.ID]schema.ID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[schema.ID]schema.ID{}
	for _, id := range contacts {
		if heir, ok := c.heirs[id]; ok {
			all[id] = heir
		}
	}
	return all, nil
}

func (c *truth) Owner(_ context.Context, _ uint32, node schema.Node) (schema.ID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.conversions {
		if s.Live && slices.Contains(s.Nodes, node) {
			return s.Contact, nil
		}
	}
	return schema.ID{}, nil
}

// offsets is Kafka: how much was written and processed of each topic, the same in
// all of its partitions.
type offsets struct {
	mu         sync.Mutex
	ends, done map[string]int64
}

func newOffsets() *offsets { return &offsets{ends: map[string]int64{}, done: map[string]int64{}} }

func (o *offsets) write(topic string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ends[topic]++
}

func (o *offsets) process(topic string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done[topic] = o.ends[topic]
}

func (o *offsets) Ends(_ context.Context, topic string) (map[int32]int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return everywhere(topic, o.ends[topic]), nil
}

func (o *offsets) Done(_ context.Context, topic string) (map[int32]int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return everywhere(topic, o.done[topic]), nil
}

func everywhere(topic string, offset int64) map[int32]int64 {
	all := map[int32]int64{}
	for n := range stream.Partitions(topic) {
		all[n] = offset
	}
	return all
}

func (o *offsets) Partition(topic string, key []byte) int32 {
	return stream.Partition(key, stream.Partitions(topic))
}

// moody is a platform that says anything, and remembers ids for as long as it
// does. It counts what it has accepted.
type moody struct {
	name      string
	remembers time.Duration
	takes     bool // it says first that it has taken something, and later what became of it
	now       func() schema.Millis

	mu       sync.Mutex
	random   *rand.Rand // nil: it does as it should
	accepted map[schema.ID]int
	seen     map[schema.ID]schema.Millis
	taken    map[string][]schema.ID
	receipts int
	asked    int
}

func newMoody(name string, remembers time.Duration, takes bool, now func() schema.Millis) *moody {
	return &moody{
		name: name, remembers: remembers, takes: takes, now: now,
		accepted: map[schema.ID]int{}, seen: map[schema.ID]schema.Millis{}, taken: map[string][]schema.ID{},
	}
}

func (m *moody) Name() string { return m.name }

func (m *moody) mood(n int) int {
	if m.random == nil {
		return 0
	}
	return m.random.IntN(n)
}

func (m *moody) Check(o *schema.Outgoing, now schema.Millis) (schema.Verdict, bool) {
	if now.Sub(o.At) > 90*24*time.Hour {
		return schema.Verdict{Outcome: schema.OutcomeRefused, Words: "It is too old."}, true
	}
	if o.Email == "" && len(o.Clicks) == 0 {
		return schema.Verdict{Outcome: schema.OutcomeNoIdentity, Words: "There is nothing to match by."}, true
	}
	return schema.Verdict{}, false
}

// accept counts an event, unless the platform knows it.
func (m *moody) accept(id schema.ID) schema.Outcome {
	if at, ok := m.seen[id]; ok && m.now().Sub(at) < m.remembers {
		return schema.OutcomeDuplicate
	}
	m.seen[id] = m.now()
	m.accepted[id]++
	return schema.OutcomeSent
}

func (m *moody) Send(_ context.Context, _ schema.Target, events []schema.Outgoing) []schema.Verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	all := make([]schema.Verdict, len(events))
	say := func(o schema.Outcome, take bool) []schema.Verdict {
		for i := range events {
			if take {
				m.accept(events[i].Push)
			}
			all[i] = schema.Verdict{Outcome: o, Words: "It said " + o.String() + "."}
		}
		return all
	}
	switch m.mood(9) {
	case 1:
		return say(schema.OutcomeUnclear, true)
	case 2:
		return say(schema.OutcomeUnclear, false)
	case 3:
		return say(schema.OutcomeLater, false)
	case 4:
		return say(schema.OutcomeDenied, false)
	case 5:
		if len(events) > 1 {
			return say(schema.OutcomeAlone, false)
		}
	case 6:
		return say(schema.OutcomeUnclear, true)[:0] // It forgets to answer.
	}
	if m.takes {
		return m.take(events, all)
	}
	for i := range events {
		switch m.mood(8) {
		case 1:
			all[i] = schema.Verdict{Outcome: schema.OutcomeRefused, Words: "It refused."}
		case 2:
			all[i] = schema.Verdict{Outcome: schema.OutcomeNoIdentity, Words: "It matched nobody."}
		case 3:
			all[i] = schema.Verdict{Outcome: schema.OutcomeNoConsent, Words: "It wants consent."}
		default:
			all[i] = schema.Verdict{Outcome: m.accept(events[i].Push), Words: "It has it."}
		}
	}
	return all
}

func (m *moody) take(events []schema.Outgoing, all []schema.Verdict) []schema.Verdict {
	m.receipts++
	receipt := strconv.Itoa(m.receipts)
	for i := range events {
		m.taken[receipt] = append(m.taken[receipt], events[i].Push)
		all[i] = schema.Verdict{Outcome: schema.OutcomeTaken, Words: "It looks at it.", Receipt: receipt}
	}
	return all
}

func (m *moody) Confirm(_ context.Context, _ schema.Target, receipt string, n int) schema.Verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := m.taken[receipt]
	if len(ids) != n {
		panic(fmt.Sprintf("the receipt %q is of %d, and asked for %d", receipt, len(ids), n))
	}
	switch m.mood(5) {
	case 1:
		return schema.Verdict{Outcome: schema.OutcomeTaken, Words: "It still looks at it.", Receipt: receipt}
	case 2:
		return schema.Verdict{Outcome: schema.OutcomeLater, Words: "It has no time."}
	case 3:
		if n > 1 { // A part of it counts.
			m.accept(ids[0])
			return schema.Verdict{Outcome: schema.OutcomeAlone, Words: "Some were refused."}
		}
		return schema.Verdict{Outcome: schema.OutcomeRefused, Words: "It refused."}
	}
	last := schema.OutcomeSent
	for _, id := range ids {
		last = m.accept(id)
	}
	if n > 1 {
		last = schema.OutcomeSent
	}
	return schema.Verdict{Outcome: last, Words: "It has it."}
}
