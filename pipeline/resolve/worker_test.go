package resolve_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/pipeline/resolve"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// poisoned is a resolver that panics at the webhooks of one app.
type poisoned struct{}

func (poisoned) Resolve(_ context.Context, rec *schema.WebhookRecord) (*resolve.Result, error) {
	if rec.GetApp() == "poison" {
		panic("poison")
	}
	return &resolve.Result{Outcome: resolve.Ignored, Topic: "ping"}, nil
}

// letters keeps dead letters.
type letters struct{ dead []*schema.DeadRecord }

func (l *letters) Append(context.Context, string, [][]byte, [][]byte) error { return nil }

func (l *letters) AppendDead(_ context.Context, dead []*schema.DeadRecord) error {
	l.dead = append(l.dead, dead...)
	return nil
}

// TestAPanicReachesTheLane: connections are asked in goroutines of their own,
// where a panic would end the process instead of setting one record aside.
func TestAPanicReachesTheLane(t *testing.T) {
	log := &letters{}
	stager := &resolve.Stager{
		Resolver: poisoned{}, Outlet: resolve.NewOutlet(log, time.Now, prometheus.NewRegistry()), Log: log, Now: time.Now,
	}
	var records []*stream.Record
	for i, app := range []string{"fine", "poison", "fine"} {
		value, err := proto.Marshal(&schema.WebhookRecord{Provider: "intercom", App: app, Connection: int64(i)})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, &stream.Record{Value: value, Offset: int64(i)})
	}
	defer func() {
		if r := recover(); r != "poison" {
			t.Errorf("recovered %v, want the panic of the poison", r)
		}
	}()
	t.Errorf("no panic, but %v", stager.Process(t.Context(), records))
}

// oneWaiting is an inbox with one webhook.
type oneWaiting struct {
	rec      *schema.WebhookRecord
	finished bool
}

func (o *oneWaiting) TakeInbox(context.Context, int, int, time.Duration) ([]control.InboxItem, error) {
	return []control.InboxItem{{Record: o.rec}}, nil
}

func (o *oneWaiting) FinishInbox(context.Context, control.InboxItem) error {
	o.finished = true
	return nil
}

func (o *oneWaiting) DelayInbox(context.Context, control.InboxItem, time.Duration, string) error {
	return nil
}

func TestAWaitingWebhookThatPanicsIsBuried(t *testing.T) {
	log := &letters{}
	outlet := resolve.NewOutlet(log, time.Now, prometheus.NewRegistry())
	store := &oneWaiting{rec: &schema.WebhookRecord{Provider: "intercom", App: "poison"}}
	inbox := resolve.NewInbox(resolve.InboxConfig{Store: store, Resolver: poisoned{}, Deliver: outlet.Deliver, Bury: outlet.Bury})
	if err := inbox.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(log.dead) != 1 || log.dead[0].GetReason() != schema.DeadRefused || !store.finished {
		t.Errorf("dead letters %v, finished %v", log.dead, store.finished)
	}
}

// unfinished resolves webhooks by their app: of an unknown topic, or not now.
type unfinished struct{}

func (unfinished) Resolve(_ context.Context, rec *schema.WebhookRecord) (*resolve.Result, error) {
	if rec.GetApp() == "later" {
		return nil, &resolve.ErrLater{After: time.Minute, Reason: "the provider does not answer"}
	}
	return &resolve.Result{Outcome: resolve.Aside, Topic: "unknown"}, nil
}

// TestWebhooksThatNobodyCanUseAreSetAside: no message, an unknown topic, and
// one that could not be finished for three days.
func TestWebhooksThatNobodyCanUseAreSetAside(t *testing.T) {
	log := &letters{}
	outlet := resolve.NewOutlet(log, time.Now, prometheus.NewRegistry())
	stager := &resolve.Stager{Resolver: unfinished{}, Outlet: outlet, Log: log, Now: time.Now}
	value, err := proto.Marshal(&schema.WebhookRecord{Provider: "intercom", App: "new"})
	if err != nil {
		t.Fatal(err)
	}
	records := []*stream.Record{{Topic: schema.TopicWebhooks, Value: []byte("\xff"), Offset: 7}, {Value: value, Offset: 8}, {Offset: 9}} // The last says nothing.
	if err := stager.Process(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	old := &oneWaiting{rec: &schema.WebhookRecord{Provider: "intercom", App: "later", Received: 1}}
	inbox := resolve.NewInbox(resolve.InboxConfig{Store: old, Resolver: unfinished{}, Deliver: outlet.Deliver, Bury: outlet.Bury})
	if err := inbox.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, d := range log.dead {
		reasons = append(reasons, d.GetReason())
	}
	if want := []string{schema.DeadMalformed, schema.DeadUnknownTopic, schema.DeadGivenUp}; !slices.Equal(reasons, want) {
		t.Fatalf("dead letters %q, want %q", reasons, want)
	}
	if d := log.dead[0]; d.GetOffset() != 7 || string(d.GetValue()) != "\xff" || d.GetStage() != resolve.Stage {
		t.Errorf("got %v", d)
	}
	if d := log.dead[1]; d.GetPartition() != -1 || string(d.GetValue()) != string(value) || string(d.GetKey()) != "intercom/new" {
		t.Errorf("got %v, want the record as it was in its topic", d)
	}
	if !old.finished {
		t.Error("the webhook still waits")
	}
}
