package resolve

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// told keeps the leads that were appended.
type told struct{ leads []*schema.LeadRecord }

func (l *told) Append(_ context.Context, _ string, _, values [][]byte) error {
	for _, value := range values {
		lead := new(schema.LeadRecord)
		if err := proto.Unmarshal(value, lead); err != nil {
			return err
		}
		l.leads = append(l.leads, lead)
	}
	return nil
}

func (l *told) AppendDead(context.Context, []*schema.DeadRecord) error { return nil }

// evesErasure names one email, and what arrived by 100.
type evesErasure struct{}

func (evesErasure) Erased(_ uint32, node schema.Node, _, arrived schema.Millis) bool {
	return node == "email:eve@example.com" && arrived <= 100
}

// TestNothingErasedIsDelivered: neither of a webhook that arrived before the
// erasure, nor what a look at the provider remembers from before it; what was
// said since is delivered.
func TestNothingErasedIsDelivered(t *testing.T) {
	result := func(at schema.Millis) *Result {
		claim := schema.NewClaim(7, []schema.Node{"intercom:1", "email:eve@example.com"}, true, at, "test", "intercom", "")
		return &Result{Evidence: []*schema.Evidence{{Claims: []*schema.Claim{claim}}}}
	}
	for name, c := range map[string]struct {
		at, received int64
		look         bool
		want         int
	}{
		"a webhook from before": {50, 100, false, 0}, "a webhook since": {50, 101, false, 1},
		"a look at what was before": {50, 200, true, 0}, "a look at what was since": {150, 200, true, 1},
	} {
		log := &told{}
		outlet := NewOutlet(log, time.Now, prometheus.NewRegistry())
		outlet.Erasures = evesErasure{}
		r := result(schema.Millis(c.at))
		if c.look {
			remembered(r.Evidence)
		}
		if err := outlet.Deliver(t.Context(), &schema.WebhookRecord{Workspace: 7, Received: c.received}, r); err != nil {
			t.Fatal(err)
		}
		if len(log.leads) != c.want {
			t.Errorf("%s: %d leads, want %d", name, len(log.leads), c.want)
		}
	}
}
