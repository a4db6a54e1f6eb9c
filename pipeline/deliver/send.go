package deliver

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

// noting bounds how long it is tried to note what a platform said; else an open
// attempt is all that is left of it. It ends before the lease does.
const (
	noting     = 40 * time.Second
	notingRest = 500 * time.Millisecond
)

// send makes one attempt of a batch. It tells true when the destination takes no
// more for now.
func (r *round) send(ctx context.Context, batch []item) (done bool, err error) {
	token, have, err := r.token(ctx, pushesOf(batch))
	if err != nil || !have {
		return true, err
	}
	begun, err := r.begin(ctx, batch)
	if err != nil || len(begun) == 0 {
		return false, err
	}
	if err := r.deps.Fail.At("deliver.before-send"); err != nil {
		return false, err
	}
	events := make([]schema.Outgoing, len(begun))
	for i := range begun {
		events[i] = begun[i].event
	}
	// What is on its way is waited for, also when the process is told to stop.
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendPatience)
	verdicts := r.channel.Send(sending, r.target(token), events)
	cancel()
	if err := r.deps.Fail.At("deliver.after-send"); err != nil {
		return false, err
	}
	return r.note(ctx, begun, verdicts)
}

// attempt is an item of which an attempt is open.
type attempt struct {
	item
	was before
}

// begin notes that an attempt is made of each, and gives those that may be sent.
func (r *round) begin(ctx context.Context, batch []item) ([]attempt, error) {
	asked := make(map[schema.ID]*item, len(batch))
	for i := range batch {
		asked[batch[i].push.ID] = &batch[i]
	}
	begun, err := r.deps.Queue.BeginPushes(ctx, pushesOf(batch))
	if err != nil {
		return nil, err
	}
	attempts := make([]attempt, 0, len(begun))
	for _, p := range begun {
		i := asked[p.ID]
		attempts = append(attempts, attempt{item{p, i.event}, before{open: i.push.Open, partial: i.push.Alone}})
	}
	return attempts, nil
}

// note keeps what the platform said of each.
func (r *round) note(ctx context.Context, begun []attempt, verdicts []schema.Verdict) (done bool, err error) {
	now := r.deps.now()
	receipts := make(map[string]int)
	for _, v := range verdicts {
		if v.Outcome == schema.OutcomeTaken {
			receipts[v.Receipt]++
		}
	}
	results := make([]control.PushResult, len(begun))
	denied := ""
	for i := range begun {
		v := schema.Verdict{Outcome: schema.OutcomeUnclear, Words: "The platform gave no answer for this one."}
		if i < len(verdicts) {
			v = verdicts[i]
		}
		results[i] = result(&r.channel, &begun[i].push, begun[i].was, &v, now)
		switch v.Outcome {
		case schema.OutcomeTaken:
			results[i].Receipt = packReceipt(receipts[v.Receipt], v.Receipt)
		case schema.OutcomeDenied:
			denied = v.Words
		default:
		}
		r.metrics.count(r.destination.Platform, &begun[i].event, &results[i], v.Outcome, now)
	}
	if err := r.end(ctx, results); err != nil {
		return true, err
	}
	if err := r.deps.Fail.At("deliver.after-note"); err != nil {
		return true, err
	}
	if denied != "" {
		return true, r.deps.Connections.MarkFailed(ctx, r.destination.Connection, denied)
	}
	return false, nil
}

// confirm asks what became of what the platform took to look at.
func (r *round) confirm(ctx context.Context, pushes []control.Push) error {
	if len(pushes) == 0 {
		return nil
	}
	token, have, err := r.token(ctx, pushes)
	if err != nil || !have {
		return err
	}
	by := make(map[string][]control.Push)
	for _, p := range pushes {
		by[p.Receipt] = append(by[p.Receipt], p)
	}
	for _, receipt := range slices.Sorted(maps.Keys(by)) {
		if r.pace(ctx) != nil || r.over(ctx) {
			return nil // They are asked for when the lease is over.
		}
		n, bare := unpackReceipt(receipt)
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendPatience)
		v := r.channel.Confirm(asking, r.target(token), bare, n)
		cancel()
		if err := r.noteConfirmed(ctx, by[receipt], &v); err != nil {
			return err
		}
	}
	return nil
}

func (r *round) noteConfirmed(ctx context.Context, pushes []control.Push, v *schema.Verdict) error {
	now := r.deps.now()
	results := make([]control.PushResult, len(pushes))
	for i := range pushes {
		results[i] = confirmed(&pushes[i], v, now)
		r.metrics.count(r.destination.Platform, &schema.Outgoing{At: pushes[i].At}, &results[i], v.Outcome, now)
	}
	if err := r.end(ctx, results); err != nil {
		return err
	}
	if v.Outcome != schema.OutcomeDenied {
		return nil
	}
	return r.deps.Connections.MarkFailed(ctx, r.destination.Connection, v.Words)
}

// giveBack lets pushes go as they are, to be looked at after a while.
func (s *Sender) giveBack(ctx context.Context, pushes []control.Push, after time.Duration) error {
	results := make([]control.PushResult, len(pushes))
	for i, p := range pushes {
		results[i] = control.PushResult{
			Push: p, State: schema.PushPending, Words: p.Words, Code: p.Code, Receipt: p.Receipt, Alone: p.Alone, Due: s.deps.now().Add(after),
		}
	}
	return s.end(ctx, results)
}

// end notes results, again and again for a while: a process that is told to stop
// does that first, and a database that is away for a moment must not make
// attempts of which nobody knows what came of them.
func (s *Sender) end(ctx context.Context, results []control.PushResult) error {
	if len(results) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noting)
	defer cancel()
	rest := time.NewTimer(0)
	defer rest.Stop()
	var failed error
	for {
		select {
		case <-ctx.Done():
			return errors.Join(failed, ctx.Err())
		case <-rest.C:
		}
		if failed = s.deps.Queue.EndPushes(ctx, results); failed == nil {
			return nil
		}
		rest.Reset(notingRest)
	}
}

// wordsOf are those of an error that are for people.
func wordsOf(err error) string {
	var e *schema.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return "There is no token that can be used. Connect the platform again."
}
