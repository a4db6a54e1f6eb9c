package stitch_test

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// live are the contacts that stand.
func (c *truth) live() (ids []schema.ID) {
	for id, r := range c.rows {
		if !r.Deleted && r.Contact.Redirect.IsZero() {
			ids = append(ids, id)
		}
	}
	return ids
}

// A worker is stopped between Redis and ClickHouse; Redis is lost; another one
// takes the partition over and finds two claims to be about one contact of which
// the first worker had seen the later only. Then the first goes on: its contact
// comes last, and nobody but it knows of that.
func TestContactsOfAWorkerThatWasStoppedDoNotStay(t *testing.T) {
	r := newRig(t)
	r.take()
	email := schema.NewNode(schema.NodeEmail, "ann@example.com")
	earlier := schema.NewClaim(workspace, []schema.Node{schema.NewNode(schema.NodeIntercom, "a"), email}, true, 1000, "test", "one", "")
	later := schema.NewClaim(workspace, []schema.Node{schema.NewNode(schema.NodeIntercom, "b"), email}, true, 2000, "test", "two", "")
	second, first := r.claims(later), r.claims(earlier)
	stopped := r.worker
	r.truth.onWrite = func() {
		r.redis.FlushAll()
		r.take()
		r.process(second, first)
	}
	if err := stopped.Process(t.Context(), []*stream.Record{second}); !errors.Is(err, stream.ErrFenced) {
		t.Fatalf("got %v, want that it has another owner", err)
	}
	if len(r.truth.appended) != 1 {
		t.Fatalf("%d components were sent to the new owner, want 1", len(r.truth.appended))
	}
	lead := new(schema.LeadRecord)
	if err := proto.Unmarshal(r.truth.appended[0], lead); err != nil {
		t.Fatal(err)
	}
	if live := r.truth.live(); len(live) != 2 {
		t.Fatalf("%d contacts stand before the new owner looks; the test shows nothing", len(live))
	}
	r.process(r.record(lead))
	if live := r.truth.live(); len(live) != 1 {
		t.Errorf("%d contacts stand, want one", len(live))
	}
	if n := len(r.truth.appended); n != 1 {
		t.Errorf("the new owner sent %d components on", n-1)
	}
}
