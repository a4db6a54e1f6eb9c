package deliver

import (
	"context"
	"slices"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

// round is what one destination is sent while a lease lasts.
type round struct {
	*Sender
	destination control.Destination
	channel     Channel
	until       time.Time // the end of the lease
}

// deliver sends pushes of one destination.
func (s *Sender) deliver(ctx context.Context, id int64, pushes []control.Push, until time.Time) error {
	d, found, err := s.destination(ctx, pushes[0].Workspace, id)
	if err != nil {
		return err
	}
	channel, known := s.deps.Channels[d.Platform]
	if !found || !known {
		return s.giveBack(ctx, pushes, time.Minute)
	}
	r := &round{Sender: s, destination: d, channel: channel, until: until}
	var asked, fresh []control.Push
	for _, p := range pushes {
		if p.Receipt != "" {
			asked = append(asked, p)
		} else {
			fresh = append(fresh, p)
		}
	}
	if err := r.confirm(ctx, asked); err != nil {
		return err
	}
	return r.push(ctx, fresh)
}

func (s *Sender) destination(ctx context.Context, workspace uint32, id int64) (d control.Destination, found bool, err error) {
	all, err := s.deps.Destinations.ActiveDestinations(ctx, workspace)
	if err != nil {
		return d, false, err
	}
	for _, d := range all {
		if d.ID == id {
			return d, true, nil
		}
	}
	return d, false, nil
}

// push sends what was not taken yet: first what can be told without sending.
func (r *round) push(ctx context.Context, pushes []control.Push) error {
	pushes, waits, err := r.waiting.sift(ctx, pushes)
	if err != nil {
		return err
	}
	if err := r.giveBack(ctx, waits, waitPause); err != nil {
		return err
	}
	ready, err := r.judge(ctx, pushes)
	if err != nil {
		return err
	}
	batches := r.batches(ready)
	for i, batch := range batches {
		if err := r.pace(ctx); err != nil || r.over(ctx) {
			return r.giveBack(ctx, pushesOf(slices.Concat(batches[i:]...)), 0)
		}
		if done, err := r.send(ctx, batch); err != nil {
			return err
		} else if done {
			return r.giveBack(ctx, pushesOf(slices.Concat(batches[i+1:]...)), 0)
		}
	}
	return nil
}

// item is a push with what goes out of it.
type item struct {
	push  control.Push
	event schema.Outgoing
}

func pushesOf(items []item) []control.Push {
	all := make([]control.Push, len(items))
	for i := range items {
		all[i] = items[i].push
	}
	return all
}

// judge ends what is not to be sent, and gathers what is.
func (r *round) judge(ctx context.Context, pushes []control.Push) (ready []item, err error) {
	if len(pushes) == 0 {
		return nil, nil
	}
	workspace, now := r.destination.Workspace, r.deps.now()
	conversions := make([]schema.ID, len(pushes))
	for i := range pushes {
		conversions[i] = pushes[i].Conversion
	}
	known, err := r.deps.Reader.Sendables(ctx, workspace, conversions)
	if err != nil {
		return nil, err
	}
	facts, err := r.deps.Stages.Stages(ctx, workspace)
	if err != nil {
		return nil, err
	}
	var ends []control.PushResult
	var gone []schema.ID
	for i := range pushes {
		p := &pushes[i]
		if p.Open && !repeatable(&r.channel, p, now) {
			ends = append(ends, unsent(p, schema.PushError, "", ""))
			continue
		}
		s := known[p.Conversion]
		if !r.deps.stands(workspace, s) {
			if p.Attempts == 0 {
				gone = append(gone, p.Conversion)
			} else {
				ends = append(ends, unsent(p, schema.PushError, wordsGone, ""))
			}
			continue
		}
		if event, ended := judge(&r.destination, r.channel, p, s, facts, now); ended != nil {
			ends = append(ends, *ended)
		} else {
			ready = append(ready, item{*p, event})
		}
	}
	if len(gone) > 0 {
		if err := r.deps.Queue.WithdrawPushes(ctx, workspace, gone); err != nil {
			return nil, err
		}
	}
	return ready, r.end(ctx, ends)
}

// stands tells whether a conversion is there to be sent. When it arrived is not
// known here; that was when it happened, or later.
func (d *Deps) stands(workspace uint32, s *schema.Sendable) bool {
	if s == nil || !s.Live || s.Deleted {
		return false
	}
	return d.Erasures == nil || !slices.ContainsFunc(s.Nodes, func(n schema.Node) bool { return d.Erasures.Erased(workspace, n, s.At, s.At) })
}

// batches cuts items into requests: those that must be alone by themselves, and
// last, since there may be many.
func (r *round) batches(items []item) [][]item {
	var together []item
	var alone [][]item
	for _, i := range items {
		if i.push.Alone {
			alone = append(alone, []item{i})
		} else {
			together = append(together, i)
		}
	}
	return append(slices.Collect(slices.Chunk(together, max(1, r.channel.Batch))), alone...)
}

// over tells whether no request may be begun any more.
func (r *round) over(ctx context.Context) bool {
	return ctx.Err() != nil || r.until.Sub(r.deps.Now()) < reserve
}

// pace waits for the platform's limit.
func (r *round) pace(ctx context.Context) error {
	limiter := r.limiters[r.destination.Platform]
	if limiter == nil {
		return nil
	}
	return limiter.Wait(ctx)
}

func (r *round) target(token string) schema.Target {
	d := &r.destination
	return schema.Target{
		Token: token, Account: d.Account, Action: d.Action, Event: d.Event, TestCode: d.TestCode, DryRun: d.DryRun,
	}
}

// token is that of the destination's connection. Without one the pushes are given
// back, and the answer is false.
func (r *round) token(ctx context.Context, pushes []control.Push) (string, bool, error) {
	token, err := r.deps.Connections.Token(ctx, r.destination.Connection)
	if err == nil {
		return token, true, nil
	}
	switch schema.KindOf(err) {
	case schema.KindLimited, schema.KindUnavailable:
	default: // The card says what is wrong.
		if failed := r.deps.Connections.MarkFailed(ctx, r.destination.Connection, wordsOf(err)); failed != nil {
			return "", false, failed
		}
	}
	return "", false, r.giveBack(ctx, pushes, deniedPause)
}
