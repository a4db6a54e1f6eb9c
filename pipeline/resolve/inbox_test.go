package resolve_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/control/connect/intercom"
	"sourceloop/control/controltest"
	standin "sourceloop/deploy/standin/intercom"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/resolve"
	"sourceloop/schema"
)

// slice is the thin line from the stand-in's webhook to evidence: routing,
// resolving, inbox, on a real database.
type slice struct {
	t        *testing.T
	store    *control.Store
	service  *connect.Service
	who      control.Principal
	provider string
	consent  string // the path that agreeing is posted to
	resolver interface {
		resolve.Resolver
		resolve.Lister
	}
	inbox  *resolve.Inbox
	vendor *httptest.Server
	clock  *controltest.Clock

	mu       sync.Mutex
	arrived  []*schema.WebhookRecord
	evidence []*schema.Evidence
	buried   []string
	unrouted int
}

func newSlice(t *testing.T, dsn string) *slice {
	t.Helper()
	s := &slice{t: t, clock: controltest.NewClock(), provider: "intercom", consent: "/oauth"}
	hooks := httptest.NewServer(http.HandlerFunc(s.take))
	t.Cleanup(hooks.Close)
	config := standin.Config{
		Dir: t.TempDir(), ClientID: "client", ClientSecret: "secret", RedirectURIs: []string{hooks.URL + "/callback"},
		WebhookURL: hooks.URL + "/hooks/intercom", AppID: "tea1", RetryAfter: 20 * time.Millisecond, Now: s.clock.Now,
	}
	server, err := standin.New(config)
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
	provider, err := intercom.New(intercom.Config{ClientID: "client", ClientSecret: "secret", AuthorizeURL: s.vendor.URL + "/oauth", APIBase: s.vendor.URL})
	if err != nil {
		t.Fatal(err)
	}
	s.service = connect.NewService(s.store, nil, 0, provider)
	s.resolver, err = resolve.NewIntercom(resolve.IntercomConfig{
		Access: connect.NewAccess(intercom.Name, s.service.Tokens(), provider.APIBase), Identity: identity.Rules{}, Failed: s.store.MarkFailed, Seen: s.store.NoteEvent,
		CleanURL: func(u string) string { return u }, InboxURL: s.vendor.URL, Now: s.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.inbox = resolve.NewInbox(resolve.InboxConfig{
		Store: s.store, Resolver: s.resolver, Deliver: s.deliver, Bury: s.bury, Every: 5 * time.Millisecond, Now: s.clock.Now,
	})
	return s
}

func (s *slice) deliver(_ context.Context, _ *schema.WebhookRecord, r *resolve.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evidence = append(s.evidence, r.Evidence...)
	return nil
}

func (s *slice) bury(_ context.Context, _ *schema.WebhookRecord, reason error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buried = append(s.buried, reason.Error())
	return nil
}

// take is the collector: it routes by the app and keeps the record.
func (s *slice) take(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		return
	}
	body, err := io.ReadAll(r.Body)
	var e struct {
		AppID string `json:"app_id"`
	}
	if err = errors.Join(err, json.Unmarshal(body, &e)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	workspace, connection, ok := s.store.Directory().Route("intercom", e.AppID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok {
		s.unrouted++
		return
	}
	s.arrived = append(s.arrived, &schema.WebhookRecord{
		Provider: "intercom", App: e.AppID, Workspace: workspace, Connection: connection,
		Received: s.clock.Now().UnixMilli(), Body: body,
	})
}

// work resolves what arrived, as the worker of the topic does.
func (s *slice) work() {
	s.t.Helper()
	s.mu.Lock()
	records := s.arrived
	s.arrived = nil
	s.mu.Unlock()
	for _, rec := range records {
		result, err := s.resolver.Resolve(s.t.Context(), rec)
		var later *resolve.ErrLater
		switch {
		case errors.As(err, &later):
			err = s.store.PutInbox(s.t.Context(), rec, later.After, later.Reason)
		case err == nil:
			err = s.deliver(s.t.Context(), rec, result)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *slice) connect() control.Connection {
	s.t.Helper()
	page, err := s.service.Connect(s.t.Context(), s.who, s.provider, "browser")
	if err != nil {
		s.t.Fatal(err)
	}
	address, err := url.Parse(page)
	if err != nil {
		s.t.Fatal(err)
	}
	form := address.Query()
	form.Set("decision", "authorize")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(s.vendor.URL+s.consent, form)
	if err != nil {
		s.t.Fatal(err)
	}
	back, err := response.Location()
	if err = errors.Join(err, response.Body.Close()); err != nil {
		s.t.Fatal(err)
	}
	c, err := s.service.Callback(s.t.Context(), s.provider, "browser", back.Query())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *slice) post(path string, in map[string]any) map[string]any {
	s.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.Post(s.vendor.URL+path, "application/json", strings.NewReader(string(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var out map[string]any
	if err = json.NewDecoder(response.Body).Decode(&out); err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s answered %d %v, %v", path, response.StatusCode, out, err)
	}
	return out
}

// told is everything learned, as a person would write it.
func (s *slice) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return render(s.t, &resolve.Result{Evidence: s.evidence})
}

func TestSlice(t *testing.T) {
	controltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		for name, test := range map[string]func(*testing.T, *slice){
			"a chat": testChat, "an email later": testEmailLater, "a merge": testMerge, "trouble": testTrouble,
			"revoked": testRevoked, "given up": testGivenUp, "disconnected": testDisconnected,
		} {
			t.Run(name, func(t *testing.T) { test(t, newSlice(t, fresh(t))) })
		}
	})
}

func testChat(t *testing.T, s *slice) {
	c := s.connect()
	at := s.clock.Now()
	reply := s.post("/standin/chat", map[string]any{
		"id": "chat-1", "at": at.UnixMilli(), "email": "Lena@Example.com", "name": "Lena", "phone": "+47 22 12 34 56",
		"message": "Hei", "page": "https://shop.example/tea?utm_source=test", "sourceloop_id": "visitor-1",
	})
	s.work()
	contact, chat := "intercom:"+fmt.Sprint(reply["contact_id"]), fmt.Sprint(reply["conversation_id"])
	told := s.told()
	for _, want := range []string{
		"verified email:lena@example.com = " + contact + " = phone:+4722123456",
		"asserted " + contact + " = visitor:visitor-1",
		`intercom_conversation ` + schema.ConversationID(s.who.Workspace, "intercom", chat).String() + " of " + contact + `, visitor "visitor-1"`,
		"at " + stamp(int64(schema.EndOfSecond(at.Unix()))),
		s.vendor.URL + "/a/inbox/tea1/inbox/conversation/" + chat,
		"on https://shop.example/tea?utm_source=test",
		`"Hei"`,
	} {
		if !strings.Contains(told, want) {
			t.Errorf("not told %q in\n%s", want, told)
		}
	}
	if card, err := s.store.Connection(t.Context(), c.ID); err != nil || card.LastEventAt != schema.MillisOf(at) {
		t.Errorf("the card says %+v, %v", card, err)
	}
}

func testEmailLater(t *testing.T, s *slice) {
	s.connect()
	reply := s.post("/standin/chat", map[string]any{"message": "Hello", "sourceloop_id": "visitor-1"})
	s.work()
	if strings.Contains(s.told(), "email:") {
		t.Fatalf("there is no email yet, but\n%s", s.told())
	}
	s.post("/standin/contact", map[string]any{"contact_id": reply["contact_id"], "email": "late@example.com"})
	s.work()
	if want := "verified email:late@example.com = intercom:" + fmt.Sprint(reply["contact_id"]); !strings.Contains(s.told(), want) {
		t.Fatalf("not told %q in\n%s", want, s.told())
	}
}

func testMerge(t *testing.T, s *slice) {
	s.connect()
	from := s.post("/standin/chat", map[string]any{"message": "Hello", "email": "one@example.com"})
	s.mu.Lock()
	before := s.arrived
	s.mu.Unlock()
	into := s.post("/standin/merge", map[string]any{"from": from["contact_id"], "without_from": true})
	want := fmt.Sprintf("verified intercom:%s = intercom:%s", min(fmt.Sprint(from["contact_id"]), fmt.Sprint(into["contact_id"])), max(fmt.Sprint(from["contact_id"]), fmt.Sprint(into["contact_id"])))
	s.work()
	if !strings.Contains(s.told(), want) {
		t.Fatalf("not told %q in\n%s", want, s.told())
	}
	// Webhooks from before the merge lead to the survivor as well.
	s.mu.Lock()
	s.arrived, s.evidence = before, nil
	s.mu.Unlock()
	s.work()
	if told := s.told(); !strings.Contains(told, want) || !strings.Contains(told, "of intercom:"+fmt.Sprint(into["contact_id"])) {
		t.Fatalf("late webhooks told\n%s", told)
	}
}

// testTrouble: what Intercom does not answer waits, and is finished later.
func testTrouble(t *testing.T, s *slice) {
	s.connect()
	s.post("/standin/fault", map[string]any{"kind": "429", "times": 1})
	reply := s.post("/standin/chat", map[string]any{"message": "Hello", "email": "busy@example.com", "sourceloop_id": "visitor-9"})
	s.work()
	if n, err := s.store.InboxSize(t.Context()); err != nil || n != 2 || len(s.evidence) > 0 {
		t.Fatalf("%d webhooks wait, and it was told\n%s", n, s.told())
	}
	s.run()
	s.clock.Advance(11 * time.Minute)
	s.emptied(11 * time.Minute)
	told := s.told()
	for _, want := range []string{"verified email:busy@example.com", "of intercom:" + fmt.Sprint(reply["contact_id"])} {
		if !strings.Contains(told, want) {
			t.Errorf("not told %q in\n%s", want, told)
		}
	}
}

// run starts the inbox.
func (s *slice) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.inbox.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
}

// emptied waits until nothing waits, moving the clock on so that leases end.
func (s *slice) emptied(step time.Duration) {
	s.t.Helper()
	controltest.Within(s.t, "the inbox is empty", func() bool {
		s.clock.Advance(step / 100)
		n, err := s.store.InboxSize(s.t.Context())
		return err == nil && n == 0
	})
}

// testRevoked: the card says so, nothing is lost, and connecting again
// finishes what waited.
func testRevoked(t *testing.T, s *slice) {
	c := s.connect()
	s.post("/standin/chat", map[string]any{"message": "Hello", "email": "kept@example.com"})
	s.post("/standin/fault", map[string]any{"kind": "revoke", "times": 1})
	s.work()
	card, err := s.store.Connection(t.Context(), c.ID)
	if err != nil || card.State != control.Failed || !strings.Contains(card.LastError, "Connect again") {
		t.Fatalf("the card says %+v, %v", card, err)
	}
	s.connect()
	s.run()
	s.emptied(time.Second)
	if want := "verified email:kept@example.com"; !strings.Contains(s.told(), want) {
		t.Fatalf("not told %q in\n%s", want, s.told())
	}
}

func testGivenUp(t *testing.T, s *slice) {
	s.connect()
	s.post("/standin/chat", map[string]any{"message": "Hello"})
	s.post("/standin/fault", map[string]any{"kind": "revoke", "times": 1})
	s.work()
	s.clock.Advance(73 * time.Hour)
	if err := s.inbox.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.store.InboxSize(t.Context()); err != nil || n != 0 || len(s.buried) != 2 || !strings.Contains(s.buried[0], "token is dead") {
		t.Fatalf("%d wait, buried %q, %v", n, s.buried, err)
	}
}

// testDisconnected: the next webhook changes nothing, nor one that is on its way.
func testDisconnected(t *testing.T, s *slice) {
	s.connect()
	s.post("/standin/fault", map[string]any{"kind": "500", "times": 1})
	s.post("/standin/chat", map[string]any{"message": "Hello", "email": "gone@example.com"})
	s.mu.Lock()
	onItsWay := s.arrived
	s.mu.Unlock()
	s.work()
	if _, err := s.service.Disconnect(t.Context(), s.who, "intercom"); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.evidence, s.arrived = nil, onItsWay
	s.mu.Unlock()
	s.clock.Advance(time.Hour)
	s.work()
	if err := s.inbox.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if told := s.told(); strings.TrimSpace(told) != "()" {
		t.Fatalf("after disconnecting it was told\n%s", told)
	}
	if n, err := s.store.InboxSize(t.Context()); err != nil || n != 0 {
		t.Fatalf("%d webhooks wait, %v", n, err)
	}
}
