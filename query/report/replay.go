package report

import (
	"context"
	"fmt"
	"math"
	"time"

	"sourceloop/schema"
)

// replayOrder is the order in which causes are replayed: what happened, then who
// it was, then how it is read, and at last what may no longer be known.
func replayOrder() []schema.Cause {
	return []schema.Cause{
		UnknownCause, schema.CauseConversion, schema.CauseLateHit, schema.CauseMerge, schema.CauseUndo, schema.CauseRules, schema.CauseErasure,
	}
}

// replayRounds is how often all causes are replayed one after the other; in the
// last round every conversion comes to what it is now at once.
const replayRounds = 3

// replayLimits bound one replay as a whole, beside what bounds each of its
// statements: it makes as many tables as causes come, and holds meanwhile which
// rows of conversions stand.
type replayLimits struct {
	time time.Duration
	rows int // of the conversions that changed; about a hundred bytes each
}

// replayRows is how many of these rows are held.
const replayRows = 2_000_000

func usualReplay(statement time.Duration) replayLimits {
	return replayLimits{wholeStatements * statement, replayRows}
}

// within has a replay done that is given up when the time is over.
func (l replayLimits) within(ctx context.Context, do func(context.Context) error) error {
	return within(ctx, l.time, schema.E("replay what changed", schema.KindLimited, "what changed took longer than %s to find out, since under this model the whole table is made anew for every cause; ask for fewer days, or for a model that looks at each conversion by itself, such as linear", l.time), do)
}

// check refuses more rows than may be held.
func (l replayLimits) check(rows int) error {
	if rows <= l.rows {
		return nil
	}
	return schema.E("replay what changed", schema.KindLimited, "the conversions that changed have more than %d versions, which is more than can be replayed at once; ask for fewer days, for one conversion by its name, or since a later moment", l.rows)
}

// replay compares credits under a model that looks at all paths together, whose
// causes cannot be told apart by conversion: it starts from what was known at
// q.AsOf and makes, cause by cause in replayOrder, all the changes that have this
// cause. What the table changes by that is the cause's. So then plus what all
// causes changed is now, whatever the model.
//
// A conversion's own changes are never turned around, since each is known by what
// it came to and not by what it changed: one whose next change has another cause
// waits until it is this one's turn, if need be in the next round.
func (s Scoped) replay(ctx context.Context, q Credits) (c Changes, err error) {
	err = s.reader.replays.within(ctx, func(ctx context.Context) error {
		c, err = s.replayAll(ctx, q)
		return err
	})
	return c, err
}

func (s Scoped) replayAll(ctx context.Context, q Credits) (Changes, error) {
	p, err := s.past(ctx, q)
	if err != nil {
		return Changes{}, err
	}
	came := q
	came.Filters = nil
	if q.came, err = s.sessionsBy(ctx, came); err != nil {
		return Changes{}, err
	}
	stage, err := s.stage(ctx, q)
	if err != nil {
		return Changes{}, err
	}
	r := replaying{byKey: changedRows{}, stage: stage, steps: map[schema.Cause]credit{}}
	r.tell(func(row *ChangedRow, of credit) { row.Then, row.ThenValue = settled(of.conversions), settled(of.value) })
	r.answer.Then = r.total()
	err = r.run(ctx, p, func(standing *replayed) (map[keys]credit, error) {
		q.replayed = standing
		return s.stage(ctx, q)
	})
	if err != nil {
		return Changes{}, err
	}
	r.tell(func(row *ChangedRow, of credit) { row.Now, row.NowValue = settled(of.conversions), settled(of.value) })
	r.answer.Now = r.total()
	r.answer.Rows, r.answer.Items = r.byKey.changed(&q), p.items()
	r.answer.Causes = p.causes(r.steps)
	return r.answer, nil
}

// stage is the table of a question's model, with what stands by then.
func (s Scoped) stage(ctx context.Context, q Credits) (map[keys]credit, error) {
	byKey, err := s.credits(ctx, q)
	if err != nil {
		return nil, err
	}
	if err = s.addDataDriven(ctx, q, q.Model, byKey); err != nil {
		return nil, err
	}
	place, err := modelIndex(q.Model)
	table := make(map[keys]credit, len(byKey))
	for key, e := range byKey {
		table[key] = credit{e.conversions[place], e.value[place]}
	}
	return table, err
}

// replaying is how far a replay has come.
type replaying struct {
	answer Changes
	byKey  changedRows
	stage  map[keys]credit
	steps  map[schema.Cause]credit // what each cause changed of all keys together
}

// run goes on, table by table, to what stands now.
func (r *replaying) run(ctx context.Context, p *past, stage func(*replayed) (map[keys]credit, error)) error {
	for round := range replayRounds {
		for place, cause := range replayOrder() {
			if !p.move(place, round == replayRounds-1) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("cannot go on with the changes by %s: %w", cause, err)
			}
			next, err := stage(p.replayed())
			if err != nil {
				return err
			}
			r.step(cause, next)
		}
	}
	return nil
}

// tell says of every row of the table what it is by now.
func (r *replaying) tell(tell func(*ChangedRow, credit)) {
	for key, of := range r.stage {
		tell(r.byKey.row(key), of)
	}
}

func (r *replaying) total() float64 {
	sum := 0.
	for _, of := range r.stage {
		sum += of.conversions
	}
	return settled(sum)
}

// step books to a cause how the next table differs from the one that was.
func (r *replaying) step(cause schema.Cause, next map[keys]credit) {
	book := func(key keys, conversions, value float64) {
		if math.Abs(conversions) <= 1e-9 && math.Abs(value) <= 1e-9 {
			return
		}
		row, all := r.byKey.row(key), r.steps[cause]
		row.ByCause[cause] = settled(row.ByCause[cause] + conversions)
		r.steps[cause] = credit{all.conversions + conversions, all.value + value}
	}
	for key, is := range next {
		was := r.stage[key]
		book(key, is.conversions-was.conversions, is.value-was.value)
	}
	for key, was := range r.stage {
		if _, stays := next[key]; !stays {
			book(key, -was.conversions, -was.value)
		}
	}
	r.stage = next
}
