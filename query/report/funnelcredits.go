package report

import (
	"cmp"
	"context"
	"slices"
	"time"

	"sourceloop/schema"
)

// FunnelCredits asks what brought those who completed a funnel. The funnel's own
// breakdown is not read.
type FunnelCredits struct {
	Funnel
	Model     Model // one that needs nothing but a conversion's touches
	Dimension Dimension
	Lookback  int // as of Credits

	// Progressed is as of Credits.
	Progressed map[schema.ID]schema.Millis
}

// FunnelCredited is the answer. Only who completed is in it: of the others there
// is no conversion whose touches could be credited.
type FunnelCredited struct {
	Step       int    // that of the credited conversions, from 1: the funnel's last conversion step
	Conversion string // their name
	Completed  float64
	Attributed float64        // of these, conversions with a touch
	Rows       []FunnelCredit // most completed first; they sum to Completed
}

// FunnelCredit is what one value of the dimension has of those who completed.
type FunnelCredit struct {
	Key       string // None when empty
	Completed float64
}

// FunnelCredits divides those who completed a funnel among the values of a
// dimension: each counts once, with the shares that the model gives to the touches
// of the conversion by which it did the funnel's last conversion step. Touches
// may lie before the funnel's step 1, and outside of its days.
func (s Scoped) FunnelCredits(ctx context.Context, q FunnelCredits) (FunnelCredited, error) {
	q.Breakdown = ""
	answer, credits, err := q.credits()
	if err != nil {
		return answer, err
	}
	if credits.only, err = s.completed(ctx, q.Funnel, answer); err != nil || len(credits.only) == 0 {
		return answer, err
	}
	byKey, err := s.credits(ctx, credits)
	if err != nil {
		return answer, err
	}
	model := slices.Index(touchModels(), q.Model)
	for key, e := range byKey {
		answer.Completed += e.conversions[model]
		answer.Attributed += e.attributed[model]
		if row := (FunnelCredit{cmp.Or(key[0], None), settled(e.conversions[model])}); row.Completed > 0 {
			answer.Rows = append(answer.Rows, row)
		}
	}
	answer.Completed, answer.Attributed = settled(answer.Completed), settled(answer.Attributed)
	slices.SortFunc(answer.Rows, func(a, b FunnelCredit) int {
		return cmp.Or(cmp.Compare(b.Completed, a.Completed), cmp.Compare(a.Key, b.Key))
	})
	return answer, nil
}

// credits finds the step that is credited, and asks for the conversions among
// which those that did it are.
func (q *FunnelCredits) credits() (FunnelCredited, Credits, error) {
	var answer FunnelCredited
	for i, step := range q.Steps {
		if step.Type == "conversion" {
			answer.Step, answer.Conversion = i+1, step.Name
		}
	}
	if answer.Step == 0 {
		return answer, Credits{}, invalid("the funnel has no conversion among its steps, so that no model can credit its completion; add one, such as a chat or a goal")
	}
	if !slices.Contains(touchModels(), q.Model) {
		return answer, Credits{}, invalid("the model %q cannot credit a funnel; use one that looks at the touches of each conversion by itself, such as linear", q.Model)
	}
	credits := Credits{
		Model: q.Model, Dimension: q.Dimension, Conversion: answer.Conversion, Lookback: q.Lookback, Progressed: q.Progressed,
		Period: Period{q.Period.Begin, q.Period.End.Add(q.Window + time.Millisecond)},
	}
	_, _, err := credits.check()
	if err == nil {
		_, err = credits.placed(map[string]any{}) // Also when nobody completed.
	}
	return answer, credits, err
}

// completed are the conversions that did the credited step for those who did all
// steps.
func (s Scoped) completed(ctx context.Context, f Funnel, of FunnelCredited) (map[schema.ID]bool, error) {
	step := uint16(1) << (of.Step - 1)
	var seers []*completer
	_, err := s.seenBy(ctx, f, func(source *funnelSource) { source.Credited = step }, func(r *funnelRun) seer {
		c := &completer{walker: f.walker(), order: f.Order, step: of.Step, run: r}
		seers = append(seers, c)
		return c
	})
	all := make(map[schema.ID]bool)
	for _, c := range seers {
		for _, id := range c.found {
			all[id] = true
		}
	}
	return all, err
}

// completer finds by which conversion everybody did the credited step: in order the one at the time of this step, in any order the
// last of its name at one of the times at which a step was done. Of several at one time it is the first by id.
type completer struct {
	walker
	order Order
	step  int
	run   *funnelRun // which knows the conversions
	found []schema.ID
}

func (c *completer) see(entity uint64, h []happening) {
	best, _ := c.best(h, c.order)
	if best.n < c.steps {
		return
	}
	times := best.times[c.step-1 : c.step]
	if c.order == AnyOrder {
		times = best.list()
	}
	var done, at int64 = -1, -1
	for i := range h {
		if h[i].mask>>(c.step-1)&1 != 0 && h[i].at() > at && slices.Contains(times, h[i].at()) {
			done, at = int64(i), h[i].at()
		}
	}
	if done >= 0 {
		c.found = append(c.found, c.run.credited[doing{entity, h[done].moment}])
	}
}

// keep has conversions that are not among some count no more.
func (r *touchRows) keep(some map[schema.ID]bool) {
	for i, id := range r.id.rows {
		if !some[id] {
			r.counted.rows[i] = 0
		}
	}
}
