package resolve_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/resolve"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// town has two connections to two workspaces of Intercom, one of which is busy
// until a moment.
type town struct {
	clock *controltest.Clock
	store *control.Store
	of    map[int64]string // the API's address, by connection

	mu        sync.Mutex
	until     time.Time
	refused   int
	delivered map[string]int // by email
}

func (w *town) Access(_ context.Context, connection int64) (string, string, error) {
	return w.of[connection], theToken, nil
}

// busy answers 429 and when to come back, by slices of ten seconds.
func (w *town) busy(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	now := w.clock.Now()
	refuse := now.Before(w.until)
	if refuse {
		w.refused++
	}
	w.mu.Unlock()
	if refuse {
		rw.Header().Set("X-RateLimit-Reset", strconv.FormatInt(now.Unix()/10*10+10, 10))
		rw.WriteHeader(http.StatusTooManyRequests)
		return
	}
	calm(rw, r)
}

func calm(rw http.ResponseWriter, r *http.Request) {
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	fmt.Fprintf(rw, `{"id":%q,"role":"lead","email":"%s@example.com"}`, id, id)
}

func (w *town) Append(_ context.Context, _ string, _, values [][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, value := range values {
		var lead schema.LeadRecord
		if err := proto.Unmarshal(value, &lead); err != nil {
			return err
		}
		for _, c := range lead.GetEvidence().GetClaims() {
			w.delivered[c.GetNodes()[0]]++
		}
	}
	return nil
}

func (w *town) AppendDead(_ context.Context, letters []*schema.DeadRecord) error {
	if len(letters) > 0 {
		return fmt.Errorf("%d dead letters", len(letters))
	}
	return nil
}

func (w *town) open(t *testing.T, email, app string, handler http.HandlerFunc) control.Connection {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	who := controltest.NewOwner(t, w.store, email)
	state, err := w.store.BeginConnection(t.Context(), who, "intercom", "browser")
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.store.UseState(t.Context(), "intercom", state, "browser")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.SaveGrant(t.Context(), c.ID, control.Grant{Access: theToken}); err != nil {
		t.Fatal(err)
	}
	if err := w.store.MarkConnected(t.Context(), c.ID, control.Setup{App: app}); err != nil {
		t.Fatal(err)
	}
	w.of[c.ID] = server.URL
	c.App = app
	return c
}

// hooks are n webhooks of a connection, each about a contact of its own.
func (w *town) hooks(t *testing.T, c control.Connection, from, n int) []*stream.Record {
	t.Helper()
	var records []*stream.Record
	for i := from; i < from+n; i++ {
		body := fmt.Appendf(nil, `{"app_id":%q,"topic":"contact.lead.created","created_at":%d,"data":{"item":{"id":"%s-%d"}}}`, c.App, w.clock.Now().Unix(), c.App, i)
		value, err := proto.Marshal(&schema.WebhookRecord{
			Provider: "intercom", App: c.App, Connection: c.ID, Workspace: c.Workspace, Received: w.clock.Now().UnixMilli(), Body: body,
		})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, &stream.Record{Topic: schema.TopicWebhooks, Value: value})
	}
	return records
}

func (w *town) arrived(app string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for node := range w.delivered {
		if strings.HasPrefix(node, "email:"+app) {
			n++
		}
	}
	return n
}

// TestABusyConnectionDelaysOnlyItself: for ten minutes one connection is
// answered 429. Whatever comes for the other one meanwhile, in the same
// stretches and from the same inbox, is finished at once; and afterwards
// everything of the busy one is, once each.
func TestABusyConnectionDelaysOnlyItself(t *testing.T) {
	clock := controltest.NewClock()
	w := &town{clock: clock, of: map[int64]string{}, delivered: map[string]int{}, until: clock.Now().Add(10 * time.Minute)}
	w.store = controltest.Open(t, controltest.SQLite(t), control.Options{Now: clock.Now})
	slow, quick := w.open(t, "ann@example.com", "slow", w.busy), w.open(t, "bob@example.com", "quick", calm)
	resolver, err := resolve.NewIntercom(resolve.IntercomConfig{
		Access: w, Identity: identity.Rules{}, Failed: w.store.MarkFailed, Seen: w.store.NoteEvent,
		CleanURL: func(u string) string { return u }, Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	outlet := resolve.NewOutlet(w, clock.Now, prometheus.NewRegistry())
	stager := &resolve.Stager{Resolver: resolver, Outlet: outlet, Waiting: w.store, Log: w, Now: clock.Now}
	inbox := resolve.NewInbox(resolve.InboxConfig{Store: w.store, Resolver: resolver, Deliver: outlet.Deliver, Bury: outlet.Bury, Now: clock.Now})
	sent := 0
	for clock.Now().Before(w.until) {
		stretch := append(w.hooks(t, slow, sent, 5), w.hooks(t, quick, sent, 5)...)
		if err := stager.Process(t.Context(), stretch); err != nil {
			t.Fatal(err)
		}
		if err := inbox.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		sent += 5
		if w.arrived("quick") != sent || w.arrived("slow") != 0 {
			t.Fatalf("of %d each, %d of the quick one and %d of the busy one are through", sent, w.arrived("quick"), w.arrived("slow"))
		}
		clock.Advance(30 * time.Second)
	}
	if w.refused > 2*sent/5 {
		t.Errorf("the busy one was asked %d times in ten minutes", w.refused)
	}
	if card, err := w.store.Connection(t.Context(), slow.ID); err != nil || card.State != control.Connected {
		t.Errorf("its card says %+v, %v", card, err)
	}
	for range 100 {
		clock.Advance(5 * time.Second)
		if err := inbox.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if w.arrived("slow") != sent {
		t.Errorf("afterwards %d of %d of the busy one are through", w.arrived("slow"), sent)
	}
	for node, times := range w.delivered {
		if times != 1 {
			t.Errorf("%s was told of %d times", node, times)
		}
	}
}
