package control_test

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

// What happens to the reference's pushes beside sending.

// crash is a process that is heard of no more.
func (r *reference) crash() {
	if h := r.holding(); h != nil {
		r.drop(h)
	}
}

func (r *reference) advance() { r.clock.Advance(time.Duration(1+r.random.IntN(45)) * time.Second) }

// ids are those of all pushes, in the same order every time.
func (r *reference) ids() []schema.ID {
	var all []schema.ID
	for id := range r.all {
		all = append(all, id)
	}
	slices.SortFunc(all, schema.ID.Compare)
	return all
}

func (r *reference) retry() {
	ids := r.ids()
	if len(ids) == 0 {
		return
	}
	id := ids[r.random.IntN(len(ids))]
	a := r.all[id]
	err := r.store().RetryPush(r.t.Context(), r.ann, id)
	may := a.state == schema.PushError && !a.erased && r.states[a.destination/2] != control.Disconnected
	if may != (err == nil) {
		r.t.Fatalf("asked to send %+v again, the answer is %v", a, err)
	}
	if may {
		a.again(r.now())
	}
}

func (a *account) again(now schema.Millis) {
	a.state, a.tries, a.open, a.openSince, a.firstAt, a.receipt = schema.PushPending, 0, 0, 0, 0, false
	a.due = max(now, a.leased)
}

func (r *reference) retryAll() {
	d := r.random.IntN(len(r.targets))
	n, err := r.store().RetryPushes(r.t.Context(), r.ann, r.targets[d].ID)
	if gone := r.states[d/2] == control.Disconnected; gone != (err != nil) {
		r.t.Fatalf("asked to send all again, the answer is %v", err)
	} else if gone {
		return
	}
	for _, a := range r.all {
		if a.destination == d && a.state == schema.PushError && !a.erased {
			a.again(r.now())
			n--
		}
	}
	if n != 0 {
		r.t.Fatalf("%d too many were sent again", n)
	}
}

func (r *reference) pause() {
	d := r.random.IntN(len(r.targets))
	r.paused[d] = !r.paused[d]
	r.targets[d].Paused = r.paused[d]
	must[control.Destination](r.t)(r.store().UpdateDestination(r.t.Context(), r.ann, r.targets[d]))
}

func (r *reference) disconnect() {
	n := r.random.IntN(len(r.platforms))
	must[control.Connection](r.t)(r.store().CloseRoute(r.t.Context(), r.ann, r.platforms[n].ID))
	r.states[n] = control.Disconnected
	for _, a := range r.all {
		if a.destination/2 != n || a.state != schema.PushPending {
			continue
		}
		a.state = schema.PushError
		if a.receipt {
			a.state = schema.PushSent
		}
	}
}

func (r *reference) connect() {
	n := r.random.IntN(len(r.platforms))
	if r.states[n] == control.Connected {
		return
	}
	w := &outboxWorld{clock: r.clock, store: r.store(), ann: r.ann}
	w.connect(r.t, r.ann, r.platforms[n].Provider, fmt.Sprint("account", n))
	r.states[n] = control.Connected
	for _, a := range r.all {
		if a.destination/2 == n && a.state == schema.PushPending && a.leased <= r.now() {
			a.due = min(a.due, r.now())
		}
	}
}

func (r *reference) fail() {
	n := r.random.IntN(len(r.platforms))
	if r.states[n] == control.Connected {
		ok(r.t, r.store().MarkFailed(r.t.Context(), r.platforms[n].ID, "The token was refused."))
		r.states[n] = control.Failed
	}
}

func (r *reference) erase() {
	contact := schema.Derive("contact", strconv.Itoa(r.random.IntN(refContacts)))
	done := must[map[string]control.ErasedPushes](r.t)(r.store().ErasePushes(r.t.Context(), r.ann.Workspace, []schema.ID{contact}, nil))
	removed, sent := 0, 0
	for _, id := range r.ids() {
		a := r.all[id]
		switch {
		case a.contact != contact:
		case a.open == 0 && !a.receipt && a.state != schema.PushSent && a.state != schema.PushDuplicate:
			delete(r.all, id)
			removed++
		default:
			a.erased, a.contact = true, schema.ID{}
			if a.state == schema.PushPending && !a.receipt {
				a.state = schema.PushError
			}
			sent++
		}
	}
	for _, counts := range done {
		removed, sent = removed-counts.Removed, sent-len(counts.Sent)
	}
	if removed != 0 || sent != 0 {
		r.t.Fatalf("erased were %+v, which is wrong by %d and %d", done, removed, sent)
	}
}

func (r *reference) withdraw() {
	conversion := schema.Derive("conversion", strconv.Itoa(r.random.IntN(refConversions)))
	ok(r.t, r.store().WithdrawPushes(r.t.Context(), r.ann.Workspace, []schema.ID{conversion}))
	for _, d := range r.targets {
		if a := r.all[d.PushID(conversion)]; a != nil && a.attempts == 0 {
			delete(r.all, d.PushID(conversion))
		}
	}
}

// compare wants the outbox to be as the reference has it.
func (r *reference) compare(after string) {
	r.t.Helper()
	page, _, err := r.store().Pushes(r.t.Context(), r.ann, control.PushQuery{Limit: 1000})
	ok(r.t, err)
	if len(page) != len(r.all) {
		r.t.Fatalf("after %s there are %d pushes, want %d", after, len(page), len(r.all))
	}
	for _, p := range page {
		a := r.all[p.ID]
		if a == nil {
			r.t.Fatalf("after %s there is %+v", after, p)
		}
		same := p.State == a.state && p.Contact == a.contact && p.Attempts == a.attempts && p.Tries == a.tries && p.Open == (a.open > 0) &&
			p.OpenSince == a.openSince && p.FirstAt == a.firstAt && (p.Receipt != "") == a.receipt && p.At == a.at
		if !same || p.State == schema.PushPending && p.Due != a.due {
			r.t.Fatalf("after %s a push is\n%+v, want\n%+v", after, p, *a)
		}
		if (a.before == schema.PushSent || a.before == schema.PushDuplicate) && p.State == schema.PushPending {
			r.t.Fatalf("after %s a push is pending that was %s", after, a.before)
		}
		a.before = p.State
	}
}
