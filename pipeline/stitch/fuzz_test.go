package stitch_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/stitch"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// aside counts dead letters.
type aside struct{ n int }

func (a *aside) AppendDead(_ context.Context, letters []*schema.DeadRecord) error {
	a.n += len(letters)
	return nil
}

// FuzzRecord: whatever lies in the topic, the partition goes on: the record has
// its effect, in its own workspace and with sound ids, or is set aside.
func FuzzRecord(f *testing.F) {
	claim := schema.NewClaim(workspace, []schema.Node{"intercom:1", "email:a@x.example", "visitor:v"}, true, 5, "x", "intercom", "Ann")
	id := schema.ConversationID(workspace, "intercom", "1")
	fact := &schema.ConversionFact{Id: id[:], Workspace: workspace, Name: "intercom_conversation", Provider: "intercom", Node: "intercom:1", Visitor: "v", At: 7}
	for _, r := range []*schema.LeadRecord{
		{Workspace: workspace, Received: 9, Body: &schema.LeadRecord_Evidence{Evidence: &schema.Evidence{Claims: []*schema.Claim{claim}, Conversion: fact}}},
		{Workspace: workspace, Body: &schema.LeadRecord_Visitors{Visitors: &schema.VisitorsChanged{Visitors: []string{"v", ""}}}},
		{Workspace: workspace, Body: &schema.LeadRecord_Evidence{Evidence: &schema.Evidence{Claims: []*schema.Claim{{}}, Conversion: &schema.ConversionFact{}}}},
		{Workspace: workspace, Body: &schema.LeadRecord_Evidence{Evidence: &schema.Evidence{Claims: []*schema.Claim{
			{Id: []byte("short"), Workspace: workspace + 1, Nodes: []string{"", "x"}}}}}},
		{Workspace: workspace, Body: &schema.LeadRecord_Rebuild{Rebuild: &schema.Rebuild{Task: []byte("short"), Workspace: workspace}}},
		{Workspace: workspace, Body: &schema.LeadRecord_Rebuild{Rebuild: &schema.Rebuild{Task: id[:], Workspace: workspace, Part: "x"}}},
		{Workspace: workspace, Body: &schema.LeadRecord_Erase{Erase: &schema.Erase{Task: id[:], Workspace: workspace + 1}}},
		{Workspace: workspace, Body: &schema.LeadRecord_Erase{Erase: &schema.Erase{Task: id[:], Workspace: workspace, Nodes: []string{"", "x", "email:a@x.example"},
			Contacts: [][]byte{{1}}, Browsers: []*schema.Browser{{Visitor: "v"}}}}},
		{},
	} {
		value, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Add([]byte("\x0a\xff"))
	f.Fuzz(func(t *testing.T, value []byte) {
		r := newRig(t)
		letters := &aside{}
		r.stager = stitch.NewStager(stitch.Deps{
			State: r.store, Sink: r.truth, History: r.truth, Dead: letters, Log: r.truth, Slog: slog.New(slog.DiscardHandler), Now: time.Now,
		}, prometheus.NewRegistry())
		r.take()
		if err := r.worker.Process(t.Context(), []*stream.Record{{Topic: schema.TopicLeads, Value: value}}); err != nil {
			t.Fatalf("the partition is stuck: %v", err)
		}
		if letters.n > 0 && (letters.n > 1 || len(r.truth.claims) > 0) {
			t.Errorf("%d dead letters and %d claims", letters.n, len(r.truth.claims))
		}
		var read schema.LeadRecord
		if err := proto.Unmarshal(value, &read); err != nil {
			return
		}
		for id, c := range r.truth.claims {
			if id.IsZero() || c.GetWorkspace() != read.GetWorkspace() || len(c.GetNodes()) == 0 {
				t.Errorf("claim %v of a record of workspace %d", c, read.GetWorkspace())
			}
		}
	})
}
