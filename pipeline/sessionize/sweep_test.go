package sessionize_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/pipeline/sessionize"
	"sourceloop/schema"
)

// held are the visitors that Redis holds.
func (w *world) held() (visitors []string) {
	for _, k := range w.redis.Keys() {
		if _, id, found := strings.Cut(k, "}:v:1/"); found {
			visitors = append(visitors, id)
		}
	}
	slices.Sort(visitors)
	return visitors
}

// by is a page view of somebody that arrived when it happened.
func by(visitor string, n int, at time.Time) *schema.Hit {
	h := hit(n, at, "https://site.example/")
	h.Visitor, h.Received = visitor, int64(schema.MillisOf(at))
	return h
}

// forget makes Redis as empty as before the first start.
func (w *world) forget() {
	w.redis.FlushAll()
	w.virgin = true
	w.take()
}

// Who does not come back is dropped from Redis after some days of the
// partition's progress, and is known again when they do.
func TestIdleVisitorsAreDroppedAndKnownAgain(t *testing.T) {
	w := newWorld(t)
	w.forget()
	day := func(n int) time.Time { return now().AddDate(0, 0, n) }
	w.process(by("ann", 1, day(0)), by("bob", 2, day(0)))
	for n := 1; n <= 3; n++ {
		w.process(by("bob", 2+n, day(n)))
		if got := w.held(); !slices.Equal(got, []string{"ann", "bob"}) {
			t.Errorf("on day %d Redis holds %v", n, got)
		}
	}
	w.take() // Another process, which has to find out who is idle.
	w.process(by("bob", 6, day(4)))
	if got := w.held(); !slices.Equal(got, []string{"bob"}) {
		t.Fatalf("on day 4 Redis holds %v", got)
	}
	w.past[sessionize.Visitor{Workspace: 1, ID: "ann"}] = w.truthOf("ann")
	w.take() // It remembers nothing itself.
	w.process(by("ann", 7, day(5)))
	reasons := map[schema.Reason]int{}
	for _, r := range w.rows {
		if r.Session.Visitor == "ann" && !r.Deleted {
			reasons[r.Session.Reason]++
		}
	}
	if len(reasons) != 2 || reasons[schema.ReasonFirstHit] != 1 || reasons[schema.ReasonTimeout] != 1 {
		t.Errorf("when ann is back her sessions began by %v", reasons)
	}
}

// A partition keeps nothing of many visitors who came once, and of the days on
// which they came.
func TestSweepingLeavesNothing(t *testing.T) {
	w := newWorld(t)
	const many = 1200 // more than one step looks at
	at := now()
	var hits []*schema.Hit
	for i := range many {
		hits = append(hits, by(fmt.Sprint("once ", i), i, at))
	}
	w.process(hits...)
	for n := range 4 {
		w.process(by("bob", many+n, at.AddDate(0, 0, 4+n)))
	}
	if got := w.held(); !slices.Equal(got, []string{"bob"}) {
		t.Errorf("Redis still holds %d visitors", len(got))
	}
	today := schema.MillisOf(at).Day()
	for _, k := range w.redis.Keys() {
		if strings.HasSuffix(k, fmt.Sprint(":t:", today)) {
			t.Errorf("Redis keeps %s", k)
		}
	}
}
