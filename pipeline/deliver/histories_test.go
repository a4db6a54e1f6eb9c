package deliver_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sourceloop/control"
	"sourceloop/pipeline/deliver"
	"sourceloop/schema"
)

var errCrash = errors.New("the process died")

// TestHistories lives through random histories: people are credited, merged and
// erased, reach stages, the process dies at every place, platforms say anything,
// and time passes. However that goes, no platform has accepted a conversion
// twice, and in the end every push is in a final state that tells the truth.
func TestHistories(t *testing.T) {
	w := newWorld(t)
	lives := 0
	rapid.Check(t, func(t *rapid.T) {
		lives++
		newHistory(t, w, lives).live()
	})
}

// history is one of them, with destinations of its own.
type history struct {
	t            *rapid.T
	w            *world
	n            int
	platforms    map[string]*moody
	destinations map[string]control.Destination
	people       []string
	conversions  []schema.ID
	crashAt      string // every pass of this place
}

func newHistory(t *rapid.T, w *world, n int) *history {
	h := &history{t: t, w: w, n: n, platforms: map[string]*moody{}, destinations: map[string]control.Destination{}}
	w.truth.clear()
	w.start()
	seed := rapid.Uint64().Draw(t, "seed of the platforms")
	for platform, remembers := range map[string]time.Duration{"google": math.MaxInt64, "meta": 48 * time.Hour, "linkedin": 0} {
		m := newMoody(platform, remembers, platform == "google", w.now)
		m.random = rand.New(rand.NewPCG(seed, uint64(len(platform))))
		h.platforms[platform] = m
		w.channels[platform] = deliver.Channel{Platform: m, Batch: 3, Oldest: 90 * 24 * time.Hour, Remembers: remembers}
		h.destinations[platform] = w.destination(t, platform, n, h.rules(platform))
	}
	w.fail = func(place string) error {
		if place == h.crashAt {
			return errCrash
		}
		return nil
	}
	return h
}

// rules makes LinkedIn's destination one that sends by a stage in every other
// history.
func (h *history) rules(platform string) func(*control.Destination) {
	return func(d *control.Destination) {
		if platform == "linkedin" && h.n%2 == 0 {
			d.Trigger, d.Stage = control.OnStage, "Converted"
		}
	}
}

func (h *history) live() {
	w, ctx := h.w, h.t.Context()
	acts := map[string]func(*rapid.T){
		"chat": h.chat,
		"credit": func(t *rapid.T) {
			if len(h.people) > 0 {
				h.survive(w.credit(ctx, contactNamed(rapid.SampledFrom(h.people).Draw(t, "person"))))
			}
		},
		"rebuild": func(*rapid.T) { h.survive(w.credit(ctx)) },
		"merge":   h.merge,
		"vanish":  h.vanish,
		"stage": func(t *rapid.T) {
			if len(h.people) > 0 {
				who := rapid.SampledFrom(h.people).Draw(t, "person")
				h.check(w.store.SetStage(ctx, w.who, nodeOf(who), rapid.SampledFrom([]string{"Contacted", "Converted"}).Draw(t, "stage")))
			}
		},
		"look": func(*rapid.T) { h.survive(w.stages.Work(ctx)) },
		"send": func(*rapid.T) { h.send() },
		"hits": func(*rapid.T) { w.log.write(schema.TopicHits); w.log.write(schema.TopicLeads) },
		"keep up": func(*rapid.T) {
			w.log.process(schema.TopicHits)
			w.log.process(schema.TopicLeads)
		},
		"crash": func(t *rapid.T) {
			h.crashAt = rapid.SampledFrom([]string{"", "deliver.after-plan", "deliver.before-send", "deliver.after-send", "deliver.after-note"}).Draw(t, "place")
		},
		"restart":   func(*rapid.T) { w.start() },
		"reconnect": func(*rapid.T) { h.reconnect() },
		"wait": func(t *rapid.T) {
			w.clock.Advance(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 4 * time.Minute, 15 * time.Minute, 7 * time.Hour, 50 * time.Hour}).Draw(t, "how long"))
		},
	}
	h.t.Repeat(acts)
	h.settle()
	h.judge()
}

func (h *history) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// survive lets a process die where it was to.
func (h *history) survive(err error) {
	h.t.Helper()
	if err != nil && !errors.Is(err, errCrash) {
		h.t.Fatal(err)
	}
}

func (h *history) send() {
	h.check(h.w.sender.Round(h.t.Context()))
	h.w.sender.Wait()
	for platform, m := range h.platforms {
		for id, times := range m.accepted {
			if times > 1 {
				h.t.Fatalf("%s has accepted %s %d times", platform, id, times)
			}
		}
	}
}

func (h *history) chat(t *rapid.T) {
	who := strconv.Itoa(h.n) + "-" + rapid.SampledFrom([]string{"ann", "bob", "cem", "dot"}).Draw(t, "who")
	name := strconv.Itoa(h.n) + "-" + strconv.Itoa(len(h.conversions))
	h.people = append(h.people, who)
	id := h.w.truth.put(name, who, h.w.now(), func(s *schema.Sendable) {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			s.Email, s.Visits = "", nil
		case 1:
			s.Visits[0].Consent = schema.ConsentDenied
		}
	})
	h.conversions = append(h.conversions, id)
	h.w.log.write(schema.TopicHits)
	h.survive(h.w.credit(t.Context(), contactNamed(who)))
}

// merge gives a conversion to another person, in whom the former may live on.
func (h *history) merge(t *rapid.T) {
	if len(h.conversions) == 0 {
		return
	}
	id, to := rapid.SampledFrom(h.conversions).Draw(t, "conversion"), contactNamed(rapid.SampledFrom(h.people).Draw(t, "to"))
	h.w.truth.give(id, to)
	h.survive(h.w.credit(t.Context(), to))
}

// vanish makes a conversion count no longer, or again.
func (h *history) vanish(t *rapid.T) {
	if len(h.conversions) == 0 {
		return
	}
	id := rapid.SampledFrom(h.conversions).Draw(t, "conversion")
	var owner schema.ID
	h.w.truth.change(id, func(s *schema.Sendable) { s.Deleted, owner = !s.Deleted, s.Contact })
	h.survive(h.w.credit(t.Context(), owner))
}

func (h *history) reconnect() {
	for platform := range h.platforms {
		h.w.reconnect(h.t, platform)
	}
}

// settle lets everything work as it should until nothing waits.
func (h *history) settle() {
	h.crashAt = ""
	for _, m := range h.platforms {
		m.random = nil
	}
	h.w.start()
	h.w.log.process(schema.TopicHits)
	h.w.log.process(schema.TopicLeads)
	h.check(h.w.credit(h.t.Context()))
	for range 60 {
		h.reconnect()
		h.check(h.w.stages.Work(h.t.Context()))
		h.send()
		h.w.clock.Advance(20 * time.Minute)
		if h.pending() == 0 {
			return
		}
		h.w.clock.Advance(7 * time.Hour)
	}
}

func (h *history) pending() int {
	n := 0
	counts, err := h.w.store.PushCounts(h.t.Context(), h.w.who)
	h.check(err)
	for _, d := range h.destinations {
		n += counts[d.ID][schema.PushPending]
	}
	return n
}

// judge compares what the outbox says with what the platforms have.
func (h *history) judge() {
	for platform, d := range h.destinations {
		m, pushes := h.platforms[platform], h.w.pushes(h.t, d)
		for _, id := range h.conversions {
			p, there := pushes[id]
			accepted := m.accepted[d.PushID(id)]
			s := h.w.truth.conversions[id]
			switch {
			case !there:
				if accepted > 0 || !s.Deleted && d.Trigger == control.OnConversion {
					h.t.Errorf("%s: a conversion has no push (deleted: %t, accepted: %d)", platform, s.Deleted, accepted)
				}
				continue
			case p.ID != d.PushID(id):
				h.t.Errorf("%s: the push of %s is %s", platform, id, p.ID)
			}
			says := (p.State == schema.PushSent || p.State == schema.PushDuplicate) && !strings.Contains(p.Words, "did not say")
			unsure := p.State == schema.PushError && strings.Contains(p.Words, "may have it")
			switch {
			case p.State == schema.PushPending:
				h.t.Errorf("%s: a push is still pending: %q, due %v, attempts %d", platform, p.Words, p.Due.Time(), p.Attempts)
			case says && accepted != 1, p.State != schema.PushSent && !says && !unsure && accepted != 0:
				h.t.Errorf("%s: a push is %s (%q) and the platform has it %d times", platform, p.State, p.Words, accepted)
			}
		}
		h.check(h.w.store.DeleteDestination(h.t.Context(), h.w.who, d.ID))
	}
}
