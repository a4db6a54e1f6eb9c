package sessionize_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sourceloop/pipeline/sessionize"
	"sourceloop/pipeline/stream"
)

// A worker is stopped between Redis and ClickHouse; Redis is lost; another one
// takes the partition over and derives one session where the first had seen only
// its later hit. Then the first goes on: its row comes last, and nobody but it
// knows of that.
func TestRowsOfAWorkerThatWasStoppedDoNotStay(t *testing.T) {
	for name, end := range map[string]func(*world, stream.Worker, *stream.Record){
		"it processes": func(w *world, first stream.Worker, later *stream.Record) {
			if err := first.Process(t.Context(), []*stream.Record{later}); !errors.Is(err, stream.ErrFenced) {
				t.Errorf("got %v, want that it has another owner", err)
			}
		},
		"its lane is given up": func(w *world, first stream.Worker, later *stream.Record) {
			ctx, cancel := context.WithCancel(t.Context())
			onWrite := w.onWrite
			w.onWrite = func() { onWrite(); cancel() }
			if err := first.Process(ctx, []*stream.Record{later}); err == nil {
				t.Error("what was given up ends well")
			}
			first.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			later := w.record(hit(2, now().Add(5*time.Minute), "https://site.example/pricing"))
			earlier := w.record(hit(1, now(), "https://site.example/"))
			first := w.worker
			w.onWrite = func() {
				w.redis.FlushAll()
				w.take()
				w.send(later, earlier)
			}
			end(w, first, later)
			w.past[sessionize.Visitor{Workspace: 1, ID: "ann"}] = w.truth()
			order := w.next()
			if order == nil || len(w.late) != 1 || w.late[0].Visitor != "ann" {
				t.Fatalf("nobody was asked to look: %v", w.late)
			}
			w.pick = []string{"ann"}
			w.send(order)
			if sessions, pages := w.standing(); sessions != 1 || pages != 2 {
				t.Errorf("%d sessions with %d pages stand, want 1 with 2", sessions, pages)
			}
		})
	}
}

// An owner that is still the owner asks nobody.
func TestAnOwnersRowsAreNoStrays(t *testing.T) {
	w := newWorld(t)
	w.process(hit(1, now(), "https://site.example/"))
	w.process(hit(2, now().Add(time.Minute), "https://site.example/"))
	w.redis.FlushAll()
	if err := w.worker.Process(t.Context(), []*stream.Record{w.record(hit(3, now(), ""))}); !errors.Is(err, stream.ErrFenced) {
		t.Fatal(err)
	}
	w.worker.Close()
	if len(w.appended)+len(w.late) != 0 {
		t.Error("the owner's own rows were taken for strays")
	}
}
