package resolve_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/control/connect/hubspot"
	"sourceloop/control/controltest"
	standin "sourceloop/deploy/standin/hubspot"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/resolve"
	"sourceloop/schema"
)

// TestHubSpotLooks: what HubSpot's webhooks did not tell is found by looking.
func TestHubSpotLooks(t *testing.T) {
	controltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		for name, test := range map[string]func(*testing.T, *slice){
			"backfill": testHubSpotBackfill, "backfill by two, one of which dies": testHubSpotResumed, "missed webhooks": testHubSpotMissed,
			"an email that was missed": testHubSpotMissedEmail, "plan restricted": testHubSpotRestricted, "busy": testHubSpotBusy,
		} {
			t.Run(name, func(t *testing.T) { test(t, newHubSlice(t, fresh(t))) })
		}
	})
}

const hubID = 4242

// newHubSlice is newSlice with HubSpot at the other end. Its tokens outlast the
// test, since another test is about them.
func newHubSlice(t *testing.T, dsn string) *slice {
	t.Helper()
	s := &slice{t: t, clock: controltest.NewClock(), provider: "hubspot", consent: "/oauth/authorize"}
	hooks := httptest.NewServer(http.HandlerFunc(s.takeHubSpot))
	t.Cleanup(hooks.Close)
	server, err := standin.New(standin.Config{
		Dir: t.TempDir(), ClientID: "client", ClientSecret: "secret", RedirectURIs: []string{hooks.URL + "/callback"}, HubID: hubID,
		WebhookURL: hooks.URL + "/hooks/hubspot", RetryAfter: 20 * time.Millisecond, TokenLife: 1000 * time.Hour, Now: s.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.vendor = httptest.NewServer(server.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		s.vendor.Close()
		cancel()
		if err := errors.Join(<-done, server.Close()); err != nil {
			t.Error(err)
		}
	})
	s.store = controltest.Open(t, dsn, control.Options{Now: s.clock.Now})
	s.who = controltest.NewOwner(t, s.store, "ann@example.com")
	provider, err := hubspot.New(hubspot.Config{
		ClientID: "client", ClientSecret: "secret", AuthorizeURL: s.vendor.URL + "/oauth/authorize", APIBase: s.vendor.URL, RedirectURL: hooks.URL + "/callback",
	})
	if err != nil {
		t.Fatal(err)
	}
	s.service = connect.NewService(s.store, nil, 0, provider)
	s.resolver, err = resolve.NewHubSpot(resolve.HubSpotConfig{
		Access: connect.NewAccess(hubspot.Name, s.service.Tokens(), provider.APIBase), Identity: identity.Rules{}, Failed: s.store.MarkFailed,
		Doubt: s.service.Doubt, Seen: s.store.NoteEvent, Erase: s.store.EraseAsTold, InboxURL: s.vendor.URL, Now: s.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *slice) takeHubSpot(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	workspace, connection, ok := s.store.Directory().Route("hubspot", fmt.Sprint(hubID))
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok {
		s.unrouted++
		return
	}
	s.arrived = append(s.arrived, &schema.WebhookRecord{
		Provider: "hubspot", App: fmt.Sprint(hubID), Workspace: workspace, Connection: connection, Received: s.clock.Now().UnixMilli(), Body: body,
	})
}

// now is the present for the stand-in.
func (s *slice) now() int64 { return s.clock.Now().UnixMilli() }

// sweepAll works through windows of HubSpot's limit until a look is over.
func (s *slice) sweepAll(sweeper *resolve.Sweeper, c control.Connection, kind control.LookKind) {
	s.t.Helper()
	for range 30 {
		s.sweep(sweeper)
		if l := s.look(c, kind); kind == control.Backfill && l.Done || kind == control.Reconcile && l.Position == "" && l.FinishedAt > 0 {
			return
		}
		s.clock.Advance(10 * time.Second)
	}
}

// refused counts what HubSpot had to refuse for the pace of it.
func (s *slice) refused() (n int) {
	s.t.Helper()
	response, err := http.Get(s.vendor.URL + "/standin/requests?limit=1000")
	if err != nil {
		s.t.Fatal(err)
	}
	var out struct{ Requests []struct{ Status int } }
	if err = errors.Join(json.NewDecoder(response.Body).Decode(&out), response.Body.Close()); err != nil || len(out.Requests) == 0 {
		s.t.Fatalf("%d requests, %v", len(out.Requests), err)
	}
	for _, r := range out.Requests {
		if r.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

func (s *slice) importAll() {
	s.t.Helper()
	if err := s.service.Backfill(s.t.Context(), s.who, s.provider); err != nil {
		s.t.Fatal(err)
	}
}

func testHubSpotBackfill(t *testing.T, s *slice) {
	s.chatted(45)
	c := s.connect()
	s.forget()
	s.importAll()
	sweeper := s.sweeper(s.deliver)
	if err := sweeper.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := s.look(c, control.Backfill); l.Found != 20 || l.Done || l.Position == "" {
		t.Fatalf("under way it stands at %+v", l)
	}
	// One window of HubSpot's limit is not enough for all of them.
	s.sweep(sweeper)
	if l := s.look(c, control.Backfill); l.Done || !strings.HasPrefix(l.Note, "It waits") {
		t.Fatalf("at the end of the window it stands at %+v", l)
	}
	s.sweepAll(sweeper, c, control.Backfill)
	if l := s.look(c, control.Backfill); l.Found != 45 || !l.Done || l.FinishedAt == 0 {
		t.Fatalf("it ended as %+v", l)
	}
	if n := s.refused(); n > 0 {
		t.Errorf("HubSpot refused %d requests as too many", n)
	}
	told := s.told()
	for i := range 45 {
		if !strings.Contains(told, fmt.Sprintf("email:p%d@example.com", i)) || !strings.Contains(told, fmt.Sprintf("%q", fmt.Sprintf("Hello %d", i))) {
			t.Fatalf("conversation %d is missing", i)
		}
	}
	if n := strings.Count(strings.Join(s.ids(), "\n"), "conversion"); n != 45 {
		t.Errorf("%d conversations were told of", n)
	}
	if card, err := s.store.Connection(t.Context(), c.ID); err != nil || card.LastEventAt != 0 {
		t.Errorf("the card takes it for webhooks: %+v, %v", card, err)
	}
	// Asked for once more, it tells the same.
	before := s.ids()
	s.forget()
	s.importAll()
	s.sweepAll(sweeper, c, control.Backfill)
	if after := s.ids(); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("the second time it told\n%s\nnot\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
}

// testHubSpotResumed: one process dies in the middle of a page; another goes on
// where the last whole one ended.
func testHubSpotResumed(t *testing.T, s *slice) {
	s.chatted(45)
	c := s.connect()
	s.forget()
	s.importAll()
	left := 27
	dying := s.sweeper(func(ctx context.Context, rec *schema.WebhookRecord, r *resolve.Result) error {
		if left--; left < 0 {
			return errors.New("the log is away")
		}
		return s.deliver(ctx, rec, r)
	})
	for range 2 {
		_ = dying.Work(t.Context()) // The second page fails.
	}
	if l := s.look(c, control.Backfill); l.Found != 20 || l.Done {
		t.Fatalf("after a failure it stands at %+v", l)
	}
	s.clock.Advance(6 * time.Minute)
	s.sweepAll(s.sweeper(s.deliver), c, control.Backfill)
	if l := s.look(c, control.Backfill); l.Found != 45 || !l.Done {
		t.Fatalf("it ended as %+v", l)
	}
	if n := strings.Count(strings.Join(s.ids(), "\n"), "conversion"); n != 45 {
		t.Errorf("%d conversations were told of, each once", n)
	}
}

// testHubSpotMissed: an hour later the same facts are there under the same ids,
// and what did not change is not told again.
func testHubSpotMissed(t *testing.T, s *slice) {
	c := s.connect()
	reply := s.post("/standin/chat", map[string]any{"at": s.now(), "message": "Hello", "sourceloop_id": "visitor-1"})
	s.work()
	s.clock.Advance(2 * time.Minute)
	s.forget()
	person := s.post("/standin/chat", map[string]any{"at": s.now(), "contact_id": reply["contact_id"], "email": "late@example.com"})
	s.work()
	want := s.ids()
	if len(want) < 3 {
		t.Fatalf("the webhooks told %q", want)
	}
	s.forget() // As if none had come.
	sweeper := s.sweeper(s.deliver)
	s.sweep(sweeper)
	if len(s.ids()) > 0 || s.look(c, control.Reconcile).FinishedAt != 0 {
		t.Fatalf("before the hour is over it looked: %+v", s.look(c, control.Reconcile))
	}
	s.clock.Advance(time.Hour)
	s.sweepAll(sweeper, c, control.Reconcile)
	got := strings.Join(s.ids(), "\n")
	for _, id := range want {
		if !strings.Contains(got, id) {
			t.Errorf("not found: %s in\n%s", id, got)
		}
	}
	s.forget()
	s.clock.Advance(time.Hour)
	s.sweepAll(sweeper, c, control.Reconcile)
	if again := s.ids(); len(again) > 0 {
		t.Errorf("an hour later it told\n%s", strings.Join(again, "\n"))
	}
	s.post("/standin/chat", map[string]any{"at": s.now(), "contact_id": person["contact_id"], "message": "Once more"})
	s.forget()
	s.clock.Advance(time.Hour)
	s.sweepAll(sweeper, c, control.Reconcile)
	if !strings.Contains(s.told(), "email:late@example.com") || !strings.Contains(s.told(), "hubspot_conversation") {
		t.Errorf("the reply was not found:\n%s", s.told())
	}
}

// testHubSpotMissedEmail: a visitor who gives an email long after the last
// message changes no thread, so that only the contact tells.
func testHubSpotMissedEmail(t *testing.T, s *slice) {
	c := s.connect()
	reply := s.post("/standin/chat", map[string]any{"at": s.now(), "message": "Hello"})
	sweeper := s.sweeper(s.deliver)
	for range 2 {
		s.clock.Advance(time.Hour)
		s.sweepAll(sweeper, c, control.Reconcile)
	}
	s.forget()
	person := s.post("/standin/chat", map[string]any{"at": s.now(), "contact_id": reply["contact_id"], "email": "late@example.com"})
	s.work()
	var want []string
	for _, id := range s.ids() {
		if strings.HasPrefix(id, "claim") {
			want = append(want, id)
		}
	}
	s.forget()
	s.clock.Advance(time.Hour)
	s.sweepAll(sweeper, c, control.Reconcile)
	if got := s.ids(); len(want) < 2 || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	tie := fmt.Sprintf("verified email:late@example.com = hubspot:%v = hubspot:thread/%v", person["contact_id"], reply["conversation_id"])
	if !strings.Contains(s.told(), tie) {
		t.Errorf("not told %q in\n%s", tie, s.told())
	}
}

func testHubSpotRestricted(t *testing.T, s *slice) {
	c := s.connect()
	s.post("/standin/chat", map[string]any{"at": s.now(), "message": "Hello", "email": "plan@example.com"})
	s.forget()
	s.post("/standin/fault", map[string]any{"kind": "plan_restricted", "times": 1000})
	s.importAll()
	s.clock.Advance(time.Hour)
	s.sweep(s.sweeper(s.deliver))
	if l := s.look(c, control.Backfill); !l.Done || !strings.Contains(l.Note, "refuses conversations") {
		t.Errorf("the backfill ended as %+v", l)
	}
	if !strings.Contains(s.told(), "email:plan@example.com") {
		t.Errorf("the contact was not found:\n%s", s.told())
	}
	if card, err := s.store.Connection(t.Context(), c.ID); err != nil || card.State != control.Connected {
		t.Errorf("the card says %+v, %v", card, err)
	}
}

// testHubSpotBusy: it waits as long as HubSpot asks, and then goes on.
func testHubSpotBusy(t *testing.T, s *slice) {
	s.chatted(3)
	c := s.connect()
	s.forget()
	s.importAll()
	s.post("/standin/fault", map[string]any{"kind": "429", "times": 1})
	sweeper := s.sweeper(s.deliver)
	s.sweep(sweeper)
	if l := s.look(c, control.Backfill); l.Done || !strings.Contains(l.Note, "fewer requests") {
		t.Fatalf("while HubSpot is busy it is %+v", l)
	}
	s.clock.Advance(time.Minute)
	s.sweep(sweeper)
	if l := s.look(c, control.Backfill); !l.Done || l.Found != 3 || l.Note != "" {
		t.Fatalf("it ended as %+v", l)
	}
}

// FuzzHubSpotList: whatever HubSpot lists, a page has sound evidence of its
// workspace, or an error that the sweeper knows.
func FuzzHubSpotList(f *testing.F) {
	for _, body := range []string{
		`{"results":[{"id":"7001","createdAt":"2026-03-02T12:00:01.250Z","originalChannelId":"1000","associatedContactId":"51001"}],"paging":{"next":{"after":"x"}}}`,
		`{"results":[{"id":"51001","updatedAt":"2026-03-02T12:00:01.250Z","properties":{"email":"a@b.example"},"type":"MESSAGE","direction":"INCOMING","text":"Hi"}]}`,
		`{"results":null}`, `[]`,
	} {
		for _, position := range []string{"", `{"of":"contacts"}`} {
			f.Add(position, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, position string, body []byte) {
		r := plainHubSpot(t, &http.Client{Transport: repeating(body)})
		page, err := r.Page(t.Context(), resolve.Ask{Workspace: workspace, Connection: connection, App: "4242", Position: position, Now: received})
		var later *resolve.ErrLater
		if err != nil {
			if schema.KindOf(err) != schema.KindInvalid && !errors.As(err, &later) {
				t.Fatalf("got %v", err)
			}
			return
		}
		for _, result := range page.Results {
			for _, e := range result.Evidence {
				for _, c := range e.Claims {
					if c.Workspace != workspace || len(c.Id) != 16 || len(c.Nodes) == 0 || c.At <= 0 {
						t.Fatalf("claim %v", c)
					}
				}
				if c := e.Conversion; c != nil && (c.Workspace != workspace || len(c.Id) != 16 || c.Node == "" || c.At <= 0) {
					t.Fatalf("conversion %v", c)
				}
			}
		}
	})
}

// plainHubSpot asks whom a client reaches, and takes no notes.
func plainHubSpot(t testing.TB, client *http.Client) *resolve.HubSpot {
	t.Helper()
	r, err := resolve.NewHubSpot(resolve.HubSpotConfig{
		Access: openDoor{}, Identity: identity.Rules{}, Client: client,
		Failed: func(context.Context, int64, string) error { return nil },
		Doubt:  func(context.Context, int64) (bool, error) { return false, nil },
		Seen:   func(context.Context, int64, schema.Millis) error { return nil },
		Erase:  func(context.Context, uint32, schema.Node) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// repeating answers every request with the same bytes.
type repeating []byte

func (b repeating) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(b)))}, nil
}
