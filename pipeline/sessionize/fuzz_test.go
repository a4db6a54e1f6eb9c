package sessionize_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// FuzzRecord: whatever lies in the topic, the partition goes on: the record has
// its effect or is set aside, a second time nothing changes, and the hits after
// it are counted.
func FuzzRecord(f *testing.F) {
	first := hit(1, now(), "https://site.example/?utm_source=a&gclid=1#x")
	identify := hit(2, now().Add(time.Second), "https://site.example/")
	identify.Type, identify.Traits = schema.HitType_HIT_TYPE_IDENTIFY, &schema.Traits{Email: "a@x.example", Phone: "+491701234567", UserId: "42"}
	leave := hit(3, now().Add(time.Minute), "https://site.example/")
	leave.Type, leave.Properties = schema.HitType_HIT_TYPE_LEAVE, []byte(`{"engaged_ms":1e300}`)
	odd := hit(4, time.UnixMilli(-1<<62), "\x00?=&%")
	odd.Received, odd.Type = 1<<62, 99
	for _, h := range []*schema.Hit{first, identify, leave, odd, {}} {
		value, err := proto.Marshal(&schema.HitRecord{Body: &schema.HitRecord_Hit{Hit: h}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	task := schema.Derive("task")
	for _, order := range []*schema.Rebuild{{}, {Task: task[:], Part: "x", Late: true, Step: 1, AfterVisitor: "v", From: 1 << 62, To: -1}} {
		value, err := proto.Marshal(&schema.HitRecord{Body: &schema.HitRecord_Rebuild{Rebuild: order}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	for _, order := range []*schema.Erase{{}, {Task: task[:]}, {Task: task[:], Workspace: 1, Until: 1 << 62, Nodes: []string{"", "x"},
		Browsers: []*schema.Browser{{Visitor: "ann", Stretches: []*schema.Stretch{{From: 5, To: -5}, {From: -1 << 62, To: 1 << 62}}}}}} {
		value, err := proto.Marshal(&schema.HitRecord{Body: &schema.HitRecord_Erase{Erase: order}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Add([]byte{})
	f.Add([]byte("\x0a\xff\xff"))
	f.Fuzz(func(t *testing.T, value []byte) {
		var read schema.HitRecord
		if proto.Unmarshal(value, &read) == nil && read.GetHit() != nil && read.GetHit().GetWorkspace() != 1 {
			return // A workspace that may still appear is waited for.
		}
		w := newWorld(t)
		for range 2 {
			w.offset++
			if err := w.worker.Process(t.Context(), []*stream.Record{{Topic: schema.TopicHits, Value: value, Offset: w.offset - 1}}); err != nil {
				t.Fatalf("the partition is stuck: %v", err)
			}
		}
		sessions, pages := w.standing()
		if len(w.dead) > 0 && len(w.dead) != 2 || len(w.dead) == 2 && sessions > 0 || sessions > 1 {
			t.Errorf("%d dead letters, %d sessions", len(w.dead), sessions)
		}
		after := hit(1<<20, now().Add(time.Hour), "https://site.example/")
		after.Visitor = "nobody else"
		w.process(after)
		if more, morePages := w.standing(); more != sessions+1 || morePages != pages+1 {
			t.Errorf("after it %d sessions with %d pages, before %d with %d", more, morePages, sessions, pages)
		}
	})
}
