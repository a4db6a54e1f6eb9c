package notify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/control/outbound"
	"sourceloop/pipeline/notify"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// people are leads as they could be queried.
type people struct {
	mu    sync.Mutex
	leads map[schema.ID]notify.Lead
}

func (p *people) Leads(_ context.Context, _ uint32, ids []schema.ID) ([]notify.Lead, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []notify.Lead
	for _, id := range ids {
		if l, ok := p.leads[id]; ok {
			found = append(found, l)
		}
	}
	return found, nil
}

func (p *people) put(name, looks string, now time.Time) schema.ID {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := schema.Derive("contact", name)
	p.leads[id] = notify.Lead{ID: id, Since: schema.MillisOf(now), Changed: schema.MillisOf(now), Data: fmt.Appendf(nil, `{"name":%q,"looks":%q}`, name, looks)}
	return id
}

func (p *people) remove(id schema.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.leads, id)
}

// got is a request that a receiver had.
type got struct {
	id, at, signatures string
	body               []byte
}

// receiver takes webhooks, and answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	all    []got
	answer func(w http.ResponseWriter, nth int)
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{answer: func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusNoContent) }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.all = append(r.all, got{q.Header.Get("Webhook-Id"), q.Header.Get("Webhook-Timestamp"), q.Header.Get("Webhook-Signature"), body})
		n, answer := len(r.all), r.answer
		r.mu.Unlock()
		answer(w, n)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) had() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// letters keeps what was set aside.
type letters struct{ all []*schema.DeadRecord }

func (l *letters) AppendDead(_ context.Context, all []*schema.DeadRecord) error {
	l.all = append(l.all, all...)
	return nil
}

// bench is the whole stage on a real settings database, with a clock of its own.
type bench struct {
	*testing.T
	clock    *controltest.Clock
	store    *control.Store
	ann      control.Principal
	people   *people
	letters  *letters
	stager   *notify.Stager
	receiver *receiver
	endpoint control.Endpoint
	secret   string
}

func newBench(t *testing.T, guard outbound.Guard) *bench {
	t.Helper()
	b := &bench{T: t, clock: controltest.NewClock(), people: &people{leads: map[schema.ID]notify.Lead{}}, letters: &letters{}, receiver: newReceiver(t)}
	b.store = controltest.Open(t, controltest.SQLite(t), control.Options{Now: b.clock.Now})
	b.ann = controltest.NewOwner(t, b.store, "ann@example.com")
	b.stager = &notify.Stager{Leads: b.people, Plans: b.store, Dead: b.letters, Settle: time.Second, Now: b.clock.Now}
	var err error
	b.endpoint, b.secret, err = b.store.CreateEndpoint(t.Context(), b.ann, control.Endpoint{Name: "crm", URL: b.receiver.URL + "/hook", Events: control.LeadEvents()})
	b.must(err)
	sender := notify.NewSender(notify.SenderConfig{
		Deliveries: b.store, Leads: b.people, Guard: guard, Registerer: prometheus.NewRegistry(), Every: 5 * time.Millisecond, Now: b.clock.Now,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		b.must(<-ended)
	})
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// credited has the stage process that contacts were looked at, twice.
func (b *bench) credited(contacts ...schema.ID) {
	b.Helper()
	record := &schema.CreditedRecord{Workspace: b.ann.Workspace}
	for _, c := range contacts {
		record.Contacts = append(record.Contacts, c[:])
	}
	value, err := proto.Marshal(record)
	b.must(err)
	for range 2 {
		b.must(b.stager.Process(b.Context(), []*stream.Record{{Topic: schema.TopicCredited, Value: value}}))
	}
	b.clock.Advance(2 * time.Second)
}

func (b *bench) log() []control.Delivery {
	b.Helper()
	all, err := b.store.Deliveries(b.Context(), b.ann, b.endpoint.ID, nil, 100)
	b.must(err)
	return all
}

// until waits for the newest delivery to look like that.
func (b *bench) until(what string, holds func(d control.Delivery) bool) {
	b.Helper()
	controltest.Within(b, what, func() bool {
		all := b.log()
		return len(all) > 0 && holds(all[0])
	})
}

func sent(d control.Delivery) bool { return d.State == control.DeliverySent }

// verifies holds a request against a secret, by the words of the specification.
func verifies(g got, secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(g.id + "." + g.at + "." + string(g.body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return slices.Contains(strings.Fields(g.signatures), want)
}

func TestAReceiverIsToldOnceOfWhatItSees(t *testing.T) {
	b := newBench(t, outbound.Guard{Private: true})
	ada := b.people.put("ada", "new", b.clock.Now())
	b.credited(ada)
	b.until("the lead is told of", sent)
	b.credited(ada) // Nothing that a receiver sees.
	b.people.put("ada", "older", b.clock.Now())
	b.credited(ada)
	b.until("the change is told of", func(d control.Delivery) bool { return sent(d) && d.Event == control.LeadChanged })
	all := b.receiver.had()
	if len(all) != 2 {
		t.Fatalf("the receiver was told %d times, want twice", len(all))
	}
	for i, want := range []string{
		`{"type":"lead.created","data":{"looks":"new","name":"ada"}}`, `{"type":"lead.changed","data":{"looks":"older","name":"ada"}}`,
	} {
		var m struct {
			Type      string         `json:"type"`
			Timestamp time.Time      `json:"-"`
			Data      map[string]any `json:"data"`
		}
		b.must(json.Unmarshal(all[i].body, &m))
		if text, err := json.Marshal(m); err != nil || string(text) != want {
			t.Errorf("told %s, want %s", text, want)
		}
		if !verifies(all[i], b.secret) || verifies(all[i], "whsec_"+base64.StdEncoding.EncodeToString([]byte("another secret of its length....."))) {
			t.Error("the signature does not verify by its secret, or by any")
		}
	}
	if all[0].id == all[1].id {
		t.Error("two events have the same id")
	}
}

func TestRenewedSecretsSignBoth(t *testing.T) {
	b := newBench(t, outbound.Guard{Private: true})
	renewed, err := b.store.RotateEndpoint(t.Context(), b.ann, b.endpoint.ID)
	b.must(err)
	_, err = b.store.TestEndpoint(t.Context(), b.ann, b.endpoint.ID)
	b.must(err)
	b.until("the test is taken", sent)
	b.clock.Advance(25 * time.Hour)
	_, err = b.store.TestEndpoint(t.Context(), b.ann, b.endpoint.ID)
	b.must(err)
	b.until("the second test is taken", func(d control.Delivery) bool { return sent(d) && len(b.receiver.had()) == 2 })
	first, second := b.receiver.had()[0], b.receiver.had()[1]
	if !verifies(first, renewed) || !verifies(first, b.secret) {
		t.Error("within a day one of the secrets does not verify")
	}
	if !verifies(second, renewed) || verifies(second, b.secret) {
		t.Error("after a day the former secret signs, or the new one does not")
	}
}

func TestFailuresAreRepeatedUnderTheSameID(t *testing.T) {
	b := newBench(t, outbound.Guard{Private: true})
	b.receiver.answer = func(w http.ResponseWriter, nth int) {
		switch nth {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.Copy(w, strings.NewReader(strings.Repeat("long ", 1<<20)))
		case 2:
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		case 3:
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}
	b.credited(b.people.put("ada", "new", b.clock.Now()))
	for attempt, pause := range []time.Duration{6 * time.Second, 6 * time.Minute, 2*time.Hour + time.Second} {
		b.until(fmt.Sprintf("attempt %d is noted", attempt+1), func(d control.Delivery) bool {
			return d.Attempts == attempt+1 && d.Words != "" && d.Due > schema.MillisOf(b.clock.Now())
		})
		b.clock.Advance(pause)
	}
	b.until("it is taken", sent)
	all := b.receiver.had()
	if len(all) != 4 {
		t.Fatalf("%d attempts, want 4", len(all))
	}
	for _, g := range all {
		if g.id != all[0].id || !verifies(g, b.secret) {
			t.Errorf("an attempt has the id %s and signatures %s", g.id, g.signatures)
		}
	}
}

func TestGoneContactsAndReceivers(t *testing.T) {
	b := newBench(t, outbound.Guard{Private: true})
	b.receiver.answer = func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusGone) }
	ada := b.people.put("ada", "new", b.clock.Now())
	b.people.remove(ada)
	bea := b.people.put("bea", "new", b.clock.Now())
	b.credited(bea)
	b.until("the receiver says that it is gone", func(d control.Delivery) bool { return d.State == control.DeliveryFailed && d.Status == http.StatusGone })
	e, err := b.store.Endpoint(t.Context(), b.ann, b.endpoint.ID)
	b.must(err)
	if e.State != control.EndpointGone || e.Words == "" {
		t.Errorf("the webhook is %+v", e)
	}
	b.must(b.store.PauseEndpoint(t.Context(), b.ann, b.endpoint.ID, true))
	b.people.put("cleo", "new", b.clock.Now())
	cleo := b.people.put("cleo", "new", b.clock.Now())
	b.credited(cleo)
	b.people.remove(cleo)
	b.must(b.store.PauseEndpoint(t.Context(), b.ann, b.endpoint.ID, false))
	b.until("of who is gone nothing is sent", func(d control.Delivery) bool { return d.State == control.DeliveryCancelled && d.Contact == cleo })
	if n := len(b.receiver.had()); n != 1 {
		t.Errorf("%d requests, want one", n)
	}
}

func TestPrivateNetworksAreNotDialed(t *testing.T) {
	b := newBench(t, outbound.Guard{})
	b.credited(b.people.put("ada", "new", b.clock.Now()))
	b.until("it is refused", func(d control.Delivery) bool { return strings.Contains(d.Words, "private network") })
	if n := len(b.receiver.had()); n != 0 {
		t.Errorf("%d requests reached loopback", n)
	}
}

func TestWhatIsNoRecordIsSetAside(t *testing.T) {
	b := newBench(t, outbound.Guard{})
	b.must(b.stager.Process(t.Context(), []*stream.Record{{Topic: schema.TopicCredited, Value: []byte{0xff}}, {Topic: schema.TopicCredited}}))
	if len(b.letters.all) != 1 || b.letters.all[0].GetReason() != schema.DeadMalformed {
		t.Errorf("set aside: %v", b.letters.all)
	}
	short := &schema.CreditedRecord{Workspace: b.ann.Workspace, Contacts: [][]byte{{1}}}
	value, err := proto.Marshal(short)
	b.must(err)
	b.must(b.stager.Process(t.Context(), []*stream.Record{{Value: value}}))
}

func TestManyContactsArePlannedAtOnce(t *testing.T) {
	b := newBench(t, outbound.Guard{Private: true})
	ids := map[schema.ID]bool{}
	for n := range 450 {
		ids[b.people.put(fmt.Sprint(n), "new", b.clock.Now())] = true
	}
	b.credited(slices.Collect(maps.Keys(ids))...)
	controltest.Within(t, "all were told of", func() bool { return len(b.receiver.had()) >= len(ids) })
	seen := map[string]bool{}
	for _, g := range b.receiver.had() {
		seen[g.id] = true
	}
	if len(seen) != len(ids) {
		t.Errorf("%d events, want %d", len(seen), len(ids))
	}
}
