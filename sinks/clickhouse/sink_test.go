package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
	sink "sourceloop/sinks/clickhouse"
)

func hit(workspace uint32, visitor string, n int) *schema.Hit {
	id := schema.NewHitID(begin+schema.Millis(n), [10]byte{byte(n), byte(n >> 8)})
	return &schema.Hit{
		Id: id[:], Workspace: workspace, Visitor: visitor, At: int64(begin) + int64(n), Received: int64(begin) + int64(n) + 5,
		Type: schema.HitType_HIT_TYPE_EVENT, Url: "https://a.example/?q=ä\x00", Referrer: "r", Title: "t", Name: "play",
		Properties: []byte(`{"plan":"pro"}`), Traits: &schema.Traits{Email: "e", Phone: "p", Name: "n", UserId: "u"}, UserAgent: "agent",
		Tz: "Europe/Berlin", Country: "DE", CountrySource: "timezone", Device: "mobile", Browser: "Firefox", Os: "Android", Bot: true, ClockShift: -7,
		AdConsent: "granted", Fbp: "fb.1.2.3", Fbc: "fb.1.2.Ab", LiFatId: "li-1",
	}
}

// What is written is read back as it was, once, however often it was written.
func TestWriteAndReadBack(t *testing.T) {
	e := open(t)
	h, session := hit(7, "v", 1), grow(1).sessions[0]
	gone := session
	gone.ID = schema.Derive("another session")
	claim := schema.NewClaim(7, []schema.Node{"visitor:v", "email:e@a.example"}, true, begin, "hit 1", "identify", "Ada")
	fact := &schema.ConversionFact{
		Id: claim.GetId(), Workspace: 7, Name: "goal", Provider: "api", ExternalId: "x", Node: "email:e@a.example", Visitor: "v", At: int64(begin),
		Value: 1.5, Currency: "EUR", Url: "u", Page: "p", Message: "m", State: "open", Deleted: true, Updated: 9, VisitorSince: 8,
	}
	session.Workspace, gone.Workspace = 7, 7
	session.Ads = schema.Ads{Consent: schema.ConsentGranted, FBP: "fb.1.2.3", FBC: "fb.1.2.Ab", LiFatID: "li-1"}
	h.Type = schema.HitType_HIT_TYPE_ADS
	b := &sink.Batch{
		Hits:     []*schema.Hit{h, h},
		Sessions: []schema.SessionRow{{Session: session, Version: 1}, {Session: gone, Version: 1}},
		Claims:   []schema.ClaimRow{{Claim: claim, Version: 1}}, Facts: []schema.FactRow{{ConversionFact: fact, Version: 3 << 32}},
		Identities: []schema.IdentityRow{{Version: 1, Identity: schema.Identity{Workspace: 7, Node: "visitor:v", Since: []schema.Millis{1}, Contacts: []schema.ID{session.ID}}}},
		Contacts:   []schema.ContactRow{{Version: 1, Contact: schema.Contact{Workspace: 7, ID: session.ID}}},
		Dead:       []*schema.DeadRecord{{Id: claim.GetId(), Topic: schema.TopicHits, Reason: "malformed", Value: []byte{0, 255}}},
	}
	for range 2 {
		if err := e.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Write(t.Context(), &sink.Batch{Sessions: []schema.SessionRow{{Session: gone, Version: 2, Deleted: true}}}); err != nil {
		t.Fatal(err)
	}
	v := sink.Visitor{Workspace: 7, ID: "v"}
	hits, err := e.VisitorHits(t.Context(), []sink.Visitor{v, {Workspace: 8, ID: "v"}}, 10)
	if err != nil || len(hits) != 1 || len(hits[v]) != 1 || !proto.Equal(hits[v][0], h) {
		t.Errorf("hits are %v, %v; want %v once", hits, err, h)
	}
	if n := e.count(t, "SELECT count() FROM sessions FINAL WHERE ad_consent = 'granted' AND fbp = 'fb.1.2.3' AND fbc = 'fb.1.2.Ab' AND li_fat_id = 'li-1'"); n != 1 {
		t.Errorf("%d sessions know what the ad tags know, want one", n)
	}
	keys, err := e.SessionKeys(t.Context(), []sink.Visitor{{Workspace: 7, ID: session.Visitor}})
	if want := (&schema.WrittenKey{Day: session.StartedAt.Day(), Session: session.ID[:]}); err != nil || len(keys) != 1 ||
		!proto.Equal(keys[sink.Visitor{Workspace: 7, ID: session.Visitor}][0], want) {
		t.Errorf("keys are %v, %v; want %v and not the one that was deleted", keys, err, want)
	}
	if err := e.Claims(t.Context(), 7, func(c *schema.Claim) error {
		if !proto.Equal(c, claim) {
			t.Errorf("the claim is %v, want %v", c, claim)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := e.Facts(t.Context(), 7, func(f *schema.ConversionFact) error {
		if !proto.Equal(f, fact) {
			t.Errorf("the fact is %v, want %v", f, fact)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	ids, err := e.ContactIDs(t.Context(), 7)
	if err != nil || !slices.Equal(ids, []schema.ID{session.ID}) {
		t.Errorf("contacts are %v, %v", ids, err)
	}
	nodes, err := e.IdentityNodes(t.Context(), 7)
	if err != nil || !slices.Equal(nodes, []schema.Node{"visitor:v"}) {
		t.Errorf("nodes are %v, %v", nodes, err)
	}
	workspaces, err := e.Workspaces(t.Context())
	if err != nil || !slices.Equal(workspaces, []uint32{7}) {
		t.Errorf("workspaces are %v, %v", workspaces, err)
	}
	highest, err := e.HighestVersion(t.Context(), "claims", "conversion_facts")
	if err != nil || highest != 3<<32 {
		t.Errorf("the highest version is %d, %v", highest, err)
	}
	if n := e.count(t, "SELECT count() FROM dead_letters FINAL WHERE value = '\\0\\xff'"); n != 1 {
		t.Errorf("%d dead letters, want one", n)
	}
}

// Of two bodies with one id the one received earlier stands, in any order.
func TestEarlierHitStands(t *testing.T) {
	e := open(t)
	first, second := hit(1, "v", 1), hit(1, "v", 1)
	first.Title, second.Title, second.Received = "first", "second", second.Received+1
	for _, h := range []*schema.Hit{second, first, second} {
		if err := e.Write(t.Context(), &sink.Batch{Hits: []*schema.Hit{h}}); err != nil {
			t.Fatal(err)
		}
	}
	hits, err := e.VisitorHits(t.Context(), []sink.Visitor{{Workspace: 1, ID: "v"}}, 10)
	if got := hits[sink.Visitor{Workspace: 1, ID: "v"}]; err != nil || len(got) != 1 || got[0].Title != "first" {
		t.Errorf("got %v, %v", got, err)
	}
}

// The month of a forged id is no error, however far off.
func TestForgedIDIsStored(t *testing.T) {
	e := open(t)
	for _, h := range []*schema.Hit{
		{Id: slices.Repeat([]byte{0xff}, 16), Workspace: 1, Visitor: "v"}, {Id: make([]byte, 16), Workspace: 1, Visitor: "v", At: 1 << 60, Received: -5},
	} {
		if err := e.Write(t.Context(), &sink.Batch{Hits: []*schema.Hit{h}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := e.count(t, "SELECT count() FROM hits"); n != 2 {
		t.Errorf("%d hits, want 2", n)
	}
}

// Many workers that write at once share inserts, and each learns of its own
// rows that they are stored.
func TestWritersAreJoined(t *testing.T) {
	db := embeddedtest.ClickHouse(t)
	if err := migrations.Migrate(t.Context(), db.Options(), db.Name); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	s, err := sink.New(t.Context(), sink.Config{
		Addr: []string{db.Addr}, Database: db.Name, User: db.Username, Password: db.Password, Registerer: registry, Every: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	const workers, writes = 40, 3
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for n := range writes {
				v := sink.Visitor{Workspace: 1, ID: fmt.Sprint("v", w, ".", n)}
				if err := s.Write(t.Context(), &sink.Batch{Hits: []*schema.Hit{hit(1, v.ID, w*writes+n)}}); err != nil {
					t.Error(err)
				}
				if hits, err := s.VisitorHits(t.Context(), []sink.Visitor{v}, 10); err != nil || len(hits[v]) != 1 {
					t.Errorf("after its write %s has %v, %v", v.ID, hits, err)
				}
			}
		})
	}
	wait.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	flushes := uint64(0)
	for _, family := range families {
		if family.GetName() == "sourceloop_clickhouse_joined_batches" {
			flushes = family.Metric[0].Histogram.GetSampleCount()
		}
	}
	if flushes == 0 || flushes > workers*writes/2 {
		t.Errorf("%d writes made %d inserts", workers*writes, flushes)
	}
	if err := s.Write(t.Context(), &sink.Batch{Hits: []*schema.Hit{hit(1, "v", 1)}}); !errors.Is(err, sink.ErrClosed) {
		t.Errorf("a closed sink says %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// A server that refuses, and one that is not there, are told apart, and the
// sink goes on when it can.
func TestErrorsSayWhatToDo(t *testing.T) {
	e := open(t)
	b := &sink.Batch{Hits: []*schema.Hit{hit(1, "v", 1)}}
	for _, statement := range []string{"INSERT INTO hits (id) VALUES ('')", "ALTER TABLE hits MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1"} {
		if err := e.conn.Exec(t.Context(), "SYSTEM STOP MERGES hits"); err != nil {
			t.Fatal(err)
		}
		if err := e.conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for range 3 { // The first ones fill the measure.
		err = e.Write(t.Context(), b)
	}
	if schema.KindOf(err) != schema.KindUnavailable || err == nil || !strings.Contains(err.Error(), "too many unmerged parts") {
		t.Errorf("too many parts: %v", err)
	}
	if err := e.conn.Exec(t.Context(), "ALTER TABLE hits RESET SETTING parts_to_throw_insert, parts_to_delay_insert"); err != nil {
		t.Fatal(err)
	}
	if err := e.Write(t.Context(), b); err != nil {
		t.Errorf("after the server recovered: %v", err)
	}
	if err := e.conn.Exec(t.Context(), "DROP TABLE hits SYNC"); err != nil {
		t.Fatal(err)
	}
	if err := e.Write(t.Context(), b); schema.KindOf(err) != schema.KindInternal || err == nil {
		t.Errorf("without a table: %v", err)
	}
	_, err = sink.New(t.Context(), sink.Config{Addr: []string{"127.0.0.1:1"}, Database: "d", Timeout: time.Second})
	if schema.KindOf(err) != schema.KindUnavailable || err == nil {
		t.Errorf("without a server: %v", err)
	}
}

// A caller that gives up leaves at once when its batch was not touched yet.
func TestWriteIsCalledOff(t *testing.T) {
	e := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := e.Write(ctx, &sink.Batch{Hits: []*schema.Hit{hit(1, "v", 1)}})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
