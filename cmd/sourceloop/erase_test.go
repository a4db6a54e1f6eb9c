package main

import (
	"context"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"sourceloop/control"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/session"
	"sourceloop/pipeline/upkeep"
	"sourceloop/schema"
)

// erasure is what a story's erasure is about, in place of the settings
// database; nothing was erased while work is nil.
type erasure struct{ work *schema.Erase }

func (e *erasure) Erased(_ uint32, node schema.Node, at, arrived schema.Millis) bool {
	return e.work != nil && int64(arrived) <= e.work.GetUntil() && e.work.Names(node, at)
}

func (e *erasure) ErasedUntil(uint32) schema.Millis { return schema.Millis(e.work.GetUntil()) }

// asked is a settings database with one erasure, from which a keeper finds out
// who is meant.
type asked struct {
	target string
	task   *control.Task
	named  *schema.Erase
}

func (a *asked) AddNightly(context.Context, string) (bool, error) { return false, nil }

func (a *asked) AddJourneys(context.Context, string, time.Duration) error { return nil }

func (a *asked) HoldTask(context.Context, *control.Task, time.Duration) error { return nil }

func (a *asked) TakeChore(context.Context, string, time.Duration) (bool, error) { return false, nil }

func (a *asked) ForgetDeliveries(context.Context) error { return nil }

func (a *asked) TakeTask(context.Context, time.Duration) (*control.Task, error) {
	task := a.task
	a.task = nil
	return task, nil
}

func (a *asked) SaveTask(context.Context, *control.Task, time.Duration) error { return nil }

func (a *asked) ErasureWork(context.Context, *control.Task) (*schema.Erase, error) {
	return &schema.Erase{Part: a.target}, nil
}

func (a *asked) NameErased(_ context.Context, _ *control.Task, work *schema.Erase) error {
	a.named = work
	return nil
}

func (a *asked) ErasePushes(context.Context, uint32, []schema.ID, []schema.ID) (map[string]control.ErasedPushes, error) {
	return nil, nil
}

func (a *asked) FinishErasure(context.Context, *control.Task, *schema.Erase) error { return nil }

// find has a keeper find what is the person's in ClickHouse.
func (s *story) find(t *rapid.T, b *bench, target string, until schema.Millis) *schema.Erase {
	t.Helper()
	store := &asked{target: target, task: &control.Task{
		Run: schema.Derive("erase", target), Kind: control.EraseTask, Workspace: s.workspace.ID, CreatedAt: until,
	}}
	keeper := upkeep.New(upkeep.Config{Store: store, Steps: b.sink, People: b.sink, Nightly: -1})
	if err := keeper.Work(context.Background()); err != nil {
		t.Fatal(err)
	}
	return store.named
}

// TestErasedStaysErased erases a person, or a browser, in the middle of a
// random story, on real engines that fail at random calls. Afterwards some of
// the records come again as they were, as from a spool or the dead letters,
// more hits and chats arrive, also of the same person, everything is rebuilt,
// and Redis is lost now and then. What comes out must be what the naive
// reference makes of what was not erased, and the rest must be nowhere.
func TestErasedStaysErased(t *testing.T) {
	fewerChecks(t, 15)
	b := newBench(t)
	rapid.Check(t, func(t *rapid.T) {
		b.workspace++
		s := drawStory(t, b.workspace)
		r := s.pipe(t, b)
		arriving := s.arrivals(t)
		half := rapid.IntRange(0, len(arriving)).Draw(t, "erased after")
		before, after := arriving[:half], arriving[half:]
		r.arrive(t, before)
		r.drain(t, rapid.IntRange(0, len(s.leads)).Draw(t, "chats before"))
		until := schema.Millis(1)
		for _, h := range before {
			until = max(until, schema.Millis(h.GetReceived()))
		}
		target := rapid.SampledFrom([]string{
			"visitor:ann", "visitor:bob", "email:ann@example.com", "email:bob@example.com", "email:cyd@example.com", "intercom:ann",
		}).Draw(t, "who")
		s.erasure.work = s.find(t, b, target, until)
		known := s.chats[:len(s.chats)-len(s.leads)]
		r.erase(t)
		for _, h := range before {
			if rapid.IntRange(0, 3).Draw(t, "comes again") == 0 {
				r.log.append(schema.TopicHits, encoded(t, &schema.HitRecord{Body: &schema.HitRecord_Hit{Hit: h}}))
			}
		}
		r.received = until + 1
		r.arrive(t, after)
		if rapid.Bool().Draw(t, "night falls") {
			r.drain(t, rapid.IntRange(0, len(s.leads)).Draw(t, "chats before the night"))
			r.erase(t)
		}
		r.log.append(schema.TopicHits, s.rebuild(t, false))
		r.drain(t, len(s.leads))
		s.forget(known, before, after)
		s.compare(t, b)
		s.gone(t, b)
	})
}

// erase orders it from hits and then, when they have obeyed, from leads.
func (r *pipe) erase(t *rapid.T) {
	work := r.story.erasure.work
	for _, browser := range work.GetBrowsers() {
		order := proto.CloneOf(work)
		order.Browsers, order.Contacts = []*schema.Browser{browser}, nil
		r.log.append(schema.TopicHits, encoded(t, &schema.HitRecord{Body: &schema.HitRecord_Erase{Erase: order}}))
	}
	for int(r.hits.committed) < len(r.log.hits) {
		r.step(t, false)
	}
	r.log.append(schema.TopicLeads, encoded(t, &schema.LeadRecord{Workspace: work.GetWorkspace(), Body: &schema.LeadRecord_Erase{Erase: work}}))
}

// forget takes out of the story what was erased, for the reference.
func (s *story) forget(known []*schema.Evidence, before, after []*schema.Hit) {
	erased := s.erasure.work.Names
	s.hits = nil
	for _, h := range before {
		at := schema.Millis(h.GetAt())
		named := session.Named(h, h.GetCountry(), identity.Rules{})
		if !erased(schema.NewNode(schema.NodeVisitor, h.GetVisitor()), at) && !slices.ContainsFunc(named, func(n schema.Node) bool { return erased(n, at) }) {
			s.hits = append(s.hits, h)
		}
	}
	s.hits = append(s.hits, after...)
	later := s.chats[len(known):]
	s.chats = nil
	for _, e := range known {
		left := &schema.Evidence{}
		for _, c := range e.GetClaims() {
			if !slices.ContainsFunc(c.GetNodes(), func(n string) bool { return erased(schema.Node(n), schema.Millis(c.GetAt())) }) {
				left.Claims = append(left.Claims, c)
			}
		}
		if f := proto.CloneOf(e.GetConversion()); !erased(schema.Node(f.GetNode()), schema.Millis(f.GetAt())) {
			if erased(schema.NewNode(schema.NodeVisitor, f.GetVisitor()), schema.Millis(f.GetAt())) {
				f.Visitor = ""
			}
			left.Conversion = f
		}
		s.chats = append(s.chats, left)
	}
	s.chats = append(s.chats, later...)
}

// gone looks for what was erased in every table.
func (s *story) gone(t *rapid.T, b *bench) {
	var hits, claims, facts []string
	for _, h := range s.hits {
		hits = append(hits, hex.EncodeToString(h.GetId()))
	}
	for _, e := range s.chats {
		for _, c := range e.GetClaims() {
			claims = append(claims, hex.EncodeToString(c.GetId()))
		}
		if f := e.GetConversion(); f != nil {
			facts = append(facts, hex.EncodeToString(f.GetId()))
		}
	}
	for sql, kept := range map[string][]string{
		"SELECT DISTINCT lower(hex(id)) FROM hits WHERE workspace = {workspace:UInt32}":                                              hits,
		"SELECT DISTINCT lower(hex(arrayJoin(items_hit))) FROM sessions WHERE workspace = {workspace:UInt32}":                        hits,
		"SELECT DISTINCT lower(hex(id)) FROM claims WHERE workspace = {workspace:UInt32} AND method != 'identify'":                   claims,
		"SELECT DISTINCT lower(hex(id)) FROM conversion_facts WHERE workspace = {workspace:UInt32}":                                  facts,
		"SELECT DISTINCT lower(hex(id)) FROM conversions WHERE workspace = {workspace:UInt32} AND name != 'contact' AND NOT deleted": facts,
	} {
		for _, id := range s.texts(t, b, sql) {
			if !slices.Contains(kept, id) {
				t.Fatalf("%s: %s should be gone", sql, id)
			}
		}
	}
	var events uint64
	if err := b.conn.QueryRow(context.Background(), "SELECT count() FROM claims WHERE workspace = {workspace:UInt32} AND method = 'identify' AND NOT hasAny({kept:Array(String)}, [replaceAll(substring(evidence, 5), '-', '')])",
		driver.Named("workspace", s.workspace.ID), driver.Named("kept", hits)).Scan(&events); err != nil || events > 0 {
		t.Fatalf("%d claims rest on hits that are gone, %v", events, err)
	}
}
