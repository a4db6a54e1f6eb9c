package sessionize_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/sessionize"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// order is a record that asks for a rebuild.
func (w *world) order(rebuild *schema.Rebuild) *stream.Record {
	w.t.Helper()
	task := schema.Derive("task")
	rebuild.Task = task[:]
	return w.encode(&schema.HitRecord{Body: &schema.HitRecord_Rebuild{Rebuild: rebuild}})
}

func (w *world) send(records ...*stream.Record) {
	w.t.Helper()
	if err := w.worker.Process(w.t.Context(), records); err != nil {
		w.t.Fatal(err)
	}
	w.committed = w.offset
}

// next decodes the step that a worker appended, and puts it into the log.
func (w *world) next() *stream.Record {
	w.t.Helper()
	if len(w.appended) == 0 {
		return nil
	}
	body := new(schema.HitRecord)
	if err := proto.Unmarshal(w.appended[0], body); err != nil {
		w.t.Fatal(err)
	}
	w.appended = w.appended[1:]
	return w.encode(body)
}

// TestAChainForksNotForEver repeats a step that was cut off before its commit,
// so that its successor is in the log twice: every visitor is picked again by
// the repetition only.
func TestAChainForksNotForEver(t *testing.T) {
	w := newWorld(t)
	w.pick = []string{"a", "b", "c", "d"}
	first := w.order(&schema.Rebuild{Workspace: 1})
	w.send(first)
	w.take() // killed before the commit
	w.send(first)
	for r := w.next(); r != nil; r = w.next() {
		w.send(r)
	}
	if w.picked != len(w.pick)+1 {
		t.Errorf("%d steps were taken for %d visitors and one repetition", w.picked, len(w.pick))
	}
	if last := w.steps[len(w.steps)-1]; !last.Done || last.Step != 3 || last.Counts["visitors"] != 4 {
		t.Errorf("the last step is %+v", last)
	}
}

// TestARebuildLeavesNoPastInRedis: what was derived anew is sealed at once, as
// far as it is settled.
func TestARebuildLeavesNoPastInRedis(t *testing.T) {
	w := newWorld(t)
	w.process(hit(1<<20, now(), "https://site.example/")) // brings the progress to now
	w.remember(300)
	w.pick = []string{"ann"}
	w.send(w.order(&schema.Rebuild{Workspace: 1}))
	if sessions, _ := w.standing(); sessions < 300 {
		t.Errorf("%d sessions stand", sessions)
	}
	stored, err := w.redis.Get("{h3}:v:1/ann")
	if err != nil {
		t.Fatal(err)
	}
	var st schema.VisitorState
	if err := proto.Unmarshal([]byte(stored), &st); err != nil {
		t.Fatal(err)
	}
	if len(st.GetHits()) > 4 || len(st.GetWritten()) > 4 || st.GetCarry() == nil {
		t.Errorf("Redis keeps %d hits and %d keys", len(st.GetHits()), len(st.GetWritten()))
	}
}

// TestALateHitIsQueued: it is from before the seal, so that its visitor's
// sessions are derived anew later, and not now.
func TestALateHitIsQueued(t *testing.T) {
	w := newWorld(t)
	for day := range 3 {
		h := hit(day, now().AddDate(0, 0, 10*day), "https://site.example/")
		h.Received = h.At
		w.process(h)
	}
	before := w.writes
	late := hit(50, now().Add(time.Minute), "https://site.example/")
	late.Received = int64(schema.MillisOf(now().AddDate(0, 0, 21)))
	w.process(late)
	if len(w.late) != 1 || w.late[0].Visitor != "ann" || w.late[0].Done || w.late[0].Version == 0 {
		t.Fatalf("queued are %v", w.late)
	}
	if w.writes != before {
		t.Errorf("%d rows were written for it", w.writes-before)
	}
	w.past[sessionize.Visitor{Workspace: 1, ID: "ann"}] = w.truth()
	w.pick = []string{"ann"}
	w.send(w.order(&schema.Rebuild{Workspace: 1, Late: true}))
	if sessions, pages := w.standing(); sessions != 3 || pages != 4 {
		t.Errorf("%d sessions with %d pages, want 3 with 4", sessions, pages)
	}
	if last := w.late[len(w.late)-1]; !last.Done || last.Version <= w.late[0].Version {
		t.Errorf("it waits still: %v", w.late)
	}
}

// erased is what an erasure names, in place of the settings database.
type erased struct{ work *schema.Erase }

func (e *erased) Erased(_ uint32, node schema.Node, at, arrived schema.Millis) bool {
	return int64(arrived) <= e.work.GetUntil() && e.work.Names(node, at)
}

func (e *erased) ErasedUntil(uint32) schema.Millis { return schema.Millis(e.work.GetUntil()) }

// TestAnErasedBrowserIsForgotten: nothing of it stays in Redis, what comes
// again is dropped, and who comes back later is somebody new.
func TestAnErasedBrowserIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.process(hit(1, now(), "https://site.example/"), hit(2, now().Add(time.Hour), "https://site.example/"))
	task := schema.Derive("task")
	work := &schema.Erase{
		Task: task[:], Part: "browser 0", Workspace: 1, Until: int64(schema.MillisOf(now())),
		Browsers: []*schema.Browser{{Visitor: "ann", Stretches: []*schema.Stretch{schema.Always()}}},
	}
	w.names.work = work
	w.past[sessionize.Visitor{Workspace: 1, ID: "ann"}] = w.truth()
	order := w.encode(&schema.HitRecord{Body: &schema.HitRecord_Erase{Erase: work}})
	w.send(order)
	if sessions, _ := w.standing(); sessions != 0 {
		t.Errorf("%d sessions stand", sessions)
	}
	if len(w.erased) != 1 || w.erased[0].Visitor != "ann" || w.steps[0].Counts["hits"] != 2 || !w.steps[0].Done {
		t.Errorf("deleted were %v, noted %v", w.erased, w.steps)
	}
	for _, key := range w.redis.Keys() {
		if key != "{h3}" {
			t.Errorf("Redis keeps %s", key)
		}
	}
	stored := len(w.hits)
	w.past = map[sessionize.Visitor]sessionize.Past{}
	w.process(hit(1, now(), "https://site.example/"), hit(3, now().Add(time.Minute), "https://site.example/"))
	if sessions, _ := w.standing(); sessions != 0 || len(w.hits) != stored {
		t.Errorf("what arrived before is back: %d sessions, %d hits", sessions, len(w.hits)-stored)
	}
	back := hit(4, now().Add(2*time.Hour), "https://site.example/")
	back.Received = int64(schema.MillisOf(now())) + 1
	w.process(back)
	if sessions, pages := w.standing(); sessions != 1 || pages != 1 {
		t.Errorf("who came back has %d sessions with %d pages", sessions, pages)
	}
}
