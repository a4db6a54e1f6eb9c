package control_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

// TestOutboxAgainstReference lets two processes do at random what may be done
// with pushes, and keeps account of it in the plainest way there is. A seed that
// fails fails again.
func TestOutboxAgainstReference(t *testing.T) {
	controltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		for _, seed := range []uint64{1, 2, uint64(time.Now().UnixNano())} {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				newReference(t, fresh(t), seed).run(300)
			})
		}
	})
}

const (
	refLease       = time.Minute
	refConversions = 20
	refContacts    = 6
)

// account is what the reference knows of a push.
type account struct {
	destination           int
	contact               schema.ID
	state                 schema.PushState
	attempts, tries, open int
	openSince, firstAt    schema.Millis
	due, leased           schema.Millis // leased: until when
	holder, begunBy       int           // numbers of holders; 0 for none
	receipt, erased       bool
	at                    schema.Millis
	before                schema.PushState // after the last step
}

// holder is a process that took some pushes at once.
type holder struct {
	number int
	store  *control.Store
	pushes []control.Push
}

type reference struct {
	t         *testing.T
	random    *rand.Rand
	clock     *controltest.Clock
	stores    []*control.Store
	ann       control.Principal
	targets   []control.Destination
	platforms []control.Connection
	paused    []bool
	states    []control.ConnectionState // of the platforms
	all       map[schema.ID]*account
	holders   []*holder
	last      int
}

func newReference(t *testing.T, dsn string, seed uint64) *reference {
	t.Logf("seed %d", seed)
	clock, keys := controltest.NewClock(), controltest.Keys(t)
	r := &reference{t: t, random: rand.New(rand.NewPCG(seed, 1)), clock: clock, all: map[schema.ID]*account{}}
	for range 2 {
		r.stores = append(r.stores, controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: keys}))
	}
	r.ann = controltest.NewOwner(t, r.stores[0], "ann@example.com")
	w := &outboxWorld{clock: clock, store: r.stores[0], ann: r.ann}
	for i, platform := range []string{"google", "linkedin"} {
		r.platforms = append(r.platforms, w.connect(t, r.ann, platform, fmt.Sprint("account", i)))
		r.states = append(r.states, control.Connected)
		for action := range 2 {
			r.targets = append(r.targets, must[control.Destination](t)(r.stores[0].CreateDestination(t.Context(), r.ann, control.Destination{
				Platform: platform, Account: "1234567890", Action: strconv.Itoa(action),
			})))
			r.paused = append(r.paused, false)
		}
	}
	return r
}

func (r *reference) now() schema.Millis    { return schema.MillisOf(r.clock.Now()) }
func (r *reference) store() *control.Store { return r.stores[r.random.IntN(len(r.stores))] }

func (r *reference) run(steps int) {
	actions := []struct {
		often int
		name  string
		do    func()
	}{
		{12, "plan", r.plan}, {14, "take", r.take}, {16, "begin", r.begin}, {18, "end", r.end}, {10, "advance", r.advance}, {4, "crash", r.crash},
		{3, "retry", r.retry}, {2, "retry all", r.retryAll}, {2, "pause", r.pause}, {2, "disconnect", r.disconnect}, {4, "connect", r.connect},
		{1, "fail", r.fail}, {1, "erase", r.erase}, {1, "withdraw", r.withdraw},
	}
	sum := 0
	for _, a := range actions {
		sum += a.often
	}
	for step := range steps {
		n := r.random.IntN(sum)
		for _, a := range actions {
			if n -= a.often; n < 0 {
				a.do()
				r.compare(fmt.Sprintf("step %d, %s", step, a.name))
				break
			}
		}
	}
}

func (r *reference) plan() {
	var pushes []control.Push
	for range 1 + r.random.IntN(12) {
		d, n := r.random.IntN(len(r.targets)), r.random.IntN(refConversions)
		target, conversion := r.targets[d], schema.Derive("conversion", strconv.Itoa(n))
		p := control.Push{
			ID: target.PushID(conversion), Workspace: target.Workspace, Destination: target.ID, Conversion: conversion,
			Contact: schema.Derive("contact", strconv.Itoa((n+r.random.IntN(2))%refContacts)), ConversionName: "intercom_conversation",
			At: schema.Millis(1000 + r.random.IntN(2)), State: schema.PushPending, Due: r.now().Add(time.Duration(r.random.IntN(90)-30) * time.Second),
		}
		if r.random.IntN(5) == 0 {
			p.State = []schema.PushState{schema.PushPendingIdentity, schema.PushSkippedConsent}[r.random.IntN(2)]
		}
		pushes = append(pushes, p)
	}
	for range 1 + r.random.IntN(2) { // Repeated it changes nothing.
		ok(r.t, r.store().PlanPushes(r.t.Context(), pushes))
	}
	// Of several plans of one push in a call the last counts.
	last := map[schema.ID]control.Push{}
	for _, p := range pushes {
		last[p.ID] = p
	}
	for id, p := range last {
		r.planned(id, &p)
	}
}

func (r *reference) planned(id schema.ID, p *control.Push) {
	d := slices.IndexFunc(r.targets, func(d control.Destination) bool { return d.ID == p.Destination })
	a := r.all[id]
	if a == nil {
		r.all[id] = &account{destination: d, contact: p.Contact, state: p.State, due: p.Due, at: p.At}
		return
	}
	contact := p.Contact
	if a.erased {
		contact = schema.ID{}
	}
	open := a.state == schema.PushPendingIdentity || a.state == schema.PushSkippedConsent || a.state == schema.PushPending && a.attempts == 0
	if open && !a.erased && (a.contact != contact || a.at != p.At || a.state != p.State) {
		a.at, a.state = p.At, p.State
		if a.leased <= r.now() {
			a.due = p.Due
		}
	}
	a.contact = contact
}

// takeable tells whether somebody may take a push now.
func (r *reference) takeable(a *account) bool {
	return a.state == schema.PushPending && a.due <= r.now() && !r.paused[a.destination] && r.states[a.destination/2] == control.Connected
}

func (r *reference) take() {
	limit, each := 1+r.random.IntN(12), 1+r.random.IntN(6)
	h := &holder{number: r.last + 1, store: r.store()}
	r.last++
	ready := map[int]int{}
	for _, a := range r.all {
		if r.takeable(a) {
			ready[a.destination]++
		}
	}
	h.pushes = must[[]control.Push](r.t)(h.store.TakePushes(r.t.Context(), limit, each, refLease))
	got, latest := map[int]int{}, map[int]schema.Millis{}
	for _, p := range h.pushes {
		a := r.all[p.ID]
		if a == nil || !r.takeable(a) || a.leased > r.now() {
			r.t.Fatalf("taken was %+v, of which is known %+v", p, a)
		}
		if p.Open != (a.open > 0) || p.Attempts != a.attempts || p.OpenSince != a.openSince || (p.Receipt != "") != a.receipt {
			r.t.Fatalf("taken as %+v, known as %+v", p, a)
		}
		got[a.destination]++
		latest[a.destination] = max(latest[a.destination], a.due)
		a.holder, a.leased = h.number, r.now().Add(refLease)
	}
	for _, a := range r.all {
		if r.takeable(a) && a.holder != h.number && a.due < latest[a.destination] {
			r.t.Fatalf("left was %+v, which is due before others that were taken", a)
		}
	}
	r.fair(ready, got, limit, each)
	for _, p := range h.pushes {
		r.all[p.ID].due = r.all[p.ID].leased
	}
	if len(h.pushes) > 0 {
		r.holders = append(r.holders, h)
	}
}

// fair wants as much taken as can be, and nobody to have more by more than one
// than who would have liked more.
func (r *reference) fair(ready, got map[int]int, limit, each int) {
	want, most := 0, 0
	for d, n := range ready {
		want += min(n, each)
		most = max(most, got[d])
	}
	total := 0
	for d, n := range got {
		total += n
		if n > each {
			r.t.Fatalf("of one destination %d were taken, of at most %d", n, each)
		}
		if n < min(ready[d], each) && most > n+1 {
			r.t.Fatalf("of %v were taken %v", ready, got)
		}
	}
	if total != min(want, limit) {
		r.t.Fatalf("of %v were taken %v, where the limit is %d, and %d each", ready, got, limit, each)
	}
}

func (r *reference) holding() *holder {
	if len(r.holders) == 0 {
		return nil
	}
	return r.holders[r.random.IntN(len(r.holders))]
}

// some is a random part of what a holder took, in random order.
func (r *reference) some(h *holder) []int {
	return r.random.Perm(len(h.pushes))[:1+r.random.IntN(len(h.pushes))]
}

func (r *reference) begin() {
	h := r.holding()
	if h == nil {
		return
	}
	var asked []control.Push
	want := map[schema.ID]*account{}
	for _, i := range r.some(h) {
		p := h.pushes[i]
		asked = append(asked, p)
		a := r.all[p.ID]
		if a != nil && a.holder == h.number && a.leased > r.now() && a.state == schema.PushPending && a.begunBy != h.number {
			want[p.ID] = a
		}
	}
	begun := must[[]control.Push](r.t)(h.store.BeginPushes(r.t.Context(), asked))
	if len(begun) != len(want) {
		r.t.Fatalf("begun were %d, want %d", len(begun), len(want))
	}
	for _, p := range begun {
		a := want[p.ID]
		if a == nil {
			r.t.Fatalf("begun was %+v", p)
		}
		a.begunBy = h.number
		a.attempts, a.tries, a.open = a.attempts+1, a.tries+1, a.open+1
		if a.open == 1 {
			a.openSince = r.now()
		}
		if a.firstAt == 0 {
			a.firstAt = r.now()
		}
	}
}

func (r *reference) end() {
	h := r.holding()
	if h == nil {
		return
	}
	var results []control.PushResult
	for _, i := range r.some(h) {
		result := control.PushResult{Push: h.pushes[i], Due: r.now().Add(time.Duration(r.random.IntN(60)) * time.Second)}
		switch n := r.random.IntN(10); n {
		case 0, 1:
			result.State, result.Outcome = schema.PushSent, schema.OutcomeSent
		case 2:
			result.State, result.Outcome = schema.PushDuplicate, schema.OutcomeDuplicate
		case 3:
			result.State, result.Outcome = schema.PushError, schema.OutcomeRefused
		case 4:
			result.State, result.Outcome = schema.PushPendingIdentity, schema.OutcomeNoIdentity
		case 5:
			result.State, result.Outcome, result.Receipt = schema.PushPending, schema.OutcomeTaken, "receipt"
		case 6, 7:
			result.State, result.Outcome = schema.PushPending, schema.OutcomeUnclear
		case 8:
			result.State, result.Outcome = schema.PushPending, schema.OutcomeLater
		case 9:
			result.State, result.Receipt = schema.PushPending, h.pushes[i].Receipt // Given back.
		}
		results = append(results, result)
	}
	ok(r.t, h.store.EndPushes(r.t.Context(), results))
	for i := range results {
		if a := r.all[results[i].Push.ID]; a != nil && a.holder == h.number {
			a.end(&results[i])
		}
	}
	if r.random.IntN(2) == 0 {
		r.drop(h)
	}
}

func (a *account) end(result *control.PushResult) {
	if a.state == schema.PushPending || result.State != schema.PushPending {
		a.state = result.State
	}
	switch {
	case result.Outcome.Arrived():
		a.open = 0
	case result.Outcome.Known() && a.begunBy == a.holder:
		a.open--
	}
	if a.open == 0 {
		a.openSince = 0
	}
	a.due, a.receipt, a.holder, a.begunBy, a.leased = result.Due, result.Receipt != "", 0, 0, 0
}

func (r *reference) drop(h *holder) {
	r.holders = slices.DeleteFunc(r.holders, func(other *holder) bool { return other == h })
}
