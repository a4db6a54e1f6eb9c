package resolve_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/resolve"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// outlet keeps what the stage appends.
type outlet struct {
	letters
	leads []*schema.LeadRecord
}

func (o *outlet) Append(_ context.Context, _ string, _, values [][]byte) error {
	for _, v := range values {
		lead := &schema.LeadRecord{}
		if err := proto.Unmarshal(v, lead); err != nil {
			return err
		}
		o.leads = append(o.leads, lead)
	}
	return nil
}

func (o *outlet) PutInbox(context.Context, *schema.WebhookRecord, time.Duration, string) error {
	return schema.E("wait", schema.KindInternal, "Nothing of this can get better by waiting.")
}

// process lets the stage take one record, with a provider whose plan refuses all
// questions, so that the webhook is all that is known.
func process(t testing.TB, value []byte) *outlet {
	t.Helper()
	o := &outlet{}
	stager := &resolve.Stager{
		Resolver: newDesk(t, openDoor{}, func(c *resolve.IntercomConfig) { c.Client = &http.Client{Transport: refusing{}} }),
		Outlet:   resolve.NewOutlet(o, time.Now, prometheus.NewRegistry()), Waiting: o, Log: o, Now: time.Now,
	}
	if err := stager.Process(t.Context(), []*stream.Record{{Topic: schema.TopicWebhooks, Value: value}}); err != nil {
		t.Fatalf("the stage is stuck: %v", err)
	}
	return o
}

// nodes are what the claims of all leads name.
func (o *outlet) nodes() string {
	var all []string
	for _, lead := range o.leads {
		for _, c := range lead.GetEvidence().GetClaims() {
			all = append(all, strings.Join(c.GetNodes(), " "))
		}
	}
	return strings.Join(all, " | ")
}

// TestBadInput has a row for everything that a signed webhook may have wrong
// with it: what it claims all the same, or why it is set aside.
func TestBadInput(t *testing.T) {
	lead := func(fields string) string {
		return `{"app_id":"tea1","topic":"contact.lead.updated","data":{"item":{"id":"9","role":"user",` + fields + `}}}`
	}
	chat := func(fields string) string {
		return `{"app_id":"tea1","topic":"conversation.user.created","data":{"item":{"id":"5",` + fields + `}}}`
	}
	for _, test := range []struct {
		name, body string
		nodes      string // of the claims, the claims apart by |
		reason     string // of the dead letter
	}{
		{"unknown topic", `{"app_id":"tea1","topic":"ticket.created","data":{"item":{"id":"1"}}}`, "", "unknown_topic"},
		{"unknown version", `{"app_id":"tea1","topic":"contact.lead.updated","version":"9","data":{"contact":{"id":"9"}}}`, "", "refused"},
		{"no JSON", `{"app_id":"tea1",`, "", "refused"},
		{"another app than it was routed by", `{"app_id":"tea2","topic":"ping"}`, "", "refused"},
		{"nothing in it", `{"app_id":"tea1","topic":"contact.lead.updated","data":null}`, "", "refused"},
		{"no email", lead(`"email":null,"phone":null`), "intercom:9", ""},
		{"an email that says null", lead(`"email":"null","external_id":"undefined","phone":"none"`), "intercom:9", ""},
		{"several emails in one", lead(`"email":"a@x.example, b@y.example"`), "intercom:9", ""},
		{"a list of emails", lead(`"email":["a@x.example","b@y.example"]`), "intercom:9", ""},
		{"an email twice", lead(`"email":"a@x.example","email":"b@y.example"`), "email:b@y.example intercom:9", ""},
		{"no phone", lead(`"phone":"call me"`), "intercom:9", ""},
		{"a user id that stands for nobody", lead(`"external_id":0`), "intercom:9", ""},
		{"a visitor that stands for nobody", lead(`"custom_attributes":{"sourceloop_id":"[object Object]"}`), "intercom:9", ""},
		{"a visitor that is a list", lead(`"custom_attributes":{"sourceloop_id":["a","b"]}`), "intercom:9", ""},
		{"a visitor of 10 KB", lead(`"custom_attributes":{"sourceloop_id":"` + strings.Repeat("v", 10<<10) + `"}`), "intercom:9", ""},
		{"__proto__", lead(`"__proto__":{"email":"a@x.example"},"custom_attributes":{"__proto__":{"sourceloop_id":"v"}}`), "intercom:9", ""},
		{"two contacts in a conversation", chat(`"contacts":{"contacts":[{"id":"1"},{"id":"2"}]},"source":{"author":{"type":"admin","id":"7","email":"mate@tea.example"}}`), "intercom:1", ""},
		{"a teammate's email", chat(`"contacts":{"contacts":[{"id":"1"}]},"source":{"author":{"type":"admin","id":"7","email":"mate@tea.example"}}`), "intercom:1", ""},
		{"nobody in a conversation", chat(`"contacts":{"contacts":[]},"source":null`), "", ""},
		{"text that is no UTF-8", lead("\"name\":\"\xff\xfe\",\"email\":\"a\xff@x.example\""), "", "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rec := &schema.WebhookRecord{
				Provider: "intercom", App: "tea1", Workspace: workspace, Connection: connection, Received: int64(received), Body: []byte(test.body),
			}
			value, err := proto.Marshal(rec)
			if err != nil {
				t.Fatal(err)
			}
			o := process(t, value)
			if got := o.nodes(); got != test.nodes {
				t.Errorf("claims %q, want %q", got, test.nodes)
			}
			if (len(o.dead) > 0) != (test.reason != "") {
				t.Fatalf("%d dead letters: %v", len(o.dead), o.dead)
			}
			if len(o.dead) > 0 && (o.dead[0].GetReason() != test.reason || string(o.dead[0].GetValue()) != string(value)) {
				t.Errorf("set aside as %v", o.dead[0])
			}
		})
	}
}

// FuzzRecord: whatever lies in the topic, the stage goes on: it passes evidence
// on that can be read, or sets the record aside with its bytes.
func FuzzRecord(f *testing.F) {
	for _, body := range []string{`{"app_id":"tea1","topic":"ping"}`, `{"app_id":"tea1","topic":"conversation.user.created","data":{"item":{"id":5,"source":{"author":{"type":"lead","id":"9"}}}}}`} {
		value, err := proto.Marshal(&schema.WebhookRecord{Provider: "intercom", App: "tea1", Workspace: workspace, Connection: connection, Received: 1, Body: []byte(body)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Add([]byte{})
	f.Add([]byte("\x0a\xff"))
	f.Fuzz(func(t *testing.T, value []byte) {
		o := process(t, value)
		if len(o.dead) > 1 || len(o.dead) == 1 && len(o.leads) > 0 {
			t.Errorf("%d dead letters, %d leads", len(o.dead), len(o.leads))
		}
		for _, lead := range o.leads {
			for _, c := range lead.GetEvidence().GetClaims() {
				if len(c.GetId()) != 16 || len(c.GetNodes()) == 0 || c.GetWorkspace() != lead.GetWorkspace() {
					t.Errorf("claim %v of workspace %d", c, lead.GetWorkspace())
				}
			}
		}
	})
}
