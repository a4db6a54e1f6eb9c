package control_test

import (
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

func testPlansRepeated(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	d := w.destination(t, 1)
	plan := w.push(d, 1)
	replan := func(change func(p *control.Push)) control.Push {
		t.Helper()
		changed := plan
		change(&changed)
		ok(t, w.store.PlanPushes(ctx, []control.Push{changed}))
		return w.get(t, plan.ID)
	}
	plan.Due, plan.WaitUntil = w.now().Add(time.Minute), w.now().Add(time.Minute)
	first := replan(func(*control.Push) {})
	w.clock.Advance(time.Second)
	again := replan(func(p *control.Push) { p.Due, p.WaitUntil = p.Due+1000, p.WaitUntil+1000 })
	if first.UpdatedAt != again.UpdatedAt || again.Due != plan.Due || again.WaitUntil != plan.WaitUntil || again.State != schema.PushPending {
		t.Fatalf("repeated it is %+v, was %+v", again, first)
	}
	// What changed changes, but it does not wait longer for it.
	other := schema.Derive("contact", "other")
	p := replan(func(p *control.Push) {
		p.Contact, p.At, p.Stage, p.WaitUntil = other, p.At+5, "Lost", p.WaitUntil+1000
	})
	if p.Contact != other || p.At != plan.At+5 || p.Stage != "Lost" || p.WaitUntil != plan.WaitUntil {
		t.Fatalf("planned otherwise it is %+v", p)
	}
	// What lacked consent is pending again when it has it.
	if p = replan(func(p *control.Push) { p.State, p.Words = schema.PushSkippedConsent, "no consent" }); p.State != schema.PushSkippedConsent || p.Words != "no consent" {
		t.Fatalf("without consent it is %+v", p)
	}
	if p = replan(func(p *control.Push) { p.Due = 0 }); p.State != schema.PushPending || p.Words != "" || p.Due != w.now() {
		t.Fatalf("with consent it is %+v", p)
	}
	// Once it was attempted its plan stands, but the contact follows.
	begun := w.begin(t, w.take(t, 1, 1)...)
	w.end(t, begun[0], schema.PushPending, schema.OutcomeLater)
	if p = replan(func(p *control.Push) { p.At, p.Contact = p.At+7, other }); p.At == plan.At+7 || p.Contact != other || p.Attempts != 1 {
		t.Fatalf("planned after an attempt it is %+v", p)
	}
	begun = w.begin(t, w.take(t, 1, 1)...)
	w.end(t, begun[0], schema.PushSent, schema.OutcomeSent)
	if p = replan(func(p *control.Push) { p.State = schema.PushError }); p.State != schema.PushSent || p.Contact != plan.Contact {
		t.Fatalf("planned after it was sent it is %+v", p)
	}
	wantKind(t, w.store.PlanPushes(ctx, []control.Push{{State: schema.PushSent}}), schema.KindInternal)
	// What counts no longer is withdrawn as long as nothing was tried.
	fresh := w.push(d, 2)
	ok(t, w.store.PlanPushes(ctx, []control.Push{fresh}))
	about := must[[]control.Push](t)(w.store.PushesAbout(ctx, d.Workspace, []schema.ID{fresh.Conversion, plan.Conversion}))
	if len(about) != 2 {
		t.Fatalf("about the conversions: %+v", about)
	}
	ok(t, w.store.WithdrawPushes(ctx, d.Workspace, []schema.ID{fresh.Conversion, plan.Conversion}))
	about = must[[]control.Push](t)(w.store.PushesAbout(ctx, d.Workspace, []schema.ID{fresh.Conversion, plan.Conversion}))
	if len(about) != 1 || about[0].ID != plan.ID {
		t.Fatalf("after withdrawing there are %+v", about)
	}
}

func testShares(t *testing.T, w *outboxWorld) {
	big, small, paused := w.destination(t, 1), w.destination(t, 2), w.destination(t, 3)
	for d, n := range map[*control.Destination]int{&big: 40, &small: 4, &paused: 5} {
		w.plan(t, *d, n)
	}
	paused.Paused = true
	must[control.Destination](t)(w.store.UpdateDestination(t.Context(), w.ann, paused))
	shares := func(limit, each int, busy ...int64) map[int64]int {
		t.Helper()
		got := map[int64]int{}
		for _, p := range must[[]control.Push](t)(w.store.TakePushes(t.Context(), limit, each, time.Minute, busy...)) {
			got[p.Destination]++
		}
		return got
	}
	if got := shares(6, 10); got[big.ID] != 3 || got[small.ID] != 3 || len(got) != 2 {
		t.Fatalf("6 are shared out as %v", got)
	}
	if got := shares(100, 10, small.ID); got[big.ID] != 10 || len(got) != 1 {
		t.Fatalf("while one is busy 100 are shared out as %v", got)
	}
	if got := shares(20, 15); got[big.ID] != 15 || got[small.ID] != 1 {
		t.Fatalf("20 are shared out as %v", got)
	}
	sizes := must[[]control.OutboxSize](t)(w.store.OutboxSizes(t.Context()))
	if len(sizes) != 1 || sizes[0] != (control.OutboxSize{Platform: "google", Pending: 49, Due: 12, Oldest: w.now()}) {
		t.Fatalf("the sizes are %+v", sizes)
	}
	paused.Paused = false
	must[control.Destination](t)(w.store.UpdateDestination(t.Context(), w.ann, paused))
	if got := shares(1, 10); len(got) != 1 || got[paused.ID] != 1 {
		t.Fatalf("1 is shared out as %v", got)
	}
	ok(t, w.store.MarkFailed(t.Context(), w.google.ID, "The token was refused."))
	if got := shares(100, 100); len(got) != 0 {
		t.Fatalf("taken while the connection does not work: %v", got)
	}
	w.clock.Advance(time.Second)
	w.connect(t, w.ann, "google", "acc1")
	if got := shares(100, 100); got[big.ID] != 12 || got[paused.ID] != 4 {
		t.Fatalf("taken when it works again: %v", got)
	}
}

func testPushLeases(t *testing.T, w *outboxWorld) {
	d := w.destination(t, 1)
	w.plan(t, d, 2)
	first := w.take(t, 10, 10)
	w.clock.Advance(61 * time.Second)
	if begun := w.begin(t, first...); len(begun) != 0 {
		t.Fatalf("begun after the lease was over: %+v", begun)
	}
	second := w.take(t, 10, 10)
	if len(second) != 2 || second[0].Open {
		t.Fatalf("after the lease was over there were taken %+v", second)
	}
	w.end(t, first[0], schema.PushSent, schema.OutcomeSent)
	if p := w.get(t, first[0].ID); p.State != schema.PushPending {
		t.Fatalf("whose lease was lost made it %+v", p)
	}
	begun := w.begin(t, second...)
	w.end(t, begun[0], schema.PushDuplicate, schema.OutcomeDuplicate)
	// Who dies leaves an open attempt.
	w.clock.Advance(61 * time.Second)
	third := w.take(t, 10, 10)
	if len(third) != 1 || third[0].ID != begun[1].ID || !third[0].Open || third[0].Attempts != 1 || third[0].OpenSince != begun[1].OpenSince {
		t.Fatalf("after a crash there were taken %+v", third)
	}
	// Its holder has it until the lease ends, whoever else is woken.
	w.connect(t, w.ann, "google", "acc1")
	if more := w.take(t, 10, 10); len(more) != 0 {
		t.Fatalf("woken from under its holder: %+v", more)
	}
	w.end(t, third[0], schema.PushPending, 0) // Given back.
	fourth := w.take(t, 10, 10)
	if len(fourth) != 1 || !fourth[0].Open || fourth[0].Attempts != 1 {
		t.Fatalf("after it was given back: %+v", fourth)
	}
	wantKind(t, w.store.EndPushes(t.Context(), []control.PushResult{{Push: fourth[0], State: "lost"}}), schema.KindInternal)
}

func testUnclear(t *testing.T, w *outboxWorld) {
	d := w.destination(t, 1)
	w.plan(t, d, 1)
	try := func(state schema.PushState, outcome schema.Outcome) control.Push {
		t.Helper()
		begun := w.begin(t, w.take(t, 1, 1)...)
		if len(begun) != 1 {
			t.Fatal("nothing was due")
		}
		w.end(t, begun[0], state, outcome)
		w.clock.Advance(time.Second)
		return w.get(t, begun[0].ID)
	}
	if p := try(schema.PushPending, schema.OutcomeLater); p.Open || p.OpenSince != 0 || p.FirstAt == 0 {
		t.Fatalf("after a definite answer it is %+v", p)
	}
	since := w.now()
	if p := try(schema.PushPending, schema.OutcomeUnclear); !p.Open || p.OpenSince != since || p.Attempts != 2 {
		t.Fatalf("after an unclear answer it is %+v", p)
	}
	// That a later attempt did nothing says nothing of the unclear one.
	if p := try(schema.PushPending, schema.OutcomeLater); !p.Open || p.OpenSince != since {
		t.Fatalf("after a definite answer to the second attempt it is %+v", p)
	}
	if p := try(schema.PushPending, schema.OutcomeUnclear); !p.Open || p.OpenSince != since {
		t.Fatalf("after two unclear answers it is %+v", p)
	}
	p := try(schema.PushSent, schema.OutcomeDuplicate)
	if p.Open || p.OpenSince != 0 || p.State != schema.PushSent {
		t.Fatalf("at last it is %+v", p)
	}
	attempts := must[[]control.PushAttempt](t)(w.store.PushAttempts(t.Context(), w.ann, p.ID))
	var outcomes []string
	for _, a := range attempts {
		outcomes = append(outcomes, a.Outcome.String())
	}
	if got := strings.Join(outcomes, " "); got != "later unclear later unclear duplicate" {
		t.Fatalf("the attempts ended %s", got)
	}
}

func testPushDisconnect(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	d := w.destination(t, 1)
	w.plan(t, d, 5)
	taken := w.take(t, 4, 4)
	begun := w.begin(t, taken[:3]...)
	ok(t, w.store.EndPushes(ctx, []control.PushResult{{Push: begun[0], State: schema.PushPending, Outcome: schema.OutcomeTaken, Receipt: "r"}}))
	must[control.Connection](t)(w.store.CloseRoute(ctx, w.ann, w.google.ID))
	if late := w.begin(t, taken[3]); len(late) != 0 {
		t.Fatalf("begun after it was cancelled: %+v", late)
	}
	for id, want := range map[schema.ID]struct {
		state schema.PushState
		words string
	}{
		begun[0].ID: {schema.PushSent, "has taken it"},
		begun[1].ID: {schema.PushError, "may have it"},
		begun[2].ID: {schema.PushError, "may have it"},
		taken[3].ID: {schema.PushError, "does not have it"},
	} {
		if p := w.get(t, id); p.State != want.state || !strings.Contains(p.Words, want.words) {
			t.Errorf("after disconnecting it is %s with %q, want %s", p.State, p.Words, want.state)
		}
	}
	// Who was sending has the last word, if it is one.
	w.end(t, begun[1], schema.PushSent, schema.OutcomeSent)
	w.end(t, begun[2], schema.PushPending, schema.OutcomeLater)
	if p := w.get(t, begun[1].ID); p.State != schema.PushSent {
		t.Errorf("what arrived while it was cancelled is %s", p.State)
	}
	if p := w.get(t, begun[2].ID); p.State != schema.PushError || p.Open {
		t.Errorf("what did not arrive while it was cancelled is %+v", p)
	}
	_, err := w.store.RetryPushes(ctx, w.ann, d.ID)
	wantKind(t, err, schema.KindConflict)
	w.connect(t, w.ann, "google", "acc1")
	w.clock.Advance(time.Minute)
	if again := w.take(t, 10, 10); len(again) != 0 {
		t.Fatalf("taken without being asked for: %+v", again)
	}
	if n := must[int](t)(w.store.RetryPushes(ctx, w.ann, d.ID)); n != 3 {
		t.Fatalf("%d are sent again, want 3", n)
	}
	if again := w.take(t, 10, 10); len(again) != 3 {
		t.Fatalf("taken again: %+v", again)
	}
}

func testPushLog(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	d, other := w.destination(t, 1), w.destination(t, 2)
	w.plan(t, d, 25)
	w.clock.Advance(time.Second)
	w.plan(t, other, 5)
	var all []control.Push
	q := control.PushQuery{Limit: 7}
	for {
		page, next, err := w.store.Pushes(ctx, w.ann, q)
		ok(t, err)
		all = append(all, page...)
		if next == "" {
			break
		}
		q.Cursor = next
	}
	if len(all) != 30 || all[0].Destination != other.ID || all[29].Destination != d.ID {
		t.Fatalf("paged through %d pushes", len(all))
	}
	seen := map[schema.ID]bool{}
	for _, p := range all {
		seen[p.ID] = true
	}
	if len(seen) != 30 {
		t.Fatalf("paged through %d different ones", len(seen))
	}
	count := func(q control.PushQuery) int {
		page, _, err := w.store.Pushes(ctx, w.ann, q)
		ok(t, err)
		return len(page)
	}
	if n := count(control.PushQuery{Destination: other.ID}); n != 5 {
		t.Errorf("%d pushes to a destination, want 5", n)
	}
	if n := count(control.PushQuery{Contact: all[0].Contact}); n != 2 {
		t.Errorf("%d pushes of a contact, want 2", n)
	}
	if n := count(control.PushQuery{State: schema.PushError}); n != 0 {
		t.Errorf("%d failed pushes, want 0", n)
	}
	counts := must[map[int64]map[schema.PushState]int](t)(w.store.PushCounts(ctx, w.ann))
	if counts[d.ID][schema.PushPending] != 25 || counts[other.ID][schema.PushPending] != 5 {
		t.Errorf("the counts are %v", counts)
	}
	bob := controltest.NewOwner(t, w.store, "bob@example.com")
	_, _, err := w.store.Push(ctx, bob, all[0].ID)
	wantKind(t, err, schema.KindUnknown)
	if page, _, err := w.store.Pushes(ctx, bob, control.PushQuery{Contact: all[0].Contact}); err != nil || len(page) != 0 {
		t.Errorf("another workspace sees %v, %v", page, err)
	}
	for _, cursor := range []string{"x", "1.x", ".", "x." + all[0].ID.String()} {
		_, _, err = w.store.Pushes(ctx, w.ann, control.PushQuery{Cursor: cursor})
		wantKind(t, err, schema.KindInvalid)
	}
}

func testRetries(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	d := w.destination(t, 1)
	w.plan(t, d, 3)
	begun := w.begin(t, w.take(t, 3, 3)...)
	w.end(t, begun[0], schema.PushError, schema.OutcomeRefused)
	w.end(t, begun[1], schema.PushError, schema.OutcomeUnclear)
	w.end(t, begun[2], schema.PushSent, schema.OutcomeSent)
	wantKind(t, w.store.RetryPush(ctx, w.ann, begun[2].ID), schema.KindConflict)
	viewer := w.ann
	viewer.Role = control.Viewer
	wantKind(t, w.store.RetryPush(ctx, viewer, begun[0].ID), schema.KindDenied)
	ok(t, w.store.RetryPush(ctx, w.ann, begun[1].ID))
	again := w.take(t, 3, 3)
	if len(again) != 1 || again[0].ID != begun[1].ID || again[0].Open || again[0].Attempts != 1 || again[0].Tries != 0 || again[0].FirstAt != 0 {
		t.Fatalf("sent again is %+v", again)
	}
	ok(t, w.store.NotePushes(ctx, d.Workspace, begun[2].Conversion, "A merge was undone."))
	ok(t, w.store.NotePushes(ctx, d.Workspace, begun[0].Conversion, "A merge was undone."))
	if p := w.get(t, begun[2].ID); p.Note != "A merge was undone." {
		t.Fatalf("noted as %+v", p)
	}
	if p := w.get(t, begun[0].ID); p.Note != "" {
		t.Fatalf("noted although it was not sent: %+v", p)
	}
	w.plan(t, d, 5) // Two more.
	ok(t, w.store.DeleteDestination(ctx, w.ann, d.ID))
	counts := must[map[int64]map[schema.PushState]int](t)(w.store.PushCounts(ctx, w.ann))
	if counts[d.ID][schema.PushPending] != 0 || counts[d.ID][schema.PushSent] != 1 {
		t.Fatalf("after the removal the counts are %v", counts)
	}
	wantKind(t, w.store.RetryPush(ctx, w.ann, begun[0].ID), schema.KindUnknown)
	// Set up anew it takes over what there is, and sends nothing twice.
	anew := w.destination(t, 1)
	w.plan(t, anew, 5)
	if p := w.get(t, begun[2].ID); p.State != schema.PushSent || p.Destination != anew.ID {
		t.Fatalf("what was sent is %+v", p)
	}
	ok(t, w.store.RetryPush(ctx, w.ann, begun[0].ID))
	entries := must[[]control.AuditEntry](t)(w.store.Audit(ctx, w.ann, 0, 3))
	if entries[0].Action != "push sent again" || !strings.Contains(entries[0].Subject, begun[0].ID.String()) {
		t.Fatalf("the audit log is %+v", entries)
	}
}

func testAnotherTarget(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	d := w.destination(t, 1)
	w.plan(t, d, 6)
	taken := w.take(t, 5, 5)
	begun := w.begin(t, taken[:4]...)
	w.end(t, begun[0], schema.PushSent, schema.OutcomeSent)
	w.end(t, begun[1], schema.PushError, schema.OutcomeRefused)
	w.end(t, begun[2], schema.PushPending, schema.OutcomeUnclear)
	w.clock.Advance(time.Second)
	d.Action = "2"
	was := d.From
	d = must[control.Destination](t)(w.store.UpdateDestination(ctx, w.ann, d))
	if d.From == was || d.From != w.now() {
		t.Fatalf("with another target it is %+v", d)
	}
	states := func() map[schema.PushState]int {
		t.Helper()
		return must[map[int64]map[schema.PushState]int](t)(w.store.PushCounts(ctx, w.ann))[d.ID]
	}
	// One was sent, one failed, one is under way, three wait.
	if got := states(); got[schema.PushSent] != 1 || got[schema.PushError] != 2 || got[schema.PushPending] != 3 {
		t.Fatalf("with another target there are %v", got)
	}
	if late := w.begin(t, taken[4]); len(late) != 0 {
		t.Fatalf("begun for the former target: %+v", late)
	}
	if p := w.get(t, d.PushID(begun[1].Conversion)); p.State != schema.PushError || p.Attempts != 1 {
		t.Fatalf("what failed is %+v", p)
	}
	if attempts := must[[]control.PushAttempt](t)(w.store.PushAttempts(ctx, w.ann, d.PushID(begun[1].Conversion))); len(attempts) != 1 {
		t.Fatalf("of what failed there are the attempts %+v", attempts)
	}
	// What is under way ends where it is, and is not sent there again.
	w.end(t, begun[3], schema.PushError, schema.OutcomeRefused)
	wantKind(t, w.store.RetryPush(ctx, w.ann, begun[3].ID), schema.KindConflict)
	if n := must[int](t)(w.store.RetryPushes(ctx, w.ann, d.ID)); n != 1 {
		t.Fatalf("%d are sent again, want 1", n)
	}
	w.clock.Advance(time.Minute)
	again := w.take(t, 10, 10)
	for _, p := range again {
		if p.ID != d.PushID(p.Conversion) || p.Open {
			t.Errorf("taken for the new target is %+v", p)
		}
	}
	if len(again) != 4 {
		t.Fatalf("%d go to the new target, want 4", len(again))
	}
	// Back to the first one: what waits there under the same id is there once.
	d.Action = "1"
	d = must[control.Destination](t)(w.store.UpdateDestination(ctx, w.ann, d))
	if got := states(); got[schema.PushSent] != 1 || got[schema.PushError] != 1 || got[schema.PushPending] != 4 {
		t.Fatalf("with the first target there are %v", got)
	}
}
